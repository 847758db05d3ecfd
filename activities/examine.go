package activities

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

type heldBack struct {
	indicator.Key

	source    indicator.Source
	seenAt    time.Time
	expiresAt time.Time
	record    string
	refusal   *indicator.Refusal
}

// examine makes indicators of sightings: canonical, each once as it was seen last, and only those that the guard lets pass.
func examine(sightings []indicator.Sighting, source indicator.Source, rules checker) (passed []indicator.Indicator, held []heldBack) {
	met := make(map[indicator.Key]bool, len(sightings))
	at := make(map[indicator.Key]int, len(sightings)) // in passed
	for _, sighting := range sightings {
		found, refusal := judge(sighting, source, rules)
		key := found.Key
		if met[key] {
			if i, isPassed := at[key]; isPassed && found.SeenAt.After(passed[i].SeenAt) {
				passed[i] = found // what was seen before our block has gone must not hide what was seen after
			}
			continue
		}
		met[key] = true
		if refusal == nil {
			at[key] = len(passed)
			passed = append(passed, found)
			continue
		}
		held = append(held, heldBack{
			Key: key, source: source, seenAt: sighting.SeenAt, refusal: refusal,
			record: indicator.Printable(sighting.Record, indicator.MaxRecord),
		})
	}
	return passed, held
}

// checker is the guard.
type checker interface {
	Check(in indicator.Indicator) *indicator.Refusal
}

// judge makes an indicator of a sighting, which has no canonical key if it is refused as no value at all. A record over which
// our own code stumbles is held back too: one that ended the step would keep all others out, at every try.
func judge(sighting indicator.Sighting, source indicator.Source, rules checker) (found indicator.Indicator, refusal *indicator.Refusal) {
	// In quotes, which no canonical value has: what is shown of a refused text can look like a good one, or be nothing.
	unjudged := indicator.Indicator{Key: indicator.Key{Kind: sighting.Kind, Value: strconv.Quote(indicator.Shown(sighting.Raw))}}
	defer func() {
		if defect := recover(); defect != nil {
			found, refusal = unjudged, indicator.DefectOf(defect)
		}
	}()
	found, err := indicator.New(sighting, source)
	if refusal, bad := errors.AsType[*indicator.Refusal](err); bad {
		return unjudged, refusal
	}
	return found, rules.Check(found)
}

// hold records what the guard kept back, so that a person can find it, read why, and release it.
func (a *Activities) hold(ctx context.Context, integration string, dryRun bool, held []heldBack) error {
	if dryRun || len(held) == 0 {
		return nil
	}
	entries := make([]ledger.Entry, 0, len(held))
	for _, h := range held {
		entries = append(entries, ledger.Entry{
			Integration: integration, List: listOf(h.source), Key: h.Key, Source: h.source, State: ledger.Held,
			Reason: h.refusal.Reason, Detail: h.refusal.Detail, Record: h.record, SeenAt: h.seenAt, ExpiresAt: h.expiresAt, Run: runID(ctx),
		})
	}
	return a.Ledger.Record(ctx, a.Now(), entries)
}

// listOf is the list that the indicators of a source are put on.
func listOf(source indicator.Source) ledger.List {
	switch source {
	case indicator.IOCHashes:
		return ledger.BYOTI
	case indicator.IOCDomains:
		return ledger.BlockedSenders
	case indicator.AlertDomains:
		return ledger.SenderPolicies
	case indicator.AttachmentHashes, indicator.URLDomains, indicator.ImpersonationDomains:
		return ledger.FalconIOCs
	default:
		return ledger.FalconIOCs
	}
}

func countReasons(held []heldBack) map[indicator.Reason]int {
	var counts map[indicator.Reason]int
	for _, h := range held {
		counts = addUp(counts, map[indicator.Reason]int{h.refusal.Reason: 1})
	}
	return counts
}

// heldItems is what a dry run shows of them: what would be recorded, and not what is known to be held.
func (a *Activities) heldItems(ctx context.Context, integration string, held []heldBack) ([]Item, error) {
	if len(held) == 0 {
		return nil, nil
	}
	list, keys := listOf(held[0].source), make([]indicator.Key, 0, len(held))
	for _, h := range held {
		keys = append(keys, h.Key)
	}
	known, err := a.Ledger.Lookup(ctx, integration, list, keys)
	if err != nil {
		return nil, fmt.Errorf("look up what is held: %w", err)
	}
	items := make([]Item, 0, len(held))
	for _, h := range held {
		switch known[h.Key].State {
		case ledger.Held, ledger.Shared, ledger.Foreign: // stays as it is
		default:
			items = append(items, Item{
				Verdict: VerdictHold, List: list, Source: h.source, Value: h.Value, Reason: h.refusal.Reason, Detail: h.refusal.Detail,
			})
		}
	}
	return items, nil
}
