package ledger

import (
	"cmp"
	"time"
)

// merge gives the entry that is kept after next was recorded over known.
//
// Where it was first seen stays: source, record, the time the source gave. So does the run that brought it into its state,
// because a run is counted by it and an activity that runs twice must count nothing twice. A repeated sharing only brings
// newer values.
func merge(known, next Entry, now time.Time) Entry {
	if next.State == Held && (known.State == Shared || known.State == Foreign) {
		return known // it is listed at the vendor, whatever the guard says now
	}
	if next.State == Shared && known.State == Withdrawn {
		again := first(next, now) // with the end of the old sharing it would be due at once
		again.RecordedAt = known.RecordedAt
		return again
	}
	merged := known
	merged.VendorID = cmp.Or(next.VendorID, known.VendorID)
	merged.Action = cmp.Or(next.Action, known.Action)
	merged.Severity = cmp.Or(next.Severity, known.Severity)
	merged.ExpiresAt = cmp.Or(next.ExpiresAt, known.ExpiresAt)
	if next.State == Shared && next.Action != "" { // how it is listed now: without severity or end if it has none
		merged.Severity, merged.ExpiresAt = next.Severity, next.ExpiresAt
	}
	refusedAgain := next.State == Quarantined && next.Run != known.Run
	if next.State == known.State && !refusedAgain {
		return merged
	}
	merged.Tries = 0
	if next.State == Quarantined {
		merged.Tries = known.Tries + 1 // known.Tries is 0 unless it was quarantined before
	}
	merged.State, merged.Reason, merged.Detail = next.State, next.Reason, next.Detail
	merged.Run, merged.ChangedAt = next.Run, now
	merged.DueAt, merged.DueReason = time.Time{}, ""
	return merged
}

// first gives the entry that is kept if none was known.
func first(next Entry, now time.Time) Entry {
	next.RecordedAt, next.ChangedAt = now, now
	next.DueAt, next.DueReason = time.Time{}, ""
	next.Tries = 0
	if next.State == Quarantined {
		next.Tries = 1
	}
	return next
}
