package falcon

import "strings"

// Why an alert gives no domain, beside the reasons of every page.
const (
	NoDomain       = "no-domain"        // none of its indicators is a domain
	FalsePositive  = "false-positive"   // a person has called it one
	Ignored        = "ignored"          // a person has set it aside
	TooManyDomains = "too-many-domains" // more than an alert can be about
)

const maxDomains = 200 // of one alert; samples have a handful

// alert is what is read of an alert (contract 3.1). Which fields there are varies by product, so only the first is required.
type alert struct {
	CompositeID string `json:"composite_id"`

	alertIOC

	Context    many[alertIOC] `json:"ioc_context"`
	Resolution loose          `json:"resolution"`
	Tags       many[loose]    `json:"tags"`
	Created    loose          `json:"created_timestamp"`
	Updated    loose          `json:"updated_timestamp"`
	Timestamp  loose          `json:"timestamp"`
}

// alertIOC is an indicator of an alert. Its types are spelt in another way than those of IOC Management: a hash is a
// hash_sha256.
type alertIOC struct {
	Type  loose `json:"ioc_type"`
	Value loose `json:"ioc_value"`
}

// domainsOf gives the domains that an alert is about, each once and as it is spelt there, or why there are none (contract
// 3.2). They stand in two places, at the top and in ioc_context, and only beside the type "domain". Everything else that
// looks like one is the customer's own name, a host that was merely seen, or text. Alerts of indicators that we made are
// not told apart here: their tactic says that somebody made the indicator, not who.
func domainsOf(a alert) (domains []string, reason string) {
	if reason := a.setAside(); reason != "" {
		return nil, reason
	}
	met := make(map[string]bool)
	for _, ioc := range append([]alertIOC{a.alertIOC}, a.Context...) {
		if ioc.Type != "domain" {
			continue
		}
		for value := range strings.SplitSeq(string(ioc.Value), ",") {
			key := canonicalValue(value)
			if key == "" || met[key] {
				continue
			}
			if len(domains) == maxDomains {
				return nil, TooManyDomains
			}
			met[key] = true
			domains = append(domains, strings.TrimSpace(value))
		}
	}
	if len(domains) == 0 {
		return nil, NoDomain
	}
	return domains, ""
}

// setAside is why a person does not want the alert to count, "" if nobody said so. Older alerts say it with a tag.
func (a alert) setAside() string {
	said := append([]loose{a.Resolution}, a.Tags...)
	for _, verdict := range []struct{ word, reason string }{{"false_positive", FalsePositive}, {"ignored", Ignored}} {
		for _, word := range said {
			if strings.EqualFold(strings.TrimSpace(string(word)), verdict.word) {
				return verdict.reason
			}
		}
	}
	return ""
}
