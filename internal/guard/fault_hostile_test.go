package guard_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/harness/scale"
	"github.com/threatshare/threatshare/internal/indicator"
)

// What must stand in nothing that is said of a value.
const (
	canaryPassword = "canary-password-4711"
	canaryReader   = "canary.reader@own-company.com"
)

// hostile is a value that is hostile by the way it is made, whatever the random parts of it are.
type hostile struct {
	row  string // of the fault matrix
	kind indicator.Kind
	raw  string
}

// Each check makes a hundred values: ten thousand in all. The long form makes fifty times as many.
func TestFault_D1_NoneOfTenThousandHostileValuesIsShared(t *testing.T) {
	rules := rulesFor(t, guard.Tenant{InternalDomains: []string{"own-company.com"}, Protect: []string{"partner-company.co.uk"}})
	value := hostileValue(t)
	tried := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		for range scale.Of(110, 5_500) {
			h := value.Draw(t, "value")
			tried[h.row]++
			requireKeptBack(t, rules, h)
		}
	})
	all := 0
	for _, row := range strings.Fields("D1 D2 D3 D4 D5 D6 D7 D8 D9 D10 D11 D12") {
		require.Greater(t, tried[row], 100, row)
		all += tried[row]
	}
	require.GreaterOrEqual(t, all, 10_000)
	t.Logf("%d values: %v", all, tried)
}

// requireKeptBack makes sure that a value does not pass, and that what is said of it is one safe line without anybody's secret.
func requireKeptBack(t require.TestingT, rules guard.Rules, h hostile) {
	in, err := indicator.New(indicator.Sighting{Kind: h.kind, Raw: h.raw}, indicator.URLDomains)
	refused, _ := errors.AsType[*indicator.Refusal](err)
	if err == nil {
		refused = rules.Check(in)
	}
	require.NotNil(t, refused, "%s: %.200q is shared as %s", h.row, h.raw, in.Value)
	said := refused.Error()
	require.LessOrEqual(t, utf8.RuneCountInString(said), 150, h.row)
	require.Equal(t, indicator.Printable(said, 150), said, "%s: %.200q", h.row, h.raw)
	require.NotContains(t, said, canaryPassword, h.row)
	require.NotContains(t, said, canaryReader, h.row)
	require.Equal(t, indicator.Printable(indicator.Shown(h.raw), 150), indicator.Shown(h.raw), h.row)
}

func hostileValue(t require.TestingT) *rapid.Generator[hostile] {
	suffixes := entriesOf(t, "testdata/public-suffixes.txt")
	var popular, known []string
	for _, list := range []string{"popular-sites", "free-mail", "shared-hosts", "link-shorteners", "essential-services", "mailbox-providers"} {
		popular = append(popular, entriesOf(t, "lists/"+list+".txt")...)
	}
	for _, entry := range entriesOf(t, "lists/known-good-hashes.txt") {
		hash, _, _ := strings.Cut(entry, " ")
		known = append(known, hash)
	}
	own := []string{"own-company.com", "a.own-company.com", "partner-company.co.uk", "www.partner-company.co.uk"}
	vendors := []string{"mimecast.com", "protect-eu.mimecast.com", "falcon.crowdstrike.com", "crowdstrike.com", "ts01-b.cloudsink.net"}
	special := []string{"printer.local", "db.internal", "x.localhost", "a.invalid", "a.test", "a.example", "a.onion", "router.home.arpa", "1.0.168.192.in-addr.arpa"}
	domain := func(row string, raw *rapid.Generator[string]) *rapid.Generator[hostile] {
		return rapid.Map(raw, func(raw string) hostile { return hostile{row, indicator.Domain, raw} })
	}
	return rapid.OneOf(
		domain("D1", noWebAddress()), domain("D2", withUnsafe(rapid.OneOf(goodName(), inURL(goodName())))), domain("D3", tooLong()),
		domain("D4", misleading()), domain("D5", noHostName()), domain("D6", disguised(addressText())),
		domain("D7", disguised(rapid.Map(rapid.SampledFrom(suffixes), func(rule string) string {
			return strings.TrimPrefix(strings.Replace(rule, "*.", "any-name.", 1), "!www.") // an exception is a name that a registry gave out
		}).Filter(func(suffix string) bool { return !strings.HasPrefix(suffix, "!") }))),
		domain("D8", rapid.OneOf(disguised(rapid.SampledFrom(special)), network())),
		domain("D9", disguised(rapid.SampledFrom(append(own, vendors...)))), domain("D10", disguised(rapid.SampledFrom(popular))),
		rapid.Map(noGoodHash(known), func(raw string) hostile { return hostile{"D11", indicator.SHA256, raw} }),
		domain("D12", rapid.Map(rapid.SampledFrom(append(own, "evil_host.top", "1.2.3.4")), func(host string) string {
			return "https://" + canaryReader + ":" + canaryPassword + "@" + host + "/?to=" + canaryReader + "#" + canaryPassword
		})),
	)
}

// goodName is a name that would be shared.
func goodName() *rapid.Generator[string] {
	return rapid.StringMatching(`([a-z]{3,10}\.)?[a-z]{4,10}-[a-z]{3,10}-4711\.(top|com|de|co\.uk)`)
}

func inURL(name *rapid.Generator[string]) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom([]string{"http://", "https://", "HTTPS://user:p@"}).Draw(t, "before") + name.Draw(t, "name") +
			rapid.SampledFrom([]string{"", "/", ":8443/a?b=c#d", "/?to=" + canaryReader}).Draw(t, "after")
	})
}

// disguised is a name as others write it, and in ways that resolvers and browsers forgive.
func disguised(name *rapid.Generator[string]) *rapid.Generator[string] {
	wide := func(name string) string {
		return strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r - '!' + '！'
			}
			return r
		}, name)
	}
	return rapid.Custom(func(t *rapid.T) string {
		text := name.Draw(t, "name")
		if strings.Contains(text, ":") {
			return text // an IPv6 address is no name
		}
		ways := []func(string) string{
			func(name string) string { return name }, strings.ToUpper, wide,
			func(name string) string { return name + "." }, func(name string) string { return " " + name + " " },
			func(name string) string { return strings.ReplaceAll(name, ".", "。") },
			func(name string) string { return "http://" + name + "/" }, func(name string) string { return "https://good.top@" + name + ":443/x" },
		}
		return rapid.SampledFrom(ways).Draw(t, "way")(text)
	})
}

func noWebAddress() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		name := goodName().Draw(t, "name")
		return rapid.SampledFrom([]string{
			"javascript:alert('" + name + "')", "data:text/html," + name, "file:///" + name, "ftp://" + name + "/", "mailto:a@" + name, "blob:https://" + name,
			"http:" + name, "https:/" + name, "//" + name, name + "/path", "hxxp://" + name, "hXXps://" + name + "/x", "h**p://" + name,
			strings.Replace(name, ".", "[.]", 1), "https://" + strings.Replace(name, ".", "(.)", 1) + "/", strings.Replace(name, ".", "[dot]", 1),
			"https://a@b@" + name + "/", `https://` + name + `\@own-company.com/`, "https:///" + name, "", " ", "{{" + name + "}}", "=cmd|'" + name + "'!A0",
		}).Draw(t, "form")
	})
}

// unsafe are characters that do something to a line, a terminal, a header or the eye, and bytes that are no characters.
func unsafe() []string {
	return []string{
		"\r\n", "\n", "\r", "\x00", "\t", "\x1b[31m", "\x1b]0;title\x07", "\x08", "\x7f", "\u0085", "\u009b31m", "\u202e", "\u2066", "\u200b", "\u200d", "\u200e", "\ufeff",
		"\u00ad", "\u2028", "\u2029", "\u3164", "\ufe0f", "\U000e0041", "\xff", "\xc0\x80", "\xed\xa0\x80", "\u00a0", "\u2060", "\u180e",
	}
}

func withUnsafe(good *rapid.Generator[string]) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		text, what := good.Draw(t, "good"), rapid.SampledFrom(unsafe()).Draw(t, "unsafe")
		at := rapid.IntRange(0, len(text)).Draw(t, "at")
		return text[:at] + what + text[at:]
	})
}

func tooLong() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		name := goodName().Draw(t, "name")
		return rapid.SampledFrom([]string{
			strings.Repeat("a", rapid.IntRange(64, 5000).Draw(t, "label")) + "." + name, strings.Repeat("a.", rapid.IntRange(124, 1000).Draw(t, "labels")) + name,
			"https://" + name + "/" + strings.Repeat("p", rapid.IntRange(2048, 10_000).Draw(t, "path")), "https://" + strings.Repeat("é", 2000) + "." + name,
		}).Draw(t, "form")
	})
}

// misleading is a name with a letter of another script in a Latin label, one that reads as Latin, or an A-label that stands for
// what is written without one.
func misleading() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		latin := rapid.StringMatching(`[a-z]{2,8}`).Draw(t, "latin")
		other := rapid.StringMatching(`[аеорсухіѕԁ]{1,6}`).Draw(t, "lookalikes")
		name := goodName().Draw(t, "name")
		return rapid.SampledFrom([]string{
			latin + other + "." + name, other + latin + ".com", latin + other + latin + ".de", other + ".top", other + "-4711.com", latin + "οα.top",
			"xn--" + latin + "-." + name, "xn--" + latin + "-.com", "xn--." + name, "xn--" + strings.Repeat("9", 10) + "." + name,
		}).Draw(t, "form")
	})
}

func noHostName() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		name := goodName().Draw(t, "name")
		return rapid.SampledFrom([]string{
			"*", "*.*", "*." + name, strings.Replace(name, ".", ".*.", 1), "ev*l." + name, "https://*." + name + "/", "." + name, ".." + name, name + "..",
			strings.Replace(name, ".", "..", 1), "_dmarc." + name, "under_score." + name, "-a." + name, "a-." + name, "a b." + name, name + ".123",
			name + ".0x1f", "localhost", "com", name + "%00", "a'b." + name, `a"b.` + name, "a<b>." + name, "a,b." + name, "a;b." + name, "$(id)." + name, "`id`." + name,
		}).Draw(t, "form")
	})
}

// addressText is an IP address in one of the spellings that something takes for it.
func addressText() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		if rapid.Bool().Draw(t, "IPv6") {
			raw := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address")
			address := netip.AddrFrom16([16]byte(raw)).String()
			return rapid.SampledFrom([]string{address, "[" + address + "]", "http://[" + address + "]:80/", "::ffff:10.0.0.1", address + "%eth0"}).Draw(t, "form")
		}
		n := rapid.Uint32().Draw(t, "address")
		a, b, c, d := n>>24, n>>16&255, n>>8&255, n&255
		return rapid.SampledFrom([]string{
			fmt.Sprintf("%d.%d.%d.%d", a, b, c, d), fmt.Sprintf("%d.%d.%d", a, b, n&0xffff), fmt.Sprintf("%d.%d", a, n&0xffffff), fmt.Sprint(n),
			fmt.Sprintf("0x%x", n), fmt.Sprintf("0%o", n), fmt.Sprintf("0x%x.%d.0%o.%d", a, b, c, d), fmt.Sprintf("%04o.%04o.%04o.%04o", a, b, c, d), fmt.Sprintf("0X%X.%d", a, n&0xffffff),
		}).Draw(t, "form")
	})
}

func network() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return addressText().Filter(func(text string) bool { return !strings.Contains(text, "/") }).Draw(t, "address") +
			fmt.Sprintf("/%d", rapid.IntRange(0, 128).Draw(t, "bits"))
	})
}

// noGoodHash is no SHA-256, or one of a file that everybody has.
func noGoodHash(known []string) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		digits := func(n int) string { return hex.EncodeToString(rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "digits")) }
		switch rapid.IntRange(0, 6).Draw(t, "form") {
		case 0:
			return strings.ToUpper(rapid.SampledFrom(known).Draw(t, "known"))
		case 1:
			return rapid.SampledFrom(known).Draw(t, "known")
		case 2:
			return digits(rapid.SampledFrom([]int{0, 1, 16, 20, 28, 31, 33, 48, 64, 200}).Draw(t, "length")) // MD5, SHA-1, SHA-512 and none
		case 3:
			return digits(31) + rapid.StringMatching(`[g-zäё ]{2}`).Draw(t, "no digits")
		case 4:
			return withUnsafe(rapid.Just(digits(32))).Draw(t, "unsafe")
		case 5:
			return "0x" + digits(31)
		default:
			return "=" + digits(31) + "1"
		}
	})
}
