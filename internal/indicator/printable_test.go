package indicator_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/indicator"
)

func TestPrintableShowsWhatDoesNotPrint(t *testing.T) {
	for text, want := range map[string]string{
		"plain":           "plain",
		"bücher 公司":       "bücher 公司",
		"a\r\nb\tc":       `a\r\nb\tc`,
		"\x1b[31m":        `\x1b[31m`,
		"nul\x00":         `nul\x00`,
		"bad\xff":         `bad\xff`,
		"rtl\u202e":       `rtl\u{202e}`,
		"zero\u200bwidth": `zero\u{200b}width`,
		"c1\u0085":        `c1\u{85}`,
		"\ufffd":          "\ufffd",
		"":                "",
	} {
		require.Equal(t, want, indicator.Printable(text, 100))
	}
}

func TestPrintableCutsAtTheLimit(t *testing.T) {
	require.Equal(t, "abc", indicator.Printable("abc", 3))
	require.Equal(t, "ab…", indicator.Printable("abcd", 3))
	require.Equal(t, "ü…", indicator.Printable("üüü", 2))
	require.Equal(t, "a…", indicator.Printable("a\u202e", 5), "an escape is not torn")
	require.Equal(t, "…", indicator.Printable("abc", 1))
	require.Empty(t, indicator.Printable("abc", 0))
	require.Empty(t, indicator.Printable("abc", -1))
	require.Equal(t, 300, utf8.RuneCountInString(indicator.Printable(strings.Repeat("\x00", 10<<20), 300))+3, "whole escapes only")
}

func TestFault_D2_PrintableIsAlwaysOneSafeLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text")
		limit := rapid.IntRange(0, 50).Draw(t, "limit")
		line := indicator.Printable(text, limit)
		require.LessOrEqual(t, utf8.RuneCountInString(line), limit)
		require.True(t, utf8.ValidString(line))
		for _, r := range line {
			require.True(t, unicode.IsPrint(r), "%U", r)
		}
		require.Equal(t, line, indicator.Printable(line, limit), "printing twice changes nothing")
	})
}
