package metrics

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/settings"
)

// ownSets is more than maxNamed integrations, with three flows and eleven outcomes each, come to.
const ownSets = 10_000

// What a run ended with.
const (
	good     = "good"
	failed   = "failed"
	canceled = "canceled"
)

// runs counts what the flows do and remembers how they are.
type runs struct {
	now        func() time.Time
	finished   metric.Int64Counter
	indicators metric.Int64Counter
	problems   metric.Int64Counter
	missed     metric.Float64Counter

	mu    sync.Mutex
	known map[string]*integration
}

var _ activities.Metrics = (*Metrics)(nil)

func newRuns(meter metric.Meter, now func() time.Time) (*runs, error) {
	r := &runs{now: now, known: map[string]*integration{}}
	var errs [5]error
	r.finished, errs[0] = meter.Int64Counter("threatshare_runs",
		metric.WithDescription("Runs that have ended. Failed: as a whole, or in a part that met a permanent error."))
	r.indicators, errs[1] = meter.Int64Counter("threatshare_indicators",
		metric.WithDescription("Records read, and what became of them. Without dry runs."))
	r.problems, errs[2] = meter.Int64Counter("threatshare_problems",
		metric.WithDescription("What runs failed with, or left a part out for."))
	r.missed, errs[3] = meter.Float64Counter("threatshare_missed", metric.WithUnit("s"),
		metric.WithDescription("Time whose records are lost, since the vendor did not keep them long enough."))
	errs[4] = r.show(meter)
	return r, errors.Join(errs[:]...)
}

// RunFinished counts a run that has ended.
func (m *Metrics) RunFinished(integration string, report activities.Report) {
	m.runs.mu.Lock()
	defer m.runs.mu.Unlock()
	m.runs.ended(integration, report)
}

// FlowRemoved forgets how a flow is: one that is not to run any more must not look like one that fails to.
func (m *Metrics) FlowRemoved(integration, flow string) {
	m.runs.mu.Lock()
	defer m.runs.mu.Unlock()
	m.runs.removed(integration, flow)
}

func (r *runs) ended(name string, report activities.Report) {
	if !slices.Contains(settings.Flows(), report.Flow) {
		return
	}
	of := r.integration(name)
	flow, begun := of.flows[report.Flow]
	if !begun {
		flow = &flowState{}
		of.flows[report.Flow] = flow
		r.begin(of.label, report.Flow)
	}
	if report.RunID != "" && flow.run == report.RunID {
		return // told twice
	}
	flow.run = report.RunID
	r.count(of.label, report)
	of.learn(flow, report)
}

// begin shows the counters of a flow with 0, so that Prometheus sees the first of each as a rise.
func (r *runs) begin(label, flow string) {
	ctx, of := context.Background(), []string{"integration", label, "flow", flow}
	for _, result := range []string{good, failed, canceled} {
		r.finished.Add(ctx, 0, labels(append(of, "result", result)...))
	}
	for _, outcome := range outcomes(activities.Counts{}) {
		r.indicators.Add(ctx, 0, labels(append(of, "outcome", outcome.name)...))
	}
	r.missed.Add(ctx, 0, labels(of...))
	for _, kind := range problemTypes() {
		r.problems.Add(ctx, 0, labels("integration", label, "type", kind))
	}
}

func (r *runs) count(label string, report activities.Report) {
	ctx, of := context.Background(), []string{"integration", label, "flow", report.Flow}
	r.finished.Add(ctx, 1, labels(append(of, "result", result(report))...))
	for _, problem := range problems(report) {
		r.problems.Add(ctx, 1, labels("integration", label, "type", problemLabel(problem.Type)))
	}
	for _, source := range settings.SourcesOf(report.Flow) {
		if gap, found := report.Gaps[source]; found && gap.To.After(gap.From) {
			r.missed.Add(ctx, gap.To.Sub(gap.From).Seconds(), labels(of...))
		}
		if report.DryRun { // it reads the same again each time
			continue
		}
		for _, outcome := range outcomes(report.Counts[source]) {
			r.indicators.Add(ctx, int64(max(outcome.n, 0)), labels(append(of, "outcome", outcome.name)...))
		}
	}
}

func result(report activities.Report) string {
	switch {
	case report.Canceled:
		return canceled
	case len(problems(report)) > 0:
		return failed
	default:
		return good
	}
}

// problems are what a run failed with: as a whole, or in parts.
func problems(report activities.Report) []activities.Problem {
	var met []activities.Problem
	if report.Failed.Type != "" {
		met = append(met, report.Failed)
	}
	for _, part := range settings.Parts(report.Flow) {
		if problem, parked := report.Parked[part]; parked {
			met = append(met, problem)
		}
	}
	return met
}

// problemTypes are the failures that a run can end with by name.
func problemTypes() []string {
	return []string{
		activities.VendorAuth, activities.VendorForbidden, activities.VendorRejected, activities.VendorQuota,
		activities.VendorContract, other,
	}
}

func problemLabel(kind string) string {
	if slices.Contains(problemTypes(), kind) {
		return kind
	}
	return other
}

type outcome struct {
	name string
	n    int
}

// outcomes are what became of the records of a source.
func outcomes(c activities.Counts) []outcome {
	dropped := 0
	for _, n := range c.Dropped {
		dropped += n
	}
	return []outcome{
		{"read", c.Read},
		{"malicious", c.Malicious},
		{"dropped", dropped},
		{"shared", c.Shared},
		{"already_there", c.AlreadyThere},
		{"foreign", c.Foreign},
		{"held", c.HeldInAll()},
		{"echo", c.Echo},
		{"quarantined", c.Quarantined},
		{"withdrawn", c.Withdrawn},
		{"urls_blocked", c.URLsBlocked},
	}
}
