// Package guard says what is never shared, and why: the tenant's own and what everybody uses, however loudly a vendor
// calls it malicious. It is handed values and gives back values; where lists and settings come from is for others.
//
// # How a name is matched
//
// A name beneath a listed one is held with it as far as the same owner reaches: mail.google.com with google.com, but not
// evil.github.io with github.io, since the public suffix list and the list hosting-parents say that names beneath those
// are given to strangers. The tenant's own names, the vendors' hosts, special-use names and an operator's lists of the
// type hostname reach everything beneath; above the tenant's own names everything is held as well.
package guard

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/threatshare/threatshare/internal/indicator"
)

// maxDetail bounds what a refusal says, in characters, and maxShown what it or an error repeats of a text: a whole hash.
const (
	maxDetail = 120
	maxShown  = 64
)

// Rules decide about one integration's indicators. They are read-only and safe for concurrent use; New makes them. The
// zero Rules hold everything.
type Rules struct {
	lists    Lists
	ready    bool
	internal own
	protect  own
	allow    map[indicator.Key]struct{}
}

// New makes rules. Its error names every entry of Protect and Allow that is neither a domain nor, for Allow, a hash.
func New(lists Lists, tenant Tenant) (Rules, error) {
	if len(lists.held) == 0 {
		return Rules{}, errors.New("make guard rules: no lists, take guard.Embedded")
	}
	rules := Rules{
		lists: lists, ready: true,
		internal: newOwn(), protect: newOwn(),
		allow: map[indicator.Key]struct{}{},
	}
	for _, entry := range tenant.InternalDomains {
		rules.internal.addAny(entry)
	}
	var problems []error
	for i, entry := range tenant.Protect {
		in, err := bareDomain(entry)
		if err != nil {
			problems = append(problems, fmt.Errorf("protect.domains[%d], %s: %w", i, indicator.Printable(entry, maxShown), err))
			continue
		}
		rules.protect.add(in.Value)
	}
	for i, entry := range tenant.Allow {
		in, err := indicator.New(indicator.Sighting{Kind: indicator.SHA256, Raw: entry}, "")
		if err != nil {
			in, err = bareDomain(entry)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("protect.allow[%d], %s: neither a SHA-256 nor a domain: %w", i, indicator.Printable(entry, maxShown), err))
			continue
		}
		rules.allow[in.Key] = struct{}{}
	}
	if len(problems) > 0 {
		return Rules{}, fmt.Errorf("make guard rules: %w", errors.Join(problems...))
	}
	return rules, nil
}

// Check gives nil if the indicator may be shared, and otherwise why not. What Hard says of the reason tells whether
// Tenant.Allow could release it.
func (r Rules) Check(in indicator.Indicator) *indicator.Refusal {
	if !r.ready {
		return refuse(NoRules, "the guard has not been set up")
	}
	// An indicator that comes out of a payload may have been written by anybody, so its form is checked once more.
	again, err := indicator.New(indicator.Sighting{Kind: in.Kind, Raw: in.Value}, in.Source)
	if err != nil {
		return refuse(NotCanonical, "%s", err)
	}
	if again.Value != in.Value {
		return refuse(NotCanonical, "%s", indicator.Printable(in.Value, maxShown))
	}
	if refused := r.stop(in.Key); refused != nil {
		return refused
	}
	if _, released := r.allow[in.Key]; released {
		return nil
	}
	return r.hold(in.Key)
}

// stop is what nobody releases.
func (r Rules) stop(key indicator.Key) *indicator.Refusal {
	if key.Kind == indicator.Domain {
		return r.stopDomain(key.Value)
	}
	return r.stopHash(key.Value)
}

// hold is what a person may release.
func (r Rules) hold(key indicator.Key) *indicator.Refusal {
	var names []string
	if key.Kind == indicator.Domain {
		names = slices.Collect(r.lists.ofOneOwner(key.Value))
		if refused := r.holdDomain(key.Value, names); refused != nil {
			return refused
		}
	}
	for _, list := range r.lists.operators {
		if entry, found := list.match(key, names); found {
			return refuse(Warninglist, "%s: %s", list.title, indicator.Printable(entry, maxShown))
		}
	}
	return nil
}

func (r Rules) stopDomain(domain string) *indicator.Refusal {
	if section, found := suffixOf(domain); found {
		return refuse(PublicSuffix, "%s section, %s: %s", section, suffixEdition(), domain)
	}
	for _, list := range []list{r.lists.specialUse, r.lists.vendorHosts} {
		for name := range lineage(domain) {
			if list.entries.has(name) {
				return list.hold(name)
			}
		}
	}
	if refused := r.internal.match(InternalDomain, domain); refused != nil {
		return refused
	}
	return r.protect.match(Protected, domain)
}

// holdDomain is handed the names of the domain's owner too, itself first.
func (r Rules) holdDomain(domain string, names []string) *indicator.Refusal {
	if !knownTLD(domain) {
		return refuse(UnknownTLD, "not in the %s: %s", suffixEdition(), domain)
	}
	if spelled, how, found := homograph(domain); found {
		return refuse(Homograph, "%s: %s is %s", how, indicator.Printable(spelled, maxShown/2), domain)
	}
	for _, list := range r.lists.held {
		for _, name := range names {
			if list.entries.has(name) {
				return list.hold(name)
			}
		}
	}
	return nil
}

func (r Rules) stopHash(hash string) *indicator.Refusal {
	empty := sha256.Sum256(nil)
	if hash == hex.EncodeToString(empty[:]) {
		return refuse(EmptyFile, "")
	}
	if what, found := r.lists.knownGood.entries[hash]; found {
		return r.lists.knownGood.hold(what)
	}
	return nil
}

// suffixEdition names the public suffix list and its date, which is the end of what the library says of it.
func suffixEdition() string {
	text := publicsuffix.List.String()
	if _, date, found := strings.Cut(text, "("); found && len(date) >= len("2006-01-02") {
		return "public suffix list of " + date[:len("2006-01-02")]
	}
	return "public suffix list"
}

func refuse(reason indicator.Reason, format string, args ...any) *indicator.Refusal {
	return &indicator.Refusal{Reason: reason, Detail: indicator.Printable(fmt.Sprintf(format, args...), maxDetail)}
}
