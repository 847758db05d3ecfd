package guard

import (
	"iter"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// set is entries and, for some, what they are.
type set map[string]string

func (s set) has(name string) bool {
	_, found := s[name]
	return found
}

// lineage gives name and every name above it, nearest first, down to the single label.
func lineage(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for found := true; found; _, name, found = strings.Cut(name, ".") {
			if !yield(name) {
				return
			}
		}
	}
}

// ofOneOwner gives name and those names above it that the same owner has, nearest first. It ends beneath a public suffix
// and beneath a hosting parent: what is known of github.io or of wordpress.com says nothing about evil.github.io or
// evil.wordpress.com, which somebody else runs, and holding all of them would leave the attackers among them alone. A
// www beneath a hosting parent is the parent's own.
func (l Lists) ofOneOwner(name string) iter.Seq[string] {
	suffix, _ := publicsuffix.PublicSuffix(name)
	return func(yield func(string) bool) {
		for above := range lineage(name) {
			if above == suffix || above != name && l.hostingParents.has(above) && name != "www."+above {
				return
			}
			if !yield(above) {
				return
			}
		}
	}
}

// isRegistrySuffix says whether registries give out names directly beneath name: com, co.uk, but not github.io.
func isRegistrySuffix(name string) bool {
	suffix, icann := publicsuffix.PublicSuffix(name)
	return suffix == name && (icann || !strings.Contains(name, "."))
}

// suffixOf says whether name is a public suffix and of which section of the list. What only has suffixes beneath it by a
// wildcard rule, such as kawasaki.jp, counts as one: strangers have names two levels beneath it.
func suffixOf(name string) (section string, found bool) {
	suffix, icann := publicsuffix.PublicSuffix(name)
	if suffix != name {
		const anyName = "threat-share-probe."
		if suffix, icann = publicsuffix.PublicSuffix(anyName + name); suffix != anyName+name {
			return "", false
		}
	}
	if icann {
		return "ICANN", true
	}
	return "private", true
}

// knownTLD says whether the public suffix list knows the top level of name, which may be that alone.
func knownTLD(name string) bool {
	suffix, icann := publicsuffix.PublicSuffix(name)
	return icann || strings.Contains(suffix, ".")
}
