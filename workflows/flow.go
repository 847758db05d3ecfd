// Package workflows holds the order of things and nothing else: the Integration, one long-lived workflow for each configured
// integration, and the flows that its Schedules run. What a step does stands in package activities.
package workflows

import (
	"fmt"
	"maps"
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
	// Plan is what a dry run would have done.
	Plan *Plan `json:"plan,omitempty"`
}

// flowRun is one run of a flow: what it was told, how far it is, and what it has done.
type flowRun struct {
	integration string
	run         activities.Run
	plan        activities.LoadIntegrationResult
	readers     []*reader
	settled     map[indicator.Source]activities.Cursor // how far what was read has also been written
	counts      map[indicator.Source]activities.Counts
	booked      map[indicator.Source]activities.Counts // counts as the ledger has them, of the last report
	parked      map[settings.Part]activities.Problem
	gaps        map[indicator.Source]activities.Gap
	expected    int // records that the list has in all, as far as is known
	failure     error
	rounds      int
	quiet       bool // a preview: nobody is told

	blocking blocking
	items    []activities.Item // dry run: what would be done
}

// reader is how far a log or list has been read, for one source or several.
type reader struct {
	sources []indicator.Source
	cursor  activities.Cursor
	more    bool
}

// begin asks the Integration what to do, and tells it that this run does it.
func begin(ctx workflow.Context, integration, flow string) (*flowRun, error) {
	return load(ctx, activities.LoadIntegrationInput{Integration: integration, Flow: flow})
}

func load(ctx workflow.Context, in activities.LoadIntegrationInput) (*flowRun, error) {
	var a *activities.Activities
	r := &flowRun{
		integration: in.Integration,
		run: activities.Run{
			Flow: in.Flow, WorkflowID: workflow.GetInfo(ctx).WorkflowExecution.ID, RunID: workflow.GetInfo(ctx).WorkflowExecution.RunID,
		},
		settled:  map[indicator.Source]activities.Cursor{},
		counts:   map[indicator.Source]activities.Counts{},
		parked:   map[settings.Part]activities.Problem{},
		gaps:     map[indicator.Source]activities.Gap{},
		blocking: newBlocking(),
		quiet:    in.Preview,
	}
	for _, source := range settings.SourcesOf(in.Flow) {
		r.counts[source] = activities.Counts{}
	}
	err := workflow.ExecuteLocalActivity(telling(ctx, "settings and checkpoint"), a.LoadIntegration, in).Get(ctx, &r.plan)
	return r, err
}

// read sets up a reader for each of the flow's sources that is switched on and not parked.
func (r *flowRun) read() {
	for _, source := range r.sources() {
		cursor := r.plan.Cursors[source]
		r.settled[source] = cursor
		r.readers = append(r.readers, &reader{sources: []indicator.Source{source}, cursor: cursor, more: true})
	}
}

// sources are those of the flow that are switched on and not parked.
func (r *flowRun) sources() []indicator.Source {
	return lo.Filter(settings.SourcesOf(r.run.Flow), func(source indicator.Source, _ int) bool { return r.active(settings.PartOf(source)) })
}

// active says whether a part is switched on and nothing keeps it, or its source, out.
func (r *flowRun) active(part settings.Part) bool {
	for _, part := range []settings.Part{part, settings.PartOf(part.Source())} {
		_, before := r.plan.Parked[part]
		_, now := r.parked[part]
		if before || now || !r.plan.Settings.PartEnabled(part) {
			return false
		}
	}
	return true
}

func (r *flowRun) idle() bool   { return r.plan.Idle != "" }
func (r *flowRun) failed() bool { return r.failure != nil }
func (r *flowRun) dryRun() bool { return r.plan.Settings.DryRun }
func (r *flowRun) hasMore() bool {
	return slices.ContainsFunc(r.readers, func(reader *reader) bool { return reader.more && len(reader.sources) > 0 })
}

// park keeps a part that met a permanent error out of the rest of the run, and of the runs to come. What was read for a source
// and not written is read again.
func (r *flowRun) park(part settings.Part, err error) {
	if temporal.IsCanceledError(err) {
		r.failure = err
		return
	}
	r.keepOut(part, activities.ProblemOf(err))
}

func (r *flowRun) keepOut(part settings.Part, problem activities.Problem) {
	r.parked[part] = problem
	if part != settings.PartOf(part.Source()) {
		return
	}
	delete(r.blocking.queue, part.Source())
	for _, reader := range r.readers {
		reader.sources = slices.DeleteFunc(reader.sources, func(source indicator.Source) bool { return source == part.Source() })
	}
}

func (r *flowRun) fail(err error) { r.failure = err }

// settle takes over how far was read, once all of it is written.
func (r *flowRun) settle() {
	for _, reader := range r.readers {
		for _, source := range reader.sources {
			r.settled[source] = reader.cursor
		}
	}
}

func (r *flowRun) count(more map[indicator.Source]activities.Counts) {
	for _, source := range settings.SourcesOf(r.run.Flow) {
		r.countOf(source, more[source])
	}
}

func (r *flowRun) countOf(source indicator.Source, more activities.Counts) {
	r.counts[source] = r.counts[source].Plus(more)
}

// Bounds of a run's history. What is then still waiting is read by the next run, which starts at once.
const (
	maxEvents  = 2_750               // of 3,000: what comes after has some 200 at most
	maxHistory = 2<<20 - (700 << 10) // bytes of 2 MiB: a round and what comes after write 700 KiB at most
)

// roomForARound says whether the run's history has room for another round.
func roomForARound(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	return info.GetCurrentHistoryLength() < maxEvents && info.GetCurrentHistorySize() < maxHistory
}

// report tells the Integration how far the run is, once there is something to tell.
func (r *flowRun) report(ctx workflow.Context) {
	if r.rounds++; r.rounds > 1 && !r.quiet {
		r.tell(ctx, activities.Report{})
	}
}

// finish reports the end of the run. A permanent error fails the run, so that it shows in the Temporal UI; what was shared
// before it stays shared and counted.
func (r *flowRun) finish(ctx workflow.Context) (FlowResult, error) {
	if ctx.Err() != nil {
		ctx, _ = workflow.NewDisconnectedContext(ctx)
	}
	// A dry run does not go on in the next one: that would read the same again.
	last := activities.Report{Finished: true, More: r.hasMore() && !r.failed() && !r.dryRun()}
	last.Canceled = r.failed() && temporal.IsCanceledError(r.failure)
	if r.failed() && !last.Canceled {
		last.Failed = activities.ProblemOf(r.failure)
	}
	r.tell(ctx, last)
	result := FlowResult{More: last.More, Counts: r.booked}
	if r.dryRun() {
		result.Plan = r.rehearsal()
	}
	return result, r.err()
}

func (r *flowRun) tell(ctx workflow.Context, report activities.Report) {
	var a *activities.Activities
	// Copies: a local step takes what it is told as it is, and one that was given up may read it while the run goes on.
	report.Run, report.Parked, report.Counts = r.run, maps.Clone(r.parked), maps.Clone(r.counts)
	report.DryRun = r.dryRun()
	report.Waiting, report.Quota, report.SenderGroup = r.blocking.waiting, r.blocking.quota, r.blocking.group
	report.Approved, report.Expected = r.plan.Approved, r.expected
	if !report.DryRun { // what a dry run has read is still to be shared
		report.Cursors, report.Gaps = maps.Clone(r.settled), maps.Clone(r.gaps)
	}
	in := activities.ReportRunInput{Integration: r.integration, Report: report}
	summary := "so far"
	if report.Finished {
		summary = "the end"
	}
	if err := workflow.ExecuteLocalActivity(telling(ctx, summary), a.ReportRun, in).Get(ctx, &r.booked); err != nil {
		workflow.GetLogger(ctx).Warn("report not delivered", "error", err)
	}
}

// err is what the run fails with: the error that ended it, or the first part that a permanent error keeps out.
func (r *flowRun) err() error {
	if r.failure != nil {
		return r.failure
	}
	for _, part := range settings.Parts(r.run.Flow) {
		if problem, parked := r.parked[part]; parked {
			return temporal.NewNonRetryableApplicationError(fmt.Sprintf("%s: %s", part, problem.Reason), problem.Type, nil, problem)
		}
	}
	return nil
}
