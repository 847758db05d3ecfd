package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

func valuesOf(entries []ledger.Entry) []string {
	values := make([]string, 0, len(entries))
	for _, e := range entries {
		values = append(values, e.Value)
	}
	return values
}

func countsAreOfShared(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	elsewhere := on(ledger.BYOTI, ledger.Shared, "run-1", domain("a.example"))
	elsewhere.Integration = "globex"
	ended := on(ledger.BYOTI, ledger.Shared, "run-1", domain("ended.example"))
	ended.ExpiresAt = at(0)
	record(t, store, at(1), elsewhere, ended,
		on(ledger.BYOTI, ledger.Shared, "run-1", domain("a.example")),
		on(ledger.BYOTI, ledger.Shared, "run-2", domain("due.example")),
		on(ledger.BYOTI, ledger.Held, "run-1", domain("held.example")),
		on(ledger.BYOTI, ledger.Foreign, "run-1", domain("foreign.example")),
		on(ledger.ManagedURLs, ledger.Shared, "run-1", domain("a.example")),
		on(ledger.SenderPolicies, ledger.Withdrawn, "run-1", domain("a.example")))
	markDue(t, store, at(2), ledger.BYOTI, "deleted", domain("due.example"))

	for _, test := range []struct {
		lists []ledger.List
		want  map[ledger.List]int
	}{
		{nil, map[ledger.List]int{}},
		{[]ledger.List{ledger.ManagedURLs, ledger.ManagedURLs}, map[ledger.List]int{ledger.ManagedURLs: 1}},
		{ledger.Lists(), map[ledger.List]int{ledger.BYOTI: 3, ledger.ManagedURLs: 1}},
	} {
		counts, err := store.Counts(t.Context(), acme, test.lists)
		require.NoError(t, err)
		require.Equal(t, test.want, counts)
	}
}

func refusedCountsRuns(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	key := domain("refused.example")
	refuse := func(minute int, run, words string) ledger.Entry {
		e := on(ledger.BYOTI, ledger.Quarantined, run, key)
		e.Reason, e.Detail = "refused", words
		record(t, store, at(minute), e)
		record(t, store, at(minute+1), e) // the activity ran twice
		return lookup(t, store, ledger.BYOTI, key)
	}
	for tries := 1; tries <= 4; tries++ {
		run, words := "run-"+string(rune('0'+tries)), "no "+string(rune('0'+tries))
		found := refuse(10*tries, run, words)
		require.Equal(t, tries, found.Tries)
		require.Equal(t, run, found.Run)
		require.Equal(t, words, found.Detail, "the newest words")
		require.Equal(t, at(10*tries), found.ChangedAt)
		require.Equal(t, at(10), found.RecordedAt)

		counts, err := store.Summary(t.Context(), acme, run)
		require.NoError(t, err)
		require.Equal(t, []ledger.Count{{List: ledger.BYOTI, Source: indicator.IOCDomains, State: ledger.Quarantined, Reason: "refused", N: 1}}, counts)
		again, err := store.Retry(t.Context(), acme, ledger.BYOTI, 3, 10)
		require.NoError(t, err)
		require.Len(t, again, map[int]int{1: 1, 2: 1}[tries], "three tries in all")
	}

	record(t, store, at(50), on(ledger.BYOTI, ledger.Shared, "run-5", key))
	require.Zero(t, lookup(t, store, ledger.BYOTI, key).Tries)
	require.Equal(t, 1, refuse(51, "run-6", "no").Tries, "it begins anew")
}

func retryIsOldestFirst(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	a, b, c := domain("a.example"), domain("b.example"), domain("c.example")
	elsewhere := on(ledger.BYOTI, ledger.Quarantined, "run-1", a)
	elsewhere.Integration = "globex"
	record(t, store, at(1), on(ledger.BYOTI, ledger.Quarantined, "run-1", a), elsewhere,
		on(ledger.ManagedURLs, ledger.Quarantined, "run-1", a), on(ledger.BYOTI, ledger.Held, "run-1", domain("held.example")))
	record(t, store, at(2), on(ledger.BYOTI, ledger.Quarantined, "run-1", c))
	record(t, store, at(2), on(ledger.BYOTI, ledger.Quarantined, "run-1", b))
	record(t, store, at(3), on(ledger.BYOTI, ledger.Quarantined, "run-2", a))

	for _, test := range []struct {
		tries, limit int
		want         []string
	}{
		{3, 10, []string{"b.example", "c.example", "a.example"}},
		{3, 2, []string{"b.example", "c.example"}},
		{2, 10, []string{"b.example", "c.example"}},
		{1, 10, []string{}},
		{3, 0, []string{}},
		{3, -1, []string{}},
	} {
		entries, err := store.Retry(t.Context(), acme, ledger.BYOTI, test.tries, test.limit)
		require.NoError(t, err)
		require.Equal(t, test.want, valuesOf(entries), "%d tries, at most %d", test.tries, test.limit)
	}
}

func missingIsNotThere(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	source := func(e ledger.Entry, source indicator.Source) ledger.Entry {
		e.Source = source
		return e
	}
	elsewhere := on(ledger.ManagedURLs, ledger.Shared, "run-1", domain("b.example"))
	elsewhere.Integration = "globex"
	full := on(ledger.BlockedSenders, ledger.Shared, "run-1", domain("c.example"))
	full.VendorID, full.Record, full.SeenAt, full.ExpiresAt = "id-1", "record-1", at(0), at(0)
	record(t, store, at(1), full, elsewhere,
		on(ledger.BlockedSenders, ledger.Shared, "run-1", domain("b.example")),
		on(ledger.BlockedSenders, ledger.Shared, "run-1", indicator.Key{Kind: "another", Value: "z.example"}),
		on(ledger.BlockedSenders, ledger.Shared, "run-1", domain("due.example")),
		on(ledger.BlockedSenders, ledger.Held, "run-1", domain("held.example")),
		source(on(ledger.BlockedSenders, ledger.Shared, "run-1", domain("other-source.example")), indicator.AlertDomains),
		on(ledger.SenderPolicies, ledger.Shared, "run-1", domain("other-list.example")))
	for _, state := range []ledger.State{ledger.Shared, ledger.Held, ledger.Quarantined, ledger.Withdrawn, ledger.Foreign} {
		key := domain("there-" + string(state) + ".example")
		record(t, store, at(1), on(ledger.BlockedSenders, ledger.Shared, "run-1", key), source(on(ledger.ManagedURLs, state, "run-1", key), indicator.AlertDomains))
	}
	markDue(t, store, at(2), ledger.BlockedSenders, "deleted", domain("due.example"))

	for limit, want := range map[int][]string{
		-1: {}, 0: {}, 1: {"z.example"}, 2: {"z.example", "b.example"}, 100: {"z.example", "b.example", "c.example", "there-withdrawn.example"},
	} {
		entries, err := store.Missing(t.Context(), acme, ledger.BlockedSenders, ledger.ManagedURLs, indicator.IOCDomains, limit)
		require.NoError(t, err)
		require.Equal(t, want, valuesOf(entries), "at most %d", limit)
		if limit == 100 {
			full.RecordedAt, full.ChangedAt = at(1), at(1)
			require.Equal(t, full, entries[2])
		}
	}
}
