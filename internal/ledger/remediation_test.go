package ledger_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

const today = "2026-11-16"

func remediation(day string, key indicator.Key) ledger.Remediation {
	return ledger.Remediation{Integration: acme, Key: key, Day: day, Source: indicator.IOCDomains, Run: "run-1"}
}

func want(t testing.TB, store *ledger.Store, now time.Time, remediations ...ledger.Remediation) {
	t.Helper()
	require.NoError(t, store.WantRemediations(t.Context(), now, remediations))
}

func wanted(t testing.TB, store *ledger.Store, source indicator.Source, limit int) []ledger.Remediation {
	t.Helper()
	found, err := store.WantedRemediations(t.Context(), acme, source, limit)
	require.NoError(t, err)
	return found
}

func remediationCounts(t testing.TB, store *ledger.Store) []ledger.RemediationCount {
	t.Helper()
	counts, err := store.RemediationCounts(t.Context(), acme)
	require.NoError(t, err)
	return counts
}

func wantedComesBack(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	given := remediation(today, domain("wanted.example"))
	given.State, given.Incident, given.Code, given.Detail, given.Identified = ledger.Done, "id", "code", "detail", 5
	given.WantedAt, given.ChangedAt = at(30), at(30)
	berlin := time.FixedZone("CET", 3600)
	want(t, store, at(1).Add(123456789).In(berlin), given)

	kept := remediation(today, given.Key)
	kept.State, kept.WantedAt, kept.ChangedAt = ledger.Wanted, at(1).Add(123456000), at(1).Add(123456000)
	require.Equal(t, []ledger.Remediation{kept}, wanted(t, store, indicator.IOCDomains, 10), "only who, what, when and why")
	require.Empty(t, wanted(t, store, indicator.IOCHashes, 10))
}

func neverTwiceADay(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	first := remediation(today, domain("once.example"))
	again := first
	again.Source, again.Run = indicator.AlertDomains, "run-2"
	tomorrow, elsewhere := again, again
	tomorrow.Day, elsewhere.Integration = "2026-11-17", "globex"
	want(t, store, at(1), first, first)
	want(t, store, at(2), again, tomorrow, elsewhere, again)

	found := wanted(t, store, indicator.IOCDomains, 10)
	require.Len(t, found, 1)
	require.Equal(t, "run-1", found[0].Run, "the first one stays")
	require.Equal(t, at(1), found[0].WantedAt)
	later := wanted(t, store, indicator.AlertDomains, 10)
	require.Len(t, later, 1)
	require.Equal(t, "2026-11-17", later[0].Day)

	for _, state := range []ledger.RemediationState{ledger.Started, ledger.Done, ledger.NothingFound, ledger.RemediationFailed} {
		r := first
		r.State = state
		require.NoError(t, store.RecordRemediation(t.Context(), at(3), r))
		want(t, store, at(4), first)
		require.Empty(t, wanted(t, store, indicator.IOCDomains, 10), "it was %s today", state)
	}
}

func remediationsOfAValue(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	key := domain("mail.example")
	hash := indicator.Key{Kind: indicator.SHA256, Value: key.Value}
	elsewhere := remediation(today, key)
	elsewhere.Integration = "globex"
	want(t, store, at(1), remediation("2026-11-14", key), remediation(today, key), remediation("2026-11-15", key),
		remediation(today, domain("other.example")), remediation(today, hash), elsewhere)
	done := remediation("2026-11-15", key)
	done.State, done.Incident, done.Code, done.Detail, done.Identified, done.Successful = ledger.Done, "id", "TR-1", "detail", 5, 4
	require.NoError(t, store.RecordRemediation(t.Context(), at(2), done))

	found, err := store.RemediationsOf(t.Context(), acme, key, 10)
	require.NoError(t, err)
	days := []string{}
	for _, r := range found {
		require.Equal(t, key, r.Key)
		require.Equal(t, acme, r.Integration)
		days = append(days, r.Day)
	}
	require.Equal(t, []string{today, "2026-11-15", "2026-11-14"}, days)
	done.WantedAt, done.ChangedAt = at(1), at(2)
	require.Equal(t, done, found[1])

	found, err = store.RemediationsOf(t.Context(), acme, key, 2)
	require.NoError(t, err)
	require.Len(t, found, 2)
	found, err = store.RemediationsOf(t.Context(), acme, domain("never.example"), 10)
	require.NoError(t, err)
	require.Empty(t, found)
	_, err = store.RemediationsOf(t.Context(), acme, domain("zero\x00byte"), 10)
	require.ErrorIs(t, err, ledger.ErrInvalid)
}

func wantedOldestFirst(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	var many []ledger.Remediation
	for i := range 450 { // more than two statements
		many = append(many, remediation(today, domain(fmt.Sprintf("host-%03d.example", 449-i))))
	}
	want(t, store, at(2), many...)
	want(t, store, at(3), remediation(today, domain("a.example")))
	hash := remediation(today, indicator.Key{Kind: indicator.SHA256, Value: "00"})
	hash.Source = indicator.IOCHashes
	want(t, store, at(1), remediation(today, domain("z.example")), hash)
	want(t, store, at(1))

	require.Empty(t, wanted(t, store, indicator.IOCDomains, 0))
	require.Empty(t, wanted(t, store, indicator.IOCDomains, -1))
	found := wanted(t, store, indicator.IOCDomains, 1000)
	require.Len(t, found, 452)
	require.Equal(t, "z.example", found[0].Value)
	for i, r := range found[1:451] {
		require.Equal(t, fmt.Sprintf("host-%03d.example", i), r.Value)
	}
	require.Equal(t, "a.example", found[451].Value)
	oldest := wanted(t, store, indicator.IOCDomains, 7)
	require.Equal(t, found[:7], oldest)
	require.Len(t, wanted(t, store, indicator.IOCHashes, 7), 1)
}

func remediationFollows(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	r := remediation(today, domain("followed.example"))
	want(t, store, at(1), r)

	r.Run, r.Source = "remediate-1", indicator.AlertDomains
	r.State, r.Incident, r.Code, r.Identified = ledger.Started, "id-1", "TR-1", 7
	require.NoError(t, store.RecordRemediation(t.Context(), at(2), r))
	require.Empty(t, wanted(t, store, indicator.IOCDomains, 10))
	r.Successful = 3
	require.NoError(t, store.RecordRemediation(t.Context(), at(3), r))
	require.Equal(t, []ledger.RemediationCount{{State: ledger.Started, N: 1, Identified: 7, Successful: 3}}, remediationCounts(t, store))

	r.State, r.Code, r.Detail, r.Successful, r.Failed = ledger.Done, "TR-2", "two were gone", 5, 2
	for range 2 { // the activity ran twice
		require.NoError(t, store.RecordRemediation(t.Context(), at(4), r))
		require.Equal(t, []ledger.RemediationCount{{State: ledger.Done, N: 1, Identified: 7, Successful: 5, Failed: 2}}, remediationCounts(t, store))
	}
	require.NoError(t, store.RecordRemediation(t.Context(), at(5), r))

	again := r
	again.State, again.Incident, again.Identified, again.Successful, again.Failed = ledger.Wanted, "", 0, 0, 0 // to be tried again, and so it can be read
	require.NoError(t, store.RecordRemediation(t.Context(), at(6), again))
	r.State, r.Run, r.Source, r.Incident, r.WantedAt, r.ChangedAt = ledger.Wanted, "run-1", indicator.IOCDomains, "id-1", at(1), at(6)
	require.Equal(t, []ledger.Remediation{r}, wanted(t, store, indicator.IOCDomains, 10), "who wanted it, when, and the incident with its figures stay")
	require.NoError(t, store.RecordRemediation(t.Context(), at(7), r))
	require.Equal(t, at(6), wanted(t, store, indicator.IOCDomains, 10)[0].ChangedAt, "the same state is no change")
}

func remediationsAreCounted(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	require.Empty(t, remediationCounts(t, store))
	for i, state := range []ledger.RemediationState{ledger.Done, ledger.Done, ledger.NothingFound, ledger.RemediationFailed, ledger.Started} {
		r := remediation(today, domain(fmt.Sprintf("%d.example", i)))
		r.State, r.Identified, r.Successful, r.Failed = state, 3_000_000_000, i, 1
		if state == ledger.NothingFound {
			r.Identified, r.Successful, r.Failed = 0, 0, 0
		}
		require.NoError(t, store.RecordRemediation(t.Context(), at(i), r), "one that nobody wanted is added")
		r.Integration = "globex"
		require.NoError(t, store.RecordRemediation(t.Context(), at(i), r))
	}
	want(t, store, at(9), remediation(today, domain("wanted.example")))
	require.Equal(t, []ledger.RemediationCount{
		{State: ledger.Done, N: 2, Identified: 6_000_000_000, Successful: 1, Failed: 2},
		{State: ledger.RemediationFailed, N: 1, Identified: 3_000_000_000, Successful: 3, Failed: 1},
		{State: ledger.NothingFound, N: 1},
		{State: ledger.Started, N: 1, Identified: 3_000_000_000, Successful: 4, Failed: 1},
		{State: ledger.Wanted, N: 1},
	}, remediationCounts(t, store))
}

func unfitRemediations(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	good := remediation(today, domain("good.example"))
	for field, spoil := range map[string]func(*ledger.Remediation){
		"value":       func(r *ledger.Remediation) { r.Value = strings.Repeat("a", 2049) },
		"kind":        func(r *ledger.Remediation) { r.Kind = "" },
		"integration": func(r *ledger.Remediation) { r.Integration = "a\x00b" },
		"day":         func(r *ledger.Remediation) { r.Day = "16.11.2026" },
		"state":       func(r *ledger.Remediation) { r.State = "lost" },
		"messages":    func(r *ledger.Remediation) { r.Failed = -1 },
	} {
		bad := remediation(today, domain("bad.example"))
		bad.State = ledger.Done
		spoil(&bad)
		err := store.RecordRemediation(t.Context(), at(1), bad)
		require.ErrorIs(t, err, ledger.ErrInvalid, field)
		require.ErrorContains(t, err, field)
		require.Less(t, len(err.Error()), 300)
		if field == "state" || field == "messages" {
			continue // does not count there
		}
		err = store.WantRemediations(t.Context(), at(1), []ledger.Remediation{good, bad})
		require.ErrorIs(t, err, ledger.ErrInvalid, field)
		require.ErrorContains(t, err, "remediation 2")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, store.WantRemediations(ctx, at(1), []ledger.Remediation{good}), context.Canceled)
	require.Empty(t, remediationCounts(t, store))

	hostile := "line\r\nbreak\x00\x1b[31m\xff" + strings.Repeat("ä", 5000)
	good.State, good.Incident, good.Code, good.Detail, good.Run, good.Source = ledger.Wanted, hostile, hostile, hostile, hostile, indicator.Source(hostile)
	require.NoError(t, store.RecordRemediation(t.Context(), at(1), good))
	found := wanted(t, store, indicator.Source(indicator.Printable(hostile, 100)), 10)[0]
	for text, limit := range map[string]int{
		found.Incident: 4000, found.Code: 100, found.Detail: 500, found.Run: 200, string(found.Source): 100,
	} {
		require.NotEmpty(t, text)
		require.LessOrEqual(t, len([]rune(text)), limit)
		require.NotContains(t, text, "\n")
	}
}

func concurrentRemediations(t *testing.T, dsn string) {
	stores := []*ledger.Store{openLedger(t, dsn), openLedger(t, dsn)}
	var workers errgroup.Group
	for worker := range 6 {
		workers.Go(func() error {
			var all []ledger.Remediation
			for i := range 100 {
				n := i
				if worker%2 == 0 {
					n = 99 - i // the other way round
				}
				r := remediation(today, domain(fmt.Sprintf("%02d.example", n)))
				r.Run = fmt.Sprintf("run-%d", worker)
				all = append(all, r)
			}
			store := stores[worker%2]
			if err := store.WantRemediations(t.Context(), at(worker), all); err != nil {
				return err
			}
			r := all[worker]
			r.State, r.Identified = ledger.Started, 1
			return store.RecordRemediation(t.Context(), at(worker), r)
		})
	}
	require.NoError(t, workers.Wait())
	n := 0
	for _, c := range remediationCounts(t, stores[0]) {
		n += c.N
	}
	require.Equal(t, 100, n)
	require.Len(t, wanted(t, stores[1], indicator.IOCDomains, 1000), 94)
}
