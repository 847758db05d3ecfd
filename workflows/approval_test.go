package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
)

// What a person approves while a run is at work cannot be meant for that run, which was told nothing of it.
func TestAnApprovalGivenDuringARunIsForTheNextOne(t *testing.T) {
	d := newDesk(t)
	run := activities.Run{Flow: settings.FlowImportIOCs, WorkflowID: "w", RunID: "2"}
	d.then(func() { d.imported("1", activities.Report{Finished: true, Waiting: waiting()}) })
	d.then(func() {
		run.StartedAt = d.env.Now().UTC()
		require.Zero(t, d.importPlan().Approved)
		d.env.SignalWorkflow(wire.RunStarted, run)
	})
	d.then(func() { d.update(wire.ApproveWithdrawal, `{"flow": "import-iocs", "values": 312}`) })
	d.then(func() {
		require.Equal(t, 312, d.importPlan().Approved)
		d.env.SignalWorkflow(wire.RunReported, activities.Report{Run: run, At: d.env.Now().UTC(), Finished: true, Waiting: waiting()})
	})
	d.then(func() {
		require.Equal(t, 312, d.importPlan().Approved)
		d.imported("3", activities.Report{Finished: true, Approved: 312})
	})
	d.then(func() { require.Zero(t, d.importPlan().Approved, "used up") })
	d.run(imports, nil)
}

func TestARunReportsTheApprovalThatItWasGiven(t *testing.T) {
	w := newWorld(t)
	w.lists(manyIOCs(40, 0)...)
	w.run(settings.FlowImportIOCs)
	require.Zero(t, w.told(settings.FlowImportIOCs).Approved)
	w.approve(settings.FlowImportIOCs, 15)
	w.run(settings.FlowImportIOCs)
	require.Equal(t, 15, w.told(settings.FlowImportIOCs).Approved)
}
