package workflows_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/workflows"
)

func (w *world) history(in activities.SearchLedgerInput) (activities.SearchLedgerResult, error) {
	w.t.Helper()
	r := w.prepared(workflows.History)
	r.env.RegisterWorkflow(workflows.History)
	var page activities.SearchLedgerResult
	err := r.execute(in, &page)
	return page, err
}

func TestHistoryTellsWhyADomainIsBlocked(t *testing.T) {
	w := newWorld(t)
	w.settings.SendToMimecast.IOCDomains.BlockURLs = true
	w.lists(domainIOC("evil.top"), domainIOC("gmail.com"))
	w.run(settings.FlowImportIOCs)

	page, err := w.history(activities.SearchLedgerInput{Integration: integrationName, Value: "evil.top"})
	require.NoError(t, err)
	require.Nil(t, page.Next)
	lists := map[ledger.List]ledger.State{}
	for _, entry := range page.Entries {
		require.Equal(t, indicator.IOCDomains, entry.Source)
		require.NotEmpty(t, entry.Run)
		lists[entry.List] = entry.State
	}
	require.Equal(t, map[ledger.List]ledger.State{ledger.BlockedSenders: ledger.Shared, ledger.ManagedURLs: ledger.Shared}, lists)

	page, err = w.history(activities.SearchLedgerInput{Integration: integrationName, State: ledger.Held})
	require.NoError(t, err)
	require.Len(t, page.Entries, 1)
	require.Equal(t, "gmail.com", page.Entries[0].Value)
	require.True(t, page.Entries[0].Releasable)
}

// The environment checks the size of every payload.
func TestHistoryPagesSoThatEachFitsIntoAPayload(t *testing.T) {
	w := newWorld(t)
	var entries []ledger.Entry
	for n := range 700 {
		entries = append(entries, ledger.Entry{
			Integration: integrationName, List: ledger.FalconIOCs, Key: indicator.Key{Kind: indicator.Domain, Value: fmt.Sprintf("%04d.top", n)},
			Source: indicator.URLDomains, State: ledger.Quarantined, Reason: "vendor-refused", Detail: strings.Repeat("<", 500), Run: "run",
		})
	}
	require.NoError(t, w.store.Record(t.Context(), w.clock.now(), entries))
	seen, pages := map[string]bool{}, 0
	for in := (activities.SearchLedgerInput{Integration: integrationName}); ; pages++ {
		page, err := w.history(in)
		require.NoError(t, err)
		for _, entry := range page.Entries {
			require.False(t, seen[entry.Value], "%s came twice", entry.Value)
			seen[entry.Value] = true
		}
		if in.After = page.Next; page.Next == nil {
			break
		}
	}
	require.Len(t, seen, 700)
	require.Greater(t, pages, 2)
}

func TestHistoryRefusesWhatMakesNoSenseAndGivesUpOnALedgerThatIsGone(t *testing.T) {
	w := newWorld(t)
	_, err := w.history(activities.SearchLedgerInput{Value: "evil.top"})
	requireFailed(t, err, activities.InvalidInput)

	tries := 0
	w.before = func(_ *runtime, step string, _ int) error {
		require.Equal(t, "SearchLedger", step)
		tries++
		return errors.New("no such host")
	}
	_, err = w.history(activities.SearchLedgerInput{Integration: integrationName})
	require.ErrorContains(t, err, "no such host")
	require.Equal(t, 5, tries)
}
