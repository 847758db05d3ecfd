package indicator

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxRecord is how much of a record's key is kept, in characters.
const MaxRecord = 300

// cut ends a text that Printable had to shorten.
const cut = "…"

// Printable gives text as one line of at most limit characters that is safe in a log, a terminal, a mail and a page:
// whatever does not print, prints nothing or turns the direction of reading stands as \n, \xNN or \u{NNNN}. A text that
// was longer ends in an ellipsis. The work is bounded by limit, not by the text.
func Printable(text string, limit int) string {
	if limit <= 0 {
		return ""
	}
	if len(text) <= limit && printable(text) {
		return text
	}
	var line strings.Builder
	kept, length := 0, 0 // kept: bytes of line before the last character's place, where an ellipsis may still go
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		shown, width := text[:size], 1
		if !prints(r) || (r == utf8.RuneError && size == 1) {
			shown = escape(r, text[0], size)
			width = len(shown)
		}
		if length+width > limit {
			return line.String()[:kept] + cut
		}
		if length+width < limit {
			kept = line.Len() + len(shown)
		}
		line.WriteString(shown)
		length += width
		text = text[size:]
	}
	return line.String()
}

// escape writes the first character of a text, whose first byte and size are given, in ASCII.
func escape(r rune, first byte, size int) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case size == 1:
		return `\x` + string("0123456789abcdef"[first>>4]) + string("0123456789abcdef"[first&15])
	default:
		return `\u{` + strconv.FormatInt(int64(r), 16) + `}`
	}
}

// prints says whether a person sees r as one mark in reading direction. unicode.IsPrint leaves out control and format
// characters, and with them the zero-width and the bidirectional ones; letters and marks that show nothing are left out
// here.
func prints(r rune) bool {
	if r >= ' ' && r < utf8.RuneSelf {
		return r != 0x7f
	}
	return unicode.IsPrint(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// printable says whether all of text prints and is valid UTF-8.
func printable(text string) bool {
	for i, r := range text {
		if !prints(r) {
			return false
		}
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				return false
			}
		}
	}
	return true
}
