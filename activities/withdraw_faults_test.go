package activities_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	simulated "github.com/threatshare/threatshare/internal/simulator/mimecast"
)

func TestWhatMimecastRefusesToRemoveIsSaidAndStaysDue(t *testing.T) {
	w := newImports(t)
	w.listed(iocHash(hash(1)), iocHash(hash(2)), iocDomain("evil.top"))
	cursor := w.imported(activities.Cursor{}).Cursor
	w.nextRun()
	require.NoError(t, w.vendors.SetLimits(t.Context(), simulated.Limits{RefusedHashes: []string{hash(1)}}))
	w.deleted(hash(1), hash(2), "evil.top")
	w.imported(cursor)
	result := w.withdraw(w.withdrawInput())
	require.Equal(t, 1, result.Counts[indicator.IOCHashes].Withdrawn)
	require.Equal(t, 1, result.Counts[indicator.IOCDomains].Withdrawn, "the rest goes on")
	require.NotNil(t, result.Waiting)
	require.Equal(t, 1, result.Waiting.Due)
	require.Equal(t, 1, result.Waiting.Held)
	require.Contains(t, result.Waiting.Refused, hash(1))
	require.Contains(t, result.Waiting.Refused, "not accepted")
	require.False(t, result.More)
	require.Equal(t, ledger.Shared, w.on(ledger.BYOTI, hash(1)).State)
	require.NoError(t, w.vendors.SetLimits(t.Context(), simulated.Limits{}))
	w.nextRun()
	require.Equal(t, 1, w.withdraw(w.withdrawInput()).Counts[indicator.IOCHashes].Withdrawn)
}

func TestAWithdrawalWithALostAnswerIsRepeated(t *testing.T) {
	w := newImports(t)
	w.listed(iocHash(hash(1)), iocDomain("evil.top"))
	cursor := w.imported(activities.Cursor{}).Cursor
	w.blockURLs(indicator.IOCDomains)
	w.nextRun()
	w.deleted(hash(1), "evil.top")
	w.imported(cursor)
	for _, path := range []string{batchCall, restGroups, "/api/ttp/url/delete-managed-url"} {
		require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{Method: http.MethodPost, Path: path, Kind: fault.ResetAfter, Count: 1}))
	}
	require.NoError(t, retried(w, w.WithdrawBlocks, w.withdrawInput()))
	require.Empty(t, w.blockedHashes())
	require.Empty(t, w.members(ownName))
	require.Empty(t, w.managed())
	require.Equal(t, ledger.Withdrawn, w.on(ledger.BYOTI, hash(1)).State)
	require.Equal(t, ledger.Withdrawn, w.on(ledger.BlockedSenders, "evil.top").State)
	require.Equal(t, ledger.Withdrawn, w.on(ledger.ManagedURLs, "evil.top").State)
}

func TestADryRunOfAWithdrawalShowsWhatTheRunDoes(t *testing.T) {
	w := newImports(t)
	w.listed(iocDomain("stays.top"), iocDomain("again.top"), iocDomain("goes.top"), iocHash(hash(1)))
	cursor := w.imported(activities.Cursor{}).Cursor
	w.nextRun()
	w.deleted("again.top", "goes.top", hash(1))
	w.listed(iocDomain("again.top"))
	before := w.everything()
	w.writes(fault.Mimecast)

	w.settings.DryRun = true
	rehearsal := w.withdrawInput()
	rehearsal.Due = w.readIOCs(w.iocsInput(cursor)).Due
	would := w.withdraw(rehearsal)
	require.Equal(t, before, w.everything())
	require.Zero(t, w.writes(fault.Mimecast))

	w.settings.DryRun = false
	w.imported(cursor)
	w.withdraw(w.withdrawInput())
	var did []activities.Item
	for _, entry := range w.everything() {
		if entry.State == ledger.Withdrawn {
			did = append(did, activities.Item{Verdict: "withdraw", List: entry.List, Source: entry.Source, Value: entry.Value, Reason: entry.Reason})
		}
	}
	require.Len(t, did, 2)
	require.ElementsMatch(t, did, would.Items)
}
