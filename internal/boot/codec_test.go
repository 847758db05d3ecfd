package boot_test

import (
	"encoding/base64"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/boot"
)

func codecKey(id string) string {
	return id + ":" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
}

func TestCodecKeysComeFromTheirVariableOrAFile(t *testing.T) {
	ring, err := boot.CodecKeys()
	require.NoError(t, err)
	require.True(t, ring.Empty(), "nothing is encrypted unless somebody asks for it")

	t.Setenv("THREATSHARE_CODEC_KEYS", codecKey("new")+","+codecKey("old"))
	ring, err = boot.CodecKeys()
	require.NoError(t, err)
	require.Equal(t, []string{"new", "old"}, ring.IDs())

	file := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(file, []byte(codecKey("2026")+"\n"+codecKey("2025")+"\n"), 0o600))
	t.Setenv("THREATSHARE_CODEC_KEYS", "")
	t.Setenv("THREATSHARE_CODEC_KEYS_FILE", file)
	ring, err = boot.CodecKeys()
	require.NoError(t, err)
	require.Equal(t, []string{"2026", "2025"}, ring.IDs())
}

func TestNobodyConnectsWithKeysThatCannotBeRead(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for name, c := range map[string]struct {
		variables []string
		says      []string
	}{
		"no base64": {
			[]string{"THREATSHARE_CODEC_KEYS", codecKey("good") + " bad:canary!"},
			[]string{"THREATSHARE_CODEC_KEYS: entry 2", `"bad"`, "openssl rand -base64 32"},
		},
		"only spaces":  {[]string{"THREATSHARE_CODEC_KEYS", "  "}, []string{"THREATSHARE_CODEC_KEYS: holds no key"}},
		"file missing": {[]string{"THREATSHARE_CODEC_KEYS_FILE", missing}, []string{"THREATSHARE_CODEC_KEYS_FILE", missing}},
		"both set": {
			[]string{"THREATSHARE_CODEC_KEYS", codecKey("good"), "THREATSHARE_CODEC_KEYS_FILE", missing},
			[]string{"THREATSHARE_CODEC_KEYS and THREATSHARE_CODEC_KEYS_FILE: both are set"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			environment(t, append(c.variables, "TEMPORAL_ADDRESS", freeAddress(t))...)
			_, err := boot.DialTemporal(t.Context(), slog.New(slog.DiscardHandler), neverWaiting(t), nil)
			for _, part := range c.says {
				require.ErrorContains(t, err, part)
			}
			require.NotContains(t, err.Error(), "canary")
		})
	}
}
