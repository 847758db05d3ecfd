//go:build e2e

package e2e_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// Runs tell their integration how they do by signals, which anybody can send.
func TestWhatNoRunHasToldIsNotBelieved(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30")
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(nil))
	w.waitForRuns(shareTTPLogs, 1)
	before, document, first := w.waitForState(workflows.Connected), w.answer(wire.Settings), w.described().GetFirstRunId()

	long := strings.Repeat("long", 30_000)
	counts := map[indicator.Source]activities.Counts{indicator.URLDomains: {Shared: 1 << 40, Held: map[indicator.Reason]int{indicator.Reason(long): 1}}}
	for _, run := range []string{"", "forged", long, "00000000-0000-0000-0000-000000000000"} {
		report, err := json.Marshal(activities.Report{
			Run: activities.Run{Flow: shareTTPLogs, WorkflowID: long, RunID: run}, Counts: counts, Finished: true,
			Failed: activities.Problem{Type: activities.VendorAuth, Vendor: "falcon", Reason: long},
		})
		require.NoError(t, err)
		require.NoError(t, w.signal(wire.RunReported, payload(converter.MetadataEncodingJSON, report)))
	}
	w.requireUnharmed(first, document, before)
}

// A run that was never there, and what it has to tell, is no more than a nuisance that reconnect ends.
func TestAForgedRunIsForgottenAndWhatItTellsIsBounded(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30")
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(nil))
	shared := w.waitForRuns(shareTTPLogs, 1).Shared
	w.waitForState(workflows.Connected)
	long := strings.Repeat("long", 30_000)
	tell := func(name string, what any) {
		text, err := json.Marshal(what)
		require.NoError(t, err)
		require.NoError(t, w.signal(name, payload(converter.MetadataEncodingJSON, text)))
		require.Less(t, len(w.answer(wire.Status)), maxStatus)
	}
	for _, run := range []activities.Run{
		{Flow: shareTTPLogs, WorkflowID: wire.ScheduleID(w.name, shareTTPLogs), RunID: "forged"},
		{Flow: shareTTPLogs, WorkflowID: "no such workflow", RunID: "00000000-0000-0000-0000-000000000000"},
		{Flow: shareTTPLogs, WorkflowID: long, RunID: long},
	} {
		tell(wire.RunStarted, run)
		w.sync(shareTTPLogs)
		tell(wire.RunStarted, run)
		tell(wire.RunReported, activities.Report{
			Run: run, Finished: true, Trouble: "", Failed: activities.Problem{Type: activities.VendorAuth, Vendor: "falcon", Reason: long},
			Parked: map[settings.Part]activities.Problem{settings.PartOf(indicator.URLDomains): {Type: activities.VendorForbidden, Reason: long}},
		})
		w.cli("workflow", "signal", "--workflow-id", wire.IntegrationID(w.name), "--name", wire.Reconnect)
		w.waitForState(workflows.Connected)
		w.sync(shareTTPLogs)
	}
	require.Equal(t, shared, w.flow(shareTTPLogs).Shared)
	w.requireSharedExactly()
}
