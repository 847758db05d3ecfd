package notify

import (
	"strings"
	"unicode/utf8"
)

// lineLength is how long a line of text gets, in characters: what every mail program shows without breaking it once more.
const lineLength = 78

// wrap breaks text at spaces into lines that begin with margin. A word longer than a line has one to itself.
func wrap(text, margin string) string {
	var b strings.Builder
	room := 0
	for i, word := range strings.Fields(text) {
		length := utf8.RuneCountInString(word)
		switch {
		case i == 0 || length+1 > room:
			if i > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(margin)
			room = lineLength - len(margin)
		default:
			b.WriteByte(' ')
			room--
		}
		b.WriteString(word)
		room -= length
	}
	b.WriteByte('\n')
	return b.String()
}
