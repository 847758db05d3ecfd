package codec

import (
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"github.com/threatshare/threatshare/internal/wire"
)

var _ converter.PayloadCodec = (*Ring)(nil)

// Encode encrypts payloads, each whole: what it is and what it holds. An empty ring gives them as they are.
func (r *Ring) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	if r.Empty() {
		return payloads, nil
	}
	sealed := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		plain, err := proto.Marshal(payload)
		if err != nil {
			return nil, fmt.Errorf("encrypt a payload: %w", err)
		}
		sealed[i] = r.keys[0].seal(plain)
	}
	return sealed, nil
}

func (k *key) seal(plain []byte) *commonpb.Payload {
	return &commonpb.Payload{
		Metadata: map[string][]byte{converter.MetadataEncoding: []byte(wire.Encrypted), wire.EncryptionKeyID: []byte(k.id)},
		Data:     k.cipher.Seal(nil, nil, plain, []byte(k.id)), //nolint:gosec // G407: the cipher makes a random nonce itself
	}
}

// Decode decrypts those payloads that are encrypted, and gives the others as they are: a signal of the Temporal CLI, or what
// was written before there were keys. The error names the key, and says what to do if it is not there.
func (r *Ring) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	opened := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		var err error
		if opened[i], err = r.open(payload); err != nil {
			return nil, err
		}
	}
	return opened, nil
}

func (r *Ring) open(payload *commonpb.Payload) (*commonpb.Payload, error) {
	if string(payload.GetMetadata()[converter.MetadataEncoding]) != wire.Encrypted {
		return payload, nil
	}
	id := string(payload.GetMetadata()[wire.EncryptionKeyID])
	if !idForm.MatchString(id) {
		return nil, errors.New("a payload is encrypted, but not by Threat Share: it names no key")
	}
	key := r.find(id)
	if key == nil {
		return nil, fmt.Errorf("a payload is encrypted with the key %q, which is not in THREATSHARE_CODEC_KEYS: put it back at the end of the list", id)
	}
	plain, err := key.cipher.Open(nil, nil, payload.GetData(), []byte(id))
	if err != nil {
		return nil, fmt.Errorf("a payload cannot be decrypted with the key %q: it was changed, or encrypted with another key of that id; "+
			"if so, put that key back at the end of THREATSHARE_CODEC_KEYS", id)
	}
	opened := &commonpb.Payload{}
	if err := proto.Unmarshal(plain, opened); err != nil {
		return nil, fmt.Errorf("what the key %q decrypts is no payload: %w", id, err)
	}
	return opened, nil
}
