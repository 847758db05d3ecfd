package ledger_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

// browseAll follows the pages to their end, and gives how many there were.
func browseAll(t require.TestingT, tb testing.TB, store *ledger.Store, q ledger.Query) (all []ledger.Entry, pages int) {
	for {
		page, err := store.Browse(tb.Context(), q)
		require.NoError(t, err)
		all, pages = append(all, page.Entries...), pages+1
		if page.Next == (ledger.Position{}) {
			return all, pages
		}
		require.NotEqual(t, q.After, page.Next, "the next page is this one")
		q.After = page.Next
	}
}

func browsingIsSearching(tb *testing.T, dsn string) {
	store := openLedger(tb, dsn)
	var ledgers atomic.Int64
	rapid.Check(tb, func(t *rapid.T) {
		integration := fmt.Sprintf("browsed-%d", ledgers.Add(1))
		for minute := range rapid.IntRange(1, 3).Draw(t, "steps") {
			entries := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) ledger.Entry { return drawEntry(t, integration) }), 0, 12).Draw(t, "entries")
			require.NoError(t, store.Record(tb.Context(), at(minute), entries))
		}
		pick := func(name string, texts ...string) string { return rapid.SampledFrom(append(texts, "")).Draw(t, name) }
		q := ledger.Query{
			Integration: integration, Limit: ledger.MaxLimit,
			Direction: ledger.Direction(pick("direction", "to-mimecast")),
			List:      ledger.List(pick("list", "iocs", "blocked-senders")),
			Kind:      indicator.Kind(pick("kind", "domain")),
			Value:     pick("value", "a"),
			State:     ledger.State(pick("state", "shared", "held")),
			Source:    indicator.Source(pick("source", "urlDomains")),
		}
		want, err := store.Search(tb.Context(), q)
		require.NoError(t, err)
		q.Limit = rapid.IntRange(1, 4).Draw(t, "limit")
		found, pages := browseAll(t, tb, store, q)
		require.Equal(t, want, found)
		require.Equal(t, max(1, (len(want)+q.Limit-1)/q.Limit), pages, "only a page that is followed by entries has a next one")
	})
}

func browsingIsBounded(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	rare := entry(ledger.Shared, "run-1", domain("rare.example"))
	rare.Source = indicator.AlertDomains
	record(t, store, at(1), rare)
	for i, keys := range [][]indicator.Key{numbered(12_000)[:6000], numbered(12_000)[6000:]} {
		record(t, store, at(2+i), shared("run-1", keys)...)
	}
	q := ledger.Query{Integration: acme, Source: indicator.AlertDomains}
	page, err := store.Browse(t.Context(), q)
	require.NoError(t, err)
	require.Empty(t, page.Entries)
	require.NotZero(t, page.Next, "there is more to look through")
	for _, state := range []ledger.State{"", ledger.Shared} {
		q.State = state
		found, pages := browseAll(t, t, store, q)
		require.Len(t, found, 1)
		require.Equal(t, rare.Key, found[0].Key)
		require.Equal(t, 3, pages)
	}
	_, pages := browseAll(t, t, store, ledger.Query{Integration: acme, State: ledger.Held, List: ledger.BYOTI})
	require.Equal(t, 1, pages, "of another state nothing is looked through")
	_, err = store.Browse(t.Context(), ledger.Query{Integration: acme, Source: "zero\x00byte"})
	require.ErrorIs(t, err, ledger.ErrInvalid)
	_, err = store.Browse(t.Context(), ledger.Query{})
	require.ErrorIs(t, err, ledger.ErrInvalid)
}
