package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"

	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
)

// RunPlan is what the Integration tells a run.
type RunPlan struct {
	Settings settings.Settings           `json:"settings"`
	Cursors  map[indicator.Source]Cursor `json:"cursors,omitempty"`
	// Parked are the sources that a permanent error keeps out, with the reason.
	Parked map[indicator.Source]string `json:"parked,omitempty"`
	// Since is where a first read starts: the start of the integration less fetchDuration, or what a person asked for.
	Since time.Time `json:"since"`
	// Idle says why the flow must not run now; empty if it may.
	Idle string `json:"idle,omitempty"`
	// Running is the run that the Integration takes to be at work.
	Running Run `json:"running,omitzero"`
}

// Run identifies one run of a flow.
type Run struct {
	Flow       string    `json:"flow,omitempty"`
	WorkflowID string    `json:"workflowId,omitempty"`
	RunID      string    `json:"runId,omitempty"`
	StartedAt  time.Time `json:"startedAt,omitzero"`
}

// LoadIntegrationInput names the integration and the flow that wants to run.
type LoadIntegrationInput struct {
	Integration string `json:"integration"`
	Flow        string `json:"flow"`
}

// LoadIntegrationResult is the plan of the run, and what a person has released since the last one.
type LoadIntegrationResult struct {
	RunPlan

	Released []indicator.Indicator `json:"released,omitempty"`
}

// LoadIntegration asks the Integration workflow for the plan of a run and tells it that the run has started. Only one run
// of a flow works at a time, however it was started: a second one is told to stay idle.
func (a *Activities) LoadIntegration(ctx context.Context, in LoadIntegrationInput) (LoadIntegrationResult, error) {
	plan, err := a.runPlan(ctx, in)
	if err != nil {
		return LoadIntegrationResult{}, err
	}
	self := activity.GetInfo(ctx).WorkflowExecution
	if other := plan.Running; other.RunID != "" && other.RunID != self.RunID && a.atWork(ctx, other) {
		plan.Idle = fmt.Sprintf("already running: workflow %s, run %s", other.WorkflowID, other.RunID)
	}
	if plan.Idle != "" {
		return LoadIntegrationResult{RunPlan: plan}, nil
	}
	started := Run{Flow: in.Flow, WorkflowID: self.ID, RunID: self.RunID, StartedAt: a.Now().UTC()}
	if err := a.Temporal.SignalWorkflow(ctx, wire.IntegrationID(in.Integration), "", wire.RunStarted, started); gone(err) {
		// A workflow that has ended still answers queries.
		return LoadIntegrationResult{}, unknownIntegration(in.Integration)
	} else if err != nil {
		return LoadIntegrationResult{}, failure(ctx, fmt.Errorf("tell the integration that the run has started: %w", err))
	}
	released, err := a.released(ctx, in.Integration, plan.Settings)
	if err != nil {
		return LoadIntegrationResult{}, failure(ctx, err)
	}
	return LoadIntegrationResult{RunPlan: plan, Released: released}, nil
}

func (a *Activities) runPlan(ctx context.Context, in LoadIntegrationInput) (RunPlan, error) {
	answer, err := a.Temporal.QueryWorkflow(ctx, wire.IntegrationID(in.Integration), "", wire.RunPlan, in.Flow)
	if gone(err) {
		return RunPlan{}, unknownIntegration(in.Integration)
	}
	if err != nil {
		return RunPlan{}, failure(ctx, fmt.Errorf("ask the integration for its settings: %w", err))
	}
	var plan RunPlan
	if err := answer.Get(&plan); err != nil {
		return RunPlan{}, failure(ctx, fmt.Errorf("read the integration's answer: %w", err))
	}
	return plan, nil
}

func gone(err error) bool {
	_, notFound := errors.AsType[*serviceerror.NotFound](err)
	return notFound
}

func unknownIntegration(name string) error {
	return final(UnknownIntegration, "", fmt.Errorf(
		"no integration %q runs in this namespace: start one with workflow type %s and id %s, or correct the name",
		indicator.Printable(name, 60), wire.Integration, wire.IntegrationID("<name>")))
}

// atWork says whether a run is still there. One that was killed from outside could not say goodbye, so Temporal is asked.
func (a *Activities) atWork(ctx context.Context, run Run) bool {
	found, err := a.Temporal.DescribeWorkflowExecution(ctx, run.WorkflowID, run.RunID)
	return err == nil && found.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
}

// released are the values that the guard held before and a person has allowed since: the logs do not bring them again. What
// only a person may not decide, such as the tenant's own domains, stays held.
func (a *Activities) released(ctx context.Context, integration string, now settings.Settings) ([]indicator.Indicator, error) {
	keys := make([]indicator.Key, 0, 2*len(now.Protect.Allow))
	for _, value := range now.Protect.Allow {
		keys = append(keys, indicator.Key{Kind: indicator.Domain, Value: value}, indicator.Key{Kind: indicator.SHA256, Value: value})
	}
	if len(keys) == 0 {
		return nil, nil
	}
	entries, err := a.Ledger.Lookup(ctx, integration, ledger.ToFalcon, keys)
	if err != nil {
		return nil, fmt.Errorf("look up released values: %w", err)
	}
	rules, err := guard.New(a.Guard, guard.Tenant{Protect: now.Protect.Domains, Allow: now.Protect.Allow})
	if err != nil {
		return nil, err
	}
	var released []indicator.Indicator
	for _, key := range keys {
		entry := entries[key]
		if entry.State != ledger.Held || guard.Hard(entry.Reason) || !now.SendToFalcon.For(entry.Source).Enabled || len(released) == UploadSize {
			continue
		}
		found := indicator.Indicator{Key: key, Source: entry.Source, SeenAt: entry.SeenAt, Record: entry.Record}
		if rules.Check(found) == nil {
			released = append(released, found)
		}
	}
	return released, nil
}

// Report is what a run tells its Integration: all of it so far, so that a report that is told twice changes nothing.
type Report struct {
	Run
	At       time.Time                   `json:"at"`
	Finished bool                        `json:"finished,omitempty"`
	Canceled bool                        `json:"canceled,omitempty"` // ended by a person: neither good nor failed
	More     bool                        `json:"more,omitempty"`     // the run met its bound and more is waiting
	Cursors  map[indicator.Source]Cursor `json:"cursors,omitempty"`
	Counts   map[indicator.Source]Counts `json:"counts,omitempty"`
	// Parked are the sources that met a permanent error.
	Parked map[indicator.Source]Problem `json:"parked,omitempty"`
	// Failed is the permanent error that ended the whole run.
	Failed Problem `json:"failed,omitzero"`
	DryRun bool    `json:"dryRun,omitempty"` // nothing was written, so nothing is added up
	// Trouble is why a step has been retrying for a while.
	Trouble string `json:"trouble,omitempty"`
}

// ReportRunInput is a report and whose it is.
type ReportRunInput struct {
	Integration string `json:"integration"`
	Report      Report `json:"report"`
}

// ReportRun tells the Integration how far a run has come, and returns the counts as the ledger has them.
func (a *Activities) ReportRun(ctx context.Context, in ReportRunInput) (map[indicator.Source]Counts, error) {
	report := in.Report
	report.At = a.Now().UTC()
	if !report.DryRun {
		recorded, err := a.Ledger.Summary(ctx, in.Integration, ledger.ToFalcon, report.RunID)
		if err != nil {
			return nil, failure(ctx, fmt.Errorf("sum up the run: %w", err))
		}
		booked := make(map[indicator.Source]Counts, len(report.Counts))
		for source, counts := range report.Counts {
			booked[source] = counts.booked(source, recorded)
		}
		report.Counts = booked
	}
	err := a.Temporal.SignalWorkflow(ctx, wire.IntegrationID(in.Integration), "", wire.RunReported, report)
	if gone(err) {
		return report.Counts, nil // the integration was stopped while the run was at work
	}
	return report.Counts, failure(ctx, err)
}
