package guard_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
)

// with gives rules with one warninglist of that type and entries.
func with(t require.TestingT, kind string, entries ...string) guard.Rules {
	text, err := json.Marshal(map[string]any{"name": "House list", "version": 20261123, "type": kind, "list": entries, "description": "d"})
	require.NoError(t, err)
	lists, err := embedded(t).WithWarninglist("house.json", text)
	require.NoError(t, err)
	rules, err := guard.New(lists, guard.Tenant{})
	require.NoError(t, err)
	return rules
}

func TestAStringListReachesTheOwnersOtherNames(t *testing.T) {
	for _, kind := range []string{"string", ""} {
		rules := with(t, kind, "Partner-4711.com", "com", "co.uk", "duckdns.org", "bücher-4711.de", strings.ToUpper(someHash), "192.0.2.1", "a sentence")
		for _, name := range []string{"partner-4711.com", "www.partner-4711.com", "xn--bcher-4711-9db.de"} {
			requireHeld(t, rules, domain(t, name), guard.Warninglist)
		}
		require.Equal(t, "House list 20261123: "+someHash, requireHeld(t, rules, hash(t, someHash), guard.Warninglist))
		for _, name := range []string{"other-4711.com", "notpartner-4711.com", "evil-4711.co.uk", "evil-4711.duckdns.org"} {
			requireShared(t, rules, domain(t, name))
		}
	}
}

func TestAHostnameListReachesEverythingBeneath(t *testing.T) {
	rules := with(t, "hostname", ".partner-4711.com", "duckdns.org", "com", "co.uk")
	for _, name := range []string{"partner-4711.com", "a.b.partner-4711.com", "evil-4711.duckdns.org"} {
		requireHeld(t, rules, domain(t, name), guard.Warninglist)
	}
	for _, name := range []string{"other-4711.com", "evil-4711.co.uk", "notpartner-4711.com"} {
		requireShared(t, rules, domain(t, name))
	}
	require.Equal(t, "House list 20261123: partner-4711.com", requireHeld(t, rules, domain(t, "a.partner-4711.com"), guard.Warninglist))
}

func TestSubstringAndRegexListsReachAnyPart(t *testing.T) {
	rules := with(t, "substring", "PARTNER-47", "ccddeeff0011")
	requireHeld(t, rules, domain(t, "www.partner-4711.com"), guard.Warninglist)
	requireHeld(t, rules, hash(t, someHash), guard.Warninglist)
	requireShared(t, rules, domain(t, "other-4711.com"))

	for _, pattern := range []string{`/^PARTNER-\d+\.com$/i`, `^partner-\d+\.com$`, `/^partner-\d+\.com$/`} {
		rules = with(t, "regex", pattern)
		requireHeld(t, rules, domain(t, "partner-4711.com"), guard.Warninglist)
		requireShared(t, rules, domain(t, "www.partner-4711.com"))
	}
}

func TestACIDRListMatchesNothing(t *testing.T) {
	rules := with(t, "cidr", "192.0.2.0/24", "anything")
	requireShared(t, rules, domain(t, "other-4711.com"))
	requireShared(t, rules, hash(t, someHash))
}

func TestAllowReleasesFromAWarninglist(t *testing.T) {
	lists, err := embedded(t).WithWarninglist("l", []byte(`{"type":"string","list":["partner-4711.com","`+someHash+`"]}`))
	require.NoError(t, err)
	rules, err := guard.New(lists, guard.Tenant{Allow: []string{"partner-4711.com", strings.ToUpper(someHash)}})
	require.NoError(t, err)
	requireShared(t, rules, domain(t, "partner-4711.com"))
	requireShared(t, rules, hash(t, someHash))
}

func TestAddingAListLeavesTheOthersAsTheyWere(t *testing.T) {
	base := embedded(t)
	one, err := base.WithWarninglist("one", []byte(`{"type":"string","list":["one-4711.com"]}`))
	require.NoError(t, err)
	two, err := one.WithWarninglist("two", []byte(`{"type":"string","list":["two-4711.com"]}`))
	require.NoError(t, err)
	_, err = one.WithWarninglist("three", []byte(`{"type":"string","list":["three-4711.com"]}`))
	require.NoError(t, err)
	for name, wants := range map[string][3]bool{"one-4711.com": {false, true, true}, "two-4711.com": {false, false, true}, "three-4711.com": {}} {
		for i, lists := range []guard.Lists{base, one, two} {
			rules, err := guard.New(lists, guard.Tenant{})
			require.NoError(t, err)
			require.Equal(t, wants[i], rules.Check(domain(t, name)) != nil, "%s in %d", name, i)
		}
	}
}

func TestABadWarninglistIsNamedWithItsEntry(t *testing.T) {
	for text, want := range map[string]string{
		``:                                      "not a warninglist",
		`[]`:                                    "not a warninglist",
		`{"list":["a"]} x`:                      "not a warninglist",
		`{"list":{"a":1}}`:                      "not a warninglist",
		`{}`:                                    "it lists nothing",
		`{"type":"string","list":[]}`:           "it lists nothing",
		`{"type":"soundex","list":["a"]}`:       "unknown type soundex: string, hostname, substring, cidr and regex are known",
		`{"type":"string","list":["a.com",7]}`:  "entry 2 is not text: 7",
		`{"type":"string","list":["a.com",""]}`: "entry 2 has 0 bytes",
		`{"type":"substring","list":["  "]}`:    "entry 1 has 0 bytes",
		`{"type":"regex","list":["ok","("]}`:    "entry 2, (: not a pattern",
		`{"type":"regex","list":["/x/e"]}`:      "entry 1, /x/e: flag e",
		`{"type":"regex","list":["//"]}`:        "a pattern of 0 bytes",
		`{"type":"regex","list":["(?=a)"]}`:     "entry 1, (?=a): not a pattern",
		`{"type":"string","list":["` + strings.Repeat("a", 3000) + `"]}`:          "entry 1 has 3000 bytes",
		`{"type":"regex","list":["` + strings.Repeat("a", 501) + `"]}`:            "a pattern of 501 bytes",
		`{"type":"substring","list":["a"` + strings.Repeat(`,"a"`, 20_000) + `]}`: "20001 substrings, at most 20000",
		`{"type":"regex","list":["a"` + strings.Repeat(`,"a"`, 1_000) + `]}`:      "1001 patterns, at most 1000",
		`{"type":"string","list":["a"` + strings.Repeat(`,"a"`, 250_000) + `]}`:   "250001 entries, at most 250000",
		strings.Repeat(" ", 17<<20):                                               "at most 16777216",
	} {
		_, err := embedded(t).WithWarninglist("house\n.json", []byte(text))
		require.ErrorContains(t, err, want, "%.60s", text)
		require.ErrorContains(t, err, `house\n.json`)
		require.Less(t, len(err.Error()), 400)
	}
}

func TestAListMayBeCalledAnything(t *testing.T) {
	for _, head := range []string{`"name":"a\r\n\u001b[31m","version":"7"`, `"version":[1,{}]`, `"name":"` + strings.Repeat("n", 9999) + `"`, `"name":null`} {
		lists, err := embedded(t).WithWarninglist("l", []byte(`{`+head+`,"type":"string","list":["partner-4711.com"]}`))
		require.NoError(t, err)
		rules, err := guard.New(lists, guard.Tenant{})
		require.NoError(t, err)
		require.Contains(t, requireHeld(t, rules, domain(t, "partner-4711.com"), guard.Warninglist), "partner-4711.com")
	}
}

func FuzzWithWarninglist(f *testing.F) {
	for _, seed := range []string{
		`{"name":"n","version":1,"type":"string","list":["a.com"]}`, `{"type":"hostname","list":[".a.com","com"]}`, `{"type":"regex","list":["/a/i"]}`,
		`{"type":"substring","list":["a"]}`, `{"type":"cidr","list":["192.0.2.0/24"]}`, `{"list":[1]}`, `{"type":"regex","list":["(((a{9}){9}){9})"]}`,
	} {
		f.Add([]byte(seed))
	}
	base := embedded(f)
	values := []indicator.Indicator{domain(f, "login.invoice-portal-4711.top"), domain(f, "gmail.com"), hash(f, someHash)}
	f.Fuzz(func(t *testing.T, text []byte) {
		lists, err := base.WithWarninglist("fuzz", text)
		if err != nil {
			return
		}
		rules, err := guard.New(lists, guard.Tenant{})
		require.NoError(t, err)
		for _, in := range values {
			if refused := rules.Check(in); refused != nil {
				require.Equal(t, indicator.Printable(refused.Detail, 120), refused.Detail)
			}
		}
		require.NotNil(t, rules.Check(values[1]), "a list adds to what is held")
	})
}
