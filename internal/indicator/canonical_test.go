package indicator_test

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/indicator"
)

const aHash = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

func domain(t require.TestingT, raw string) string {
	in, err := indicator.New(indicator.Sighting{Kind: indicator.Domain, Raw: raw}, indicator.URLDomains)
	require.NoError(t, err, "%q", raw)
	return in.Value
}

func refusal(t require.TestingT, kind indicator.Kind, raw string) *indicator.Refusal {
	_, err := indicator.New(indicator.Sighting{Kind: kind, Raw: raw}, indicator.URLDomains)
	refused, ok := errors.AsType[*indicator.Refusal](err)
	require.True(t, ok, "%.80q is taken", raw)
	require.LessOrEqual(t, utf8.RuneCountInString(refused.Detail), 120)
	require.Equal(t, indicator.Printable(refused.Detail, 120), refused.Detail, "a detail is one safe line")
	return refused
}

func TestADomainHasOneCanonicalForm(t *testing.T) {
	longest := strings.Repeat("a.", 122) + "a.example" // 253 characters
	for raw, want := range map[string]string{
		"Evil.Example":                       "evil.example",
		"evil.example.":                      "evil.example",
		"  evil.example ":                    "evil.example",
		"evil\u3002example":                  "evil.example",
		"bücher.example":                     "xn--bcher-kva.example",
		"BÜCHER.example":                     "xn--bcher-kva.example",
		"xn--bcher-kva.example":              "xn--bcher-kva.example",
		"XN--BCHER-KVA.example":              "xn--bcher-kva.example",
		"straße.example":                     "xn--strae-oqa.example",
		"βόλος.example":                      "xn--nxasmm1c.example",
		"ｅｖｉｌ.example":                       "evil.example",
		"r3---sn-apo3qvuoxuxbt-j5pe.example": "r3---sn-apo3qvuoxuxbt-j5pe.example",
		"1.2.3.4.example":                    "1.2.3.4.example",
		"0x7f.example":                       "0x7f.example",
		strings.Repeat("a", 63) + ".example": strings.Repeat("a", 63) + ".example",
		longest:                              longest, longest + ".": longest,
	} {
		require.Equal(t, want, domain(t, raw), "%q", raw)
	}
}

func TestFault_D12_AURLGivesItsHostAsItStands(t *testing.T) {
	for raw, want := range map[string]string{
		"http://evil.example":                                  "evil.example",
		"HTTPS://Login.Evil.Example/a/b?c=d#e":                 "login.evil.example",
		"https://evil.example:8443/x":                          "evil.example",
		"https://evil.example:/x":                              "evil.example",
		"https://user:secret@evil.example/":                    "evil.example",
		"https://good.example@evil.example/":                   "evil.example",
		"https://evil.example?to=b@own.example":                "evil.example",
		"https://evil.example#@own.example":                    "evil.example",
		"https://evil.example/%zz%%":                           "evil.example",
		"https://www.deep.below.evil.example/":                 "www.deep.below.evil.example",
		"https://evil.example./":                               "evil.example",
		"https://evil.example/" + strings.Repeat("p", 2000):    "evil.example",
		"https://evil.example/?" + strings.Repeat("a=b&", 100): "evil.example",
	} {
		require.Equal(t, want, domain(t, raw), "%q", raw)
	}
}

func TestFault_D1_WhatIsNoDomainIsRefused(t *testing.T) {
	tables := map[indicator.Reason][]string{
		indicator.UnknownScheme: {
			"javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "hxxp://evil.example", "hxxps://evil.example/x",
			"h**p://evil.example", "ftp://evil.example", "mailto:a@evil.example", "tel:1", "vbscript:x", "blob:https://evil.example",
		},
		indicator.NotADomain: {
			"", " ", ".", "..", "localhost", "com", "evil[.]example", "http://evil[.]example/", "evil(.)example",
			"http:evil.example", "http:/evil.example", "http://", "http:///x", "https://@/", "http://:80", "//evil.example",
			"https://evil.example:port/", `https://evil.example\@own.example/`, "https://a@b@evil.example/", "evil.example/path",
			"evil.example:8080", "a@evil.example", "Name <a@evil.example>", "evil..example", ".evil.example", "evil.example..",
			"_dmarc.evil.example", "under_score.example", "-evil.example", "evil-.example", "e vil.example", "evil.123",
			"evil.0x1f", "evil.0", "evil.１２３", "https://ex%61mple.example/", "evil.example%00", "xn--", "xn--a.example",
			"xn--abc-.example", "xn--0.example", "xn--evil-.example", "xn--BCHER-KVB.example", "℀.example", "evil\u2024\u2024example", "a\u05d0.\u05d0a1.example",
		},
		indicator.IPLiteral: {
			"1.2.3.4", "1.2.3.4.", "127.1", "0x7f.1", "0X7F.1", "2130706433", "0177.0.0.1", "0x7f000001", "::ffff:10.0.0.1", "[::1]",
			"::1", "fe80::1%eth0", "[fe80::1%25eth0]", "http://[::1]/", "http://[::1]:8080/", "http://[fe80::1%25eth0]/",
			"http://127.1/", "http://0x7f.1:80", "http://2130706433/", "http://user@10.0.0.1/", "１２７.０.０.１", "①②⑦.1", "1。2。3。4",
			"https://192.0.2.1./", "192.0.2.1:443", "[2001:db8::1]:443", "2001:db8::1", "255.255.255.255", "0", "224.0.0.1", "100.64.0.1",
			"1.2.3.4.5", "999.999.999.999",
		},
		indicator.Wildcard: {"*", "*.evil.example", "evil.*", "ev*l.example", "http://*.evil.example/"},
		indicator.Unprintable: {
			"evil.example\r\nX: y", "evil.example\n", "\tevil.example", "evil\x00.example", "\x1b[31mevil.example", "evil\u202e.example",
			"evil\u200b.example", "evil\u200d.example", "\ufeffevil.example", "evil\u2066.example", "evil\u00ad.example", "evil\ufe0f.example",
			"evil\u3164.example", "evil\x7f.example", "evil\u0085.example", "evil\xff.example", "evil\u00a0.example", "evil\u2028.example",
			"https://evil.example/\u202egpj.exe", "evil\U000e0041.example",
		},
		indicator.TooLong: {
			strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 124) + "example", "http://" + strings.Repeat("a.", 124) + "example/",
			"https://evil.example/" + strings.Repeat("p", 2048), strings.Repeat("x", 10<<20), strings.Repeat("a.", 1_000_000) + "example",
			"http://" + strings.Repeat("é", 5000) + ".example", strings.Repeat("\x00", 10<<20),
		},
	}
	for reason, table := range tables {
		for _, raw := range table {
			require.Equal(t, reason, refusal(t, indicator.Domain, raw).Reason, "%.80q", raw)
		}
	}
}

func TestFault_D12_ARefusalKeepsPasswordsAndRecipientsToItself(t *testing.T) {
	for _, raw := range []string{
		"https://user:canary@evil_host.example/?to=canary", "https://evil_host.example/#canary", "canary@evil.example",
		"ftp://canary@evil.example", "https://evil\u200b.example/?canary", `https://evil.example\?canary`,
	} {
		require.NotContains(t, refusal(t, indicator.Domain, raw).Error(), "canary", "%q", raw)
	}
}

func TestFault_D11_AHashIsSixtyFourHexDigitsInLowerCase(t *testing.T) {
	for _, raw := range []string{aHash, strings.ToUpper(aHash), "  " + aHash + " "} {
		in, err := indicator.New(indicator.Sighting{Kind: indicator.SHA256, Raw: raw}, indicator.AttachmentHashes)
		require.NoError(t, err)
		require.Equal(t, indicator.Key{Kind: indicator.SHA256, Value: aHash}, in.Key)
	}
	for raw, reason := range map[string]indicator.Reason{
		"":                        indicator.NotAHash,
		aHash[:32]:                indicator.NotAHash,
		aHash[:40]:                indicator.NotAHash,
		aHash + "0":               indicator.NotAHash,
		"g" + aHash[1:]:           indicator.NotAHash,
		"0x" + aHash[2:]:          indicator.NotAHash,
		"０" + aHash[3:]:           indicator.NotAHash,
		aHash + "\n":              indicator.Unprintable,
		aHash[:63] + "\x00":       indicator.Unprintable,
		strings.Repeat("a", 129):  indicator.TooLong,
		strings.Repeat("a", 1e7):  indicator.TooLong,
		strings.Repeat("\n", 1e7): indicator.TooLong,
	} {
		require.Equal(t, reason, refusal(t, indicator.SHA256, raw).Reason, "%.80q", raw)
	}
}

func TestAnUnknownKindIsRefused(t *testing.T) {
	require.Equal(t, indicator.UnknownKind, refusal(t, "ipv4", "192.0.2.1").Reason)
	require.Equal(t, indicator.UnknownKind, refusal(t, "", "evil.example").Reason)
	require.Equal(t, indicator.UnknownKind, refusal(t, indicator.Kind(strings.Repeat("\x1b", 1e6)), "x").Reason)
}

func TestAnIndicatorKeepsItsSourceTimeAndRecord(t *testing.T) {
	at := time.Date(2026, 11, 16, 1, 12, 30, 0, time.FixedZone("", 3600))
	in, err := indicator.New(indicator.Sighting{
		Kind: indicator.Domain, Raw: "evil.example", SeenAt: at, Record: "line\nbreak" + strings.Repeat("x", 400),
	}, indicator.ImpersonationDomains)
	require.NoError(t, err)
	require.Equal(t, indicator.ImpersonationDomains, in.Source)
	require.Equal(t, time.UTC, in.SeenAt.Location())
	require.True(t, at.Equal(in.SeenAt))
	require.Equal(t, indicator.MaxRecord, utf8.RuneCountInString(in.Record))
	require.True(t, strings.HasPrefix(in.Record, `line\nbreakx`))
}

// anyText is text of the kinds that get through to the rules, and any other text.
func anyText() *rapid.Generator[string] {
	label := rapid.StringMatching(`[a-zA-Z0-9äßеоς公א-]{1,12}`)
	name := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(label, 1, 5).Draw(t, "labels"), rapid.SampledFrom([]string{".", "。"}).Draw(t, "dot"))
	})
	return rapid.OneOf(name,
		rapid.Custom(func(t *rapid.T) string {
			return rapid.SampledFrom([]string{"http://", "HTTPS://u:p@", "hxxp://", "xn--", "//", "["}).Draw(t, "front") +
				name.Draw(t, "name") + rapid.SampledFrom([]string{"", ":80/", "/?q", "]", ".", "-"}).Draw(t, "back")
		}),
		rapid.StringMatching(`[a-z]{1,10}(\.[0-9a-fx]{1,4}){1,4}`), rapid.String())
}

func TestFault_D4_CanonicalTwiceIsCanonicalOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { requireCanonical(t, anyText().Draw(t, "raw")) })
}

// requireCanonical holds for every text: it is refused in a safe line, or its canonical form is one, and a fixed point.
func requireCanonical(t require.TestingT, raw string) {
	for _, kind := range []indicator.Kind{indicator.Domain, indicator.SHA256} {
		in, err := indicator.New(indicator.Sighting{Kind: kind, Raw: raw}, indicator.URLDomains)
		if err != nil {
			require.NotEmpty(t, refusal(t, kind, raw).Reason)
			require.NotEqual(t, indicator.Defect, refusal(t, kind, raw).Reason, "a panic, which only looks like a refusal")
			continue
		}
		require.Regexp(t, `\A([a-z0-9]|[a-z0-9.-]{1,251}[a-z0-9]|[0-9a-f]{64})\z`, in.Value)
		again, err := indicator.New(indicator.Sighting{Kind: kind, Raw: in.Value}, indicator.URLDomains)
		require.NoError(t, err, "%q became %q, which is refused", raw, in.Value)
		require.Equal(t, in.Key, again.Key)
	}
}

func FuzzNew(f *testing.F) {
	for _, seed := range []string{
		"evil.example", "https://u:p@bücher.example:80/?q#f", "[::1]", "0x7f.1", "xn--bcher-kva.example", "*.evil.example", "evil。example.",
		"a\u202e", aHash, "①②⑦.1", "xn--a-ecp.ru", "ＸＮ－－bcher-kva.example", "xn--xn--bcher-kva-.example",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) { requireCanonical(t, raw) })
}

func BenchmarkNew(b *testing.B) {
	for name, raw := range map[string]string{
		"plain": "login.evil.example", "url": "https://login.evil.example/a?b=c", "unicode": "bücher.example", "a-label": "xn--bcher-kva.example",
		"huge": strings.Repeat("a.", 5<<20),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, _ = indicator.New(indicator.Sighting{Kind: indicator.Domain, Raw: raw}, indicator.URLDomains)
			}
		})
	}
}
