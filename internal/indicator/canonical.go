package indicator

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The longest texts that are looked at; anything longer is refused unread. A name is counted in characters, since a name
// in letters of another script can be longer in bytes than the ASCII form that the limit of DNS is about.
const (
	maxName  = 253
	maxLabel = 63
	maxURL   = 2048 // bytes
	hashSize = 64   // hex digits of a SHA-256
	maxHash  = 128  // bytes; spaces around a hash are forgiven
)

// maxDetail bounds what a refusal says, in characters; maxShown how much of the value it repeats.
const (
	maxDetail = 120
	maxShown  = 60
)

func canonical(kind Kind, raw string) (string, *Refusal) {
	switch kind {
	case SHA256:
		return canonicalHash(raw)
	case Domain:
		return canonicalDomain(raw)
	default:
		return "", refuse(UnknownKind, "%s", Printable(string(kind), maxShown))
	}
}

func canonicalHash(raw string) (string, *Refusal) {
	if len(raw) > maxHash {
		return "", refuse(TooLong, "%d bytes, a SHA-256 has %d hex digits", len(raw), hashSize)
	}
	if !printable(raw) {
		return "", refuse(Unprintable, "%s", Shown(raw))
	}
	hash := strings.ToLower(strings.Trim(raw, " "))
	if len(hash) != hashSize {
		return "", refuse(NotAHash, "%d characters, a SHA-256 has %d hex digits", utf8.RuneCountInString(hash), hashSize)
	}
	if !isHex(hash) {
		return "", refuse(NotAHash, "not hexadecimal: %s", Shown(raw))
	}
	return hash, nil
}

func isHex(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// canonicalDomain takes a bare name, or an http or https URL for its host.
func canonicalDomain(raw string) (string, *Refusal) {
	if len(raw) > maxURL {
		return "", refuse(TooLong, "%d bytes, at most %d are read", len(raw), maxURL)
	}
	if !printable(raw) {
		return "", refuse(Unprintable, "%s", Shown(raw))
	}
	host, refusal := hostOf(strings.Trim(raw, " "))
	if refusal != nil {
		return "", refusal
	}
	return canonicalHost(host)
}

// Shown is what a refusal repeats of a value. Refusals are stored and shown to people, so what may be a password or
// somebody's address is left out: the query and the fragment of a URL, and what stands before an @.
func Shown(raw string) string {
	raw, _, _ = strings.Cut(raw, "?")
	raw, _, _ = strings.Cut(raw, "#")
	if at := strings.LastIndexByte(raw, '@'); at >= 0 {
		raw = cut + raw[at:]
	}
	return Printable(raw, maxShown)
}

// refuse fills in a Refusal. What comes from outside is to be passed through shown first, so that this cut is never the
// one that matters.
func refuse(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Detail: Printable(fmt.Sprintf(format, args...), maxDetail)}
}
