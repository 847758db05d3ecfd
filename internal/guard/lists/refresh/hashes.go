package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// knownGoodList is computed: the SHA-256 of small files that occur everywhere and harm nobody. Sandboxes give verdicts on
// them now and then, and blocking them would stop half the installers there are.
func knownGoodList() (list, error) {
	entries := make(map[string]string)
	add := func(content []byte, what string) {
		sum := sha256.Sum256(content)
		entries[hex.EncodeToString(sum[:])] = what
	}
	for what, content := range map[string]string{
		"an empty file": "", "one line feed": "\n", "one carriage return and line feed": "\r\n", "one space": " ",
		"two line feeds": "\n\n", "a UTF-8 byte order mark": "\xef\xbb\xbf", "a UTF-16 byte order mark": "\xff\xfe",
		"an empty JSON object": "{}", "an empty JSON object and a line feed": "{}\n", "an empty JSON list": "[]",
		"an empty JSON list and a line feed": "[]\n", "the JSON text null": "null", "an empty ZIP archive": "PK\x05\x06" + strings.Repeat("\x00", 18),
	} {
		add([]byte(content), what)
	}
	for size := 1; size <= 1<<24; size *= 2 {
		add(make([]byte, size), fmt.Sprintf("%d zero bytes", size))
	}
	// In two halves, so that no scanner takes this file for what it describes.
	eicar := `X5O!P%@AP[4\PZX54(P^)7CC)7}` + `$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`
	for ending, what := range map[string]string{"": "", "\n": ", line feed", "\r\n": ", carriage return and line feed"} {
		add([]byte(eicar+ending), "the EICAR test file"+what)
	}
	for i, pixel := range []string{
		"R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7",
		"R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==",
	} {
		content, err := base64.StdEncoding.DecodeString(pixel)
		if err != nil {
			return list{}, fmt.Errorf("decode pixel %d: %w", i+1, err)
		}
		add(content, fmt.Sprintf("a transparent GIF of one pixel, form %d", i+1))
	}
	return list{
		name: "known-good-hashes", version: "1", origin: "computed by refresh/hashes.go from the contents named", licence: "Apache-2.0",
		about: "SHA-256 of small files that occur everywhere and harm nobody, and of the EICAR test file.", entries: entries,
	}, nil
}
