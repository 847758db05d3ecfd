package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

// How many values one WithdrawList takes.
const (
	hashesToWithdraw  = 1_000 // one call
	membersToWithdraw = 500   // fifty calls
	singlesToWithdraw = 200   // a call each
	itemsToShow       = 500   // of one step, in a dry run: more may not fit into its result
)

// undone is the reason of what a person has had withdrawn.
const undone indicator.Reason = "undone"

// ListAt is a list that the integration puts values on, and the vendor that keeps it. Its JSON is an outside name.
type ListAt struct {
	List   ledger.List `json:"list"`
	Vendor string      `json:"vendor"`
}

// Lists are all of them, always in the same order.
func Lists() []ListAt {
	var all []ListAt
	for _, list := range ledger.Lists() {
		vendor := "mimecast"
		if list.Direction() == ledger.ToFalcon {
			vendor = "falcon"
		}
		all = append(all, ListAt{list, vendor})
	}
	return all
}

// WithdrawListInput says from which list everything that the integration made is to be taken.
type WithdrawListInput struct {
	Integration string      `json:"integration"`
	Credentials string      `json:"credentials,omitempty"`
	List        ledger.List `json:"list"`
	DryRun      bool        `json:"dryRun,omitempty"`
	Next        string      `json:"next,omitempty"` // where the last step stopped, as it said
}

// WithdrawListResult is what one step found and did. Found = Removed + Missing + Left, except in a dry run.
type WithdrawListResult struct {
	Found   int          `json:"found"`
	Removed int          `json:"removed"`
	Missing int          `json:"missing"` // not there any more
	Left    int          `json:"left"`    // refused by the vendor
	Detail  string       `json:"detail,omitempty"`
	Items   []ListedItem `json:"items,omitempty"` // dry run: the first 500 found
	More    bool         `json:"more,omitempty"`
	Next    string       `json:"next,omitempty"`
	Again   bool         `json:"again,omitempty"` // it began at the start of the list, since the vendor did not know its place
}

// ListedItem is a value on a list. Its JSON is an outside name.
type ListedItem struct {
	List  ledger.List    `json:"list"`
	Kind  indicator.Kind `json:"kind"`
	Value string         `json:"value"`
}

// WithdrawList takes the next values that the integration put on a list off it, or in a dry run only finds them. Where the vendor
// has a field for the mark, that says whose an entry is; else the ledger does. It may run any number of times.
func (a *Activities) WithdrawList(ctx context.Context, in WithdrawListInput) (WithdrawListResult, error) {
	ctx, stop := heartbeat(ctx)
	defer stop()
	result, err := a.withdrawList(ctx, in)
	if err != nil {
		return WithdrawListResult{}, patient(ctx, err)
	}
	return result, nil
}

func (a *Activities) withdrawList(ctx context.Context, in WithdrawListInput) (WithdrawListResult, error) {
	if in.List == ledger.FalconIOCs {
		falcon, err := a.Vendors.Falcon(in.Credentials)
		if err != nil {
			return WithdrawListResult{}, err
		}
		return a.withdrawIOCs(ctx, falcon, in)
	}
	mimecast, err := a.Vendors.Mimecast(in.Credentials)
	if err != nil {
		return WithdrawListResult{}, err
	}
	switch in.List {
	case ledger.BYOTI:
		return a.withdrawKnown(ctx, in, hashesToWithdraw, mimecast.UnblockHashes)
	case ledger.BlockedSenders:
		return a.withdrawMembers(ctx, mimecast, in)
	case ledger.SenderPolicies:
		return a.withdrawPolicies(ctx, mimecast, in)
	case ledger.ManagedURLs:
		return a.withdrawURLs(ctx, mimecast, in)
	case ledger.FalconIOCs:
	}
	return WithdrawListResult{}, fmt.Errorf("%w: no list %q", ledger.ErrInvalid, indicator.Printable(string(in.List), maxListName))
}

const maxListName = 40

// withdrawIOCs deletes what carries the integration's mark on one page of Falcon's list.
func (a *Activities) withdrawIOCs(ctx context.Context, falcon Falcon, in WithdrawListInput) (WithdrawListResult, error) {
	page, err := falcon.ListIOCs(ctx, indicator.ListQuery{After: in.Next})
	if err != nil && stalePage(err, Cursor{Page: in.Next}) {
		in.Next = "" // what is deleted already is not listed again
		result, err := a.withdrawIOCs(ctx, falcon, in)
		result.Again = true
		return result, err
	}
	if err != nil {
		return WithdrawListResult{}, err
	}
	mark := indicator.Mark{Integration: in.Integration}
	result := WithdrawListResult{More: page.Next != "", Next: page.Next}
	var ids []string
	var entries []ledger.Entry
	for _, entry := range page.Entries {
		if entry.Mark == mark && !entry.Deleted {
			ids = append(ids, entry.ID)
			entries = append(entries, ledger.Entry{Integration: in.Integration, List: in.List, Key: entry.Key, VendorID: entry.ID})
		}
	}
	if in.DryRun {
		return result.listing(entries), nil
	}
	removals, failed := falcon.Delete(ctx, mark, ids)
	var gone []ledger.Entry
	for i, removal := range removals {
		result.take(removal.Deleted, removal.Missing, removal.Refused, entries[i].Value)
		if removal.Deleted || removal.Missing {
			gone = append(gone, entries[i])
		}
	}
	if err := cmp.Or(a.recordUndone(ctx, gone), having(len(gone), failed)); err != nil {
		return result, err
	}
	// An earlier page may have left something.
	return result, a.forget(ctx, in, &result, func(ctx context.Context, entries []ledger.Entry) ([]ledger.Entry, error) {
		return withoutListed(ctx, falcon, mark, entries)
	})
}

// take counts one outcome.
func (r *WithdrawListResult) take(removed, missing bool, refused, value string) {
	r.Found++
	switch {
	case removed:
		r.Removed++
	case missing:
		r.Missing++
	default:
		r.Left++
		if r.Detail == "" && refused != "" {
			r.Detail = fmt.Sprintf("%s: %s", value, refused)
		}
	}
}

func (r WithdrawListResult) listing(entries []ledger.Entry) WithdrawListResult {
	r.Found = len(entries)
	for _, entry := range entries[:min(len(entries), itemsToShow)] {
		r.Items = append(r.Items, ListedItem{List: entry.List, Kind: entry.Kind, Value: entry.Value})
	}
	return r
}

func (a *Activities) recordUndone(ctx context.Context, entries []ledger.Entry) error {
	for i := range entries {
		entries[i].State, entries[i].Reason, entries[i].Run = ledger.Withdrawn, undone, runID(ctx)
	}
	if err := a.Ledger.Record(context.WithoutCancel(ctx), a.Now(), entries); err != nil {
		return fmt.Errorf("record outcomes: %w", err)
	}
	return nil
}

// withdrawKnown removes what the ledger says the integration put on a list.
func (a *Activities) withdrawKnown(
	ctx context.Context, in WithdrawListInput, limit int, remove func(context.Context, []string) ([]indicator.Outcome, error),
) (WithdrawListResult, error) {
	query := ledger.Query{Integration: in.Integration, List: in.List, State: ledger.Shared, Limit: limit}
	if in.Next != "" {
		if err := json.Unmarshal([]byte(in.Next), &query.After); err != nil {
			return WithdrawListResult{}, fmt.Errorf("%w: where the last step stopped: %w", ledger.ErrInvalid, err)
		}
	}
	entries, err := a.Ledger.Search(ctx, query)
	if err != nil {
		return WithdrawListResult{}, fmt.Errorf("look for what the integration made: %w", err)
	}
	result := WithdrawListResult{More: len(entries) == limit}
	if len(entries) == 0 {
		return result, nil
	}
	next, err := json.Marshal(entries[len(entries)-1].Position())
	if err != nil {
		return WithdrawListResult{}, fmt.Errorf("note where the step stopped: %w", err)
	}
	result.Next = string(next)
	if in.DryRun {
		return result.listing(entries), nil
	}
	outcomes, failed := remove(ctx, entryValues(entries))
	var gone []ledger.Entry
	for i, outcome := range outcomes {
		if outcome.ID == "" && !outcome.Duplicate && outcome.Refused == "" {
			continue // not settled: the error says why, and the step is repeated
		}
		result.take(outcome.ID != "", outcome.Duplicate, outcome.Refused, entries[i].Value)
		if outcome.Refused == "" {
			gone = append(gone, entries[i])
		}
	}
	return result, cmp.Or(a.recordUndone(ctx, gone), having(len(gone), failed))
}

// withdrawPolicies deletes policies of the integration's description that are about one domain.
func (a *Activities) withdrawPolicies(ctx context.Context, mimecast Mimecast, in WithdrawListInput) (WithdrawListResult, error) {
	policies, err := mimecast.Policies(ctx)
	if err != nil {
		return WithdrawListResult{}, err
	}
	policies = slices.DeleteFunc(policies, func(policy indicator.Policy) bool { return !ownPolicy(policy, in.Integration) })
	ids := make([]string, 0, len(policies))
	domains := make([]string, 0, len(policies))
	for _, policy := range policies {
		ids, domains = append(ids, policy.ID), append(domains, policy.Domain)
	}
	return a.withdrawSingles(ctx, in, domains, ids, mimecast.DeletePolicy)
}

func (a *Activities) withdrawURLs(ctx context.Context, mimecast Mimecast, in WithdrawListInput) (WithdrawListResult, error) {
	listed, err := mimecast.ManagedURLs(ctx)
	if err != nil {
		return WithdrawListResult{}, err
	}
	var ids, domains []string
	for _, entry := range listed {
		if ownURL(entry, in.Integration) {
			ids, domains = append(ids, entry.ID), append(domains, entry.Domain)
		}
	}
	return a.withdrawSingles(ctx, in, domains, ids, mimecast.DeleteManagedURL)
}

// withdrawSingles deletes entries one by one, by ids that were read just now.
func (a *Activities) withdrawSingles(
	ctx context.Context, in WithdrawListInput, domains, ids []string, remove func(context.Context, string) error,
) (WithdrawListResult, error) {
	entries := make([]ledger.Entry, 0, len(domains))
	for _, domain := range domains {
		entries = append(entries, ledger.Entry{
			Integration: in.Integration, List: in.List, Key: indicator.Key{Kind: indicator.Domain, Value: domain},
		})
	}
	if in.DryRun {
		return WithdrawListResult{}.listing(entries), nil
	}
	result := WithdrawListResult{More: len(entries) > singlesToWithdraw}
	for i, entry := range entries[:min(len(entries), singlesToWithdraw)] {
		if err := remove(ctx, ids[i]); err != nil {
			return result, having(i, err)
		}
		result.take(true, false, "", entry.Value)
		if err := a.recordUndone(ctx, []ledger.Entry{entry}); err != nil {
			return result, err
		}
	}
	return result, a.forget(ctx, in, &result, func(_ context.Context, entries []ledger.Entry) ([]ledger.Entry, error) { return entries, nil })
}
