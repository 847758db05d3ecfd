// Package codec encrypts what Temporal is given to keep: the payloads of histories, and the texts of failures. It holds the
// keys, the codec, what the SDK's client and worker convert with, and the endpoint by which the Temporal UI and CLI ask for
// the contents. What Temporal does not take for a payload (ids, types, search attributes, notes of Schedules) cannot be
// encrypted: who writes those keeps values out of them, or puts a Pseudonym in their place.
package codec

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const (
	keySize = 32 // bytes: AES-256
	maxKeys = 100

	pseudonymUse   = "threatshare pseudonym"
	pseudonymBytes = 16

	howToMakeOne = "make one with: openssl rand -base64 32"
)

var idForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,40}$`)

// Ring is the keys by id. The first encrypts, all decrypt. The zero Ring is empty: it encrypts nothing, and says of what is
// encrypted which key is missing. Printing a Ring shows no key.
type Ring struct{ keys []key }

type key struct {
	id     string
	cipher cipher.AEAD
	// pseudonym is a function because no formatting verb looks into one.
	pseudonym func(value string) string
}

// ParseKeys reads keys of the form <id>:<base64 of 32 bytes>, separated by commas or white space. The base64 is the standard
// or the URL alphabet, with or without padding. An id is 1 to 40 letters, digits, dots, underscores and hyphens. The error has
// one line for each problem, names the entry by its number and id, and repeats nothing that may be a key.
func ParseKeys(text string) (*Ring, error) {
	entries := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || strings.ContainsRune(" \t\r\n\v\f", r) })
	switch {
	case len(entries) == 0:
		return nil, errors.New("holds no key: write <id>:<key>; " + howToMakeOne)
	case len(entries) > maxKeys:
		return nil, fmt.Errorf("holds %d keys; at most %d are taken", len(entries), maxKeys)
	}
	ring := &Ring{}
	var problems []error
	for i, entry := range entries {
		made, err := parseKey(entry)
		if err == nil && ring.find(made.id) != nil {
			err = fmt.Errorf("the id %q is there twice: give each key an id of its own", made.id)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("entry %d: %w", i+1, err))
			continue
		}
		ring.keys = append(ring.keys, made)
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return ring, nil
}

func parseKey(entry string) (key, error) {
	id, encoded, found := strings.Cut(entry, ":")
	if !found {
		return key{}, errors.New("must be <id>:<key>, such as 2026-11:<key>; " + howToMakeOne)
	}
	if !idForm.MatchString(id) { // not repeated: it may be a key in the wrong place
		return key{}, errors.New("what stands before the colon is not an id: 1 to 40 letters, digits, dots, underscores and hyphens")
	}
	standard := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(encoded, "="))
	secret, err := base64.RawStdEncoding.DecodeString(standard)
	if err != nil { // not wrapped: it tells where in the key it went wrong
		return key{}, fmt.Errorf("the key %q is not base64; %s", id, howToMakeOne)
	}
	if len(secret) != keySize {
		return key{}, fmt.Errorf("the key %q has %d bytes and not %d; %s", id, len(secret), keySize, howToMakeOne)
	}
	made, err := newKey(id, secret)
	if err != nil {
		return key{}, fmt.Errorf("the key %q cannot be used: %w", id, err)
	}
	return made, nil
}

func newKey(id string, secret []byte) (key, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return key{}, err
	}
	// Random nonces are safe for four billion payloads under one key, which is more than two a second for fifty years.
	sealing, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return key{}, err
	}
	derived, err := hkdf.Key(sha256.New, secret, nil, pseudonymUse, sha256.Size)
	if err != nil {
		return key{}, err
	}
	return key{id, sealing, func(value string) string {
		sum := hmac.New(sha256.New, derived)
		_, _ = sum.Write([]byte(value)) // never fails
		return hex.EncodeToString(sum.Sum(nil)[:pseudonymBytes])
	}}, nil
}

// Empty says whether there is no key, so that nothing is encrypted.
func (r *Ring) Empty() bool { return len(r.keys) == 0 }

// IDs are the ids of the keys, that of the encrypting one first.
func (r *Ring) IDs() []string {
	ids := make([]string, len(r.keys))
	for i, key := range r.keys {
		ids[i] = key.id
	}
	return ids
}

// Pseudonym is the function that stands in for values where Temporal keeps what it is told readable: 32 hexadecimal digits,
// the same for the same value and first key, which tell nothing to whoever has no key, not even to one who guesses the value.
// It is nil if the ring is empty.
func (r *Ring) Pseudonym() func(value string) string {
	if r.Empty() {
		return nil
	}
	return r.keys[0].pseudonym
}

func (r *Ring) find(id string) *key {
	if i := slices.IndexFunc(r.keys, func(key key) bool { return key.id == id }); i >= 0 {
		return &r.keys[i]
	}
	return nil
}
