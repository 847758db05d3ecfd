package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// seals are how the console knows again what it has said itself, such as in the address of a page that it leads to. With a
// password they hold on every worker that has it and after a restart; without, as long as the process lives.
type seals struct{ key []byte }

func newSeals(password *password) seals {
	if password != nil {
		return seals{password.key}
	}
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails
	return seals{key}
}

// on gives the seal on some words.
func (s seals) on(words ...string) string {
	mac := hmac.New(sha256.New, s.key)
	_, _ = fmt.Fprintf(mac, "%q", words) // never fails
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// is says whether the seal is that on the words.
func (s seals) is(seal string, words ...string) bool {
	return hmac.Equal([]byte(seal), []byte(s.on(words...)))
}
