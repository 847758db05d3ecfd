package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// BlockInput is what a blocking step gets: values of one source.
type BlockInput struct {
	Integration string           `json:"integration"`
	Credentials string           `json:"credentials,omitempty"`
	Source      indicator.Source `json:"source"`
	Findings    []Finding        `json:"findings"`
	// Remediate asks for the removal of mail already delivered of what is newly blocked.
	Remediate bool `json:"remediate,omitempty"`
	DryRun    bool `json:"dryRun,omitempty"`
}

// BlockResult is what became of them.
type BlockResult struct {
	Counts Counts `json:"counts"`
	Items  []Item `json:"items,omitempty"` // dry run: what would be blocked
}

// asked is written in the ledger as the action of what we block.
const asked = "block"

// unsettled gives those findings that the ledger does not say are settled, each once.
func (a *Activities) unsettled(ctx context.Context, in BlockInput, list ledger.List) ([]Finding, error) {
	known, err := a.Ledger.Lookup(ctx, in.Integration, list, findingKeys(in.Source, in.Findings))
	if err != nil {
		return nil, fmt.Errorf("look up in the ledger: %w", err)
	}
	run := runID(ctx)
	met := make(map[string]bool, len(in.Findings))
	todo := make([]Finding, 0, len(in.Findings))
	for _, finding := range in.Findings {
		entry := known[indicator.Key{Kind: in.Source.Kind(), Value: finding.Value}]
		if !settled(entry, run) && !met[finding.Value] {
			todo = append(todo, finding)
		}
		met[finding.Value] = true
	}
	return todo, nil
}

// settled says whether nothing is to be done about a value on a list.
func settled(entry ledger.Entry, run string) bool {
	return entry.State == ledger.Shared || entry.State == ledger.Foreign || entry.State == ledger.Quarantined && !tryAgain(entry, run)
}

func findingKeys(source indicator.Source, findings []Finding) []indicator.Key {
	keys := make([]indicator.Key, 0, len(findings))
	for _, finding := range findings {
		keys = append(keys, indicator.Key{Kind: source.Kind(), Value: finding.Value})
	}
	return keys
}

func valuesOf(findings []Finding) []string {
	values := make([]string, 0, len(findings))
	for _, finding := range findings {
		values = append(values, finding.Value)
	}
	return values
}

// ownership says what it means that Mimecast calls a value a duplicate.
type ownership int

const (
	// duplicateIsForeign: the list is everybody's. Better to leave what is ours than to remove what is not.
	duplicateIsForeign ownership = iota
	// duplicateIsOurs: the list is the integration's own, and ours is what it holds.
	duplicateIsOurs
)

// settleBlocks records what became of findings, also next to a failure: what was blocked must not be forgotten. It counts
// them and wants the removal of mail for what is newly blocked.
func (a *Activities) settleBlocks(ctx context.Context, in BlockInput, list ledger.List, duplicates ownership, findings []Finding, outcomes []indicator.Outcome) (Counts, error) {
	var counts Counts
	var entries []ledger.Entry
	var wanted []ledger.Remediation
	now := a.Now()
	for i, outcome := range outcomes {
		finding := findings[i]
		entry := ledger.Entry{
			Integration: in.Integration, List: list, Key: indicator.Key{Kind: in.Source.Kind(), Value: finding.Value}, Source: in.Source,
			State: ledger.Shared, VendorID: outcome.ID, Action: asked, Record: finding.Record, Run: runID(ctx),
			SeenAt: finding.SeenAt, ExpiresAt: finding.ExpiresAt,
		}
		switch {
		case outcome.ID != "":
			counts.Shared++
		case outcome.Refused != "":
			counts.Quarantined++
			entry.State, entry.Reason, entry.Detail = ledger.Quarantined, refused, outcome.Refused
		case outcome.Duplicate && duplicates == duplicateIsOurs:
			counts.AlreadyThere++
			entry.Reason = foundThere
		case outcome.Duplicate, outcome.Foreign:
			counts.Foreign++
			entry.State, entry.Reason = ledger.Foreign, madeByOthers
			if outcome.Foreign {
				entry.Reason = permittedByOthers
			}
		default:
			continue // not settled; the error beside it says why
		}
		entries = append(entries, entry)
		if entry.State == ledger.Shared && in.Remediate {
			wanted = append(wanted, ledger.Remediation{
				Integration: in.Integration, Key: entry.Key, Day: now.UTC().Format(time.DateOnly), Source: in.Source, Run: entry.Run,
			})
		}
	}
	kept := context.WithoutCancel(ctx)
	if err := a.Ledger.WantRemediations(kept, now, wanted); err != nil { // first, since what is recorded below is not met again
		return Counts{}, fmt.Errorf("note removals of mail: %w", err)
	}
	if err := a.Ledger.Record(kept, now, entries); err != nil {
		return Counts{}, fmt.Errorf("record outcomes: %w", err)
	}
	return counts, nil
}

// permittedByOthers is the reason of what somebody else has decided the opposite of.
const permittedByOthers indicator.Reason = "permitted-by-others"

// AddBYOTIHashesInput is BlockInput with what is known of the room on the list.
type AddBYOTIHashesInput struct {
	BlockInput

	Limit int              `json:"limit"`           // where Mimecast does not say itself how many hashes it keeps
	Quota *indicator.Quota `json:"quota,omitempty"` // as the last step of the run left it; nil: to be asked for
}

// AddBYOTIHashesResult is BlockResult with the quota as it is now.
type AddBYOTIHashesResult struct {
	BlockResult

	Quota indicator.Quota `json:"quota"`
	// Full is set if there was no room for all of them: a problem of type VendorQuota.
	Full Problem `json:"full,omitzero"`
}

// AddBYOTIHashes blocks up to 1,000 hashes in Mimecast's list of own threat intelligence, as far as there is room. If there is
// no more, it says so once everything that fits is written; nothing is ever removed to make room.
func (a *Activities) AddBYOTIHashes(ctx context.Context, in AddBYOTIHashesInput) (AddBYOTIHashesResult, error) {
	ctx, stop := heartbeat(ctx)
	defer stop()
	result, err := a.addHashes(ctx, in)
	if err != nil {
		return AddBYOTIHashesResult{}, a.stuck(ctx, in.Integration, err)
	}
	return result, nil
}

func (a *Activities) addHashes(ctx context.Context, in AddBYOTIHashesInput) (AddBYOTIHashesResult, error) {
	mimecast, err := a.Vendors.Mimecast(in.Credentials)
	if err != nil {
		return AddBYOTIHashesResult{}, err
	}
	todo, err := a.unsettled(ctx, in.BlockInput, ledger.BYOTI)
	if err != nil {
		return AddBYOTIHashesResult{}, err
	}
	quota, err := a.quota(ctx, mimecast, in)
	if err != nil {
		return AddBYOTIHashesResult{}, err
	}
	result := AddBYOTIHashesResult{Quota: quota}
	result.Counts.AlreadyThere = len(in.Findings) - len(todo)
	fits := todo[:max(0, min(len(todo), quota.Limit-quota.Used))]
	if in.DryRun {
		result.Items = blockItems(in.BlockInput, ledger.BYOTI, fits)
		result.Counts.WouldShare = len(fits)
		result.Quota.Used += len(fits)
		return result, nil
	}
	if len(fits) > 0 {
		if result, err = a.writeHashes(ctx, mimecast, in, fits, result); err != nil {
			return AddBYOTIHashesResult{}, err
		}
	}
	if len(fits) < len(todo) && result.Full.Type == "" {
		result.Full = listFull(result.Quota)
	}
	return result, nil
}

func (a *Activities) writeHashes(ctx context.Context, mimecast Mimecast, in AddBYOTIHashesInput, hashes []Finding, result AddBYOTIHashesResult) (AddBYOTIHashesResult, error) {
	outcomes, failed := mimecast.BlockHashes(ctx, valuesOf(hashes), indicator.Mark{Integration: in.Integration}.Tag())
	if err := a.allRefused(ctx, in.Integration, ledger.BYOTI, outcomes, "mimecast", "the words of the refusal"); err != nil {
		return result, err
	}
	counts, err := a.settleBlocks(ctx, in.BlockInput, ledger.BYOTI, duplicateIsForeign, hashes, outcomes)
	result.Counts = result.Counts.Plus(counts)
	result.Quota.Used += counts.Shared
	if refusal, ok := errors.AsType[*vendorapi.Error](failed); ok && refusal.Class == vendorapi.Quota {
		result.Full, failed = Problem{Type: VendorQuota, Vendor: "mimecast", Reason: refusal.Error()}, nil
	}
	return result, cmp.Or(err, having(counts.settled(), failed)) // first the ledger: what it has not kept is to be tried again
}

// quota is how full the list is: as Mimecast says, or else as many as the ledger has put there of as many as the settings say.
func (a *Activities) quota(ctx context.Context, mimecast Mimecast, in AddBYOTIHashesInput) (indicator.Quota, error) {
	if in.Quota != nil {
		return *in.Quota, nil
	}
	quota, err := mimecast.HashQuota(ctx)
	if err != nil || quota.Known {
		return quota, err
	}
	held, err := a.Ledger.Counts(ctx, in.Integration, []ledger.List{ledger.BYOTI})
	if err != nil {
		return quota, fmt.Errorf("count the hashes in the ledger: %w", err)
	}
	return indicator.Quota{Used: held[ledger.BYOTI], Limit: in.Limit}, nil
}

func listFull(quota indicator.Quota) Problem {
	by := "by Mimecast's own count"
	if !quota.Known {
		by = "by this integration's own count and sendToMimecast.byotiQuota"
	}
	return Problem{Type: VendorQuota, Vendor: "mimecast", Reason: fmt.Sprintf(
		"Mimecast's list of own threat intelligence (BYOTI) is full: %d hashes of %d, %s; remove entries that are not needed in the Mimecast "+
			"console, or raise the limit, then reconnect", quota.Used, quota.Limit, by)}
}

// blockItems is what a dry run shows of findings that would be blocked.
func blockItems(in BlockInput, list ledger.List, findings []Finding) []Item {
	items := make([]Item, 0, len(findings))
	for _, finding := range findings {
		items = append(items, Item{Verdict: VerdictBlock, List: list, Source: in.Source, Value: finding.Value})
	}
	return items
}
