package ledger_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

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
		Direction:   ledger.Direction(pick("direction", "to-falcon", "to-mimecast")),
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
	direction ledger.Direction
	key       indicator.Key
}

// expect applies the rules to the model, written as the list of what a new entry may change.
func expect(model map[modelKey]ledger.Entry, e ledger.Entry, now time.Time) {
	where := modelKey{e.Direction, e.Key}
	old, known := model[where]
	listed := old.State == ledger.Shared || old.State == ledger.Foreign
	switch {
	case !known:
		e.RecordedAt, e.ChangedAt = now, now
		model[where] = e
		return
	case e.State == ledger.Held && listed:
		return
	case e.State != old.State:
		old.State, old.Run, old.Reason, old.Detail, old.ChangedAt = e.State, e.Run, e.Reason, e.Detail, now
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
		all[modelKey{e.Direction, e.Key}] = e
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
		for minute := range rapid.IntRange(1, 5).Draw(t, "records") {
			entries := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) ledger.Entry { return drawEntry(t, integration) }), 0, 8).Draw(t, "entries")
			require.NoError(t, store.Record(tb.Context(), at(minute), entries))
			for _, e := range entries {
				expect(model, e, at(minute))
			}
			require.Equal(t, model, everything(t, tb, store, integration))
		}
		counted := 0
		for _, direction := range []ledger.Direction{ledger.ToFalcon, ledger.ToMimecast} {
			for _, run := range []string{"run-1", "run-2", "run-3"} {
				counts, err := store.Summary(tb.Context(), integration, direction, run)
				require.NoError(t, err)
				for _, c := range counts {
					counted += c.N
				}
			}
		}
		require.Equal(t, len(model), counted, "every entry counts for exactly one run")
	})
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
