package workflows_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

func TestAnIntegrationChecksSchedulesAndRunsAndCleansUpWhenItIsCancelled(t *testing.T) {
	d := newDesk(t)
	d.then(func() {
		require.Equal(t, []string{"check", "schedules on", "run [share-ttp-logs]"}, d.steps())
		require.Equal(t, workflows.Connected, d.state().State)
		require.Equal(t, activities.FlowSchedule{
			Flow: flow, WorkflowType: wire.ShareTTPLogs, Cron: "*/5 * * * *", Enabled: true, Note: "Threat Share: share-ttp-logs of acme",
		}, d.lastSchedule())
		require.True(t, d.checks[0].SendToFalcon.URLDomains.Enabled)
	})
	d.run(document, nil)
	require.Equal(t, []string{removed}, d.steps())
	require.True(t, temporal.IsCanceledError(d.env.GetWorkflowError()))
}

func TestFault_P16_BadSettingsAndAWrongIDEndAnIntegrationForGood(t *testing.T) {
	for name, tc := range map[string]struct{ id, document string }{
		"unknown field":   {"threatshare/acme", `{"name": "acme", "sendToFalkon": {}}`},
		"nothing at all":  {"threatshare/acme", `{}`},
		"another's id":    {"threatshare/other", document},
		"an id of no one": {"acme", document},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: tc.id, TaskQueue: "queue"})
			d.run(tc.document, nil)
			requireRefused(t, d, activities.InvalidSettings)
		})
	}
}

func TestAPermanentErrorAtTheStartStopsTheFlowsUntilReconnect(t *testing.T) {
	for vendor, result := range map[string]activities.CheckConnectionsResult{
		"mimecast": {Mimecast: problem(activities.VendorAuth, "mimecast")},
		"falcon":   {Falcon: problem(activities.VendorForbidden, "falcon")},
	} {
		t.Run(vendor, func(t *testing.T) {
			d := newDesk(t)
			d.checked = func() (activities.CheckConnectionsResult, error) { return result, nil }
			reason := result.Mimecast.Reason + result.Falcon.Reason
			d.then(func() {
				require.Equal(t, []string{"check", "schedules paused"}, d.steps())
				told := reason + "; then: temporal workflow signal --workflow-id threatshare/acme --name reconnect"
				require.Equal(t, told, d.lastSchedule().Note)
				state := d.state()
				require.Equal(t, workflows.PermanentError, state.State)
				require.Equal(t, told, state.Reason)
				require.Equal(t, workflows.FlowParked, state.Flows[flow].State)
				require.Equal(t, told, state.Flows[flow].LastError)
				require.Equal(t, told, d.status().Flows[flow].Reason)
				require.Equal(t, told, d.plan().Idle, "also for a run started by hand")
				d.signal(wire.SyncNow, "")
			})
			d.then(func() {
				require.Empty(t, d.steps(), "nothing to run")
				d.signal(wire.Reconnect, "")
			})
			d.then(func() {
				require.Equal(t, []string{"check", "schedules paused"}, d.steps(), "still bad: stays")
				d.checked = good
				d.signal(wire.Reconnect, "")
			})
			d.then(func() {
				require.Equal(t, []string{"check", "schedules on", "run [share-ttp-logs]"}, d.steps())
				require.Equal(t, workflows.Connected, d.state().State)
				require.Empty(t, d.plan().Idle)
			})
			d.run(document, nil)
		})
	}
}

func TestAnOutageAtTheStartDegradesAndAGoodRunMendsIt(t *testing.T) {
	d := newDesk(t)
	d.checked = func() (activities.CheckConnectionsResult, error) {
		return activities.CheckConnectionsResult{}, temporal.NewNonRetryableApplicationError("no route", activities.VendorUnavailable, errors.New("no route"))
	}
	d.then(func() {
		require.Equal(t, []string{"check", "schedules on", "run [share-ttp-logs]"}, d.steps(), "the flows run all the same")
		require.Equal(t, workflows.Degraded, d.state().State)
		require.Equal(t, workflows.Degraded, d.state().Falcon.State)
		d.started("1")
		d.reported("1", activities.Report{Finished: true})
	})
	d.then(func() { require.Equal(t, workflows.Connected, d.state().State) })
	d.run(document, nil)
}

// A maintenance page that is answered three times is not a reason to wait for a person.
func TestAnAnswerThatMakesNoSenseAtTheStartDoesNotStopTheFlows(t *testing.T) {
	d := newDesk(t)
	d.checked = func() (activities.CheckConnectionsResult, error) {
		return activities.CheckConnectionsResult{Mimecast: problem(activities.VendorContract, "mimecast")}, nil
	}
	d.then(func() {
		require.Equal(t, workflows.Degraded, d.state().State)
		require.Contains(t, d.steps(), "run [share-ttp-logs]")
	})
	d.run(document, nil)
}

func TestAScheduleThatWasDeletedByHandIsMadeAgainAndTheFlowRuns(t *testing.T) {
	d := newDesk(t)
	d.then(func() {
		d.steps()
		d.missing = true
		d.signal(wire.SyncNow, "")
	})
	d.then(func() {
		require.Equal(t, []string{"run [share-ttp-logs]", "schedules on", "run [share-ttp-logs]"}, d.steps())
	})
	d.run(document, nil)
}

func TestContinueAsNewCarriesEverythingAndDoesNothingTwice(t *testing.T) {
	first := newDesk(t)
	var before workflows.Status
	var plan activities.RunPlan
	cursor := activities.Cursor{Newest: began().Add(-time.Hour)}
	first.then(func() {
		first.signal(wire.ChangeSettings, `{"description": "changed", "protect": {"domains": ["acme.example"]}}`)
		first.signal(wire.Pause, `{"reason": "holidays"}`)
		first.signal(wire.SyncNow, `"no-such-flow"`)
		first.started("1")
		first.reported("1", activities.Report{
			Finished: true, Cursors: map[indicator.Source]activities.Cursor{indicator.URLDomains: cursor},
			Counts: map[indicator.Source]activities.Counts{indicator.URLDomains: {Shared: 3, Held: map[indicator.Reason]int{"free-mail": 2}}},
			Parked: map[settings.Part]activities.Problem{settings.PartOf(indicator.AttachmentHashes): problem(activities.VendorForbidden, "mimecast")},
		})
	})
	first.then(func() {
		first.started("2")
		first.reported("2", activities.Report{Counts: map[indicator.Source]activities.Counts{indicator.URLDomains: {Shared: 4}}})
	})
	first.then(func() {
		before, plan = first.status(), first.plan()
		require.Equal(t, 7, before.Flows[flow].Shared)
		first.env.SetContinueAsNewSuggested(true)
		first.signal(wire.SyncNow, `"no-such-flow"`) // anything wakes it
	})
	first.run(document, nil)
	again, ok := errors.AsType[*workflow.ContinueAsNewError](first.env.GetWorkflowError())
	require.True(t, ok, first.env.GetWorkflowError())
	require.Equal(t, wire.Integration, again.WorkflowType.Name)
	settings, memory := inputOf(t, again)
	require.NotContains(t, first.steps(), removed)

	second := newDesk(t)
	second.then(func() {
		after := second.status()
		before.Rejected++
		require.NotNil(t, after.LastRejected)
		after.LastRejected, before.LastRejected = nil, nil
		require.Equal(t, before, after)
		require.Equal(t, plan, second.plan())
		require.Equal(t, []string{"schedules paused"}, second.steps(), "neither checked nor run again")
	})
	second.run(string(settings), memory)
}

func TestALongHistoryContinuesAsNewWithoutBeingTold(t *testing.T) {
	d := newDesk(t)
	d.then(func() {
		d.env.SetCurrentHistoryLength(2001)
		d.signal(wire.Resume, "")
	})
	d.run(document, nil)
	_, ok := errors.AsType[*workflow.ContinueAsNewError](d.env.GetWorkflowError())
	require.True(t, ok)
}

// inputOf is what the next run of the Integration is started with.
func inputOf(t *testing.T, again *workflow.ContinueAsNewError) (settings json.RawMessage, memory *workflows.Memory) {
	t.Helper()
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &settings, &memory))
	return settings, memory
}
