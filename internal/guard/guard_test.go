package guard_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
)

const someHash = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

func embedded(t require.TestingT) guard.Lists {
	lists, err := guard.Embedded()
	require.NoError(t, err)
	return lists
}

func rulesFor(t require.TestingT, tenant guard.Tenant) guard.Rules {
	rules, err := guard.New(embedded(t), tenant)
	require.NoError(t, err)
	return rules
}

func domain(t require.TestingT, raw string) indicator.Indicator {
	in, err := indicator.New(indicator.Sighting{Kind: indicator.Domain, Raw: raw}, indicator.URLDomains)
	require.NoError(t, err, "%q", raw)
	return in
}

func hash(t require.TestingT, raw string) indicator.Indicator {
	in, err := indicator.New(indicator.Sighting{Kind: indicator.SHA256, Raw: raw}, indicator.AttachmentHashes)
	require.NoError(t, err, "%q", raw)
	return in
}

// requireHeld says that the value is held for the reason, in words that are one short safe line.
func requireHeld(t require.TestingT, rules guard.Rules, in indicator.Indicator, reason indicator.Reason) string {
	refused := rules.Check(in)
	require.NotNil(t, refused, "%s is shared", in.Value)
	require.Equal(t, reason, refused.Reason, "%s: %s", in.Value, refused.Detail)
	require.LessOrEqual(t, utf8.RuneCountInString(refused.Detail), 120)
	require.Equal(t, indicator.Printable(refused.Detail, 120), refused.Detail)
	return refused.Detail
}

func requireShared(t require.TestingT, rules guard.Rules, in indicator.Indicator) {
	require.Nil(t, rules.Check(in), "%s", in.Value)
}

func TestOrdinaryMaliciousValuesAreShared(t *testing.T) {
	rules := rulesFor(t, guard.Tenant{InternalDomains: []string{"own-company.com"}, Protect: []string{"partner-company.com"}})
	for _, name := range []string{
		"invoice-portal-4711.top", "login.invoice-portal-4711.top", "secure-update.co.uk", "own-company.com.invoice-portal-4711.top",
		"notown-company.com", "gmail.com.invoice-portal-4711.top", "mimecast.com.invoice-portal-4711.top", "mimecast-login-4711.com",
		"buecher-4711.de", "bücher-kaufen-4711.de", "ひらがなと漢字テスト.com",
	} {
		requireShared(t, rules, domain(t, name))
	}
	requireShared(t, rules, hash(t, someHash))
}

func TestFault_D9_TheTenantsOwnNamesAreHeldWithWhatIsBeneathAndAbove(t *testing.T) {
	rules := rulesFor(t, guard.Tenant{
		InternalDomains: []string{" Mail.Own-Company.COM. ", "bücher-4711.de", "acme4711.onmicrosoft.com", "corpnet", "my_dom.own-company.com", "", "com"},
		Protect:         []string{"Partner-Company.co.uk"},
	})
	for name, reason := range map[string]indicator.Reason{
		"mail.own-company.com":            guard.InternalDomain,
		"deep.below.mail.own-company.com": guard.InternalDomain,
		"own-company.com":                 guard.InternalDomain,
		"xn--bcher-4711-9db.de":           guard.InternalDomain,
		"acme4711.onmicrosoft.com":        guard.InternalDomain,
		"onmicrosoft.com":                 guard.InternalDomain,
		"host.corpnet":                    guard.InternalDomain,
		"partner-company.co.uk":           guard.Protected,
		"www.partner-company.co.uk":       guard.Protected,
	} {
		requireHeld(t, rules, domain(t, name), reason)
	}
	require.Equal(t, "beneath mail.own-company.com", requireHeld(t, rules, domain(t, "x.mail.own-company.com"), guard.InternalDomain))
	require.Equal(t, "above mail.own-company.com", requireHeld(t, rules, domain(t, "own-company.com"), guard.InternalDomain))
	for _, name := range []string{"www.own-company.com", "other-company.co.uk", "evil4711.onmicrosoft.com", "invoice-portal-4711.com"} {
		requireShared(t, rules, domain(t, name))
	}
}

func TestEverySampledPublicSuffixIsHeld(t *testing.T) {
	rules := rulesFor(t, guard.Tenant{})
	checked := 0
	for _, rule := range entriesOf(t, "testdata/public-suffixes.txt") {
		suffix := strings.Replace(rule, "*.", "any-name-4711.", 1)
		in, err := indicator.New(indicator.Sighting{Kind: indicator.Domain, Raw: suffix}, indicator.URLDomains)
		if err != nil {
			require.NotContains(t, suffix, ".", "a suffix of one label is no domain at all")
			continue
		}
		if strings.HasPrefix(rule, "!") {
			continue
		}
		requireHeld(t, rules, in, guard.PublicSuffix)
		if parent, found := strings.CutPrefix(rule, "*."); found && strings.Contains(parent, ".") {
			requireHeld(t, rules, domain(t, parent), guard.PublicSuffix)
		}
		checked++
	}
	require.Greater(t, checked, 200)
	require.Contains(t, requireHeld(t, rules, domain(t, "co.uk"), guard.PublicSuffix), "ICANN section, public suffix list of 2")
	require.Contains(t, requireHeld(t, rules, domain(t, "github.io"), guard.PublicSuffix), "private section")
}

func TestFault_D9_HardStopsAreNamed(t *testing.T) {
	rules := rulesFor(t, guard.Tenant{})
	for name, reason := range map[string]indicator.Reason{
		"host.local": guard.SpecialUse, "a.internal": guard.SpecialUse, "x.localhost": guard.SpecialUse, "evil.example": guard.SpecialUse,
		"evil.test": guard.SpecialUse, "evil.invalid": guard.SpecialUse, "abc.onion": guard.SpecialUse, "router.home.arpa": guard.SpecialUse,
		"4.3.2.1.in-addr.arpa": guard.SpecialUse, "www.example.com": guard.SpecialUse, "example.org": guard.SpecialUse, "pc.lan": guard.SpecialUse,
		"mimecast.com": guard.VendorHost, "protect-eu.mimecast.com": guard.VendorHost, "url.us.m.mimecastprotect.com": guard.VendorHost,
		"crowdstrike.com": guard.VendorHost, "api.eu-1.crowdstrike.com": guard.VendorHost, "api.us-gov-2.crowdstrike.mil": guard.VendorHost,
		"ts01-b.cloudsink.net": guard.VendorHost,
	} {
		detail := requireHeld(t, rules, domain(t, name), reason)
		require.Regexp(t, `^[a-z-]+ of \d{4}-\d\d-\d\d: [a-z0-9.-]+$`, detail, "list, edition and entry")
	}
}

func TestEveryoneMayReleaseButNotAHardStop(t *testing.T) {
	held := []string{"gmail.com", "google.com", "bit.ly", "wordpress.com", "evil.nosuchtld", "раураl-4711.com"}
	stopped := []string{
		"co.uk", "github.io", "host.local", "own-company.com", "www.own-company.com", "partner-company.com", "mimecast.com", "x.crowdstrike.com",
	}
	hashes := []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f",
	}
	tenant := guard.Tenant{InternalDomains: []string{"own-company.com"}, Protect: []string{"partner-company.com"}}
	strict := rulesFor(t, tenant)
	tenant.Allow = append(append(append(tenant.Allow, held...), stopped...), hashes...)
	released := rulesFor(t, tenant)

	for _, name := range held {
		refused := strict.Check(domain(t, name))
		require.NotNil(t, refused, name)
		require.False(t, guard.Hard(refused.Reason), "%s: %s", name, refused)
		requireShared(t, released, domain(t, name))
	}
	values := []indicator.Indicator{hash(t, hashes[0]), hash(t, hashes[1])}
	for _, name := range stopped {
		values = append(values, domain(t, name))
	}
	for _, in := range values {
		refused := strict.Check(in)
		require.NotNil(t, refused, in.Value)
		require.True(t, guard.Hard(refused.Reason), "%s: %s", in.Value, refused)
		require.Equal(t, refused, released.Check(in))
	}
}

func TestAllowReleasesTheValueAlone(t *testing.T) {
	rules := rulesFor(t, guard.Tenant{Allow: []string{"docs.google.com", "GMAIL.com."}})
	requireShared(t, rules, domain(t, "docs.google.com"))
	requireShared(t, rules, domain(t, "gmail.com"))
	requireHeld(t, rules, domain(t, "google.com"), guard.PopularSite)
	requireHeld(t, rules, domain(t, "x.docs.google.com"), guard.PopularSite)
}

func TestFault_D9_NoRuleEverSharesATenantsOwnName(t *testing.T) {
	lists := embedded(t)
	name := rapid.StringMatching(`([a-z0-9]{1,8}\.){1,3}[a-z0-9]{2,8}\.(com|co\.uk|de|github\.io|wordpress\.com|kawasaki\.jp|nosuchtld)`)
	rapid.Check(t, func(t *rapid.T) {
		own := domain(t, name.Draw(t, "own")).Value
		related := domain(t, rapid.SampledFrom(append(above(own), own, "www."+own, "a.b."+own)).Draw(t, "related"))
		tenant := guard.Tenant{Allow: []string{own, related.Value}}
		if rapid.Bool().Draw(t, "internal") {
			tenant.InternalDomains = []string{own}
		} else {
			tenant.Protect = []string{own}
		}
		rules, err := guard.New(lists, tenant)
		require.NoError(t, err)
		refused := rules.Check(related)
		require.NotNil(t, refused, "%s is shared, %s is own", related.Value, own)
		require.True(t, guard.Hard(refused.Reason))
	})
}

// above gives the names above name that have two labels or more.
func above(name string) []string {
	var names []string
	for {
		_, parent, _ := strings.Cut(name, ".")
		if !strings.Contains(parent, ".") {
			return names
		}
		names = append(names, parent)
		name = parent
	}
}

func TestBadSettingsAreNamedAllAtOnce(t *testing.T) {
	_, err := guard.New(embedded(t), guard.Tenant{
		Protect: []string{"fine-company.com", "*.wild-company.com", "1.2.3.4", "https://url-company.com/"},
		Allow:   []string{"fine-company.com", someHash, someHash[:40], "no domain\r\n", ""},
	})
	require.Error(t, err)
	for _, part := range []string{
		"protect.domains[1], *.wild-company.com: wildcard", "protect.domains[2], 1.2.3.4: ip-literal", "protect.domains[3], https://url-company.com/: not-a-domain",
		"protect.allow[2], " + someHash[:40], `protect.allow[3], no domain\r\n`, "protect.allow[4], : ",
	} {
		require.ErrorContains(t, err, part)
	}
	require.NotContains(t, err.Error(), "fine-company.com")
	require.NotContains(t, err.Error(), "\r")
}

func TestWithoutListsNothingIsShared(t *testing.T) {
	_, err := guard.New(guard.Lists{}, guard.Tenant{})
	require.Error(t, err)
	requireHeld(t, guard.Rules{}, domain(t, "invoice-portal-4711.top"), guard.NoRules)
}

func TestAnIndicatorThatNewDidNotMakeIsHeld(t *testing.T) {
	rules := rulesFor(t, guard.Tenant{Allow: []string{"gmail.com"}})
	for _, key := range []indicator.Key{
		{Kind: indicator.Domain, Value: "Gmail.com"},
		{Kind: indicator.Domain, Value: "1.2.3.4"},
		{Kind: indicator.Domain, Value: "127.1"},
		{Kind: indicator.Domain, Value: "https://invoice-portal-4711.top"},
		{Kind: indicator.SHA256, Value: strings.ToUpper(someHash)},
		{Kind: indicator.SHA256, Value: ""},
		{Kind: "ipv4", Value: "1.2.3.4"},
		{},
		{Kind: indicator.Domain, Value: "a\x1b\r\n.top"},
	} {
		requireHeld(t, rules, indicator.Indicator{Key: key}, guard.NotCanonical)
	}
}

func FuzzCheck(f *testing.F) {
	rules := rulesFor(f, guard.Tenant{InternalDomains: []string{"own-company.com"}, Protect: []string{"partner-company.com"}})
	for _, seed := range []string{"gmail.com", "xn--80ak6aa92e.com", "a.b.own-company.com", "evil.github.io", "co.uk", "x.local", "x.kawasaki.jp"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		in, err := indicator.New(indicator.Sighting{Kind: indicator.Domain, Raw: raw}, indicator.URLDomains)
		if err != nil {
			return
		}
		refused := rules.Check(in)
		if strings.HasSuffix("."+in.Value, ".own-company.com") || strings.HasSuffix("."+in.Value, ".partner-company.com") {
			require.NotNil(t, refused)
		}
		if refused != nil {
			require.Equal(t, indicator.Printable(refused.Detail, 120), refused.Detail)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	rules := rulesFor(b, guard.Tenant{InternalDomains: []string{"own-company.com"}, Protect: []string{"partner-company.com"}})
	values := map[string]indicator.Indicator{
		"shared": domain(b, "login.invoice-portal-4711.top"), "held": domain(b, "mail.google.com"), "homograph": domain(b, "аррӏе-4711.com"), "hash": hash(b, someHash),
	}
	for name, in := range values {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				rules.Check(in)
			}
		})
	}
}
