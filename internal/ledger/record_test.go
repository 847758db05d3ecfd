package ledger_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

func entryComesBack(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	berlin := time.FixedZone("CET", 3600)
	full := ledger.Entry{
		Integration: acme, List: ledger.BYOTI,
		Key:    indicator.Key{Kind: indicator.SHA256, Value: strings.Repeat("ab", 32)},
		Source: indicator.AttachmentHashes, State: ledger.Quarantined,
		Reason: "refused", Detail: `it's "100 %" sure; DROP TABLE indicators --`,
		VendorID: "id-1", Action: "detect", Severity: "high", Record: "record-1", Run: "run-1",
		SeenAt: time.Date(2026, 3, 29, 3, 30, 0, 123456789, berlin), ExpiresAt: at(30),
	}
	least := entry(ledger.Shared, "", domain("least.example"))
	least.List = ledger.BYOTI
	record(t, store, at(0).In(berlin), full, least)

	found, err := store.Lookup(t.Context(), acme, ledger.BYOTI, []indicator.Key{full.Key, least.Key})
	require.NoError(t, err)

	full.SeenAt = time.Date(2026, 3, 29, 2, 30, 0, 123456000, time.UTC)
	full.RecordedAt, full.ChangedAt, full.Tries = at(0), at(0), 1
	least.RecordedAt, least.ChangedAt = at(0), at(0)
	require.Equal(t, map[indicator.Key]ledger.Entry{full.Key: full, least.Key: least}, found)
}

func notRecordedIsNotFound(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	record(t, store, at(0))
	found, err := store.Lookup(t.Context(), acme, ledger.FalconIOCs, nil)
	require.NoError(t, err)
	require.Empty(t, found)

	record(t, store, at(0), entry(ledger.Shared, "run-1", domain("known.example")))
	found, err = store.Lookup(t.Context(), acme, ledger.FalconIOCs, []indicator.Key{
		domain("unknown.example"),
		{Kind: indicator.SHA256, Value: "known.example"}, // the same text of another kind
		domain("zero\x00byte.example"), domain("not\xffutf8.example"), domain(""),
		domain(strings.Repeat("a", 5000)),
		domain("known.example"), domain("known.example"),
	})
	require.NoError(t, err)
	require.Equal(t, []indicator.Key{domain("known.example")}, slices.Collect(maps.Keys(found)))
}

func sameStateKeepsItsRun(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	before := entry(ledger.Shared, "run-1", domain("again.example"))
	before.Reason, before.Detail = "found", "was listed"
	before.VendorID, before.Action, before.Severity = "id-1", "detect", "low"
	before.Record, before.SeenAt, before.ExpiresAt = "record-1", at(0), at(40)
	record(t, store, at(1), before)

	silent := entry(ledger.Shared, "run-2", domain("again.example"))
	record(t, store, at(2), silent)
	want := before
	want.RecordedAt, want.ChangedAt = at(1), at(1)
	require.Equal(t, want, find(t, store, before.Key), "what is not given stays")

	newer := silent
	newer.Reason, newer.Detail, newer.Record, newer.SeenAt = "other", "other", "record-2", at(2)
	newer.VendorID, newer.Action, newer.Severity, newer.ExpiresAt = "id-2", "no_action", "high", at(50)
	record(t, store, at(3), newer)
	want.VendorID, want.Action, want.Severity, want.ExpiresAt = "id-2", "no_action", "high", at(50)
	require.Equal(t, want, find(t, store, before.Key), "newer values are taken, the rest stays")
}

func anotherStateTakesItsRun(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	before := entry(ledger.Shared, "run-1", domain("taken-back.example"))
	before.VendorID, before.Action, before.Record, before.SeenAt = "id-1", "detect", "record-1", at(0)
	record(t, store, at(1), before)
	after := entry(ledger.Withdrawn, "run-2", domain("taken-back.example"))
	after.Reason, after.Detail, after.Record, after.SeenAt = "expired", "since noon", "record-2", at(2)
	record(t, store, at(3), after)

	want := before
	want.State, want.Run, want.Reason, want.Detail = ledger.Withdrawn, "run-2", "expired", "since noon"
	want.RecordedAt, want.ChangedAt = at(1), at(3)
	require.Equal(t, want, find(t, store, before.Key))
}

func heldDoesNotReplace(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	for _, state := range []ledger.State{ledger.Shared, ledger.Foreign, ledger.Quarantined, ledger.Withdrawn} {
		key := domain(string(state) + ".example")
		record(t, store, at(1), entry(state, "run-1", key))
		held := entry(ledger.Held, "run-2", key)
		held.Reason, held.Severity = "top-site", "low"
		record(t, store, at(2), held)

		found := find(t, store, key)
		if state == ledger.Shared || state == ledger.Foreign {
			require.Equal(t, state, found.State)
			require.Equal(t, "run-1", found.Run)
			require.Empty(t, found.Reason)
			require.Empty(t, found.Severity, "it was not listed with that severity")
		} else {
			require.Equal(t, ledger.Held, found.State, "after %s", state)
			require.Equal(t, indicator.Reason("top-site"), found.Reason)
		}
	}
}

func sharedReplaces(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	for _, state := range []ledger.State{ledger.Held, ledger.Foreign, ledger.Quarantined, ledger.Withdrawn} {
		key := domain(string(state) + ".example")
		before := entry(state, "run-1", key)
		before.Reason, before.Detail = "once", "upon a time"
		record(t, store, at(1), before)
		record(t, store, at(2), entry(ledger.Shared, "run-2", key))

		found := find(t, store, key)
		require.Equal(t, ledger.Shared, found.State, "after %s", state)
		require.Equal(t, "run-2", found.Run)
		require.Equal(t, at(2), found.ChangedAt)
		require.Empty(t, found.Reason, "the reason of the state before is gone")
		require.Empty(t, found.Detail)
	}
}

func withdrawnIsSharedAnew(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	key := domain("returned.example")
	before := entry(ledger.Shared, "run-1", key)
	before.VendorID, before.Action, before.Severity, before.Record = "id-1", "detect", "low", "record-1"
	before.SeenAt, before.ExpiresAt = at(0), at(5)
	record(t, store, at(1), before)
	record(t, store, at(5), entry(ledger.Withdrawn, "run-2", key))

	after := entry(ledger.Shared, "run-3", key)
	after.Source, after.Record, after.SeenAt, after.Reason = indicator.ImpersonationDomains, "record-2", at(6), "found"
	record(t, store, at(7), after)
	record(t, store, at(8), entry(ledger.Shared, "run-4", key)) // no news

	after.RecordedAt, after.ChangedAt = at(1), at(7)
	require.Equal(t, after, find(t, store, key), "nothing of the old sharing is left, its end least of all")
}

func firstSourceStays(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	record(t, store, at(1), entry(ledger.Held, "run-1", domain("twice.example")))
	again := entry(ledger.Shared, "run-2", domain("twice.example"))
	again.Source = indicator.ImpersonationDomains
	record(t, store, at(2), again)
	require.Equal(t, indicator.URLDomains, find(t, store, again.Key).Source)
}

func raisedSeverity(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	low := entry(ledger.Shared, "run-1", domain("raised.example"))
	low.Severity = "low"
	record(t, store, at(1), low)
	high := entry(ledger.Shared, "run-2", domain("raised.example"))
	high.Severity = "high"
	record(t, store, at(2), high)

	found := find(t, store, low.Key)
	require.Equal(t, "high", found.Severity)
	require.Equal(t, "run-1", found.Run)
	require.Equal(t, at(1), found.ChangedAt)
}

func duplicatesInOneCall(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	key := domain("double.example")
	held, foreign := entry(ledger.Held, "run-1", key), entry(ledger.Foreign, "run-1", key)
	other := entry(ledger.Shared, "run-1", domain("other.example"))
	first, last := entry(ledger.Shared, "run-1", key), entry(ledger.Shared, "run-1", key)
	first.Severity, last.Severity = "low", "high"
	record(t, store, at(1), held, first, other, foreign, last, held)

	found := find(t, store, key)
	require.Equal(t, ledger.Shared, found.State)
	require.Equal(t, "high", found.Severity)
	find(t, store, other.Key)
}

func scopesAreApart(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	key := domain("everywhere.example")
	there := entry(ledger.Foreign, "run-1", key)
	there.List = ledger.BlockedSenders
	elsewhere := entry(ledger.Held, "run-1", key)
	elsewhere.Integration = "globex"
	record(t, store, at(1), entry(ledger.Shared, "run-1", key), there, elsewhere)

	require.Equal(t, ledger.Shared, find(t, store, key).State)
	for _, want := range []ledger.Entry{there, elsewhere} {
		found, err := store.Lookup(t.Context(), want.Integration, want.List, []indicator.Key{key})
		require.NoError(t, err)
		require.Equal(t, want.State, found[key].State)
	}
}

func unfitKeysAreRefused(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	good := entry(ledger.Shared, "run-1", domain("good.example"))
	for field, spoil := range map[string]func(*ledger.Entry){
		"value":       func(e *ledger.Entry) { e.Value = strings.Repeat("a", 2049) },
		"kind":        func(e *ledger.Entry) { e.Kind = "" },
		"integration": func(e *ledger.Entry) { e.Integration = "a\x00b" },
		"list":        func(e *ledger.Entry) { e.List = "sideways" },
		"state":       func(e *ledger.Entry) { e.State = "lost" },
		"seen":        func(e *ledger.Entry) { e.SeenAt = time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC) },
		"expires":     func(e *ledger.Entry) { e.ExpiresAt = time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		bad := entry(ledger.Shared, "run-1", domain("bad.example"))
		spoil(&bad)
		err := store.Record(t.Context(), at(1), []ledger.Entry{good, bad})
		require.ErrorIs(t, err, ledger.ErrInvalid)
		require.ErrorContains(t, err, field)
		require.ErrorContains(t, err, "entry 2")
		require.Less(t, len(err.Error()), 300)
	}
	found, err := store.Lookup(t.Context(), acme, ledger.FalconIOCs, []indicator.Key{good.Key})
	require.NoError(t, err)
	require.Empty(t, found)

	longest := entry(ledger.Shared, "run-1", domain(strings.Repeat("a", 2048)))
	record(t, store, at(1), longest)
	find(t, store, longest.Key)
}

func describingTextIsCut(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	hostile := "line\r\nbreak\x00\x1b[31m\xff" + strings.Repeat("ä", 5000)
	e := entry(ledger.Quarantined, hostile, domain("hostile.example"))
	e.Detail, e.Reason, e.Record, e.VendorID, e.Action, e.Severity = hostile, indicator.Reason(hostile), hostile, hostile, hostile, hostile
	e.Source = indicator.Source(hostile)
	record(t, store, at(1), e)

	found := find(t, store, e.Key)
	for text, limit := range map[string]int{
		found.Detail: 500, string(found.Reason): 100, string(found.Source): 100, found.Record: indicator.MaxRecord,
		found.VendorID: 4000, found.Run: 200, found.Action: 100, found.Severity: 100,
	} {
		require.NotEmpty(t, text)
		require.LessOrEqual(t, len([]rune(text)), limit)
		require.NotContains(t, text, "\n")
		require.NotContains(t, text, "\x1b")
	}
	counts, err := store.Summary(t.Context(), acme, hostile)
	require.NoError(t, err)
	require.Len(t, counts, 1, "a run is found by the name it was recorded with")

	opaque := entry(ledger.Shared, "run-1", domain("opaque.example"))
	opaque.VendorID = strings.Repeat("eNo", 300)
	record(t, store, at(2), opaque)
	require.Equal(t, opaque.VendorID, find(t, store, opaque.Key).VendorID, "a cut id would name something else")
}

func cancelledRecord(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e := entry(ledger.Shared, "run-1", domain("late.example"))
	require.ErrorIs(t, store.Record(ctx, at(1), []ledger.Entry{e}), context.Canceled)
	found, err := store.Lookup(t.Context(), acme, ledger.FalconIOCs, []indicator.Key{e.Key})
	require.NoError(t, err)
	require.Empty(t, found)
	record(t, store, at(1), e)
}

func manyEntries(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	keys := numbered(5_000)
	record(t, store, at(1), shared("run-1", keys)...)
	record(t, store, at(2), shared("run-2", keys[:2000])...)

	found, err := store.Lookup(t.Context(), acme, ledger.FalconIOCs, keys)
	require.NoError(t, err)
	require.Len(t, found, len(keys))
	for _, key := range keys {
		require.Equal(t, "run-1", found[key].Run)
		require.Equal(t, key, found[key].Key)
	}
}
