package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// unblock takes entries off Mimecast's lists and records that, list by list. It gives those that are off, and what Mimecast says
// where it refuses. A list that it does not let us write to does not keep the others.
func (a *Activities) unblock(ctx context.Context, mimecast Mimecast, in WithdrawBlocksInput, leaving []ledger.Entry) (off []ledger.Entry, refused string, err error) {
	on := map[ledger.List][]ledger.Entry{}
	for _, entry := range leaving {
		on[entry.List] = append(on[entry.List], entry)
	}
	for _, list := range ledger.Lists() {
		if len(on[list]) == 0 {
			continue
		}
		removed, words, err := a.unblockOn(ctx, mimecast, in, list, on[list])
		off = append(off, removed...)
		if refusal, ok := errors.AsType[*vendorapi.Error](err); ok && (refusal.Class == vendorapi.Forbidden || refusal.Class == vendorapi.Rejected) {
			words, err = refusal.Error(), nil
		}
		if refused = cmp.Or(refused, words); err != nil {
			return off, refused, err
		}
	}
	return off, refused, nil
}

func (a *Activities) unblockOn(
	ctx context.Context, mimecast Mimecast, in WithdrawBlocksInput, list ledger.List, leaving []ledger.Entry,
) (off []ledger.Entry, refused string, err error) {
	switch list {
	case ledger.BYOTI:
		outcomes, failed := mimecast.UnblockHashes(ctx, entryValues(leaving))
		off, refused, err = a.recordWithdrawn(ctx, leaving, outcomes)
		return off, refused, cmp.Or(err, having(len(off), failed))
	case ledger.BlockedSenders:
		return a.unblockMembers(ctx, mimecast, in, leaving)
	case ledger.SenderPolicies:
		off, err = a.deletePolicies(ctx, mimecast, in.Integration, leaving)
		return off, "", err
	case ledger.FalconIOCs, ledger.ManagedURLs:
	}
	return nil, "", nil
}

func (a *Activities) unblockMembers(ctx context.Context, mimecast Mimecast, in WithdrawBlocksInput, members []ledger.Entry) (off []ledger.Entry, refused string, err error) {
	if err := a.unblockURLs(ctx, mimecast, in.Integration, members, ledger.SenderPolicies); err != nil {
		return nil, "", err
	}
	group, found, err := mimecast.FindSenderGroup(ctx, indicator.Mark{Integration: in.Integration}.Source(), in.GroupID)
	if err != nil {
		return nil, "", err
	}
	if !found { // and its members with it
		for _, entry := range members {
			off = append(off, a.withdrawn(ctx, entry))
		}
		return off, "", a.Ledger.Record(ctx, a.Now(), off)
	}
	outcomes, failed := mimecast.RemoveGroupDomains(ctx, group, entryValues(members))
	off, refused, err = a.recordWithdrawn(ctx, members, outcomes)
	return off, refused, cmp.Or(err, having(len(off), failed))
}

// deletePolicies removes policies of ours for single domains, and gives those that are gone. Their ids may differ between reads.
func (a *Activities) deletePolicies(ctx context.Context, mimecast Mimecast, integration string, leaving []ledger.Entry) (off []ledger.Entry, err error) {
	if err := a.unblockURLs(ctx, mimecast, integration, leaving, ledger.BlockedSenders); err != nil {
		return nil, err
	}
	policies, err := mimecast.Policies(ctx)
	if err != nil {
		return nil, err
	}
	for _, entry := range leaving {
		for _, policy := range policies {
			if policy.Domain != entry.Value || !ownPolicy(policy, integration) {
				continue
			}
			if err := mimecast.DeletePolicy(ctx, policy.ID); err != nil {
				return off, having(len(off), err)
			}
		}
		gone := a.withdrawn(ctx, entry)
		if err := a.Ledger.Record(context.WithoutCancel(ctx), a.Now(), []ledger.Entry{gone}); err != nil {
			return off, fmt.Errorf("record outcomes: %w", err)
		}
		off = append(off, gone)
	}
	return off, nil
}

// ownPolicy says whether a policy is one of the integration's for a single domain.
func ownPolicy(policy indicator.Policy, integration string) bool {
	return policy.Description == indicator.Mark{Integration: integration}.Source() && policy.Domain != ""
}

// unblockURLs removes the managed URLs of domains that leave a list, as far as this integration made them and the domain does not
// stay on the other list.
func (a *Activities) unblockURLs(ctx context.Context, mimecast Mimecast, integration string, domains []ledger.Entry, other ledger.List) error {
	keys := entryKeys(domains)
	urls, err := a.Ledger.Lookup(ctx, integration, ledger.ManagedURLs, keys)
	if err != nil {
		return fmt.Errorf("look up own URLs: %w", err)
	}
	staying, err := a.Ledger.Lookup(ctx, integration, other, keys)
	if err != nil {
		return fmt.Errorf("look up what stays blocked: %w", err)
	}
	var leaving []ledger.Entry
	for _, entry := range domains {
		url, stays := urls[entry.Key], staying[entry.Key]
		if url.State == ledger.Shared && (stays.State != ledger.Shared || byGuard(stays)) {
			url.DueReason = dueReason(entry)
			leaving = append(leaving, url)
		}
	}
	if len(leaving) == 0 {
		return nil
	}
	return a.deleteURLs(ctx, mimecast, integration, leaving)
}

// deleteURLs removes entries of ours. Their ids may differ between reads, so they are found again by what they say.
func (a *Activities) deleteURLs(ctx context.Context, mimecast Mimecast, integration string, leaving []ledger.Entry) error {
	listed, err := mimecast.ManagedURLs(ctx)
	if err != nil {
		return err
	}
	ids := map[string][]string{}
	for _, entry := range listed {
		if ownURL(entry, integration) {
			ids[entry.Domain] = append(ids[entry.Domain], entry.ID)
		}
	}
	for i, entry := range leaving {
		for _, id := range ids[entry.Value] {
			if err := mimecast.DeleteManagedURL(ctx, id); err != nil {
				return having(i, err)
			}
		}
		if err := a.Ledger.Record(context.WithoutCancel(ctx), a.Now(), []ledger.Entry{a.withdrawn(ctx, entry)}); err != nil {
			return fmt.Errorf("record outcomes: %w", err)
		}
	}
	return nil
}

func ownURL(entry indicator.ManagedURL, integration string) bool {
	return entry.Comment == indicator.Mark{Integration: integration}.Source() && entry.MatchType == "domain" && entry.Action == "block"
}

// recordWithdrawn records those that are off the list, also next to a failure, and gives them. What Mimecast refuses to remove
// stays due; its words for the first of those are given.
func (a *Activities) recordWithdrawn(ctx context.Context, entries []ledger.Entry, outcomes []indicator.Outcome) (off []ledger.Entry, refused string, err error) {
	for i, outcome := range outcomes {
		switch {
		case outcome.ID != "" || outcome.Duplicate:
			off = append(off, a.withdrawn(ctx, entries[i]))
		case outcome.Refused != "" && refused == "":
			refused = fmt.Sprintf("%s: %s", entries[i].Value, outcome.Refused)
		}
	}
	if err := a.Ledger.Record(context.WithoutCancel(ctx), a.Now(), off); err != nil {
		return nil, "", fmt.Errorf("record outcomes: %w", err)
	}
	return off, refused, nil
}

func (a *Activities) withdrawn(ctx context.Context, entry ledger.Entry) ledger.Entry {
	entry.State, entry.Reason, entry.Detail, entry.Run = ledger.Withdrawn, dueReason(entry), "", runID(ctx)
	return entry
}

func entryKeys(entries []ledger.Entry) []indicator.Key {
	keys := make([]indicator.Key, 0, len(entries))
	for _, entry := range entries {
		keys = append(keys, entry.Key)
	}
	return keys
}

func entryValues(entries []ledger.Entry) []string {
	values := make([]string, 0, len(entries))
	for _, entry := range entries {
		values = append(values, entry.Value)
	}
	return values
}
