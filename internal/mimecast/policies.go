package mimecast

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	pathPoliciesREST = "/policy-management/cloud-gateway/v1/blocked-senders/policies"
	pathGetPolicy    = "/api/policy/blockedsenders/get-policy"
	pathCreatePolicy = "/api/policy/blockedsenders/create-policy"
	pathDeletePolicy = "/api/policy/blockedsenders/delete-policy"

	optionBlock  = "block_sender"
	optionExempt = "no_action"
)

// Policies reads all Blocked Senders policies, whoever made them. Their ids may differ from those of an earlier read, so
// what is known is found again by its description. Every failure is a *vendorapi.Error. Contract section 6.
func (c *Client) Policies(ctx context.Context) ([]indicator.Policy, error) {
	entries, err := c.policyEntries(ctx)
	if err != nil {
		return nil, err
	}
	policies := make([]indicator.Policy, 0, len(entries))
	for _, entry := range entries {
		policies = append(policies, entry.policy())
	}
	return policies, nil
}

func (c *Client) policyEntries(ctx context.Context) (entries []policyEntry, err error) {
	err = restFirst(&c.classicPolicies,
		func() (err error) {
			entries, err = allPages(http.MethodGet+" "+pathPoliciesREST, func(token string) ([]policyEntry, string, error) { return c.policiesREST(ctx, token) })
			return err
		},
		func() (err error) {
			entries, err = allPages(http.MethodPost+" "+pathGetPolicy, func(token string) ([]policyEntry, string, error) { return c.policiesClassic(ctx, token) })
			c.classicPolicies.Store(err == nil)
			return err
		},
	)
	return entries, err
}

// EnsureGroupPolicy gives the policy of this description that blocks the members of the group, and makes it if there is
// none. One that a person has switched off or changed into an exemption is given as it is. If there are several as they were
// made, all but one are removed. Every failure is a *vendorapi.Error; one of class Unavailable may mean that an earlier try may
// have made the policy, and says when to ask again.
func (c *Client) EnsureGroupPolicy(ctx context.Context, description, groupID string) (indicator.Policy, indicator.Copies, error) {
	description = strings.TrimSpace(description)
	entries, err := c.policyEntries(ctx)
	if err != nil {
		return indicator.Policy{}, indicator.Copies{}, err
	}
	ours, err := c.ofGroup(ctx, description, groupID, entries)
	if err != nil {
		return indicator.Policy{}, indicator.Copies{}, err
	}
	if len(ours) > 0 {
		stays, copies := kept(ours)
		return stays, c.removeCopies(ctx, copies), nil
	}
	wanted := newPolicyOf(description, applies{Type: typeGroup, GroupID: groupID})
	id, err := c.made.once("policy "+description, func() (string, error) { return c.createPolicy(ctx, wanted) })
	if err != nil {
		return indicator.Policy{}, indicator.Copies{}, err
	}
	return indicator.Policy{ID: id, Description: description, Option: optionBlock, Enabled: true, GroupID: groupID}, indicator.Copies{}, nil
}

// ofGroup gives those policies of a description that block the members of a group.
//
// Ids may differ between reads. A policy on a group with another id is therefore compared by the name of its group, unless one
// has the id that is asked for; where that cannot be read, it is an error of class Rejected rather than a second policy.
func (c *Client) ofGroup(ctx context.Context, description, groupID string, entries []policyEntry) (same []policyEntry, err error) {
	var others []policyEntry
	for _, entry := range entries {
		switch policy := entry.policy(); {
		case policy.Description != description || policy.GroupID == "":
		case policy.GroupID == groupID:
			same = append(same, entry)
		default:
			others = append(others, entry)
		}
	}
	if len(same) > 0 {
		return same, nil
	}
	for _, other := range others {
		is, err := c.sameGroup(ctx, other.policy().GroupID, groupID)
		switch {
		case err != nil && len(same) > 0: // not surely ours, and one is found
		case err != nil:
			return nil, err
		case is:
			same = append(same, other)
		}
	}
	return same, nil
}

// sameGroup says whether two ids are of one group. A group of the first id that is gone is another one.
func (c *Client) sameGroup(ctx context.Context, one, other string) (bool, error) {
	names := make([]string, 0, 2)
	for _, id := range []string{one, other} {
		path, err := restPath(pathGroupsREST, id, "")
		if err != nil {
			return false, err
		}
		var found group
		_, err = c.get(ctx, path, nil, &found)
		refused, failed := errors.AsType[*vendorapi.Error](err)
		switch {
		case failed && refused.Status == http.StatusNotFound && len(names) == 0:
		case failed && !notOffered(refused) && refused.Class != vendorapi.Rejected:
			return false, err
		case failed || found.Description == "":
			return false, &vendorapi.Error{
				Class: vendorapi.Rejected, Vendor: vendor, Operation: "find the policy of the blocked senders",
				Message: "a policy of this integration's description applies from another group, or from one that goes by another id; which of the two cannot be read",
				Remedy:  "delete the policy in the administration console, or let it apply from the integration's group",
			}
		default:
		}
		names = append(names, string(found.Description))
	}
	if names[0] != names[1] {
		return false, nil
	}
	return c.onlyGroup(ctx, names[0], one, other)
}

// onlyGroup says whether two ids, under which groups of one name are found, are of one group. If there are two of the name, a policy
// that applies from the one must not be taken for the other's: nothing would block what is put there.
func (c *Client) onlyGroup(ctx context.Context, name, one, other string) (bool, error) {
	ids, err := c.groupsNamed(ctx, name)
	switch {
	case err != nil:
		return false, err
	case len(ids) < 2:
		return true, nil
	case slices.Contains(ids, one) && slices.Contains(ids, other):
		return false, nil
	default:
		return false, severalGroups(name, ids)
	}
}

// BlockSenderDomains makes one policy for each domain, "applies from" = the domain. The list of policies is read once, and once
// more if copies of our policies, of whatever domain, were removed. One
// outcome for each domain in order: its ID is that of our policy (the one of this description), made now or before; Duplicate
// if somebody else's policy blocks the domain; Foreign if somebody else's exempts it. The outcomes are good also next to an
// error, then an empty one was not settled. The error is a *vendorapi.Error.
func (c *Client) BlockSenderDomains(ctx context.Context, description string, domains []string) ([]indicator.Outcome, indicator.Copies, error) {
	outcomes := make([]indicator.Outcome, len(domains))
	for i, domain := range domains {
		outcomes[i].Key = indicator.Key{Kind: indicator.Domain, Value: domain}
	}
	description = strings.TrimSpace(description)
	entries, err := c.policyEntries(ctx)
	if err != nil {
		return outcomes, indicator.Copies{}, err
	}
	entries, copies, err := c.withoutCopies(ctx, description, entries)
	if err != nil {
		return outcomes, copies, err
	}
	known := knownSenders(description, entries)
	for i, domain := range domains {
		key := outcomes[i].Key
		outcome, found := known[domain]
		if !found {
			if outcome, err = c.blockSender(ctx, description, domain); err != nil {
				return outcomes, copies, err
			}
			known[domain] = outcome
		}
		outcomes[i], outcomes[i].Key = outcome, key
	}
	return outcomes, copies, nil
}

// knownSenders gives what is there already, by domain. Ours counts first, then a foreign exemption. A foreign policy that is
// switched off, or protects a few recipients only, blocks nothing that counts.
func knownSenders(description string, entries []policyEntry) map[string]indicator.Outcome {
	known := make(map[string]indicator.Outcome, len(entries))
	for _, entry := range entries {
		policy := entry.policy()
		before := known[policy.Domain]
		switch {
		case policy.Domain == "" || before.ID != "":
		case policy.Description == description && policy.ID != "":
			known[policy.Domain] = indicator.Outcome{ID: policy.ID}
		case !policy.Enabled || before.Foreign:
		case policy.Option == optionExempt:
			known[policy.Domain] = indicator.Outcome{Foreign: true}
		case policy.Option == optionBlock && entry.forAll():
			known[policy.Domain] = indicator.Outcome{Duplicate: true}
		default:
		}
	}
	return known
}

// blockSender makes one policy. What the vendor says about the domain is an outcome.
func (c *Client) blockSender(ctx context.Context, description, domain string) (indicator.Outcome, error) {
	if reason := unfit(indicator.Domain, domain); reason != "" {
		return indicator.Outcome{Refused: reason}, nil
	}
	wanted := newPolicyOf(description, applies{Type: typeDomain, Domain: domain})
	id, err := c.made.once("policy "+description+" "+domain, func() (string, error) { return c.createPolicy(ctx, wanted) })
	refused, failed := errors.AsType[*vendorapi.Error](err)
	switch {
	case failed && aboutValues(refused) && !mayHaveBeenMade(refused):
		said := blame(nil, worst(refused))
		return indicator.Outcome{Refused: strings.Trim(said.Type+": "+said.Message, ": ")}, nil
	case err != nil:
		return indicator.Outcome{}, err
	}
	return indicator.Outcome{ID: id}, nil
}

// DeletePolicy removes a policy; that it is not there is a success. The id should come from a fresh list, since ids may differ
// between reads. Every failure is a *vendorapi.Error.
func (c *Client) DeletePolicy(ctx context.Context, id string) error {
	err := c.deletePolicy(ctx, id)
	if err == nil {
		c.made.forget(id)
	}
	return err
}

func (c *Client) deletePolicy(ctx context.Context, id string) error {
	path, err := restPath(pathPoliciesREST, id, "")
	if err != nil {
		return err
	}
	if c.classicPolicies.Load() {
		return c.removeClassic(ctx, pathDeletePolicy, id)
	}
	_, err = c.call(ctx, vendorapi.Request{Method: http.MethodDelete, Path: path}, nil)
	if err == nil || !notOffered(err) {
		return err
	}
	// The policy may be gone, or there is no such call: the list tells.
	policies, listErr := c.Policies(ctx)
	switch {
	case listErr != nil:
		return listErr
	case !slices.ContainsFunc(policies, func(policy indicator.Policy) bool { return policy.ID == id }):
		return nil
	}
	if second := c.removeClassic(ctx, pathDeletePolicy, id); !notOffered(second) {
		return second
	}
	return err
}
