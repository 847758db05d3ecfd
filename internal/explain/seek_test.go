package explain_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/explain"
)

func TestAValueIsUnderstoodAsPeopleWriteIt(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	for raw, want := range map[string]string{
		"evil.example": "evil.example", " EVIL.Example. ": "evil.example", "evil[.]example": "evil.example", "evil(.)example": "evil.example",
		"evil [dot] example": "evil.example", "sub{.}evil[DOT]example": "sub.evil.example", "http://evil.example/a?b#c": "evil.example",
		"hxxp://evil.example": "evil.example", "hXXps[://]evil[.]example:8443/x": "evil.example", "h**p://evil.example": "evil.example",
		"hxxp[:]//evil.example/": "evil.example", "someone@evil.example": "evil.example", "Name <someone[at]evil[.]example>": "evil.example",
		"bücher.example": "xn--bcher-kva.example", "XN--BCHER-KVA.example": "xn--bcher-kva.example",
		hash: hash, strings.ToUpper(hash): hash, " " + hash + "\n": hash,
	} {
		found := explain.Seek(raw)
		require.Equal(t, want, found.Value, raw)
		require.NotEmpty(t, found.Kind, raw)
	}
	require.Equal(t, "xn--bcher-kva.example (domain), which is bücher.example", explain.Seek("Bücher.example").String())
	require.Equal(t, hash+" (sha256)", explain.Seek(hash).String())
}

// The ledger keeps what a vendor told and was no value in quotes.
func TestWhatIsNoValueIsLookedForAsTheLedgerSpellsIt(t *testing.T) {
	for raw, want := range map[string]string{
		"203[.]0[.]113[.]7": `"203.0.113.7"`, "*.evil.example": `"*.evil.example"`, "localhost": `"localhost"`, "": `""`,
		"d41d8cd98f00b204e9800998ecf8427e": `"d41d8cd98f00b204e9800998ecf8427e"`, `"203.0.113.7"`: `"203.0.113.7"`,
		"ftp://evil.example/?secret=1": `"ftp://evil.example/"`, "evil\x1b.example": `"evil\\x1b.example"`,
	} {
		found := explain.Seek(raw)
		require.Equal(t, want, found.Value, raw)
		require.Empty(t, found.Kind)
		require.NotContains(t, found.String(), "\x1b")
		require.Empty(t, found.Parent())
	}
	require.Contains(t, explain.Seek("203.0.113.7").String(), "no value that could be shared: ip-literal")
}

func TestTheParentOfADomainIsNamedUpToTheTop(t *testing.T) {
	require.Equal(t, "b.example", explain.Seek("a.b.example").Parent())
	require.Empty(t, explain.Seek("b.example").Parent())
}
