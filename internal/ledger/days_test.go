package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

func statesAreCounted(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	keys := numbered(7)
	record(t, store, at(1), shared("run-1", keys[:4])...)
	record(t, store, at(2), entry(ledger.Held, "run-1", keys[4]), entry(ledger.Held, "run-1", keys[5]))
	for state, want := range map[ledger.State]int{ledger.Shared: 4, ledger.Held: 2, ledger.Foreign: 0} {
		for atMost := range 6 {
			n, err := store.CountState(t.Context(), acme, state, atMost)
			require.NoError(t, err)
			require.Equal(t, min(want, atMost+1), n)
		}
	}
	n, err := store.CountState(t.Context(), "other", ledger.Shared, 10)
	require.NoError(t, err)
	require.Zero(t, n)
}

func daily(t *testing.T, store *ledger.Store, integration string) []ledger.DayCount {
	t.Helper()
	counts, err := store.Daily(t.Context(), integration, time.Time{})
	require.NoError(t, err)
	return counts
}

func midnight(days int) time.Time { return at(0).Truncate(24*time.Hour).AddDate(0, 0, days) }

func daysCountArrivals(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	key := domain("back.example")
	refused, again := entry(ledger.Quarantined, "run-1", domain("refused.example")), entry(ledger.Quarantined, "run-2", domain("refused.example"))
	record(t, store, at(1), entry(ledger.Shared, "run-1", key), refused)
	record(t, store, at(2), entry(ledger.Shared, "run-1", key), again) // the same twice, and one refused again
	record(t, store, at(3), entry(ledger.Held, "run-2", key))          // held does not replace shared
	record(t, store, at(4), entry(ledger.Withdrawn, "run-3", key))     // and then anew, from a time that is the next day here
	nextDay := time.Date(2026, 11, 16, 19, 30, 0, 0, time.FixedZone("west", -5*3600))
	record(t, store, nextDay, entry(ledger.Shared, "run-4", key))
	cancelled := entry(ledger.Shared, "run-4", domain("bad.example"))
	cancelled.State = "lost"
	require.Error(t, store.Record(t.Context(), at(5), []ledger.Entry{entry(ledger.Held, "run-5", domain("good.example")), cancelled}))

	require.Equal(t, []ledger.DayCount{
		{Day: midnight(0), Source: indicator.URLDomains, State: ledger.Quarantined, N: 1},
		{Day: midnight(0), Source: indicator.URLDomains, State: ledger.Shared, N: 1},
		{Day: midnight(0), Source: indicator.URLDomains, State: ledger.Withdrawn, N: 1},
		{Day: midnight(1), Source: indicator.URLDomains, State: ledger.Shared, N: 1},
	}, daily(t, store, acme))
	since, err := store.Daily(t.Context(), acme, nextDay)
	require.NoError(t, err)
	require.Len(t, since, 1)
	require.Empty(t, daily(t, store, "globex"))
	_, err = store.Daily(t.Context(), acme, time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC))
	require.ErrorIs(t, err, ledger.ErrInvalid)
}

func oldDaysGo(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	keys := numbered(8)
	other := entry(ledger.Shared, "run-1", keys[0])
	other.Integration = "globex"
	record(t, store, midnight(0), entry(ledger.Shared, "run-1", keys[0]), other)
	record(t, store, midnight(1), entry(ledger.Shared, "run-1", keys[1]))
	record(t, store, midnight(400), entry(ledger.Shared, "run-1", keys[2]))
	require.Len(t, daily(t, store, acme), 3, "400 days are kept")
	record(t, store, midnight(401), entry(ledger.Shared, "run-1", keys[0])) // no change, and no day
	require.Len(t, daily(t, store, acme), 3)
	record(t, store, midnight(401), entry(ledger.Shared, "run-1", keys[3]))
	days := daily(t, store, acme)
	require.Len(t, days, 3)
	require.Equal(t, midnight(1), days[0].Day)
	require.Len(t, daily(t, store, "globex"), 1, "another integration's days are its own")
	record(t, store, midnight(2000), entry(ledger.Shared, "run-1", keys[4]))
	require.Len(t, daily(t, store, acme), 1)
	require.Equal(t, 1, find(t, store, keys[0]).ChangedAt.Compare(time.Time{}), "the entries stay")
}

// Writers to different lists do not wait for each other until they count, and then they meet in the rows of the same days: each
// in another order of lists, integrations and sources.
func concurrentDays(t *testing.T, dsn string) {
	stores := []*ledger.Store{openLedger(t, dsn), openLedger(t, dsn)}
	const workers, rounds = 6, 4
	sources := []indicator.Source{indicator.URLDomains, indicator.AttachmentHashes, indicator.IOCDomains, indicator.AlertDomains}
	// So far apart that each day forgets the one before. All are in one day at a time: clocks may differ, but not by a year.
	for _, today := range []time.Time{midnight(0), midnight(401), midnight(802)} {
		var group errgroup.Group
		for worker := range workers {
			group.Go(func() error {
				for round := range rounds {
					var entries []ledger.Entry
					for i := range 2 * len(sources) {
						n := i
						if worker%2 == 0 {
							n = 2*len(sources) - 1 - i
						}
						e := entry(ledger.States()[n%3], "run-1", domain(fmt.Sprintf("%d-%d-%d-%d.example", today.Unix(), worker, round, n)))
						e.List, e.Source, e.Integration = ledger.Lists()[worker%len(ledger.Lists())], sources[n/2], []string{acme, "globex"}[n%2]
						entries = append(entries, e)
					}
					if err := stores[worker%2].Record(t.Context(), today, entries); err != nil {
						return err
					}
				}
				return nil
			})
		}
		require.NoError(t, group.Wait())
		for _, integration := range []string{acme, "globex"} {
			n := 0
			for _, count := range daily(t, stores[0], integration) {
				require.Equal(t, today, count.Day)
				n += count.N
			}
			require.Equal(t, workers*rounds*len(sources), n)
		}
	}
}
