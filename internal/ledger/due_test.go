package ledger_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

// on gives an entry of acme on a list at Mimecast.
func on(list ledger.List, state ledger.State, run string, key indicator.Key) ledger.Entry {
	e := entry(state, run, key)
	e.List, e.Source = list, indicator.IOCDomains
	return e
}

func markDue(t testing.TB, store *ledger.Store, now time.Time, list ledger.List, reason indicator.Reason, keys ...indicator.Key) int {
	t.Helper()
	why := make(map[indicator.Key]indicator.Reason)
	for _, key := range keys {
		why[key] = reason
	}
	marked, err := store.MarkDue(t.Context(), now, acme, list, why)
	require.NoError(t, err)
	return marked
}

func dueOf(t testing.TB, store *ledger.Store, now time.Time, limit int, lists ...ledger.List) ([]string, int) {
	t.Helper()
	entries, total, err := store.Due(t.Context(), acme, lists, now, limit)
	require.NoError(t, err)
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		require.Equal(t, ledger.Shared, e.State)
		names = append(names, string(e.List)+" "+e.Value)
	}
	return names, total
}

func lookup(t testing.TB, store *ledger.Store, list ledger.List, key indicator.Key) ledger.Entry {
	t.Helper()
	found, err := store.Lookup(t.Context(), acme, list, []indicator.Key{key})
	require.NoError(t, err)
	require.Contains(t, found, key)
	return found[key]
}

func sharedBecomesDue(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	gone := on(ledger.BlockedSenders, ledger.Shared, "run-1", domain("gone.example"))
	gone.VendorID, gone.Record, gone.SeenAt = "id-1", "record-1", at(0)
	other := on(ledger.ManagedURLs, ledger.Shared, "run-1", gone.Key)
	elsewhere := gone
	elsewhere.Integration = "globex"
	record(t, store, at(1), gone, other, elsewhere)

	require.Equal(t, 1, markDue(t, store, at(2), ledger.BlockedSenders, "deleted", gone.Key))
	want := gone
	want.RecordedAt, want.ChangedAt, want.DueAt, want.DueReason = at(1), at(1), at(2), "deleted"
	require.Equal(t, want, lookup(t, store, ledger.BlockedSenders, gone.Key))

	entries, total, err := store.Due(t.Context(), acme, ledger.Lists(), at(2), 10)
	require.NoError(t, err)
	require.Equal(t, 1, total, "on the other list and of the other integration it stays")
	require.Equal(t, []ledger.Entry{want}, entries)

	require.Zero(t, markDue(t, store, at(3), ledger.BlockedSenders, "expired", gone.Key), "it is due already")
	require.Equal(t, want, lookup(t, store, ledger.BlockedSenders, gone.Key), "the first reason and time stay")
}

func onlySharedBecomesDue(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	for _, state := range []ledger.State{ledger.Held, ledger.Quarantined, ledger.Withdrawn, ledger.Foreign} {
		e := on(ledger.BYOTI, state, "run-1", domain(string(state)+".example"))
		e.ExpiresAt = at(0)
		record(t, store, at(1), e)
		require.Zero(t, markDue(t, store, at(2), ledger.BYOTI, "deleted", e.Key), state)
		require.True(t, lookup(t, store, ledger.BYOTI, e.Key).DueAt.IsZero())
	}
	names, total := dueOf(t, store, at(5), 10, ledger.BYOTI)
	require.Empty(t, names)
	require.Zero(t, total)

	require.Zero(t, markDue(t, store, at(2), ledger.BYOTI, "deleted"), "nothing is marked by an empty list")
	require.Zero(t, markDue(t, store, at(2), ledger.BYOTI, "deleted", domain("unknown.example"), domain("zero\x00byte.example"),
		domain("not\xffutf8.example"), domain(""), domain(strings.Repeat("a", 5000))))
}

func recordingNeverMakesDue(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	e := on(ledger.BYOTI, ledger.Shared, "run-1", domain("own-idea.example"))
	e.DueAt, e.DueReason, e.Tries = at(1), "deleted", 7
	for range 2 {
		record(t, store, at(1), e)
		found := lookup(t, store, ledger.BYOTI, e.Key)
		require.True(t, found.DueAt.IsZero())
		require.Empty(t, found.DueReason)
		require.Zero(t, found.Tries)
	}
}

func clearedIsNotDue(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	var keys []indicator.Key
	var entries []ledger.Entry
	for i := range 620 { // more than one statement takes
		keys = append(keys, domain(fmt.Sprintf("%03d.example", i)))
		entries = append(entries, on(ledger.BYOTI, ledger.Shared, "run-1", keys[i]))
	}
	record(t, store, at(1), entries...)
	require.Equal(t, len(keys), markDue(t, store, at(2), ledger.BYOTI, "deleted", keys...))

	require.NoError(t, store.ClearDue(t.Context(), acme, ledger.BYOTI, nil))
	require.NoError(t, store.ClearDue(t.Context(), acme, ledger.ManagedURLs, keys))
	require.NoError(t, store.ClearDue(t.Context(), "globex", ledger.BYOTI, keys))
	_, total := dueOf(t, store, at(3), 0, ledger.BYOTI)
	require.Equal(t, len(keys), total, "another list, another integration")

	require.NoError(t, store.ClearDue(t.Context(), acme, ledger.BYOTI, append(keys[:520:520], domain("unknown.example"), domain("\x00"))))
	_, total = dueOf(t, store, at(3), 0, ledger.BYOTI)
	require.Equal(t, 100, total)
	cleared := lookup(t, store, ledger.BYOTI, keys[0])
	require.True(t, cleared.DueAt.IsZero())
	require.Empty(t, cleared.DueReason)
	require.Equal(t, "run-1", cleared.Run)
	require.Equal(t, 1, markDue(t, store, at(4), ledger.BYOTI, "expired", keys[0]), "it can become due again")
}

func anotherStateIsNotDue(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	key := domain("back-and-forth.example")
	record(t, store, at(1), on(ledger.BYOTI, ledger.Shared, "run-1", key))
	markDue(t, store, at(2), ledger.BYOTI, "deleted", key)

	record(t, store, at(3), on(ledger.BYOTI, ledger.Shared, "run-2", key), on(ledger.BYOTI, ledger.Held, "run-2", key))
	require.Equal(t, at(2), lookup(t, store, ledger.BYOTI, key).DueAt, "the same state, and held does not replace it")

	record(t, store, at(4), on(ledger.BYOTI, ledger.Withdrawn, "run-3", key))
	require.True(t, lookup(t, store, ledger.BYOTI, key).DueAt.IsZero())
	record(t, store, at(5), on(ledger.BYOTI, ledger.Shared, "run-4", key))
	require.True(t, lookup(t, store, ledger.BYOTI, key).DueAt.IsZero())
	_, total := dueOf(t, store, at(6), 10, ledger.BYOTI)
	require.Zero(t, total)
}

func endedIsDue(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	ending := on(ledger.BYOTI, ledger.Shared, "run-1", domain("ending.example"))
	ending.ExpiresAt = at(10)
	record(t, store, at(1), ending, on(ledger.BYOTI, ledger.Shared, "run-1", domain("endless.example")))

	_, total := dueOf(t, store, at(10).Add(-time.Microsecond), 10, ledger.BYOTI)
	require.Zero(t, total)
	names, total := dueOf(t, store, at(10), 10, ledger.BYOTI)
	require.Equal(t, []string{"byoti ending.example"}, names)
	require.Equal(t, 1, total)

	markDue(t, store, at(11), ledger.BYOTI, "expired", ending.Key)
	names, total = dueOf(t, store, at(11), 10, ledger.BYOTI)
	require.Equal(t, []string{"byoti ending.example"}, names, "for two reasons, but once")
	require.Equal(t, 1, total)

	require.NoError(t, store.ClearDue(t.Context(), acme, ledger.BYOTI, []indicator.Key{ending.Key}))
	ending.Action, ending.ExpiresAt = "block", time.Time{} // the source took its end away
	record(t, store, at(12), ending)
	_, total = dueOf(t, store, at(30), 10, ledger.BYOTI)
	require.Zero(t, total)
}

func duePages(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	b, a, ended := domain("b.example"), domain("a.example"), on(ledger.SenderPolicies, ledger.Shared, "run-1", domain("aa.example"))
	ended.ExpiresAt = at(0)
	record(t, store, at(1), on(ledger.SenderPolicies, ledger.Shared, "run-1", a), on(ledger.SenderPolicies, ledger.Shared, "run-1", b),
		ended, on(ledger.BlockedSenders, ledger.Shared, "run-1", b), on(ledger.ManagedURLs, ledger.Shared, "run-1", a))
	for _, list := range []ledger.List{ledger.SenderPolicies, ledger.BlockedSenders, ledger.ManagedURLs} {
		markDue(t, store, at(2), list, "deleted", a, b)
	}
	lists := []ledger.List{ledger.SenderPolicies, ledger.BlockedSenders, ledger.SenderPolicies}
	all := []string{"blocked-senders b.example", "sender-policies a.example", "sender-policies aa.example", "sender-policies b.example"}
	for limit, want := range map[int]int{-1: 0, 0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 100: 4} {
		names, total := dueOf(t, store, at(3), limit, lists...)
		require.Equal(t, all[:want], names, "limit %d", limit)
		require.Equal(t, 4, total)
	}
	names, total := dueOf(t, store, at(3), 10)
	require.Empty(t, names, "no list")
	require.Zero(t, total)
}

func dueIsAllOrNothing(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	key := domain("careful.example")
	record(t, store, at(1), on(ledger.BYOTI, ledger.Shared, "run-1", key))
	why := map[indicator.Key]indicator.Reason{key: "deleted"}
	for _, never := range []time.Time{{}, time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)} {
		_, err := store.MarkDue(t.Context(), never, acme, ledger.BYOTI, why)
		require.ErrorIs(t, err, ledger.ErrInvalid)
		require.ErrorContains(t, err, "mark 1 indicators")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := store.MarkDue(ctx, at(2), acme, ledger.BYOTI, why)
	require.ErrorIs(t, err, context.Canceled)
	require.True(t, lookup(t, store, ledger.BYOTI, key).DueAt.IsZero())

	hostile := indicator.Reason("line\r\nbreak\x00" + strings.Repeat("ä", 500))
	require.Equal(t, 1, markDue(t, store, at(2).In(time.FixedZone("", 3600)), ledger.BYOTI, hostile, key))
	found := lookup(t, store, ledger.BYOTI, key)
	require.Equal(t, at(2), found.DueAt)
	require.LessOrEqual(t, len([]rune(found.DueReason)), 100)
	require.NotContains(t, found.DueReason, "\n")
}
