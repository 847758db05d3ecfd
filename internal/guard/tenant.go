package guard

import (
	"strings"

	"github.com/threatshare/threatshare/internal/indicator"
)

// Tenant is what one integration must not hurt, and what a person has decided.
type Tenant struct {
	InternalDomains []string // as Mimecast gives them; what is no domain is compared as it stands
	Protect         []string // protect.domains of the settings
	Allow           []string // protect.allow of the settings: domains and SHA-256 hashes, each for itself alone
}

// own is a set of the tenant's domains and of all names above them.
type own struct {
	names set
	above set // name above → the own name beneath it
}

// bareDomain is for what people write into settings, where a URL is a misunderstanding.
func bareDomain(entry string) (indicator.Indicator, error) {
	if strings.Contains(entry, "/") {
		return indicator.Indicator{}, &indicator.Refusal{Reason: indicator.NotADomain, Detail: "a domain is wanted, not a URL"}
	}
	return indicator.New(indicator.Sighting{Kind: indicator.Domain, Raw: entry}, "")
}

func newOwn() own { return own{names: set{}, above: set{}} }

func (o own) add(name string) {
	o.names[name] = ""
	for above := range lineage(name) {
		if above != name {
			o.above[above] = name
		}
	}
}

// addAny also takes what is no domain, such as the single label that an internal network is named by. A top-level domain
// of the public DNS is nobody's own and is left out.
func (o own) addAny(entry string) {
	if in, err := bareDomain(entry); err == nil {
		o.add(in.Value)
		return
	}
	if name := strings.ToLower(strings.TrimSpace(entry)); name != "" && !knownTLD(name) {
		o.names[name] = ""
	}
}

// match says whose name it is: an own one, one beneath or one above.
func (o own) match(reason indicator.Reason, domain string) *indicator.Refusal {
	for name := range lineage(domain) {
		switch {
		case !o.names.has(name):
		case name == domain:
			return refuse(reason, "%s", name)
		default:
			return refuse(reason, "beneath %s", name)
		}
	}
	if beneath, found := o.above[domain]; found {
		return refuse(reason, "above %s", beneath)
	}
	return nil
}
