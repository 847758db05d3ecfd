package indicator_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/indicator"
)

// The work that a value makes is bounded by the limits and not by the value: whatever is ten megabytes long is refused before it
// is parsed, and hardly anything is allocated for saying so.
func TestFault_D3_WhatIsTooLongIsRefusedUnread(t *testing.T) {
	for _, raw := range []string{
		strings.Repeat("x", 10<<20), strings.Repeat("a.", 5<<20), strings.Repeat("\x00", 10<<20), strings.Repeat("ä", 5<<20),
		"https://" + strings.Repeat("a.", 5<<20) + "com/", "https://u:" + strings.Repeat("@", 10<<20), strings.Repeat("xn--a.", 1<<20), strings.Repeat("0x7f.", 2<<20),
		"https://evil.top/?" + strings.Repeat("a=b&", 2<<20), strings.Repeat("\u202e", 3<<20), strings.Repeat("*", 10<<20), strings.Repeat("%", 10<<20),
	} {
		for _, kind := range []indicator.Kind{indicator.Domain, indicator.SHA256, indicator.Kind(raw)} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := indicator.New(indicator.Sighting{Kind: kind, Raw: raw, Record: raw}, indicator.URLDomains)
			said := err.Error()
			_, isSender := indicator.SenderDomain(raw)
			shown := indicator.Shown(raw)
			runtime.ReadMemStats(&after)
			require.False(t, isSender)
			require.LessOrEqual(t, len(said)+len(shown), 1000)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<10), "%.20q of %d bytes", raw, len(raw))
		}
	}
}

func TestFault_D5_ANameIsNoWiderAndNoOtherThanItStands(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`([a-z0-9]{1,10}\.){1,4}[a-z]{2,6}`).Draw(t, "name")
		require.Equal(t, name, domain(t, name), "never widened to a name above it")
		require.Equal(t, name, domain(t, name+"."), "one dot at the end is the root")
		for raw, reason := range map[string]indicator.Reason{
			"*." + name: indicator.Wildcard, strings.Replace(name, ".", ".*.", 1): indicator.Wildcard, "https://*." + name: indicator.Wildcard,
			name + "..": indicator.NotADomain, "." + name: indicator.NotADomain, strings.Replace(name, ".", "..", 1): indicator.NotADomain,
			"_dmarc." + name: indicator.NotADomain, "a_b." + name: indicator.NotADomain, "-a." + name: indicator.NotADomain, name + "-": indicator.NotADomain,
		} {
			require.Equal(t, reason, refusal(t, indicator.Domain, raw).Reason, raw)
		}
	})
}

func TestFault_D6_AnAddressIsRecognisedInEverySpelling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint32().Draw(t, "address")
		part := func(n uint32) string {
			return fmt.Sprintf(rapid.SampledFrom([]string{"%d", "0x%x", "0X%X", "0%o", "%04d"}).Draw(t, "base"), n)
		}
		spelt := rapid.SampledFrom([]string{
			part(n>>24) + "." + part(n>>16&255) + "." + part(n>>8&255) + "." + part(n&255), part(n>>24) + "." + part(n>>16&255) + "." + part(n&0xffff),
			part(n>>24) + "." + part(n&0xffffff), part(n),
		}).Draw(t, "parts")
		wide := strings.Map(func(r rune) rune { return r - '!' + '！' }, spelt)
		for _, raw := range []string{
			spelt, spelt + ".", " " + spelt, wide, strings.ReplaceAll(spelt, ".", "。"), "http://" + spelt + "/", "https://user@" + spelt + ":8443/x", "http://" + wide + "/",
		} {
			require.Equal(t, indicator.IPLiteral, refusal(t, indicator.Domain, raw).Reason, raw)
		}
	})
	require.Equal(t, "1.2.3.4.top", domain(t, "1.2.3.4.top"), "a number that does not end the name is a label like others")
}
