package workflows

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
)

// Bounds of what a run tells: anybody can send it, and it is remembered.
const (
	longestID     = 1000 // characters, Temporal's own bound
	longestReason = 2000
	mostReasons   = 200
)

func checkRun(_ time.Time, input []byte) error {
	var run activities.Run
	return cmp.Or(readReport(input, &run, &run.Flow), checkIDs(run))
}

func checkIDs(run activities.Run) error {
	if len(run.WorkflowID) > longestID || len(run.RunID) > longestID {
		return errors.New("only runs of flows send this: the ids are too long")
	}
	return nil
}

func (in *integration) runStarted(ctx workflow.Context, input []byte) any {
	var run activities.Run
	_ = readReport(input, &run, &run.Flow) // checked before
	in.memory.started(run)
	in.early = slices.DeleteFunc(in.early, func(report activities.Report) bool {
		current := report.Flow == run.Flow && report.RunID == run.RunID
		if current {
			in.takeReport(ctx, report)
		}
		return current
	})
	return nil
}

func checkReport(_ time.Time, input []byte) error {
	var report activities.Report
	if err := cmp.Or(readReport(input, &report, &report.Flow), checkIDs(report.Run)); err != nil {
		return err
	}
	for _, source := range settings.SourcesOf(report.Flow) {
		if counts := report.Counts[source]; len(counts.Dropped) > mostReasons || len(counts.Held) > mostReasons {
			return fmt.Errorf("only runs of flows send this: more than %d reasons", mostReasons)
		}
	}
	return nil
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

func (in *integration) runReported(ctx workflow.Context, input []byte) any {
	var report activities.Report
	_ = readReport(input, &report, &report.Flow) // checked before
	report = bounded(report)
	if in.memory.flow(report.Flow).Current.RunID != report.RunID {
		in.early = append(in.early, report) // its run's start may wait in the other queue; dropped when that is empty
		return nil
	}
	in.takeReport(ctx, report)
	return nil
}

// bounded is a report whose words are not longer than those of a run are.
func bounded(report activities.Report) activities.Report {
	report.Trouble = indicator.Printable(report.Trouble, longestReason)
	report.Failed.Reason = indicator.Printable(report.Failed.Reason, longestReason)
	for _, part := range settings.Parts(report.Flow) {
		if problem, parked := report.Parked[part]; parked {
			problem.Reason = indicator.Printable(problem.Reason, longestReason)
			report.Parked[part] = problem
		}
	}
	return report
}

func (in *integration) takeReport(ctx workflow.Context, report activities.Report) {
	in.tellOfGaps(report)
	in.memory.reported(report)
	in.tellOfUnread(ctx, report.Flow)
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
