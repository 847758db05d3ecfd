package guard_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/idna"

	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/harness/scale"
	"github.com/threatshare/threatshare/internal/indicator"
)

// The whole public suffix list is in the tests of the module that the guard asks, in the same version.
func TestFault_D7_NoSuffixOfThePublicSuffixListIsEverShared(t *testing.T) {
	rules := rulesFor(t, guard.Tenant{})
	suffixes := 0
	for _, rule := range publicSuffixRules(t) {
		if strings.HasPrefix(rule, "!") {
			continue // an exception is a name that somebody has registered
		}
		named := []string{strings.Replace(rule, "*.", "any-name-4711.", 1)}
		if parent, wildcard := strings.CutPrefix(rule, "*."); wildcard {
			named = append(named, parent)
		}
		for _, suffix := range named {
			unicode, err := idna.Punycode.ToUnicode(suffix)
			require.NoError(t, err)
			for _, spelling := range scale.Of([]string{unicode}, []string{suffix, strings.ToUpper(suffix), unicode, "https://" + suffix + "/"}) {
				in, err := indicator.New(indicator.Sighting{Kind: indicator.Domain, Raw: spelling}, indicator.URLDomains)
				if err == nil {
					require.NotNil(t, rules.Check(in), "%s is shared", spelling)
				}
			}
		}
		suffixes++
	}
	require.Greater(t, suffixes, 9_000)
	t.Logf("%d suffixes", suffixes)
}

func publicSuffixRules(t *testing.T) []string {
	t.Helper()
	folder, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/net").Output()
	require.NoError(t, err)
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(folder)), "publicsuffix", "table_test.go"), nil, 0)
	require.NoError(t, err)
	var rules []string
	ast.Inspect(file.Scope.Lookup("rules").Decl.(ast.Node), func(node ast.Node) bool {
		if literal, is := node.(*ast.BasicLit); is && literal.Kind == token.STRING {
			rule, err := strconv.Unquote(literal.Value)
			require.NoError(t, err)
			rules = append(rules, rule)
		}
		return true
	})
	return rules
}

// The ranges of RFC 6890 and its updates. An address is no domain, so none is shared at all; here are those that would hurt most.
func TestFault_D8_NoAddressOfASpecialRangeIsShared(t *testing.T) {
	for _, text := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
		"192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32",
		"::/128", "::1/128", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:2::/48", "2001:db8::/32", "2002::/16", "3fff::/20", "fc00::/7",
		"fe80::/10", "ff00::/8",
	} {
		network := netip.MustParsePrefix(text)
		first, inside := network.Addr(), network.Addr().Next()
		if !network.Contains(inside) {
			inside = first
		}
		spellings := []string{text, first.String(), inside.String(), "http://" + netip.AddrPortFrom(inside, 80).String() + "/", netip.AddrPortFrom(inside, 443).String()}
		if first.Is4() {
			spellings = append(spellings, "::ffff:"+inside.String(), "http://"+inside.String()+"./", inside.String()+"/32")
		} else {
			spellings = append(spellings, "["+inside.String()+"]", inside.String()+"%eth0", "http://["+inside.WithZone("eth0").String()+"]/")
		}
		for _, spelling := range spellings {
			_, err := indicator.New(indicator.Sighting{Kind: indicator.Domain, Raw: spelling}, indicator.URLDomains)
			require.Error(t, err, spelling)
		}
	}
}
