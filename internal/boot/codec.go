package boot

import (
	"fmt"
	"os"

	"github.com/threatshare/threatshare/internal/codec"
	"github.com/threatshare/threatshare/internal/config"
)

// CodecKeys reads the keys that payloads are encrypted with, from THREATSHARE_CODEC_KEYS or the file that
// THREATSHARE_CODEC_KEYS_FILE names. The ring is empty if neither is set. The error shows no key.
func CodecKeys() (*codec.Ring, error) {
	keys, err := config.CodecKeys(os.Environ())
	if err != nil || keys.Empty() {
		return &codec.Ring{}, err
	}
	ring, err := codec.ParseKeys(keys.Reveal())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", config.CodecKeysVariable, err)
	}
	return ring, nil
}
