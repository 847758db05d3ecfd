package ledger_test

import (
	"cmp"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/samber/lo"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

// drawEntry draws from few values, so that the same key meets often.
func drawEntry(t *rapid.T, integration string) ledger.Entry {
	pick := func(name string, texts ...string) string { return rapid.SampledFrom(texts).Draw(t, name) }
	minute := rapid.IntRange(-1, 3).Draw(t, "expires")
	e := ledger.Entry{
		Integration: integration,
		List:        ledger.List(pick("list", "iocs", "blocked-senders", "managed-urls")),
		Key:         indicator.Key{Kind: indicator.Kind(pick("kind", "domain", "sha256")), Value: pick("value", "a", "b", "c")},
		Source:      indicator.Source(pick("source", "urlDomains", "impersonationDomains")),
		State:       ledger.State(pick("state", "shared", "held", "quarantined", "withdrawn", "foreign")),
		Reason:      indicator.Reason(pick("reason", "", "found", "top-site")),
		Detail:      pick("detail", "", "detail-1"),
		VendorID:    pick("vendor id", "", "id-1", "id-2"),
		Action:      pick("action", "", "detect", "prevent"),
		Severity:    pick("severity", "", "low", "high"),
		Record:      pick("record", "", "record-1", "record-2"),
		Run:         pick("run", "run-1", "run-2", "run-3"),
		SeenAt:      at(rapid.IntRange(0, 3).Draw(t, "seen")),
	}
	if minute >= 0 {
		e.ExpiresAt = at(minute)
	}
	return e
}

type modelKey struct {
	list ledger.List
	key  indicator.Key
}

// expect applies the rules to the model, written as the list of what a new entry may change.
func expect(model map[modelKey]ledger.Entry, e ledger.Entry, now time.Time) {
	where := modelKey{e.List, e.Key}
	old, known := model[where]
	anew := old.State == ledger.Withdrawn && e.State == ledger.Shared
	listed := old.State == ledger.Shared || old.State == ledger.Foreign
	refusedAgain := old.State == ledger.Quarantined && e.State == old.State && e.Run != old.Run
	switch {
	case !known || anew:
		e.RecordedAt, e.ChangedAt = now, now
		if anew {
			e.RecordedAt = old.RecordedAt
		}
		if e.State == ledger.Quarantined {
			e.Tries = 1
		}
		model[where] = e
		return
	case e.State == ledger.Held && listed:
		return
	case e.State != old.State:
		old.Tries = 0
		if e.State == ledger.Quarantined {
			old.Tries = 1
		}
		old.DueAt, old.DueReason = time.Time{}, ""
		old.State, old.Run, old.Reason, old.Detail, old.ChangedAt = e.State, e.Run, e.Reason, e.Detail, now
	case refusedAgain:
		old.Tries++
		old.Run, old.Reason, old.Detail, old.ChangedAt = e.Run, e.Reason, e.Detail, now
	}
	if e.VendorID != "" {
		old.VendorID = e.VendorID
	}
	if e.Action != "" {
		old.Action = e.Action
	}
	if e.Severity != "" {
		old.Severity = e.Severity
	}
	if !e.ExpiresAt.IsZero() {
		old.ExpiresAt = e.ExpiresAt
	}
	if e.State == ledger.Shared && e.Action != "" {
		old.Severity, old.ExpiresAt = e.Severity, e.ExpiresAt
	}
	model[where] = old
}

func everything(t require.TestingT, tb *testing.T, store *ledger.Store, integration string) map[modelKey]ledger.Entry {
	entries, err := store.Search(tb.Context(), ledger.Query{Integration: integration, Limit: ledger.MaxLimit})
	require.NoError(t, err)
	all := make(map[modelKey]ledger.Entry)
	for _, e := range entries {
		all[modelKey{e.List, e.Key}] = e
	}
	require.Len(t, all, len(entries), "an entry came twice")
	return all
}

func randomHistories(tb *testing.T, dsn string) {
	store := openLedger(tb, dsn)
	var histories atomic.Int64
	rapid.Check(tb, func(t *rapid.T) {
		integration := fmt.Sprintf("history-%d", histories.Add(1))
		model := make(map[modelKey]ledger.Entry)
		counted := make(map[ledger.DayCount]int)
		for minute := range rapid.IntRange(1, 5).Draw(t, "steps") {
			now := at(minute).AddDate(0, 0, minute/2) // some changes of one day, some of the next
			entries := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) ledger.Entry { return drawEntry(t, integration) }), 0, 8).Draw(t, "entries")
			require.NoError(t, store.Record(tb.Context(), now, entries))
			for _, e := range entries {
				where := modelKey{e.List, e.Key}
				before := model[where].State
				expect(model, e, now)
				if after := model[where]; after.State != before {
					counted[ledger.DayCount{Day: now.Truncate(24 * time.Hour), Source: after.Source, State: after.State}]++
				}
			}
			markAndClear(t, tb, store, integration, model, now)
			require.Equal(t, model, everything(t, tb, store, integration))
			requireAnswers(t, tb, store, integration, model, now)
			requireDays(t, tb, store, integration, counted)
		}
		entries := 0
		for _, run := range []string{"run-1", "run-2", "run-3"} {
			counts, err := store.Summary(tb.Context(), integration, run)
			require.NoError(t, err)
			for _, c := range counts {
				entries += c.N
			}
		}
		require.Equal(t, len(model), entries, "every entry counts for exactly one run")
	})
}

// requireDays compares the counts of days with those of the model, from each of its days on.
func requireDays(t *rapid.T, tb *testing.T, store *ledger.Store, integration string, want map[ledger.DayCount]int) {
	for minute := range 5 {
		since := at(0).AddDate(0, 0, minute)
		daily, err := store.Daily(tb.Context(), integration, since)
		require.NoError(t, err)
		got := make(map[ledger.DayCount]int)
		for _, count := range daily {
			n := count.N
			count.N = 0
			got[count] = n
		}
		require.Equal(t, lo.PickBy(want, func(count ledger.DayCount, _ int) bool {
			return !count.Day.Before(since.Truncate(24 * time.Hour))
		}), got)
	}
}

// markAndClear marks and clears some keys, in the ledger and in the model.
func markAndClear(t *rapid.T, tb *testing.T, store *ledger.Store, integration string, model map[modelKey]ledger.Entry, now time.Time) {
	why, marked := make(map[indicator.Key]indicator.Reason), 0
	for _, e := range rapid.SliceOfN(rapid.Custom(func(t *rapid.T) ledger.Entry { return drawEntry(t, integration) }), 0, 3).Draw(t, "gone") {
		why[e.Key] = e.Reason
	}
	for key, reason := range why {
		where := modelKey{ledger.BlockedSenders, key}
		if e := model[where]; e.State == ledger.Shared && e.DueAt.IsZero() {
			e.DueAt, e.DueReason = now, reason
			model[where] = e
			marked++
		}
	}
	n, err := store.MarkDue(tb.Context(), now, integration, ledger.BlockedSenders, why)
	require.NoError(t, err)
	require.Equal(t, marked, n)

	var back []indicator.Key
	for _, e := range rapid.SliceOfN(rapid.Custom(func(t *rapid.T) ledger.Entry { return drawEntry(t, integration) }), 0, 2).Draw(t, "back") {
		back = append(back, e.Key)
		where := modelKey{ledger.BlockedSenders, e.Key}
		if known, ok := model[where]; ok {
			known.DueAt, known.DueReason = time.Time{}, ""
			model[where] = known
		}
	}
	require.NoError(t, store.ClearDue(tb.Context(), integration, ledger.BlockedSenders, back))
}

// requireAnswers compares what every run asks for with what the model says.
func requireAnswers(t *rapid.T, tb *testing.T, store *ledger.Store, integration string, model map[modelKey]ledger.Entry, now time.Time) {
	var due, missing, again []ledger.Entry
	counts := make(map[ledger.List]int)
	for where, e := range model {
		url, there := model[modelKey{ledger.ManagedURLs, where.key}]
		there = there && url.State != ledger.Withdrawn
		isDue := !e.DueAt.IsZero()
		if e.State == ledger.Shared {
			counts[where.list]++
		}
		if e.State == ledger.Shared && (isDue || !e.ExpiresAt.IsZero() && !e.ExpiresAt.After(now)) {
			due = append(due, e)
		}
		if e.State == ledger.Shared && !isDue && where.list == ledger.BlockedSenders && e.Source == indicator.URLDomains && !there {
			missing = append(missing, e)
		}
		if e.State == ledger.Quarantined && where.list == ledger.FalconIOCs && e.Tries < 2 {
			again = append(again, e)
		}
	}
	byKey := func(a, b ledger.Entry) int {
		return cmp.Or(cmp.Compare(a.List, b.List), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Value, b.Value))
	}
	slices.SortFunc(due, byKey)
	slices.SortFunc(missing, byKey)
	slices.SortFunc(again, func(a, b ledger.Entry) int { return cmp.Or(a.ChangedAt.Compare(b.ChangedAt), byKey(a, b)) })
	limit := rapid.IntRange(0, 4).Draw(t, "limit")
	first := func(entries []ledger.Entry) []ledger.Entry { return entries[:min(limit, len(entries))] }

	found, total, err := store.Due(tb.Context(), integration, ledger.Lists(), now, limit)
	require.NoError(t, err)
	require.Equal(t, len(due), total)
	require.ElementsMatch(t, first(due), found)
	require.True(t, slices.IsSortedFunc(found, byKey))
	found, err = store.Missing(tb.Context(), integration, ledger.BlockedSenders, ledger.ManagedURLs, indicator.URLDomains, limit)
	require.NoError(t, err)
	require.ElementsMatch(t, first(missing), found)
	found, err = store.Retry(tb.Context(), integration, ledger.FalconIOCs, 2, limit)
	require.NoError(t, err)
	require.ElementsMatch(t, first(again), found)
	counted, err := store.Counts(tb.Context(), integration, ledger.Lists())
	require.NoError(t, err)
	require.Equal(t, counts, counted)
}

func batchIsOneByOne(tb *testing.T, dsn string) {
	store := openLedger(tb, dsn)
	var pairs atomic.Int64
	rapid.Check(tb, func(t *rapid.T) {
		pair := pairs.Add(1)
		together, apart := fmt.Sprintf("together-%d", pair), fmt.Sprintf("apart-%d", pair)
		entries := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) ledger.Entry { return drawEntry(t, together) }), 1, 12).Draw(t, "entries")
		require.NoError(t, store.Record(tb.Context(), at(1), entries))
		for _, e := range entries {
			e.Integration = apart
			require.NoError(t, store.Record(tb.Context(), at(1), []ledger.Entry{e}))
		}
		want := make(map[modelKey]ledger.Entry)
		for key, e := range everything(t, tb, store, apart) {
			e.Integration = together
			want[key] = e
		}
		require.Equal(t, want, everything(t, tb, store, together))
	})
}
