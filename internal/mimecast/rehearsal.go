package mimecast

import (
	"context"
	"strings"

	"github.com/threatshare/threatshare/internal/indicator"
)

// SendersThere says what BlockSenderDomains would find: one outcome for each domain in order, an empty one where it would
// make a policy. It reads the list of policies and writes nothing. Every failure is a *vendorapi.Error.
func (c *Client) SendersThere(ctx context.Context, description string, domains []string) ([]indicator.Outcome, error) {
	entries, err := c.policyEntries(ctx)
	if err != nil {
		return nil, err
	}
	known := knownSenders(strings.TrimSpace(description), entries)
	outcomes := make([]indicator.Outcome, len(domains))
	for i, domain := range domains {
		outcomes[i] = known[domain]
		outcomes[i].Key = indicator.Key{Kind: indicator.Domain, Value: domain}
	}
	return outcomes, nil
}

// URLDomainsThere says what BlockURLDomains would find: one outcome for each domain in order, an empty one where it would make
// an entry. It reads the list of managed URLs and writes nothing. Every failure is a *vendorapi.Error.
func (c *Client) URLDomainsThere(ctx context.Context, domains []string, comment string) ([]indicator.Outcome, error) {
	listed, err := c.ManagedURLs(ctx)
	if err != nil {
		return nil, err
	}
	comment = strings.TrimSpace(shortened(comment, maxURLComment))
	there := make(map[string][]indicator.ManagedURL, len(listed))
	for _, entry := range listed {
		there[entry.Domain] = append(there[entry.Domain], entry)
	}
	outcomes := make([]indicator.Outcome, len(domains))
	for i, domain := range domains {
		key := indicator.Key{Kind: indicator.Domain, Value: domain}
		outcomes[i] = indicator.Outcome{Key: key}
		if outcome := standing(key, there[domain], comment); outcome.Refused == "" {
			outcomes[i] = outcome
		}
	}
	return outcomes, nil
}
