package codec_test

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/codec"
)

// sample is a payload as the SDK makes it.
func sample(t testing.TB) *commonpb.Payload {
	t.Helper()
	payload, err := converter.GetDefaultDataConverter().ToPayload("evil-canary.example")
	require.NoError(t, err)
	return payload
}

func sealed(t testing.TB, by *codec.Ring, payloads ...*commonpb.Payload) []*commonpb.Payload {
	t.Helper()
	made, err := by.Encode(payloads)
	require.NoError(t, err)
	require.Len(t, made, len(payloads))
	return made
}

// anyPayload makes payloads of every kind, those that look encrypted among them.
func anyPayload() *rapid.Generator[*commonpb.Payload] {
	return rapid.Custom(func(t *rapid.T) *commonpb.Payload {
		payload := &commonpb.Payload{Data: rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "data")}
		payload.Metadata = rapid.MapOfN(rapid.StringN(0, 12, 40), rapid.SliceOfN(rapid.Byte(), 0, 40), 0, 4).Draw(t, "metadata")
		if encoding := rapid.SampledFrom([]string{"", "json/plain", "binary/null", "binary/encrypted"}).Draw(t, "encoding"); encoding != "" {
			payload.Metadata["encoding"] = []byte(encoding)
		}
		return payload
	})
}

func TestEveryPayloadComesBackAsItWas(t *testing.T) {
	keys := ring(t, entry("new", 1), entry("old", 2))
	rapid.Check(t, func(t *rapid.T) {
		payloads := rapid.SliceOfN(anyPayload(), 0, 4).Draw(t, "payloads")
		before := make([]*commonpb.Payload, len(payloads))
		for i, payload := range payloads {
			before[i] = proto.CloneOf(payload)
		}
		made, err := keys.Encode(payloads)
		require.NoError(t, err)
		for i := range made {
			require.Equal(t, "binary/encrypted", string(made[i].GetMetadata()["encoding"]))
			require.Equal(t, "new", string(made[i].GetMetadata()["encryption-key-id"]))
			require.Len(t, made[i].GetMetadata(), 2)
		}
		opened, err := keys.Decode(made)
		require.NoError(t, err)
		require.Len(t, opened, len(payloads))
		for i := range opened {
			require.True(t, proto.Equal(before[i], payloads[i]), "the SDK forbids to change what is given")
			require.True(t, proto.Equal(before[i], opened[i]))
		}
	})
}

func TestAChangedBitIsRefused(t *testing.T) {
	keys := ring(t, entry("new", 1))
	rapid.Check(t, func(t *rapid.T) {
		made, err := keys.Encode([]*commonpb.Payload{anyPayload().Draw(t, "payload")})
		require.NoError(t, err)
		data := made[0].GetData()
		bit := rapid.IntRange(0, 8*len(data)-1).Draw(t, "bit")
		data[bit/8] ^= 1 << (bit % 8)
		_, err = keys.Decode(made)
		require.ErrorContains(t, err, `cannot be decrypted with the key "new"`)
		data[bit/8] ^= 1 << (bit % 8)
		made[0].Data = data[:rapid.IntRange(0, len(data)-1).Draw(t, "cut")]
		_, err = keys.Decode(made)
		require.Error(t, err)
	})
}

func TestWhatIsSealedShowsNothing(t *testing.T) {
	keys := ring(t, entry("new", 1))
	rapid.Check(t, func(t *rapid.T) {
		canary := rapid.StringMatching(`[a-z0-9]{12,40}\.example`).Draw(t, "canary")
		payload := &commonpb.Payload{Data: []byte(`{"value":"` + canary + `"}`), Metadata: map[string][]byte{canary: []byte(canary)}}
		made, err := keys.Encode([]*commonpb.Payload{payload, payload})
		require.NoError(t, err)
		for _, one := range made {
			bytes, err := proto.Marshal(one)
			require.NoError(t, err)
			for _, spelt := range []string{canary, hex.EncodeToString([]byte(canary)), base64.StdEncoding.EncodeToString([]byte(canary))} {
				require.NotContains(t, string(bytes), spelt)
			}
		}
		require.NotEqual(t, made[0].GetData(), made[1].GetData(), "the same twice must not look the same")
	})
}

func TestOldKeysStillDecryptAndTheFirstEncrypts(t *testing.T) {
	before := sealed(t, ring(t, entry("2025", 1)), sample(t))
	rotated := ring(t, entry("2026", 2), entry("2025", 1))
	opened, err := rotated.Decode(append(before, sealed(t, rotated, sample(t))...))
	require.NoError(t, err)
	for _, payload := range opened {
		require.True(t, proto.Equal(sample(t), payload))
	}
	require.Equal(t, "2026", string(sealed(t, rotated, sample(t))[0].GetMetadata()["encryption-key-id"]))
}

func TestAMissingKeyIsNamedWithWhatToDo(t *testing.T) {
	before := sealed(t, ring(t, entry("2025", 1)), sample(t))
	for name, without := range map[string]*codec.Ring{"other keys": ring(t, entry("2026", 2)), "no keys": {}} {
		_, err := without.Decode(before)
		require.ErrorContains(t, err, `the key "2025", which is not in THREATSHARE_CODEC_KEYS: put it back at the end of the list`, name)
	}
	_, err := ring(t, entry("2025", 2)).Decode(before)
	require.ErrorContains(t, err, `another key of that id`)
	renamed := proto.CloneOf(before[0])
	renamed.Metadata["encryption-key-id"] = []byte("alias")
	_, err = ring(t, entry("alias", 1)).Decode([]*commonpb.Payload{renamed})
	require.Error(t, err, "the id is bound to what is sealed")
	renamed.Metadata["encryption-key-id"] = []byte("<script>\x1b[31m")
	_, err = ring(t, entry("2025", 1)).Decode([]*commonpb.Payload{renamed})
	require.ErrorContains(t, err, "not by Threat Share")
	require.NotContains(t, err.Error(), "script")
}

func TestWhatIsNotEncryptedIsLeftAlone(t *testing.T) {
	keys := ring(t, entry("new", 1))
	plain := []*commonpb.Payload{sample(t), {}, {Metadata: map[string][]byte{"encoding": []byte("binary/zlib")}, Data: []byte("x")}}
	opened, err := keys.Decode(slices.Concat(plain, sealed(t, keys, sample(t))))
	require.NoError(t, err)
	for i := range plain {
		require.Same(t, plain[i], opened[i])
	}
	require.True(t, proto.Equal(sample(t), opened[3]))
	require.Equal(t, plain, sealed(t, &codec.Ring{}, plain...), "without keys nothing is encrypted")
}

func FuzzDecode(f *testing.F) {
	keys := ring(f, entry("new", 1))
	f.Add("binary/encrypted", "new", sealed(f, keys, sample(f))[0].GetData())
	f.Add("binary/encrypted", "", []byte{})
	f.Add("json/plain", "old", []byte(`"x"`))
	f.Fuzz(func(t *testing.T, encoding, id string, data []byte) {
		payload := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte(encoding), "encryption-key-id": []byte(id)}, Data: data}
		opened, err := keys.Decode([]*commonpb.Payload{payload})
		switch {
		case encoding != "binary/encrypted":
			require.NoError(t, err)
			require.Same(t, payload, opened[0])
		case err == nil: // only what was sealed with the key, the first seed
			require.Equal(t, "new", id)
			require.True(t, proto.Equal(sample(t), opened[0]))
		default:
			require.Less(t, len(err.Error()), 300)
		}
	})
}
