package activities

import (
	"cmp"
	"context"
	"fmt"

	"go.temporal.io/sdk/activity"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

// EnsureSenderGroupInput says whose group it is.
type EnsureSenderGroupInput struct {
	Integration string `json:"integration"`
	Credentials string `json:"credentials,omitempty"`
	Remembered  string `json:"remembered,omitempty"` // its id when it was met last
}

// SenderGroup is the integration's own group of blocked senders.
type SenderGroup struct {
	ID string `json:"id,omitempty"`
	// Warning says what a person has changed so that the group does not block; empty if it does.
	Warning string `json:"warning,omitempty"`
}

// EnsureSenderGroup makes the integration's own profile group and the one policy that blocks its members, unless they are there.
// Two groups of its name are a final failure. What a person has changed stays as it is.
func (a *Activities) EnsureSenderGroup(ctx context.Context, in EnsureSenderGroupInput) (SenderGroup, error) {
	ctx, stop := heartbeat(ctx)
	defer stop()
	group, err := a.ensureSenderGroup(ctx, in)
	if err != nil {
		return SenderGroup{}, a.stuck(ctx, in.Integration, err)
	}
	return group, nil
}

func (a *Activities) ensureSenderGroup(ctx context.Context, in EnsureSenderGroupInput) (SenderGroup, error) {
	mimecast, err := a.Vendors.Mimecast(in.Credentials)
	if err != nil {
		return SenderGroup{}, err
	}
	name := indicator.Mark{Integration: in.Integration}.Source()
	id, err := mimecast.SenderGroup(ctx, name, in.Remembered)
	if err != nil {
		return SenderGroup{}, err
	}
	policy, copies, err := mimecast.EnsureGroupPolicy(ctx, name, id)
	tellOfCopies(ctx, copies)
	if err != nil {
		return SenderGroup{}, err
	}
	group := SenderGroup{ID: id}
	switch {
	case !policy.Enabled:
		group.Warning = fmt.Sprintf("the Blocked Senders policy %q is switched off in Mimecast: its domains are not blocked until somebody switches it on", name)
	case policy.Option != "block_sender":
		group.Warning = fmt.Sprintf("the Blocked Senders policy %q exempts senders instead of blocking them, since somebody changed it in Mimecast", name)
	}
	return group, nil
}

// BlockSenderDomainsInput is BlockInput with the group that the domains go into.
type BlockSenderDomainsInput struct {
	BlockInput

	GroupID string `json:"groupId,omitempty"` // may be empty in a dry run only
}

// BlockSenderDomains puts domains into the integration's group of blocked senders.
func (a *Activities) BlockSenderDomains(ctx context.Context, in BlockSenderDomainsInput) (BlockResult, error) {
	ctx, stop := heartbeat(ctx)
	defer stop()
	result, err := a.blockSenders(ctx, in)
	if err != nil {
		return BlockResult{}, a.stuck(ctx, in.Integration, err)
	}
	return result, nil
}

func (a *Activities) blockSenders(ctx context.Context, in BlockSenderDomainsInput) (BlockResult, error) {
	mimecast, err := a.Vendors.Mimecast(in.Credentials)
	if err != nil {
		return BlockResult{}, err
	}
	todo, err := a.unsettled(ctx, in.BlockInput, ledger.BlockedSenders)
	already := Counts{AlreadyThere: len(in.Findings) - len(todo)}
	switch {
	case err != nil:
		return BlockResult{}, err
	case in.DryRun:
		already.WouldShare = len(todo)
		return BlockResult{Counts: already, Items: blockItems(in.BlockInput, ledger.BlockedSenders, todo)}, nil
	case len(todo) == 0:
		return BlockResult{Counts: already}, nil
	}
	outcomes, failed := mimecast.AddGroupDomains(ctx, in.GroupID, valuesOf(todo), indicator.Mark{Integration: in.Integration}.Tag())
	if err := a.allRefused(ctx, in.Integration, ledger.BlockedSenders, outcomes, "mimecast", "the group, and the words of the refusal"); err != nil {
		return BlockResult{}, err
	}
	counts, err := a.settleBlocks(ctx, in.BlockInput, ledger.BlockedSenders, duplicateIsOurs, todo, outcomes)
	return BlockResult{Counts: already.Plus(counts)}, cmp.Or(err, having(counts.settled(), failed))
}

// BlockAlertDomains makes one Blocked Senders policy for each domain.
func (a *Activities) BlockAlertDomains(ctx context.Context, in BlockInput) (BlockResult, error) {
	ctx, stop := heartbeat(ctx)
	defer stop()
	result, err := a.blockAlertDomains(ctx, in)
	if err != nil {
		return BlockResult{}, a.stuck(ctx, in.Integration, err)
	}
	return result, nil
}

func (a *Activities) blockAlertDomains(ctx context.Context, in BlockInput) (BlockResult, error) {
	mimecast, err := a.Vendors.Mimecast(in.Credentials)
	if err != nil {
		return BlockResult{}, err
	}
	todo, err := a.unsettled(ctx, in, ledger.SenderPolicies)
	already := Counts{AlreadyThere: len(in.Findings) - len(todo)}
	description := indicator.Mark{Integration: in.Integration}.Source()
	switch {
	case err != nil:
		return BlockResult{}, err
	case len(todo) == 0:
		return BlockResult{Counts: already}, nil
	case in.DryRun:
		outcomes, err := mimecast.SendersThere(ctx, description, valuesOf(todo))
		return rehearsed(in, ledger.SenderPolicies, already, todo, outcomes), err
	}
	outcomes, copies, failed := mimecast.BlockSenderDomains(ctx, description, valuesOf(todo))
	tellOfCopies(ctx, copies)
	if err := a.allRefused(ctx, in.Integration, ledger.SenderPolicies, outcomes, "mimecast", "the words of the refusal"); err != nil {
		return BlockResult{}, err
	}
	counts, err := a.settleBlocks(ctx, in, ledger.SenderPolicies, duplicateIsForeign, todo, outcomes)
	return BlockResult{Counts: already.Plus(counts)}, cmp.Or(err, having(counts.settled(), failed))
}

// tellOfCopies tells of policies that were there twice, since two workers had made them.
func tellOfCopies(ctx context.Context, copies indicator.Copies) {
	if copies != (indicator.Copies{}) {
		activity.GetLogger(ctx).Info("copies of own policies removed", "removed", copies.Removed, "left", copies.Left)
	}
}

// rehearsed is what a dry run finds: what is there already, and what would be made.
func rehearsed(in BlockInput, list ledger.List, counts Counts, todo []Finding, outcomes []indicator.Outcome) BlockResult {
	var fresh []Finding
	for i, outcome := range outcomes {
		switch {
		case outcome.ID != "":
			counts.AlreadyThere++
		case outcome.Duplicate, outcome.Foreign:
			counts.Foreign++
		default:
			fresh = append(fresh, todo[i])
		}
	}
	counts.WouldShare = len(fresh)
	return BlockResult{Counts: counts, Items: blockItems(in, list, fresh)}
}
