package ledger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

func summaryCountsOnce(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	one, two, three := domain("one.example"), domain("two.example"), domain("three.example")
	held := entry(ledger.Held, "run-1", three)
	held.Reason = "top-site"
	found := entry(ledger.Shared, "run-1", domain("found.example"))
	found.Reason = "found"
	hash := entry(ledger.Shared, "run-1", indicator.Key{Kind: indicator.SHA256, Value: strings.Repeat("0", 64)})
	hash.Source = indicator.AttachmentHashes
	url := entry(ledger.Shared, "run-1", one)
	url.List = ledger.ManagedURLs
	page := []ledger.Entry{url, entry(ledger.Shared, "run-1", one), entry(ledger.Shared, "run-1", two), held, found, hash}
	record(t, store, at(1), page...)
	record(t, store, at(1), page...) // the activity ran twice

	want := []ledger.Count{
		{List: ledger.FalconIOCs, Source: indicator.AttachmentHashes, State: ledger.Shared, N: 1},
		{List: ledger.FalconIOCs, Source: indicator.URLDomains, State: ledger.Held, Reason: "top-site", N: 1},
		{List: ledger.FalconIOCs, Source: indicator.URLDomains, State: ledger.Shared, N: 2},
		{List: ledger.FalconIOCs, Source: indicator.URLDomains, State: ledger.Shared, Reason: "found", N: 1},
		{List: ledger.ManagedURLs, Source: indicator.URLDomains, State: ledger.Shared, N: 1},
	}
	counts, err := store.Summary(t.Context(), acme, "run-1")
	require.NoError(t, err)
	require.Equal(t, want, counts)

	record(t, store, at(2), entry(ledger.Shared, "run-2", one), entry(ledger.Shared, "run-2", three))
	counts, err = store.Summary(t.Context(), acme, "run-2")
	require.NoError(t, err)
	require.Equal(t, []ledger.Count{{List: ledger.FalconIOCs, Source: indicator.URLDomains, State: ledger.Shared, N: 1}}, counts)

	counts, err = store.Summary(t.Context(), "globex", "run-1")
	require.NoError(t, err)
	require.Empty(t, counts)
}

func searchFilters(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	plain := entry(ledger.Shared, "run-1", domain("plain.example"))
	there := entry(ledger.Shared, "run-1", domain("there.example"))
	there.List = ledger.BlockedSenders
	policy := entry(ledger.Shared, "run-1", domain("there.example"))
	policy.List = ledger.SenderPolicies
	hash := entry(ledger.Shared, "run-1", indicator.Key{Kind: indicator.SHA256, Value: strings.Repeat("1", 64)})
	held := entry(ledger.Held, "run-1", domain("held.example"))
	sender := entry(ledger.Shared, "run-1", domain("sender.example"))
	sender.Source = indicator.ImpersonationDomains
	elsewhere := entry(ledger.Held, "run-1", domain("held.example"))
	elsewhere.Integration = "globex"
	record(t, store, at(1), plain, there, policy, hash, held, sender, elsewhere)

	for name, c := range map[string]struct {
		query ledger.Query
		want  []ledger.Entry
	}{
		"direction":           {ledger.Query{Direction: ledger.ToMimecast}, []ledger.Entry{policy, there}},
		"list":                {ledger.Query{List: ledger.BlockedSenders}, []ledger.Entry{there}},
		"kind":                {ledger.Query{Kind: indicator.SHA256}, []ledger.Entry{hash}},
		"value":               {ledger.Query{Value: "plain.example"}, []ledger.Entry{plain}},
		"a part of a value":   {ledger.Query{Value: "plain"}, nil},
		"a pattern":           {ledger.Query{Value: "%.example"}, nil},
		"state":               {ledger.Query{State: ledger.Held}, []ledger.Entry{held}},
		"source":              {ledger.Query{Source: indicator.ImpersonationDomains}, []ledger.Entry{sender}},
		"several":             {ledger.Query{Kind: indicator.Domain, State: ledger.Shared, Direction: ledger.ToFalcon, Value: "plain.example", Source: indicator.URLDomains}, []ledger.Entry{plain}},
		"another integration": {ledger.Query{Integration: "globex"}, []ledger.Entry{elsewhere}},
		"no such integration": {ledger.Query{Integration: "initech"}, nil},
	} {
		if c.query.Integration == "" {
			c.query.Integration = acme
		}
		found, err := store.Search(t.Context(), c.query)
		require.NoError(t, err, name)
		for i := range c.want {
			c.want[i].RecordedAt, c.want[i].ChangedAt = at(1), at(1)
		}
		require.Equal(t, c.want, found, name)
	}
}

func searchSince(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	old, changed, young := domain("old.example"), domain("changed.example"), domain("young.example")
	record(t, store, at(1), entry(ledger.Shared, "run-1", old), entry(ledger.Shared, "run-1", changed))
	record(t, store, at(2), entry(ledger.Withdrawn, "run-2", changed))
	record(t, store, at(3), entry(ledger.Shared, "run-3", young), entry(ledger.Shared, "run-3", old)) // the second is no change

	berlin := time.FixedZone("CET", 3600)
	for _, c := range []struct {
		since time.Time
		want  []indicator.Key
	}{
		{time.Time{}, []indicator.Key{young, changed, old}},
		{at(1), []indicator.Key{young, changed, old}},
		{at(1).Add(time.Microsecond), []indicator.Key{young, changed}},
		{at(2).In(berlin), []indicator.Key{young, changed}},
		{at(3), []indicator.Key{young}},
		{at(4), nil},
	} {
		var found []indicator.Key
		query := ledger.Query{Integration: acme, Since: c.since, Limit: 2}
		for {
			page, err := store.Search(t.Context(), query)
			require.NoError(t, err)
			for _, e := range page {
				found = append(found, e.Key)
			}
			if len(page) < query.Limit {
				break
			}
			query.After = page[len(page)-1].Position()
		}
		require.Equal(t, c.want, found, c.since)
	}
}

func searchPages(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	keys := numbered(1100)
	record(t, store, at(1), shared("run-1", keys)...)
	record(t, store, at(2), entry(ledger.Withdrawn, "run-2", keys[7]), entry(ledger.Shared, "run-2", domain("newest.example")))
	record(t, store, at(3), entry(ledger.Shared, "run-3", keys[9])) // no change of state

	for _, state := range []ledger.State{"", ledger.Shared} {
		seen := make(map[indicator.Key]bool)
		query := ledger.Query{Integration: acme, State: state, Limit: 64}
		var last ledger.Entry
		for {
			page, err := store.Search(t.Context(), query)
			require.NoError(t, err)
			for _, e := range page {
				require.False(t, seen[e.Key], "%s came twice", e.Value)
				seen[e.Key] = true
				require.False(t, !last.ChangedAt.IsZero() && e.ChangedAt.After(last.ChangedAt), "newest change first")
				last = e
			}
			if len(page) < query.Limit {
				break
			}
			query.After = last.Position()
		}
		want := len(keys) + 1
		if state == ledger.Shared {
			want-- // one was withdrawn
		}
		require.Len(t, seen, want)
	}

	for limit, want := range map[int]int{0: ledger.DefaultLimit, -1: ledger.DefaultLimit, 5: 5, 1_000_000: ledger.MaxLimit} {
		page, err := store.Search(t.Context(), ledger.Query{Integration: acme, Limit: limit})
		require.NoError(t, err)
		require.Len(t, page, want)
	}
}

func searchRefuses(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	for _, query := range []ledger.Query{
		{},
		{Integration: "zero\x00byte"},
		{Integration: acme, Value: "not\xffutf8"},
		{Integration: acme, Value: strings.Repeat("a", 5000)},
		{Integration: acme, State: "zero\x00byte"},
		{Integration: acme, Since: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)},
		{Integration: acme, After: ledger.Position{ChangedAt: at(1), Key: domain("zero\x00byte")}},
	} {
		_, err := store.Search(t.Context(), query)
		require.ErrorIs(t, err, ledger.ErrInvalid)
	}
}
