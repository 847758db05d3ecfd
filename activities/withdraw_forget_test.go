package activities_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator/fault"
)

func TestWhatTheLedgerStillHasOfAListThatIsEmptyCountsAsMissing(t *testing.T) {
	for _, list := range []ledger.List{ledger.FalconIOCs, ledger.SenderPolicies, ledger.ManagedURLs} {
		t.Run(string(list), func(t *testing.T) {
			w := newImports(t)
			w.everywhere()
			require.NoError(t, w.Ledger.Record(t.Context(), w.clock.now(), []ledger.Entry{entryOn(list, "lost.top", ledger.Shared)}))
			require.Equal(t, ours()[list], w.undo(list, true).Found, "a dry run tells what is there")
			require.Equal(t, ledger.Shared, w.on(list, "lost.top").State)
			require.Equal(t, activities.WithdrawListResult{Found: ours()[list] + 1, Removed: ours()[list], Missing: 1}, w.undo(list, false))
			require.Equal(t, ledger.Withdrawn, w.on(list, "lost.top").State)
			require.Equal(t, indicator.Reason("undone"), w.on(list, "lost.top").Reason)
		})
	}
}

// The last page of a list must not make the ledger forget what an earlier one has left.
func TestAnIOCThatFalconDidNotDeleteIsNotForgotten(t *testing.T) {
	w := newImports(t)
	w.pagesOf(2)
	for _, value := range []string{"evil.top", "worse.top"} {
		w.upload(w.clicked(value))
		w.clock.pass(time.Second)
		w.listed(iocDomain("foreign-" + value))
		w.clock.pass(time.Second)
	}
	require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{
		Method: http.MethodDelete, Path: created, Kind: fault.Status, Status: http.StatusBadRequest, Count: 1,
		Body: `{"meta":{},"errors":[{"code":400,"message":"locked by somebody"}],"resources":[]}`,
	}))
	undone := w.undo(ledger.FalconIOCs, false)
	require.Equal(t, 2, undone.Found)
	require.Equal(t, 1, undone.Removed)
	require.Equal(t, 1, undone.Left)
	require.Contains(t, w.iocs(), "evil.top")
	require.Equal(t, ledger.Shared, w.entry(indicator.Domain, "evil.top").State)
	require.Equal(t, activities.WithdrawListResult{Found: 1, Removed: 1}, w.undo(ledger.FalconIOCs, false))
}
