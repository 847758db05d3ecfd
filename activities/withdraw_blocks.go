package activities

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
)

const (
	shownWaiting   = 20    // how many values that wait are named
	withdrawAtOnce = 500   // how many values one WithdrawBlocks takes
	withdrawToShow = 1_000 // how many a dry run shows
	guardedAtOnce  = 5_000 // how many are looked at where most may not count
)

// The deletion guard: without approval a run withdraws no more than the larger of these.
const (
	guardFloor   = 10
	guardPercent = 5 // of what is blocked
)

// WithdrawBlocksInput says for which sources blocks may be withdrawn.
type WithdrawBlocksInput struct {
	Integration string             `json:"integration"`
	Credentials string             `json:"credentials,omitempty"`
	Sources     []indicator.Source `json:"sources"`
	Approved    int                `json:"approved,omitempty"` // how many values a person has approved
	GroupID     string             `json:"groupId,omitempty"`  // the integration's own group, as remembered
	Protect     settings.Protect   `json:"protect"`
	// GuardOnly keeps what Falcon has taken back: only what the guard would hold now is withdrawn.
	GuardOnly bool   `json:"guardOnly,omitempty"`
	DryRun    bool   `json:"dryRun,omitempty"`
	Due       []Item `json:"due,omitempty"`     // dry run: what would be marked beside what is marked in the ledger
	MoreDue   int    `json:"moreDue,omitempty"` // dry run: how much more than that
}

// WithdrawBlocksResult is what became of the values that are not to be blocked any more.
type WithdrawBlocksResult struct {
	Counts map[indicator.Source]Counts `json:"counts,omitempty"`
	// Waiting is set if nothing was withdrawn because it would be too much without approval.
	Waiting *Waiting `json:"waiting,omitempty"`
	More    bool     `json:"more,omitempty"`
	Items   []Item   `json:"items,omitempty"` // dry run: what would be withdrawn
}

// Waiting is a withdrawal that has not been made: the deletion guard or Mimecast has stopped it. Its JSON is an outside name.
type Waiting struct {
	Due     int `json:"due"`     // values that are not to be blocked any more
	Held    int `json:"held"`    // values that are blocked
	Allowed int `json:"allowed"` // how many may be withdrawn in one run
	// First are some of the values.
	First []string `json:"first,omitempty"`
	// Refused is what Mimecast said when it did not take values off its lists; then it is not the guard that stops them.
	Refused string `json:"refused,omitempty"`
}

// WithdrawBlocks unblocks in Mimecast what this integration has blocked and Falcon has taken back (deleted, expired, or set to an
// action that blocks nothing), and what the guard would hold now, since a person has put it under protection. About the former
// Falcon is asked once more before. That something is missing in a list is never a reason, and nothing that somebody else made
// is touched.
func (a *Activities) WithdrawBlocks(ctx context.Context, in WithdrawBlocksInput) (WithdrawBlocksResult, error) {
	ctx, stop := heartbeat(ctx)
	defer stop()
	result, err := a.withdrawBlocks(ctx, in)
	if err != nil {
		return WithdrawBlocksResult{}, a.stuck(ctx, in.Integration, err)
	}
	return result, nil
}

func (a *Activities) withdrawBlocks(ctx context.Context, in WithdrawBlocksInput) (WithdrawBlocksResult, error) {
	lists := make([]ledger.List, 0, len(in.Sources))
	for _, source := range in.Sources {
		lists = append(lists, listOf(source))
	}
	mimecast, err := a.Vendors.Mimecast(in.Credentials)
	if err != nil {
		return WithdrawBlocksResult{}, err
	}
	protected, err := a.markProtected(ctx, mimecast, in, lists)
	if err != nil {
		return WithdrawBlocksResult{}, err
	}
	due, all, err := a.due(ctx, in, lists, protected)
	if err != nil || all == 0 {
		return WithdrawBlocksResult{}, err
	}
	held, err := a.Ledger.Counts(ctx, in.Integration, lists)
	if err != nil {
		return WithdrawBlocksResult{}, fmt.Errorf("count what is blocked: %w", err)
	}
	if waiting := guardDeletion(all, held, in.Approved); waiting != nil {
		waiting.First = entryValues(due[:min(len(due), shownWaiting)])
		return WithdrawBlocksResult{Waiting: waiting}, nil
	}
	leaving, err := a.stillDue(ctx, in, due)
	if err != nil {
		return WithdrawBlocksResult{}, err
	}
	result := WithdrawBlocksResult{Counts: map[indicator.Source]Counts{}, More: all > len(due) && !in.DryRun}
	if in.DryRun {
		for _, entry := range leaving {
			result.Counts[entry.Source] = result.Counts[entry.Source].Plus(Counts{WouldWithdraw: 1})
			result.Items = append(result.Items, Item{
				Verdict: VerdictWithdraw, List: entry.List, Source: entry.Source, Value: entry.Value, Reason: dueReason(entry),
			})
		}
		return result, nil
	}
	off, refused, err := a.unblock(ctx, mimecast, in, leaving)
	if err != nil {
		return WithdrawBlocksResult{}, err
	}
	for _, entry := range off {
		result.Counts[entry.Source] = result.Counts[entry.Source].Plus(Counts{Withdrawn: 1})
	}
	if refused != "" {
		result.Waiting = &Waiting{Due: all - len(off), Held: total(held) - len(off), Allowed: allowed(total(held)), Refused: refused}
		result.More = false // the same values would come again: what is left is for the next run
	}
	return result, nil
}

// due is what is not to be blocked any more, as much of it as one step takes, and how much it is in all.
func (a *Activities) due(ctx context.Context, in WithdrawBlocksInput, lists []ledger.List, protected []ledger.Entry) (due []ledger.Entry, all int, err error) {
	limit := withdrawAtOnce
	switch {
	case in.GuardOnly: // what Falcon has taken back may stand before what the guard would hold
		limit = guardedAtOnce
	case in.DryRun:
		limit = withdrawToShow
	}
	due, all, err = a.Ledger.Due(ctx, in.Integration, lists, a.Now(), limit)
	if err != nil {
		return nil, 0, fmt.Errorf("look for what is to be withdrawn: %w", err)
	}
	if in.GuardOnly {
		due = slices.DeleteFunc(due, func(entry ledger.Entry) bool { return !byGuard(entry) })
		all = len(due)
	}
	all += in.MoreDue
	more := protected
	for _, item := range in.Due {
		key := indicator.Key{Kind: item.Source.Kind(), Value: item.Value}
		more = append(more, ledger.Entry{Integration: in.Integration, List: item.List, Key: key, Source: item.Source, DueReason: item.Reason})
	}
	for _, entry := range more { // dry run
		if !slices.ContainsFunc(due, func(known ledger.Entry) bool { return known.List == entry.List && known.Key == entry.Key }) {
			due = append(due, entry)
			all++
		}
	}
	slices.SortFunc(due, func(a, b ledger.Entry) int {
		return cmp.Or(cmp.Compare(a.List, b.List), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Value, b.Value))
	})
	return due, all, nil
}

// guardDeletion stops a withdrawal that looks like a mistake: much more than the ordinary at once.
func guardDeletion(due int, held map[ledger.List]int, approved int) *Waiting {
	all := total(held)
	if due <= max(allowed(all), approved) {
		return nil
	}
	return &Waiting{Due: due, Held: all, Allowed: allowed(all)}
}

func allowed(held int) int { return max(guardFloor, held*guardPercent/100) }

func total(counts map[ledger.List]int) int {
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum
}

func dueReason(entry ledger.Entry) indicator.Reason {
	if entry.DueReason == "" {
		return expiredThere
	}
	return entry.DueReason
}

// stillDue leaves out what somebody lists at Falcon again, and takes the mark off it.
func (a *Activities) stillDue(ctx context.Context, in WithdrawBlocksInput, due []ledger.Entry) ([]ledger.Entry, error) {
	falcon, err := a.Vendors.Falcon(in.Credentials)
	if err != nil {
		return nil, err
	}
	keys := make([]indicator.Key, 0, len(due))
	for _, entry := range due {
		if !byGuard(entry) {
			keys = append(keys, entry.Key)
		}
	}
	live, err := a.stillListed(ctx, falcon, keys)
	if err != nil {
		return nil, err
	}
	leaving := make([]ledger.Entry, 0, len(due))
	back := map[ledger.List][]indicator.Key{}
	var extended []ledger.Entry
	for _, entry := range due {
		listed, isLive := live[entry.Key]
		if !isLive {
			leaving = append(leaving, entry)
			continue
		}
		back[entry.List] = append(back[entry.List], entry.Key)
		entry.ExpiresAt = keptTime(listed.ExpiresAt)
		extended = append(extended, entry)
	}
	if in.DryRun {
		return leaving, nil
	}
	for list, keys := range back {
		if err := a.Ledger.ClearDue(ctx, in.Integration, list, keys); err != nil {
			return nil, err
		}
	}
	return leaving, a.Ledger.Record(ctx, a.Now(), extended)
}

// stillListed gives what somebody lists at Falcon in a way that blocks.
func (a *Activities) stillListed(ctx context.Context, falcon Falcon, keys []indicator.Key) (map[indicator.Key]indicator.Listed, error) {
	listed, err := falcon.Lookup(ctx, keys)
	if err != nil {
		return nil, err
	}
	now := a.Now()
	live := make(map[indicator.Key]indicator.Listed, len(listed))
	for _, entry := range listed {
		why := notToBlock(indicator.ListEntry{Listed: entry}, now)
		if !entry.Mark.Ours() && (why == "" || why == unknownAction) {
			live[entry.Key] = entry
		}
	}
	return live, nil
}
