package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// withdrawMembers takes domains out of the integration's own group. When the last one is out, the policy and the group go too,
// unless somebody else has put members into it.
func (a *Activities) withdrawMembers(ctx context.Context, mimecast Mimecast, in WithdrawListInput) (WithdrawListResult, error) {
	name := indicator.Mark{Integration: in.Integration}.Source()
	remembered, err := a.Ledger.Search(ctx, ledger.Query{Integration: in.Integration, List: in.List, State: ledger.Shared, Limit: 1})
	if err != nil {
		return WithdrawListResult{}, fmt.Errorf("look for the group: %w", err)
	}
	id := ""
	for _, entry := range remembered {
		id = entry.VendorID // somebody may have given the group another name
	}
	group, found, err := mimecast.FindSenderGroup(ctx, name, id)
	if err != nil {
		return WithdrawListResult{}, err
	}
	result, err := a.withdrawKnown(ctx, in, membersToWithdraw, func(ctx context.Context, domains []string) ([]indicator.Outcome, error) {
		if !found {
			return slices.Repeat([]indicator.Outcome{{Duplicate: true}}, len(domains)), nil // gone with the group
		}
		return mimecast.RemoveGroupDomains(ctx, group, domains)
	})
	if err != nil || result.More || in.DryRun || result.Left > 0 {
		return result, err
	}
	policies, err := mimecast.Policies(ctx)
	if err != nil {
		return result, err
	}
	if found {
		if result.Detail, err = a.deleteOwnGroup(ctx, mimecast, group, name); err != nil || result.Detail != "" {
			return result, err
		}
	}
	for _, policy := range policies {
		if policy.Description == name && policy.GroupID != "" {
			if err := mimecast.DeletePolicy(ctx, policy.ID); err != nil {
				return result, err
			}
		}
	}
	return result, nil
}

// deleteOwnGroup deletes the integration's group, or says who keeps it: its policy blocks what somebody else has put into it.
func (a *Activities) deleteOwnGroup(ctx context.Context, mimecast Mimecast, group, name string) (kept string, err error) {
	members, err := mimecast.GroupDomains(ctx, group)
	if err != nil {
		return "", err
	}
	if len(members) > 0 {
		return fmt.Sprintf("%d members that somebody else has put into the group %q stay, and with them the group and its policy", len(members), name), nil
	}
	err = mimecast.DeleteGroup(ctx, group) // which has to be empty of addresses and other groups too
	if refusal, ok := errors.AsType[*vendorapi.Error](err); ok && refusal.Class == vendorapi.Rejected {
		return fmt.Sprintf("the group %q and its policy stay, since somebody else uses the group: %s", name, refusal.Message), nil
	}
	return "", err
}
