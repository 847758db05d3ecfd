// Package workflows holds the order of things and nothing else: the Integration, one long-lived workflow for each configured
// integration, and the flows that its Schedules run. What a step does stands in package activities.
package workflows

import (
	"fmt"
	"slices"

	"github.com/samber/lo"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
)

// FlowResult is how a run ended, for a person who opens it in the Temporal UI.
type FlowResult struct {
	Idle   string                                 `json:"idle,omitempty"` // why nothing was done
	More   bool                                   `json:"more,omitempty"` // the run met its bound; the next one goes on
	Counts map[indicator.Source]activities.Counts `json:"counts,omitempty"`
}

// flowRun is one run of a flow: what it was told, how far it is, and what it has done.
type flowRun struct {
	integration string
	run         activities.Run
	plan        activities.LoadIntegrationResult
	logs        []*logProgress
	counts      map[indicator.Source]activities.Counts
	booked      map[indicator.Source]activities.Counts // counts as the ledger has them, of the last report
	parked      map[indicator.Source]activities.Problem
	failure     error
	rounds      int
}

// logProgress is how far one log has been read, and how far what was read has also been written.
type logProgress struct {
	source  indicator.Source
	cursor  activities.Cursor
	settled activities.Cursor
	more    bool
	counts  activities.Counts
}

func (l *logProgress) read(result activities.FetchTTPLogsResult) {
	l.cursor, l.more = result.Cursor, result.More
	l.counts = l.counts.Plus(result.Counts)
}

func (l *logProgress) settle() { l.settled = l.cursor }

// begin asks the Integration what to do, and tells it that this run does it.
func begin(ctx workflow.Context, integration, flow string) (*flowRun, error) {
	var a *activities.Activities
	r := &flowRun{
		integration: integration,
		run: activities.Run{
			Flow: flow, WorkflowID: workflow.GetInfo(ctx).WorkflowExecution.ID, RunID: workflow.GetInfo(ctx).WorkflowExecution.RunID,
		},
		counts: map[indicator.Source]activities.Counts{},
		parked: map[indicator.Source]activities.Problem{},
	}
	in := activities.LoadIntegrationInput{Integration: integration, Flow: flow}
	if err := workflow.ExecuteLocalActivity(telling(ctx), a.LoadIntegration, in).Get(ctx, &r.plan); err != nil {
		return r, err
	}
	for _, source := range settings.FalconSources() {
		_, parked := r.plan.Parked[source]
		if r.plan.Settings.SendToFalcon.For(source).Enabled && !parked {
			cursor := r.plan.Cursors[source]
			r.logs = append(r.logs, &logProgress{source: source, cursor: cursor, settled: cursor, more: true})
		}
	}
	return r, nil
}

func (r *flowRun) idle() bool   { return r.plan.Idle != "" }
func (r *flowRun) failed() bool { return r.failure != nil }
func (r *flowRun) hasMore() bool {
	return slices.ContainsFunc(r.logs, func(l *logProgress) bool { return l.more })
}

// park keeps a log that met a permanent error out of the rest of the run.
func (r *flowRun) park(log *logProgress, err error) {
	if temporal.IsCanceledError(err) {
		r.failure = err
		return
	}
	log.more, log.cursor = false, log.settled
	r.parked[log.source] = activities.ProblemOf(err)
}

func (r *flowRun) fail(err error) { r.failure = err }

func (r *flowRun) count(more map[indicator.Source]activities.Counts) {
	for _, source := range settings.FalconSources() {
		r.counts[source] = r.counts[source].Plus(more[source])
	}
}

// Bounds of a run's history. What is then still waiting is read by the next run, which starts at once.
const (
	maxEvents  = 2_900   // of 3,000: a round has at most some 45 events
	maxHistory = 2 << 20 // bytes
)

// roomForARound says whether the run's history has room for another round.
func roomForARound(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	return info.GetCurrentHistoryLength() < maxEvents && info.GetCurrentHistorySize() < maxHistory
}

// report tells the Integration how far the run is, once there is something to tell.
func (r *flowRun) report(ctx workflow.Context) {
	if r.rounds++; r.rounds > 1 {
		r.tell(ctx, activities.Report{})
	}
}

// finish reports the end of the run. A permanent error fails the run, so that it shows in the Temporal UI; what was shared
// before it stays shared and counted.
func (r *flowRun) finish(ctx workflow.Context) (FlowResult, error) {
	if ctx.Err() != nil {
		ctx, _ = workflow.NewDisconnectedContext(ctx)
	}
	last := activities.Report{Finished: true, More: r.hasMore() && !r.failed()}
	last.Canceled = r.failed() && temporal.IsCanceledError(r.failure)
	if r.failed() && !last.Canceled {
		last.Failed = activities.ProblemOf(r.failure)
	}
	r.tell(ctx, last)
	return FlowResult{More: last.More, Counts: r.booked}, r.err()
}

func (r *flowRun) tell(ctx workflow.Context, report activities.Report) {
	var a *activities.Activities
	report.Run, report.Parked, report.Counts = r.run, r.parked, r.total()
	report.DryRun = r.plan.Settings.DryRun
	if !report.DryRun { // what a dry run has read is still to be shared
		report.Cursors = lo.SliceToMap(r.logs, func(l *logProgress) (indicator.Source, activities.Cursor) { return l.source, l.settled })
	}
	in := activities.ReportRunInput{Integration: r.integration, Report: report}
	if err := workflow.ExecuteLocalActivity(telling(ctx), a.ReportRun, in).Get(ctx, &r.booked); err != nil {
		workflow.GetLogger(ctx).Warn("report not delivered", "error", err)
	}
}

// total is what the run has counted so far: what was read, and what became of it.
func (r *flowRun) total() map[indicator.Source]activities.Counts {
	total := map[indicator.Source]activities.Counts{}
	for _, source := range settings.FalconSources() {
		total[source] = r.counts[source]
	}
	for _, log := range r.logs {
		total[log.source] = total[log.source].Plus(log.counts)
	}
	return total
}

// err is what the run fails with: the error that ended it, or the first log that a permanent error keeps out.
func (r *flowRun) err() error {
	if r.failure != nil {
		return r.failure
	}
	for _, source := range settings.FalconSources() {
		if problem, parked := r.parked[source]; parked {
			return temporal.NewNonRetryableApplicationError(fmt.Sprintf("%s: %s", source, problem.Reason), problem.Type, nil, problem)
		}
	}
	return nil
}
