package workflows

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
)

func checkRun(_ time.Time, input []byte) error {
	var run activities.Run
	return readReport(input, &run, &run.Flow)
}

func (in *integration) runStarted(_ workflow.Context, input []byte) any {
	var run activities.Run
	_ = readReport(input, &run, &run.Flow) // checked before
	in.memory.started(run)
	in.early = slices.DeleteFunc(in.early, func(report activities.Report) bool {
		current := report.Flow == run.Flow && report.RunID == run.RunID
		if current {
			in.takeReport(report)
		}
		return current
	})
	return nil
}

func checkReport(_ time.Time, input []byte) error {
	var report activities.Report
	return readReport(input, &report, &report.Flow)
}

// readReport reads what a run tells. Fields that this version does not know are left: the run may be of a later one.
func readReport(input []byte, into any, flow *string) error {
	if err := json.Unmarshal(input, into); err != nil {
		return fmt.Errorf("only runs of flows send this: %w", err)
	}
	if !isFlow(*flow) {
		return fmt.Errorf("only runs of flows send this: flow %q: must be one of %q", indicator.Printable(*flow, maxName), flowNames())
	}
	return nil
}

func (in *integration) runReported(_ workflow.Context, input []byte) any {
	var report activities.Report
	_ = readReport(input, &report, &report.Flow) // checked before
	if in.memory.flow(report.Flow).Current.RunID != report.RunID {
		in.early = append(in.early, report) // its run's start may wait in the other queue; dropped when that is empty
		return nil
	}
	in.takeReport(report)
	return nil
}

func (in *integration) takeReport(report activities.Report) {
	in.tellOfGaps(report)
	in.memory.reported(report)
	in.todo.schedules = in.todo.schedules || report.Failed.Type != "" || len(report.Parked) > 0
	if report.Finished && report.More {
		in.wantRun(report.Flow)
	}
}

// runPlan answers the query of a run that is about to start.
func (in *integration) runPlan(flow string) (activities.RunPlan, error) {
	if !isFlow(flow) {
		return activities.RunPlan{}, fmt.Errorf("flow %q: must be one of %q", indicator.Printable(flow, maxName), flowNames())
	}
	memory := in.memory.flow(flow)
	plan := activities.RunPlan{
		Settings: in.settings, Cursors: memory.Cursors, Running: memory.Current, Since: in.readFrom(flow),
		Parked: map[settings.Part]string{}, SenderGroup: in.memory.SenderGroup.ID, Approved: memory.Approved,
	}
	for _, part := range settings.Parts(flow) {
		if problem, parked := memory.Parked[part]; parked {
			plan.Parked[part] = problem.Reason
		}
	}
	if stopped, why := in.stopped(flow); stopped {
		plan.Idle = why
	} else if !in.settings.FlowEnabled(flow) {
		plan.Idle = "switched off in the settings"
	}
	return plan, nil
}

// readFrom is where a flow starts that has no checkpoint. Zero: the IOC list is read whole.
func (in *integration) readFrom(flow string) time.Time {
	from := in.memory.flow(flow).ReadFrom
	if from.IsZero() && flow != settings.FlowImportIOCs {
		from = in.memory.StartedAt.Add(-time.Duration(in.settings.FetchDuration))
	}
	return from
}

func (in *integration) wantRun(names ...string) {
	for _, flow := range names {
		if !slices.Contains(in.todo.run, flow) {
			in.todo.run = append(in.todo.run, flow)
		}
	}
}

func (in *integration) enabledFlows() []string {
	return slices.DeleteFunc(flowNames(), func(flow string) bool { return !in.settings.FlowEnabled(flow) })
}

func flowNames() []string {
	names := make([]string, 0, len(flows()))
	for _, flow := range flows() {
		names = append(names, flow.name)
	}
	return names
}

func isFlow(name string) bool { return slices.Contains(flowNames(), name) }
