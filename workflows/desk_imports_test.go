package workflows_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// imports switches on what an Integration of these tests blocks.
const imports = `{"name": "acme", "sendToMimecast": {
	"iocHashes": {"enabled": true, "remediate": true}, "iocDomains": {"enabled": true, "blockURLs": true}, "alertDomains": {"enabled": true}}}`

// imported is a run of ImportIOCs from its start to a report.
func (d *desk) imported(run string, report activities.Report) {
	report.Run = activities.Run{Flow: settings.FlowImportIOCs, WorkflowID: "w", RunID: run}
	report.At = d.env.Now().UTC()
	d.env.SignalWorkflow(wire.RunStarted, activities.Run{Flow: report.Flow, WorkflowID: "w", RunID: run, StartedAt: report.At})
	d.env.SignalWorkflow(wire.RunReported, report)
}

func (d *desk) importPlan() activities.RunPlan {
	d.t.Helper()
	return query[activities.RunPlan](d, wire.RunPlan, settings.FlowImportIOCs)
}

func (d *desk) importStatus() workflows.FlowStatus {
	d.t.Helper()
	return d.status().Flows[settings.FlowImportIOCs]
}

// waiting is a withdrawal that the deletion guard has stopped.
func waiting() *activities.Waiting { return &activities.Waiting{Due: 312, Held: 3_000, Allowed: 150} }

func TestAWaitingWithdrawalShowsAndIsApprovedForOneRun(t *testing.T) {
	for way, ask := range ways() {
		t.Run(way, func(t *testing.T) {
			d := newDesk(t)
			d.then(func() { d.imported("1", activities.Report{Finished: true, Waiting: waiting()}) })
			d.then(func() {
				require.Equal(t, waiting(), d.importStatus().Waiting)
				require.Contains(t, d.status().Warnings[0], "312")
				require.Equal(t, workflows.Connected, d.state().State, "nothing is broken")
				require.Zero(t, d.importPlan().Approved)
				d.steps()
				ask(d, wire.ApproveWithdrawal, `{"flow": "import-iocs", "values": 312}`)
			})
			d.then(func() {
				require.Nil(t, d.status().LastRejected)
				require.Equal(t, 312, d.importPlan().Approved)
				d.imported("2", activities.Report{DryRun: true, Finished: true, Waiting: waiting()})
			})
			d.then(func() {
				require.Equal(t, 312, d.importPlan().Approved, "a dry run does not use it up")
				d.imported("3", activities.Report{Finished: true, Approved: 312})
			})
			d.then(func() {
				require.Nil(t, d.importStatus().Waiting)
				require.Zero(t, d.importPlan().Approved, "the next mass deletion has to be approved anew")
			})
			d.run(imports, nil)
		})
	}
}

func TestFault_S5_AnApprovalThatFitsNothingIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		waits *activities.Waiting
		input string
		told  string
	}{
		"nothing waits":         {nil, `{"flow": "import-iocs", "values": 1}`, "waits"},
		"more than wait":        {waiting(), `{"flow": "import-iocs", "values": 313}`, "312"},
		"none":                  {waiting(), `{"flow": "import-iocs", "values": 0}`, "values"},
		"fewer than none":       {waiting(), `{"flow": "import-iocs", "values": -5}`, "values"},
		"a flow that sends":     {waiting(), `{"flow": "share-ttp-logs", "values": 1}`, "flow"},
		"no such flow":          {waiting(), `{"flow": "import-everything", "values": 1}`, "flow"},
		"no flow":               {waiting(), `{"values": 1}`, "flow"},
		"another field":         {waiting(), `{"flow": "import-iocs", "values": 1, "force": true}`, "force"},
		"a number as text":      {waiting(), `{"flow": "import-iocs", "values": "312"}`, "input must be"},
		"a broken number":       {waiting(), `{"flow": "import-iocs", "values": 1.5}`, "input must be"},
		"a list":                {waiting(), `["import-iocs", 1]`, "input must be"},
		"nothing at all":        {waiting(), ``, "input must be"},
		"an absurdly large one": {waiting(), `{"flow": "import-iocs", "values": 99999999999999999999}`, "input must be"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			var got *answer
			d.then(func() { d.imported("1", activities.Report{Finished: true, Waiting: tc.waits}) })
			d.then(func() { got = d.update(wire.ApproveWithdrawal, tc.input) })
			d.then(func() {
				requireFailed(t, got.refused, activities.InvalidInput)
				require.ErrorContains(t, got.refused, tc.told)
				require.Nil(t, d.status().LastRejected, "an update leaves no trace")
				d.signal(wire.ApproveWithdrawal, tc.input)
			})
			d.then(func() {
				require.Equal(t, wire.ApproveWithdrawal, d.status().LastRejected.Name)
				require.Contains(t, d.status().LastRejected.Problem, tc.told)
				require.Zero(t, d.importPlan().Approved)
				require.Equal(t, tc.waits, d.importStatus().Waiting)
			})
			d.run(imports, nil)
		})
	}
}

func TestAnAlmostFullListOfHashesIsWarnedOf(t *testing.T) {
	for _, tc := range []struct {
		used  int
		words []string
	}{{0, nil}, {79_999, nil}, {80_000, []string{"filling up", "80 %"}}, {94_999, []string{"filling up", "94 %"}}, {95_000, []string{"almost full", "95 %"}}, {100_000, []string{"almost full", "100 %"}}} {
		d := newDesk(t)
		var before []string
		d.then(func() {
			before = d.status().Warnings
			require.Nil(t, d.status().BYOTI, "before the first add")
			d.imported("1", activities.Report{Finished: true, Quota: &indicator.Quota{Used: tc.used, Limit: 100_000, Known: true}})
		})
		d.then(func() {
			status := d.status()
			require.Equal(t, &indicator.Quota{Used: tc.used, Limit: 100_000, Known: true}, status.BYOTI)
			if tc.words == nil {
				require.Equal(t, before, status.Warnings)
				return
			}
			require.Len(t, status.Warnings, len(before)+1)
			for _, word := range tc.words {
				require.Contains(t, status.Warnings[0], word)
			}
			require.Contains(t, d.shown(), tc.words[0])
			d.imported("2", activities.Report{Finished: true, Quota: &indicator.Quota{Used: 10, Limit: 100_000}})
		})
		d.then(func() { require.Equal(t, before, d.status().Warnings) })
		d.run(imports, nil)
	}
}

func TestRemovalsOfMailShowInTheStatus(t *testing.T) {
	d := newDesk(t)
	want := &activities.Remediations{Wanted: 1, Started: 2, Done: 3, NothingFound: 4, Failed: 5, Messages: activities.Messages{Identified: 9, Successful: 8, Failed: 1}}
	d.then(func() {
		require.Nil(t, d.status().Remediations)
		d.imported("1", activities.Report{Finished: true, Remediations: want})
	})
	d.then(func() {
		require.JSONEq(t, `{"wanted":1,"started":2,"done":3,"nothingFound":4,"failed":5,"messages":{"identified":9,"successful":8,"failed":1}}`,
			string(query[map[string]json.RawMessage](d, wire.Status)["remediations"]))
	})
	d.run(imports, nil)
}

func TestPartsAreParkedByNameAndUnparkedByReconnect(t *testing.T) {
	d := newDesk(t)
	forbidden := problem(activities.VendorForbidden, "mimecast")
	d.then(func() {
		d.steps()
		d.imported("1", activities.Report{Finished: true, Parked: map[settings.Part]activities.Problem{
			settings.URLPart(indicator.IOCDomains): forbidden, settings.RemediatePart(indicator.IOCHashes): forbidden,
		}})
	})
	d.then(func() {
		require.Equal(t, map[settings.Part]string{"iocDomains.blockURLs": forbidden.Reason, "iocHashes.remediate": forbidden.Reason}, d.importStatus().Parked)
		require.Equal(t, d.importStatus().Parked, d.importPlan().Parked)
		require.Equal(t, workflows.PermanentError, d.state().State)
		require.Contains(t, d.state().Reason, "import-iocs: iocHashes.remediate")
		require.Empty(t, d.importPlan().Idle, "the rest goes on")
		require.NotEqual(t, workflows.FlowParked, d.state().Flows[settings.FlowImportIOCs].State)
		d.signal(wire.ChangeSettings, `{"sendToMimecast": {"iocHashes": {"remediate": false}, "iocDomains": {"blockURLs": false}}}`)
	})
	d.then(func() {
		require.Equal(t, workflows.Connected, d.state().State, "what is switched off is no error")
		d.signal(wire.ChangeSettings, `{"sendToMimecast": {"iocDomains": {"blockURLs": true}}}`)
	})
	d.then(func() {
		require.Equal(t, workflows.PermanentError, d.state().State)
		d.signal(wire.Reconnect, "")
	})
	d.then(func() {
		require.Empty(t, d.importStatus().Parked)
		require.Empty(t, d.importPlan().Parked)
		require.Equal(t, workflows.Connected, d.state().State)
	})
	d.run(imports, nil)
}

func TestForgettingTheCheckpointOfTheListReadsItWhole(t *testing.T) {
	d := newDesk(t)
	read := map[indicator.Source]activities.Cursor{
		indicator.IOCHashes: {Newest: began(), SweptAt: began()}, indicator.IOCDomains: {Newest: began().Add(-time.Hour)},
	}
	old := began().Add(-400 * 24 * time.Hour)
	d.then(func() {
		require.Zero(t, d.importPlan().Since, "a first read takes all of it, whatever fetchDuration says")
		d.imported("1", activities.Report{Finished: true, Cursors: read})
	})
	d.then(func() {
		require.Equal(t, read, d.importPlan().Cursors)
		require.Equal(t, map[indicator.Source]string{
			indicator.IOCHashes: began().Format(time.RFC3339), indicator.IOCDomains: began().Add(-time.Hour).Format(time.RFC3339),
		}, d.status().Checkpoints[settings.FlowImportIOCs])
		d.steps()
		d.signal(wire.ForgetCheckpoint, `{"flow": "import-iocs"}`)
	})
	d.then(func() {
		require.Equal(t, []string{"run [import-iocs]"}, d.steps())
		require.Empty(t, d.importPlan().Cursors)
		require.Zero(t, d.importPlan().Since)
		input, err := json.Marshal(workflows.Forget{Flow: settings.FlowImportIOCs, From: old})
		require.NoError(t, err)
		d.signal(wire.ForgetCheckpoint, string(input))
	})
	d.then(func() {
		require.Nil(t, d.status().LastRejected, "the list holds what was changed at any time")
		require.True(t, old.Equal(d.importPlan().Since))
		d.signal(wire.ForgetCheckpoint, `{"flow": "import-alerts", "from": "2025-01-01T00:00:00Z"}`)
	})
	d.then(func() { require.NotNil(t, d.status().LastRejected, "alerts do not go back so far") })
	d.run(imports, nil)
}

func TestContinueAsNewCarriesWhatTheImportsHaveMet(t *testing.T) {
	first := newDesk(t)
	var before workflows.Status
	var plan activities.RunPlan
	first.then(func() {
		first.imported("1", activities.Report{
			Finished: true, Waiting: waiting(), Quota: &indicator.Quota{Used: 96_000, Limit: 100_000, Known: true},
			SenderGroup:  activities.SenderGroup{ID: "group-7", Warning: "the policy is switched off"},
			Remediations: &activities.Remediations{Done: 3},
			Cursors: map[indicator.Source]activities.Cursor{
				indicator.IOCHashes: {Newest: began(), From: began(), To: began(), Page: "p", Deleted: true, SweptAt: began()}, indicator.IOCDomains: {Newest: began()},
			},
			Counts: counts{indicator.IOCDomains: {Shared: 3, Withdrawn: 2, URLsBlocked: 1, Echo: 4}},
			Parked: map[settings.Part]activities.Problem{settings.URLPart(indicator.IOCDomains): problem(activities.VendorForbidden, "mimecast")},
		})
	})
	first.then(func() { first.signal(wire.ApproveWithdrawal, `{"flow": "import-iocs", "values": 100}`) })
	first.then(func() {
		before, plan = first.status(), first.importPlan()
		require.Equal(t, 100, plan.Approved)
		require.Equal(t, "group-7", plan.SenderGroup)
		first.env.SetContinueAsNewSuggested(true)
		first.signal(wire.SyncNow, `"import-alerts"`)
	})
	first.run(imports, nil)
	again, ok := errors.AsType[*workflow.ContinueAsNewError](first.env.GetWorkflowError())
	require.True(t, ok, first.env.GetWorkflowError())
	document, memory := inputOf(t, again)

	second := newDesk(t)
	second.then(func() {
		require.Equal(t, before, second.status())
		require.Equal(t, plan, second.importPlan())
	})
	second.run(string(document), memory)
}

func TestASwitchedOffPolicyOfTheGroupIsWarnedOf(t *testing.T) {
	d := newDesk(t)
	d.then(func() {
		d.imported("1", activities.Report{Finished: true, SenderGroup: activities.SenderGroup{ID: "g", Warning: "the policy is switched off"}})
	})
	d.then(func() {
		require.Contains(t, d.status().Warnings, "the policy is switched off")
		d.imported("2", activities.Report{Finished: true, SenderGroup: activities.SenderGroup{ID: "g"}})
	})
	d.then(func() { require.NotContains(t, d.status().Warnings, "the policy is switched off") })
	d.run(imports, nil)
}
