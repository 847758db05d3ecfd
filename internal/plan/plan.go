// Package plan decides what is to be written before anything is written: which shares a vendor has to be asked about, and
// then what is made, what is changed and what is left alone. Pure: the same arguments give the same plan, in the order of
// the shares. Nothing that somebody else made is ever named in a plan as something to write.
package plan

import (
	"cmp"
	"slices"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
)

// Known is what the ledger remembers of a value.
type Known struct {
	State     State
	Action    string
	Severity  string
	ExpiresAt time.Time // zero: never
}

// State is what became of a value when it was met before.
type State int

// What can have become of a value.
const (
	Unknown State = iota
	Shared        // ours, at the vendor
	Settled       // somebody else's, or refused by the vendor: not to be tried again
)

// Plan is what to write and what to leave.
type Plan struct {
	Create  []indicator.Share
	Update  []indicator.Update
	Found   []Found           // at the vendor already and ours
	Foreign []indicator.Share // at the vendor already and somebody else's
	Gone    []indicator.Share // shared before and taken away by a person since: not put back
}

// Found is a share that is at the vendor already.
type Found struct {
	ID string
	indicator.Share
}

// Merge makes one share of those with the same key: the stronger one, whatever their order.
func Merge(shares []indicator.Share) []indicator.Share {
	at := make(map[indicator.Key]int, len(shares))
	merged := make([]indicator.Share, 0, len(shares))
	for _, share := range shares {
		i, found := at[share.Key]
		switch {
		case !found:
			at[share.Key] = len(merged)
			merged = append(merged, share)
		case prefer(share, merged[i]) > 0:
			merged[i] = share
		}
	}
	return merged
}

// ToAsk returns those of shares that the vendor has to be asked about: the others are as they should be, as far as the
// ledger knows, and cost no call.
func ToAsk(shares []indicator.Share, known map[indicator.Key]Known, now time.Time) []indicator.Share {
	ask := make([]indicator.Share, 0, len(shares))
	for _, share := range shares {
		before := known[share.Key]
		switch {
		case before.State == Settled:
		case before.State == Shared && !expired(before.ExpiresAt, now) && !stronger(share, before.Action, before.Severity):
		default:
			ask = append(ask, share)
		}
	}
	return ask
}

// Decide says what is to be written, given what the vendor lists of shares. An entry of ours that a person has changed since
// we wrote it is left as the person wants it.
func Decide(shares []indicator.Share, known map[indicator.Key]Known, listed []indicator.Listed, now time.Time) Plan {
	there := make(map[indicator.Key]indicator.Listed, len(listed))
	for _, entry := range listed {
		there[entry.Key] = entry
	}
	var p Plan
	for _, share := range shares {
		before := known[share.Key]
		entry, isThere := there[share.Key]
		switch {
		case !isThere && before.State == Shared && !expired(before.ExpiresAt, now):
			p.Gone = append(p.Gone, share)
		case !isThere:
			p.Create = append(p.Create, share)
		case entry.Mark != share.Mark:
			p.Foreign = append(p.Foreign, share)
		case entry.Expired, stronger(share, entry.Action, entry.Severity) && asWritten(entry, before):
			p.Update = append(p.Update, indicator.Update{ID: entry.ID, Share: share})
		default:
			p.Found = append(p.Found, Found{ID: entry.ID, Share: share})
		}
	}
	return p
}

func asWritten(entry indicator.Listed, before Known) bool {
	return before.State == Shared && before.Action == entry.Action && before.Severity == entry.Severity
}

func expired(at, now time.Time) bool { return !at.IsZero() && !at.After(now) }

func stronger(share indicator.Share, action, severity string) bool {
	return strength(share.Action, share.Severity, action, severity) > 0
}

func prefer(a, b indicator.Share) int {
	return cmp.Or(strength(a.Action, a.Severity, b.Action, b.Severity), -cmp.Compare(a.Source, b.Source))
}

// strength compares two ways of listing a value: by action first, then by severity. What Falcon may add one day counts as
// weakest.
func strength(action, severity, otherAction, otherSeverity string) int {
	actions := []string{"no_action", "detect", "prevent_no_ui", "prevent"}
	severities := []string{"", "informational", "low", "medium", "high", "critical"}
	return cmp.Or(
		cmp.Compare(slices.Index(actions, action), slices.Index(actions, otherAction)),
		cmp.Compare(slices.Index(severities, severity), slices.Index(severities, otherSeverity)),
	)
}
