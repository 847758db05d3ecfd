package ledger_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/ledger/pgtest"
)

// writerAddress makes this program a worker that records shared entries in the ledger at that address, and nothing else.
const writerAddress = "LEDGER_TEST_WRITER"

func TestMain(m *testing.M) {
	if dsn := os.Getenv(writerAddress); dsn != "" {
		if err := recordAsAnotherProcess(dsn); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func TestLedgerOnSQLite(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T) string {
		t.Helper()
		return "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")
	})
}

func TestLedgerOnPostgreSQL(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	each(t, func(t *testing.T) string {
		t.Helper()
		return server.Database(t)
	})
}

// each runs every test that holds for both databases, each on the address of an empty one.
func each(t *testing.T, empty func(t *testing.T) string) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(t *testing.T, dsn string)
	}{
		{"an entry comes back as it was recorded", entryComesBack},
		{"what is not recorded is not found", notRecordedIsNotFound},
		{"the same state keeps its run and takes newer values", sameStateKeepsItsRun},
		{"another state takes run, reason and time of the change", anotherStateTakesItsRun},
		{"held replaces neither shared nor foreign", heldDoesNotReplace},
		{"shared replaces every state", sharedReplaces},
		{"what was withdrawn is shared anew", withdrawnIsSharedAnew},
		{"another source leaves the first one", firstSourceStays},
		{"a raised severity is no change of state", raisedSeverity},
		{"duplicates in one call count as recorded in turn", duplicatesInOneCall},
		{"integrations and lists are apart", scopesAreApart},
		{"a key that cannot be kept is refused and nothing is written", unfitKeysAreRefused},
		{"describing text is cut and made printable", describingTextIsCut},
		{"a cancelled record writes nothing", cancelledRecord},
		{"many entries are recorded and found", manyEntries},
		{"random histories follow the rules", randomHistories},
		{"recording a batch is recording one by one", batchIsOneByOne},
		{"the summary counts an entry once for the run that decided it", summaryCountsOnce},
		{"shared becomes due once and keeps the first reason", sharedBecomesDue},
		{"only shared becomes due", onlySharedBecomesDue},
		{"recording makes nothing due", recordingNeverMakesDue},
		{"what is cleared is not due", clearedIsNotDue},
		{"another state is not due", anotherStateIsNotDue},
		{"what has ended is due", endedIsDue},
		{"due comes in the order of keys and counts all", duePages},
		{"marking is all or nothing", dueIsAllOrNothing},
		{"counts are of shared", countsAreOfShared},
		{"a refusal counts once for each run", refusedCountsRuns},
		{"what is tried again is the oldest first", retryIsOldestFirst},
		{"missing is what is not there, or not any more", missingIsNotThere},
		{"a wanted remediation comes back", wantedComesBack},
		{"nothing is removed twice for a value and day", neverTwiceADay},
		{"wanted remediations come oldest first", wantedOldestFirst},
		{"a remediation is followed", remediationFollows},
		{"remediations and their messages are counted", remediationsAreCounted},
		{"the remediations of a value come newest first", remediationsOfAValue},
		{"a remediation that cannot be kept is refused", unfitRemediations},
		{"search filters by every field", searchFilters},
		{"search gives what changed since a time", searchSince},
		{"search pages through everything, newest change first", searchPages},
		{"search refuses what no entry can have", searchRefuses},
		{"entries in a state are counted up to a bound", statesAreCounted},
		{"days count what comes into another state", daysCountArrivals},
		{"days of more than a year ago go", oldDaysGo},
		{"browsing gives what searching gives", browsingIsSearching},
		{"browsing looks through a bounded part", browsingIsBounded},
		{"reopening keeps everything", reopeningKeeps},
		{"a newer schema is refused and left alone", newerSchema},
		{"what version 1 wrote is kept", version1IsKept},
		{"what version 2 wrote is counted by day", version2IsCounted},
		{"an upgrade that is done twice changes nothing", upgradeDoneTwice},
		{"workers may upgrade at the same time", racingUpgrades},
		{"workers may make the tables at the same time", racingOpens},
		{"two stores write the same keys in any order", concurrentStores},
		{"marking and recording leave each other's work", concurrentMarks},
		{"writers of different lists count the same days", concurrentDays},
		{"two stores want the same remediations in any order", concurrentRemediations},
		{"other processes write to the same ledger", otherProcesses},
		{"a closed ledger does not answer", closedLedger},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, empty(t)) })
	}
}

const acme = "acme"

// at gives times of one evening, a minute apart.
func at(minute int) time.Time {
	return time.Date(2026, 11, 16, 20, minute, 0, 0, time.UTC)
}

func openLedger(t testing.TB, dsn string) *ledger.Store {
	t.Helper()
	store, err := ledger.Open(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

func domain(name string) indicator.Key {
	return indicator.Key{Kind: indicator.Domain, Value: name}
}

func entry(state ledger.State, run string, key indicator.Key) ledger.Entry {
	return ledger.Entry{
		Integration: acme, List: ledger.FalconIOCs, Key: key,
		Source: indicator.URLDomains, State: state, Run: run,
	}
}

func record(t testing.TB, store *ledger.Store, now time.Time, entries ...ledger.Entry) {
	t.Helper()
	require.NoError(t, store.Record(t.Context(), now, entries))
}

// find gives the one entry of acme on the list of Falcon with this key.
func find(t testing.TB, store *ledger.Store, key indicator.Key) ledger.Entry {
	t.Helper()
	found, err := store.Lookup(t.Context(), acme, ledger.FalconIOCs, []indicator.Key{key})
	require.NoError(t, err)
	require.Contains(t, found, key)
	return found[key]
}

func numbered(n int) []indicator.Key {
	keys := make([]indicator.Key, 0, n)
	for i := range n {
		if i%2 == 0 {
			keys = append(keys, domain(fmt.Sprintf("host-%06d.bad.example", i)))
		} else {
			keys = append(keys, indicator.Key{Kind: indicator.SHA256, Value: fmt.Sprintf("%064x", i)})
		}
	}
	return keys
}

func shared(run string, keys []indicator.Key) []ledger.Entry {
	entries := make([]ledger.Entry, 0, len(keys))
	for _, key := range keys {
		entries = append(entries, entry(ledger.Shared, run, key))
	}
	return entries
}

func recordAsAnotherProcess(dsn string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	store, err := ledger.Open(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	for _, key := range numbered(processKeys) {
		if err := store.Record(ctx, at(1), shared(fmt.Sprintf("process-%d", os.Getpid()), []indicator.Key{key})); err != nil {
			return err
		}
	}
	return nil
}
