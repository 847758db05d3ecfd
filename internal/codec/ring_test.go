package codec_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/codec"
)

// secret is 32 bytes that are the same for the same seed.
func secret(seed byte) []byte { return bytes.Repeat([]byte{seed, 0xfb, 0xef, 0xff}, 8) }

// entry is a key as people write it.
func entry(id string, seed byte) string {
	return id + ":" + base64.StdEncoding.EncodeToString(secret(seed))
}

func ring(t testing.TB, entries ...string) *codec.Ring {
	t.Helper()
	made, err := codec.ParseKeys(strings.Join(entries, ","))
	require.NoError(t, err)
	return made
}

func TestKeysAreReadHoweverTheyAreWritten(t *testing.T) {
	for name, text := range map[string]string{
		"commas":               entry("new", 1) + "," + entry("old", 2),
		"commas and spaces":    " " + entry("new", 1) + " , " + entry("old", 2) + ",",
		"lines":                entry("new", 1) + "\r\n\n" + entry("old", 2) + "\n",
		"URL alphabet":         "new:" + base64.URLEncoding.EncodeToString(secret(1)) + "\told:" + base64.URLEncoding.EncodeToString(secret(2)),
		"without padding":      "new:" + base64.RawStdEncoding.EncodeToString(secret(1)) + " old:" + base64.RawURLEncoding.EncodeToString(secret(2)),
		"every character":      strings.NewReplacer("new", "A-z_0.9", "old", strings.Repeat("o", 40)).Replace(entry("new", 1) + " " + entry("old", 2)),
		"URL, one padded sign": "new:" + base64.RawURLEncoding.EncodeToString(secret(1)) + "= " + entry("old", 2),
	} {
		t.Run(name, func(t *testing.T) {
			read, err := codec.ParseKeys(text)
			require.NoError(t, err)
			require.Len(t, read.IDs(), 2)
			require.False(t, read.Empty())
			like := ring(t, entry(read.IDs()[0], 1), entry(read.IDs()[1], 2))
			opened, err := like.Decode(sealed(t, read, sample(t)))
			require.NoError(t, err)
			require.Equal(t, string(sample(t).GetData()), string(opened[0].GetData()))
		})
	}
}

func TestWhatIsWrongWithKeysIsToldWithoutShowingThem(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString(secret(7))
	for name, bad := range map[string]struct{ text, told string }{
		"nothing":          {" ,\n", "holds no key"},
		"no id":            {encoded, "entry 1: must be <id>:<key>"},
		"empty id":         {":" + encoded, "entry 1: what stands before the colon is not an id"},
		"key before id":    {encoded + ":new", "entry 1: what stands before the colon is not an id"},
		"hex before id":    {hex.EncodeToString(secret(7)) + ":new", "entry 1: what stands before the colon is not an id"},
		"long id":          {strings.Repeat("i", 41) + ":" + encoded, "not an id"},
		"strange id":       {"schlüssel:" + encoded, "not an id"},
		"empty key":        {"new:", `entry 1: the key "new" has 0 bytes and not 32`},
		"short key":        {"new:" + base64.StdEncoding.EncodeToString(secret(7)[:16]), `the key "new" has 16 bytes and not 32`},
		"long key":         {"new:" + base64.StdEncoding.EncodeToString(append(secret(7), 1)), `the key "new" has 33 bytes and not 32`},
		"hexadecimal key":  {"new:" + hex.EncodeToString(secret(7)), `the key "new" has 48 bytes and not 32; make one with: openssl rand -base64 32`},
		"no base64":        {entry("old", 1) + ",new:!" + encoded, `entry 2: the key "new" is not base64`},
		"cut off":          {"new:" + encoded[:41], `the key "new" is not base64`},
		"two colons":       {"new:old:" + encoded, `the key "new" is not base64`},
		"the same id":      {entry("a", 1) + "," + entry("b", 2) + "," + entry("a", 3), `entry 3: the id "a" is there twice`},
		"too many":         {strings.Repeat(entry("a", 1)+"\n", 101), "holds 101 keys; at most 100"},
		"two of them bad":  {"x," + entry("good", 1) + ",new:" + encoded[:8], "entry 1: must be"},
		"other whitespace": {"new: " + encoded, `entry 1: the key "new" has 0 bytes`},
	} {
		t.Run(name, func(t *testing.T) {
			read, err := codec.ParseKeys(bad.text)
			require.Nil(t, read)
			require.ErrorContains(t, err, bad.told)
			for _, secret := range []string{encoded[:20], strings.TrimRight(encoded, "="), hex.EncodeToString(secret(7))[:20]} {
				require.NotContains(t, err.Error(), secret)
			}
		})
	}
	_, err := codec.ParseKeys("x,a:y")
	require.Len(t, strings.Split(err.Error(), "\n"), 2, "a line for each problem")
}

func TestPrintingARingShowsNoKey(t *testing.T) {
	keys := ring(t, entry("new", 1), entry("old", 2))
	require.NotNil(t, keys.Pseudonym())
	text, err := json.Marshal(keys) //nolint:staticcheck // SA9005: that nothing of it is written is what this is about
	require.NoError(t, err)
	for _, printed := range []string{
		string(text), fmt.Sprintf("%v %+v %#v", keys, keys, keys), fmt.Sprintf("%v %+v %#v", *keys, *keys, *keys),
	} {
		for _, seed := range []byte{1, 2} {
			require.NotContains(t, printed, base64.StdEncoding.EncodeToString(secret(seed))[:8])
			require.NotContains(t, printed, hex.EncodeToString(secret(seed)[:4]))
			require.NotContains(t, printed, fmt.Sprint(secret(seed)[:4])[1:12])
		}
	}
}

func TestAPseudonymTellsNothingAndStaysTheSame(t *testing.T) {
	require.Nil(t, (&codec.Ring{}).Pseudonym())
	pseudonym := ring(t, entry("new", 1), entry("old", 2)).Pseudonym()
	require.Regexp(t, `^[0-9a-f]{32}$`, pseudonym("evil.example"))
	require.Equal(t, pseudonym("evil.example"), ring(t, entry("renamed", 1)).Pseudonym()("evil.example"))
	require.NotEqual(t, pseudonym("evil.example"), pseudonym("evil.test"))
	require.NotEqual(t, pseudonym("evil.example"), ring(t, entry("old", 2)).Pseudonym()("evil.example"), "whoever guesses the value needs the key too")
}

func FuzzParseKeys(f *testing.F) {
	f.Add(entry("new", 1) + "," + entry("old", 2))
	f.Add("new:\n,:")
	f.Add("a:" + strings.Repeat("A", 43) + " b:" + strings.Repeat("_", 43))
	f.Fuzz(func(t *testing.T, text string) {
		read, err := codec.ParseKeys(text)
		if err != nil {
			require.Nil(t, read)
			return
		}
		require.NotEmpty(t, read.IDs())
		require.LessOrEqual(t, len(read.IDs()), 100)
		for _, id := range read.IDs() {
			require.Contains(t, text, id+":")
		}
	})
}
