package vendorapi

import (
	"bytes"
	"net/http"
	"strings"
	"unicode"
)

const (
	maxMessage = 300  // characters of a vendor's words
	maxOwn     = 2000 // characters of ours, which may name ids
)

// LooksLikeHTML says whether an answer is a page for people.
func LooksLikeHTML(header http.Header, body []byte) bool {
	return strings.Contains(header.Get("Content-Type"), "html") || bytes.HasPrefix(bytes.TrimSpace(body), []byte("<"))
}

// Repeats says whether body repeats one of secrets, so that nothing of its words can be told. Shorter than eight characters
// is no secret but a word that may stand anywhere.
func Repeats(body []byte, secrets ...string) bool {
	const shortest = 8
	for _, secret := range secrets {
		if len(secret) >= shortest && bytes.Contains(body, []byte(secret)) {
			return true
		}
	}
	return false
}

// Clean makes a vendor's text fit for a log line: printable and at most 300 characters.
func Clean(text string) string { return printable(text, maxMessage) }

func printable(text string, most int) string {
	enough := 8 * most // bytes; a body of megabytes is not gone through for a line
	clean := strings.Map(func(r rune) rune {
		// Not only controls: marks of direction and zero-width characters make a line read as another one.
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text[:min(len(text), enough)], "?"))
	if runes := []rune(clean); len(runes) > most {
		clean = string(runes[:most]) + "…"
	}
	return strings.TrimSpace(clean)
}
