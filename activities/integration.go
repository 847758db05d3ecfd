package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"

	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/integrations"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
)

// RunPlan is what the Integration tells a run.
type RunPlan struct {
	Settings settings.Settings           `json:"settings"`
	Cursors  map[indicator.Source]Cursor `json:"cursors,omitempty"`
	// Parked are the parts that a permanent error keeps out, with the reason.
	Parked map[settings.Part]string `json:"parked,omitempty"`
	// Since is where a first read starts: the start of the integration less fetchDuration, or what a person asked for. Zero
	// for a list that is read whole.
	Since time.Time `json:"since"`
	// SenderGroup is the id of the integration's own group at Mimecast, as a run met it last.
	SenderGroup string `json:"senderGroup,omitempty"`
	// Approved is how many values a person lets the run withdraw, whatever the deletion guard says.
	Approved int `json:"approved,omitempty"`
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
	Preview     bool   `json:"preview,omitempty"` // it only looks: nobody is told, and a pause does not matter
}

// LoadIntegrationResult is the plan of the run, and what it has to do beside what it will read: what a person has released
// since the last run, and what a vendor has refused and is offered again.
type LoadIntegrationResult struct {
	RunPlan

	Again map[indicator.Source][]Finding `json:"again,omitempty"`
}

// LoadIntegration asks the Integration workflow for the plan of a run and tells it that the run has started. Only one run
// of a flow works at a time, however it was started: a second one is told to stay idle.
func (a *Activities) LoadIntegration(ctx context.Context, in LoadIntegrationInput) (LoadIntegrationResult, error) {
	plan, err := a.runPlan(ctx, in)
	if err != nil {
		return LoadIntegrationResult{}, err
	}
	if in.Preview {
		plan.Idle, plan.Settings.DryRun = "", true
		if !plan.Settings.FlowEnabled(in.Flow) {
			plan.Idle = switchedOff
		}
	}
	self := activity.GetInfo(ctx).WorkflowExecution
	if other := plan.Running; !in.Preview && other.RunID != "" && other.RunID != self.RunID && a.atWork(ctx, other) {
		plan.Idle = fmt.Sprintf("already running: workflow %s, run %s", other.WorkflowID, other.RunID)
	}
	if plan.Idle != "" {
		return LoadIntegrationResult{RunPlan: plan}, nil
	}
	if !in.Preview {
		started := Run{Flow: in.Flow, WorkflowID: self.ID, RunID: self.RunID, StartedAt: a.Now().UTC()}
		if err := a.Temporal.SignalWorkflow(ctx, wire.IntegrationID(in.Integration), "", wire.RunStarted, started); gone(err) {
			// A workflow that has ended still answers queries.
			return LoadIntegrationResult{}, unknownIntegration(in.Integration)
		} else if err != nil {
			return LoadIntegrationResult{}, failure(ctx, fmt.Errorf("tell the integration that the run has started: %w", err))
		}
	}
	again, err := a.again(ctx, in, plan.Settings)
	if err != nil {
		return LoadIntegrationResult{}, failure(ctx, err)
	}
	return LoadIntegrationResult{RunPlan: plan, Again: again}, nil
}

const switchedOff = "switched off in the settings"

func (a *Activities) runPlan(ctx context.Context, in LoadIntegrationInput) (RunPlan, error) {
	answer, err := integrations.Query(ctx, a.Temporal, wire.IntegrationID(in.Integration), wire.RunPlan, in.Flow)
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

// again is what the logs and lists do not bring once more: values that the guard held before and a person has allowed since, and
// values that the vendor has refused in fewer than three runs. What only a person may not decide, such as the tenant's own
// domains, stays held.
func (a *Activities) again(ctx context.Context, in LoadIntegrationInput, now settings.Settings) (map[indicator.Source][]Finding, error) {
	rules, err := guard.New(a.Guard, guard.Tenant{Protect: now.Protect.Domains, Allow: now.Protect.Allow})
	if err != nil {
		return nil, err
	}
	again, n := map[indicator.Source][]Finding{}, 0
	for _, list := range listsOf(in.Flow) {
		entries, err := a.heldAndRefused(ctx, in.Integration, list, now.Protect.Allow)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			found := indicator.Indicator{Key: entry.Key, Source: entry.Source}
			if !now.SourceEnabled(entry.Source) || n == UploadSize || rules.Check(found) != nil {
				continue
			}
			n++
			again[entry.Source] = append(again[entry.Source], Finding{
				Value: entry.Value, Record: entry.Record, SeenAt: entry.SeenAt, ExpiresAt: entry.ExpiresAt,
			})
		}
	}
	return again, nil
}

func (a *Activities) heldAndRefused(ctx context.Context, integration string, list ledger.List, allow []string) ([]ledger.Entry, error) {
	keys := make([]indicator.Key, 0, 2*len(allow))
	for _, value := range allow {
		keys = append(keys, indicator.Key{Kind: indicator.Domain, Value: value}, indicator.Key{Kind: indicator.SHA256, Value: value})
	}
	known, err := a.Ledger.Lookup(ctx, integration, list, keys)
	if err != nil {
		return nil, fmt.Errorf("look up released values: %w", err)
	}
	entries, err := a.Ledger.Retry(ctx, integration, list, refusalTries, UploadSize)
	if err != nil {
		return nil, fmt.Errorf("look up refused values: %w", err)
	}
	for _, key := range keys {
		if entry := known[key]; entry.State == ledger.Held && !guard.Hard(entry.Reason) {
			entries = append(entries, entry)
		}
	}
	return entries, nil
}

// listsOf are the lists that the sources of a flow are put on.
func listsOf(flow string) []ledger.List {
	var lists []ledger.List
	for _, source := range settings.SourcesOf(flow) {
		if list := listOf(source); !slices.Contains(lists, list) {
			lists = append(lists, list)
		}
	}
	return lists
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
	// Parked are the parts that met a permanent error.
	Parked map[settings.Part]Problem `json:"parked,omitempty"`
	// Failed is the permanent error that ended the whole run.
	Failed Problem `json:"failed,omitzero"`
	DryRun bool    `json:"dryRun,omitempty"` // nothing was written, so nothing is added up
	// Trouble is why a step has been retrying for a while.
	Trouble string `json:"trouble,omitempty"`

	// What an import has met at Mimecast: its own group, the room for hashes, and a withdrawal that was not made.
	SenderGroup SenderGroup      `json:"senderGroup,omitzero"`
	Quota       *indicator.Quota `json:"quota,omitempty"`
	Waiting     *Waiting         `json:"waiting,omitempty"`
	Approved    int              `json:"approved,omitempty"` // the approval that the run was given, which is used up
	// Gaps are the times that were missed for good.
	Gaps map[indicator.Source]Gap `json:"gaps,omitempty"`
	// Expected is how many records the list that is read has in all; 0: not known.
	Expected int `json:"expected,omitempty"`
	// Remediations are all of the integration, as the ledger has them at the time of the report.
	Remediations *Remediations `json:"remediations,omitempty"`
}

// Remediations counts the removals of delivered mail by what became of them. Its JSON is an outside name.
type Remediations struct {
	Wanted       int      `json:"wanted"`
	Started      int      `json:"started"`
	Done         int      `json:"done"`
	NothingFound int      `json:"nothingFound"`
	Failed       int      `json:"failed"`
	Messages     Messages `json:"messages"`
}

// Messages counts messages of incidents, as Mimecast does.
type Messages struct {
	Identified int `json:"identified"`
	Successful int `json:"successful"`
	Failed     int `json:"failed"`
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
		recorded, err := a.Ledger.Summary(ctx, in.Integration, report.RunID)
		if err != nil {
			return nil, failure(ctx, fmt.Errorf("sum up the run: %w", err))
		}
		booked := make(map[indicator.Source]Counts, len(report.Counts))
		for source, counts := range report.Counts {
			booked[source] = counts.booked(source, recorded)
		}
		report.Counts = booked
	}
	if report.Finished && report.Flow != settings.FlowShareTTPLogs {
		remediations, err := a.remediations(ctx, in.Integration)
		if err != nil {
			return nil, failure(ctx, err)
		}
		report.Remediations = remediations
	}
	err := a.Temporal.SignalWorkflow(ctx, wire.IntegrationID(in.Integration), "", wire.RunReported, report)
	if gone(err) {
		return report.Counts, nil // the integration was stopped while the run was at work
	}
	if err != nil {
		return report.Counts, failure(ctx, err)
	}
	a.countRun(in.Integration, report)
	return report.Counts, nil
}

// remediations counts the removals of mail; nil if there is none.
func (a *Activities) remediations(ctx context.Context, integration string) (*Remediations, error) {
	counts, err := a.Ledger.RemediationCounts(ctx, integration)
	if err != nil || len(counts) == 0 {
		return nil, err
	}
	var sum Remediations
	for _, count := range counts {
		switch count.State {
		case ledger.Wanted:
			sum.Wanted = count.N
		case ledger.Started:
			sum.Started = count.N
		case ledger.Done:
			sum.Done = count.N
		case ledger.NothingFound:
			sum.NothingFound = count.N
		case ledger.RemediationFailed:
			sum.Failed = count.N
		}
		sum.Messages.Identified += count.Identified
		sum.Messages.Successful += count.Successful
		sum.Messages.Failed += count.Failed
	}
	return &sum, nil
}
