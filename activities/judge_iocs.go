package activities

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

// iocRead is what one page, or all pages of a step, have given.
type iocRead struct {
	in     FetchIOCsInput
	rules  guard.Rules
	now    time.Time
	found  map[indicator.Source][]Finding
	counts map[indicator.Source]Counts
	items  []Item
	due    []Item
	size   int // of found, items and due in JSON, about

	expected int // entries that the whole reading goes through, as Falcon says
}

func newIOCRead(in FetchIOCsInput, rules guard.Rules, now time.Time) *iocRead {
	return &iocRead{in: in, rules: rules, now: now, found: map[indicator.Source][]Finding{}, counts: map[indicator.Source]Counts{}}
}

func (r *iocRead) count(source indicator.Source, more Counts) {
	r.counts[source] = r.counts[source].Plus(more)
}

func (r *iocRead) join(page *iocRead) {
	for _, source := range r.in.Sources {
		r.found[source] = append(r.found[source], page.found[source]...)
		r.count(source, page.counts[source])
	}
	r.items, r.due = append(r.items, page.items...), append(r.due, page.due...)
	r.size += page.size
}

func (r *iocRead) result(cursor Cursor) FetchIOCsResult {
	return FetchIOCsResult{Found: r.found, Cursor: cursor, More: reading(cursor), Counts: r.counts, Items: r.items, Due: r.due, Expected: r.expected}
}

// part is as much of a page as one result can carry. It is counted when the rest is.
func (r *iocRead) part(cursor Cursor) FetchIOCsResult {
	result := FetchIOCsResult{Found: map[indicator.Source][]Finding{}, Cursor: cursor, More: true, Part: true}
	size := 0
	for _, source := range r.in.Sources {
		for _, finding := range r.found[source] {
			if size += finding.size(); size > wholePage {
				return result
			}
			result.Found[source] = append(result.Found[source], finding)
		}
	}
	return result
}

// takeAgain takes those values once more that were held or refused before, as far as Falcon still lists them and the guard lets
// them pass now.
func (a *Activities) takeAgain(ctx context.Context, falcon Falcon, read *iocRead) error {
	for _, source := range read.in.Sources {
		findings := read.in.Again[source]
		live, err := a.stillListed(ctx, falcon, findingKeys(source, findings))
		if err != nil {
			return err
		}
		for _, finding := range findings {
			key := indicator.Key{Kind: source.Kind(), Value: finding.Value}
			entry, listed := live[key]
			if !listed || notToBlock(indicator.ListEntry{Listed: entry}, read.now) != "" || read.rules.Check(indicator.Indicator{Key: key, Source: source}) != nil {
				continue
			}
			again := Finding{Value: finding.Value, ExpiresAt: keptTime(entry.ExpiresAt)}
			read.found[source] = append(read.found[source], again)
			read.size += again.size()
		}
	}
	return nil
}

// take judges the entries of one page.
func (a *Activities) take(ctx context.Context, read *iocRead, page indicator.ListPage) (*iocRead, error) {
	own, err := a.madeByUs(ctx, read.in.Integration, page.Entries)
	if err != nil {
		return nil, err
	}
	sorted := read.judge(page, own)
	for _, source := range read.in.Sources {
		if err := a.settle(ctx, read, source, sorted[source]); err != nil {
			return nil, err
		}
	}
	return read, nil
}

// judged is what of a page is about one source.
type judged struct {
	passed map[indicator.Key]indicator.ListEntry
	order  []indicator.Key
	gone   map[indicator.Key]indicator.Reason
	held   []heldBack
}

// judge sorts the entries of a page, and counts those that are nothing to block.
func (r *iocRead) judge(page indicator.ListPage, own map[indicator.Key]bool) map[indicator.Source]*judged {
	first := r.in.Sources[0]
	r.count(first, Counts{Read: page.Read - len(page.Entries), Dropped: page.Dropped})
	sorted := map[indicator.Source]*judged{}
	for _, source := range r.in.Sources {
		sorted[source] = &judged{passed: map[indicator.Key]indicator.ListEntry{}, gone: map[indicator.Key]indicator.Reason{}}
	}
	for _, entry := range page.Entries {
		source := indicator.IOCDomains
		if entry.Kind == indicator.SHA256 {
			source = indicator.IOCHashes
		}
		to, switchedOn := sorted[source]
		if !switchedOn {
			r.count(first, Counts{Read: 1, Dropped: map[string]int{droppedOff: 1}})
			continue
		}
		why := notToBlock(entry, r.now)
		switch {
		case own[entry.Key] || entry.Mark.Ours() || entry.SameClient:
			r.count(source, Counts{Read: 1, Dropped: map[string]int{droppedOwn: 1}})
		case why != "":
			r.count(source, Counts{Read: 1, Dropped: map[string]int{string(why): 1}})
			if why != unknownAction {
				to.gone[entry.Key] = why
			}
		default:
			r.count(source, Counts{Read: 1, Malicious: 1})
			to.examine(entry, source, r.rules)
		}
	}
	return sorted
}

func (j *judged) examine(entry indicator.ListEntry, source indicator.Source, rules guard.Rules) {
	sighting := indicator.Sighting{Kind: entry.Kind, Raw: entry.Value, SeenAt: entry.ModifiedOn, Record: entry.ID}
	passed, held := examine([]indicator.Sighting{sighting}, source, rules)
	for _, h := range held {
		h.expiresAt = keptTime(entry.ExpiresAt)
		j.held = append(j.held, h)
	}
	for _, found := range passed {
		if _, twice := j.passed[found.Key]; !twice {
			j.order = append(j.order, found.Key)
		}
		j.passed[found.Key] = entry
	}
}

// notToBlock is why an entry is not to be blocked; empty if it is.
func notToBlock(entry indicator.ListEntry, now time.Time) indicator.Reason {
	switch {
	case entry.Deleted:
		return deletedThere
	case entry.Expired, !entry.ExpiresAt.IsZero() && !entry.ExpiresAt.After(now):
		return expiredThere
	case slices.Contains([]string{"detect", "prevent", "prevent_no_ui"}, entry.Action):
		return ""
	case slices.Contains([]string{"allow", "no_action"}, entry.Action):
		return notBlocking
	default:
		return unknownAction
	}
}

// madeByUs says which of the entries the ledger knows as this integration's own IOCs, whatever became of their marks.
func (a *Activities) madeByUs(ctx context.Context, integration string, entries []indicator.ListEntry) (map[indicator.Key]bool, error) {
	keys := make([]indicator.Key, 0, len(entries))
	for _, entry := range entries {
		keys = append(keys, entry.Key)
	}
	known, err := a.Ledger.Lookup(ctx, integration, ledger.FalconIOCs, keys)
	if err != nil {
		return nil, fmt.Errorf("look up own IOCs: %w", err)
	}
	own := make(map[indicator.Key]bool, len(known))
	for key, entry := range known {
		own[key] = entry.State == ledger.Shared
	}
	return own, nil
}

// settle compares what a page says about a source with the ledger, and brings that up to date.
func (a *Activities) settle(ctx context.Context, read *iocRead, source indicator.Source, page *judged) error {
	in, list := read.in, listOf(source)
	keys := slices.Clone(page.order)
	for key := range page.gone {
		keys = append(keys, key)
	}
	known, err := a.Ledger.Lookup(ctx, in.Integration, list, keys)
	if err != nil {
		return fmt.Errorf("look up in the ledger: %w", err)
	}
	back, extended := read.add(source, list, page, known)
	gone, err := a.takenBack(ctx, in, page.gone, known)
	if err != nil {
		return err
	}
	if in.DryRun {
		held, err := a.heldItems(ctx, in.Integration, page.held)
		if err != nil {
			return err
		}
		for _, item := range held {
			read.items = append(read.items, item)
			read.size += item.size()
		}
		read.addDue(source, list, gone)
		return nil
	}
	if err := a.hold(ctx, in.Integration, false, page.held); err != nil {
		return err
	}
	if err := a.Ledger.ClearDue(ctx, in.Integration, list, back); err != nil {
		return err
	}
	if err := a.Ledger.Record(ctx, a.Now(), extended); err != nil {
		return err
	}
	if len(gone) == 0 {
		return nil
	}
	_, err = a.Ledger.MarkDue(ctx, a.Now(), in.Integration, list, gone)
	return err
}

// takenBack is what of gone is blocked, is not marked yet, and is listed in no other record: what a tool deletes and lists again
// at once is not taken back, and must not look like a mass deletion.
func (a *Activities) takenBack(ctx context.Context, in FetchIOCsInput, gone map[indicator.Key]indicator.Reason, known map[indicator.Key]ledger.Entry) (map[indicator.Key]indicator.Reason, error) {
	if in.DryRun && !in.Withdraw { // otherwise it is noted: withdraw may be switched on later
		return nil, nil
	}
	left := map[indicator.Key]indicator.Reason{}
	for key, why := range gone {
		if entry := known[key]; entry.State == ledger.Shared && entry.DueAt.IsZero() {
			left[key] = why
		}
	}
	if len(left) == 0 {
		return nil, nil
	}
	falcon, err := a.Vendors.Falcon(in.Credentials)
	if err != nil {
		return nil, err
	}
	live, err := a.stillListed(ctx, falcon, slices.Collect(maps.Keys(left)))
	if err != nil {
		return nil, err
	}
	for key := range live {
		delete(left, key)
	}
	return left, nil
}

// add takes what is to be blocked and is not yet. It gives the blocked values that were marked as taken back and are listed
// again, and the entries whose end has changed.
func (r *iocRead) add(source indicator.Source, list ledger.List, page *judged, known map[indicator.Key]ledger.Entry) (back []indicator.Key, extended []ledger.Entry) {
	r.count(source, Counts{Held: countReasons(page.held)})
	for _, key := range page.order {
		entry, before := page.passed[key], known[key]
		expiresAt := keptTime(entry.ExpiresAt)
		switch {
		case before.State == ledger.Shared:
			r.count(source, Counts{AlreadyThere: 1})
			if !before.DueAt.IsZero() {
				back = append(back, key)
			}
			if !before.ExpiresAt.Equal(expiresAt) {
				before.ExpiresAt = expiresAt
				extended = append(extended, before)
			}
		case before.State == ledger.Foreign || before.State == ledger.Quarantined:
			r.count(source, Counts{AlreadyThere: 1})
		default:
			found := Finding{Value: key.Value, ExpiresAt: expiresAt}
			r.size += found.size()
			r.found[source] = append(r.found[source], found)
		}
	}
	return back, extended
}

// lastYear is the last one that JSON and the ledger can tell. What ends later never does.
const lastYear = 9999

// keptTime is a time as the ledger keeps it.
func keptTime(at time.Time) time.Time {
	if at = at.UTC().Truncate(time.Microsecond); at.Year() > lastYear {
		return time.Time{}
	}
	return at
}

// addDue notes what would be marked as taken back.
func (r *iocRead) addDue(source indicator.Source, list ledger.List, gone map[indicator.Key]indicator.Reason) {
	for key, why := range gone {
		item := Item{Verdict: VerdictWithdraw, List: list, Source: source, Value: key.Value, Reason: why}
		r.due = append(r.due, item)
		r.size += item.size()
	}
}
