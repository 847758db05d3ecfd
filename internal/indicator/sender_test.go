package indicator_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
)

func TestSenderDomainIsWhatStandsAfterTheAt(t *testing.T) {
	for address, want := range map[string]string{
		"a@evil.example":                     "evil.example",
		"<a@evil.example>":                   "evil.example",
		" <a@evil.example> ":                 "evil.example",
		"Jane Doe <jane@evil.example>":       "evil.example",
		`"ceo@own.example" <a@evil.example>`: "evil.example",
		"Jürgen <a+b=c@bücher.example>":      "bücher.example",
		"a@[192.0.2.1]":                      "192.0.2.1",
		"a@[IPv6:2001:db8::1]":               "2001:db8::1",
		"a@b":                                "b",
		"a@*.evil.example":                   "*.evil.example",
		"bounce+1=own.example@evil.example":  "evil.example",
		"prvs=0123=a.b@evil.example":         "evil.example",
	} {
		got, ok := indicator.SenderDomain(address)
		require.True(t, ok, "%q", address)
		require.Equal(t, want, got, "%q", address)
	}
}

func TestSenderDomainRefusesWhatIsNoSingleAddress(t *testing.T) {
	for _, address := range []string{
		"", "<>", " <> ", "<", ">", "@", "a@", "@evil.example", "evil.example", "<a@evil.example", "a@evil.example>", "a@b@evil.example",
		"a@own.example <b@evil.example> <c@evil.example>", "<a@own.example>, <b@evil.example>", "a@own.example,b@evil.example",
		`"a@b"@evil.example`, "a@evil.example (comment)", "a@http://evil.example", "a@evil.example/x", "a@evil.example:25", "a@evil.example?x",
		"a@[evil.example]", "a@[x", "a@evil.example\r\nBcc: b@own.example", "a@evil\u200b.example", "a\x00@evil.example",
		strings.Repeat("a", 2000) + "@evil.example", "<@relay.example:a@evil.example>", "a b@evil.example",
	} {
		got, ok := indicator.SenderDomain(address)
		require.False(t, ok, "%q gives %q", address, got)
		require.Empty(t, got)
	}
}

func FuzzSenderDomain(f *testing.F) {
	for _, seed := range []string{"a@evil.example", "<>", "N <a@evil.example>", "a@[::1]", "a@b@c", "@", "<@", "x<a@b>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		got, ok := indicator.SenderDomain(address)
		if !ok {
			require.Empty(t, got)
			return
		}
		require.NotEmpty(t, got)
		require.Contains(t, address, got)
		require.False(t, strings.ContainsAny(got, "\r\n<>@/ "))
		requireCanonical(t, got)
	})
}
