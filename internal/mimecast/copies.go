package mimecast

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"

	"github.com/threatshare/threatshare/internal/indicator"
)

// What creations remembers is of one process. If a worker is killed while the vendor carries out a create, and another one asks
// before the list shows it, there are two policies of one object. Both block, so nobody is worse off; what is one too many is
// removed when the list is read the next time. A policy has no mark but its description, so it is only taken for a copy if it is in
// all it says as it was made:
//
//   - One that a person has changed is never removed. It is no reason to remove the other one either: who sees two of the same
//     and switches one off, or makes an exemption for one recipient of it, has dealt with the copy, and still wants the block.
//   - Ids may differ between reads, so no id decides. The first on the list stays, which is the one that each read before has
//     given. Where two workers should see two orders and each remove what the other one keeps, the list is read once more after
//     a removal, and what has lost its last policy gets one.

// kept gives the policy that stays of several that are ours and of one object, and the ids of its copies.
func kept(same []policyEntry) (stays indicator.Policy, copies []string) {
	stays = same[0].policy()
	met := map[string]bool{"": true} // what has no id cannot be removed
	for _, entry := range same {
		policy := entry.policy()
		switch {
		case met[policy.ID] || !entry.asMade(): // a list that grows while it is read may show one entry twice
			continue
		case len(met) == 1:
			stays = policy
		default:
			copies = append(copies, policy.ID)
		}
		met[policy.ID] = true
	}
	return stays, copies
}

// removeCopies removes policies up to the first that cannot be: a copy does no harm, and is no reason not to block.
func (c *Client) removeCopies(ctx context.Context, ids []string) indicator.Copies {
	for i, id := range ids {
		if c.DeletePolicy(ctx, id) != nil {
			return indicator.Copies{Removed: i, Left: len(ids) - i}
		}
	}
	return indicator.Copies{Removed: len(ids)}
}

// withoutCopies removes the copies of our policies for single domains, and gives the list without them. That is entries where
// there are none.
func (c *Client) withoutCopies(ctx context.Context, description string, entries []policyEntry) ([]policyEntry, indicator.Copies, error) {
	same := map[string][]policyEntry{}
	var domains, copies []string
	for _, entry := range entries {
		if policy := entry.policy(); policy.Domain != "" && policy.Description == description {
			if same[policy.Domain] = append(same[policy.Domain], entry); len(same[policy.Domain]) == 2 {
				domains = append(domains, policy.Domain)
			}
		}
	}
	for _, domain := range domains {
		_, more := kept(same[domain])
		copies = append(copies, more...)
	}
	done := c.removeCopies(ctx, copies)
	if done.Removed == 0 {
		return entries, done, nil
	}
	entries, err := c.policyEntries(ctx)
	if err != nil {
		return nil, done, err
	}
	known := knownSenders(description, entries)
	for _, domain := range domains {
		if _, found := known[domain]; !found {
			if _, err := c.blockSender(ctx, description, domain); err != nil {
				return nil, done, err
			}
		}
	}
	return entries, done, nil
}

// asMade says whether a policy is as newPolicyOf makes it. What an answer leaves out is taken to be so, but for what the policy is
// about.
func (e policyEntry) asMade() bool {
	body := e.body()
	switch {
	case !e.policy().Enabled || e.policy().Option != optionBlock:
		return false
	case !cmp.Or(body.To.Type, body.ToType).is(typeInternal):
		return false
	case body.FromPart != "" && !body.FromPart.is(fromBoth):
		return false
	case !eternal(body.FromEternal, cmp.Or(body.FromDate, body.FromDateTime), "1900-"):
		return false
	case !eternal(body.ToEternal, cmp.Or(body.ToDate, body.ToDateTime), "2100-"):
		return false
	case bool(body.Bidirectional), bool(body.Override), bool(body.Enforced):
		return false
	default:
		return body.Comment == "" && body.Conditions.empty() && body.SourceIPs.empty() && body.Hostnames.empty() && body.SPFDomains.empty()
	}
}

// eternal says whether a policy is without this end. far is how the date begins that stands for none.
func eternal(told *flag, date text, far string) bool {
	if told != nil {
		return bool(*told)
	}
	return date == "" || strings.HasPrefix(string(date), far)
}

// anything is a field of whose value only counts whether there is one.
type anything struct{ value any }

// UnmarshalJSON fails for what is no JSON only.
func (a *anything) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, &a.value) }

func (a anything) empty() bool { return says(a.value) == 0 }

// says counts the single values in a JSON value.
func says(value any) (n int) {
	switch value := value.(type) {
	case nil:
	case map[string]any:
		for _, inner := range value {
			n += says(inner)
		}
	case []any:
		for _, inner := range value {
			n += says(inner)
		}
	default:
		return 1
	}
	return n
}
