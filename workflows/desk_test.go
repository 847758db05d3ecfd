package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

const flow = "share-ttp-logs"

// document switches on what an Integration of these tests shares.
const document = `{"name": "acme", "sendToFalcon": {"urlDomains": {"enabled": true}, "attachmentHashes": {"enabled": true}}}`

// removed is the step by which an Integration that ends takes its Schedules away.
const removed = "remove [share-ttp-logs import-iocs import-alerts]"

// began is when the Integration of a test starts; each step of the test is a minute later than the one before.
func began() time.Time { return time.Date(2026, 11, 16, 14, 49, 18, 0, time.UTC) }

// desk is an Integration at work, whose steps at Temporal and at the vendors are noted and answered by the test.
type desk struct {
	*fakeSteps

	t     *testing.T
	env   *testsuite.TestWorkflowEnvironment
	next  time.Duration
	asked int
}

// fakeSteps are the Integration's activities. The names of the methods are the activity types.
type fakeSteps struct {
	mu      sync.Mutex
	noted   []string
	plans   []activities.ApplySchedulesInput
	checks  []settings.Settings
	checked func() (activities.CheckConnectionsResult, error)
	missing bool // the Schedule, until it is made again
	applied activities.ApplySchedulesResult
	mails   []activities.NotifyInput
	mailed  func() (activities.NotifyResult, error)

	applyFails bool // Temporal does not take Schedules now
}

func (f *fakeSteps) note(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.noted = append(f.noted, what)
}

// steps are the activities since the last call of steps, in order.
func (f *fakeSteps) steps() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	noted := f.noted
	f.noted = nil
	return noted
}

func (f *fakeSteps) CheckConnections(_ context.Context, in settings.Settings) (activities.CheckConnectionsResult, error) {
	f.note("check")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.checks = append(f.checks, in)
	return f.checked()
}

func (f *fakeSteps) ApplySchedules(_ context.Context, in activities.ApplySchedulesInput) (activities.ApplySchedulesResult, error) {
	f.mu.Lock()
	fails := f.applyFails
	f.mu.Unlock()
	if fails {
		return activities.ApplySchedulesResult{}, errors.New("temporal is not reached")
	}
	state := "off"
	if s := in.Schedules[0]; s.Enabled && s.Paused {
		state = "paused"
	} else if s.Enabled {
		state = "on"
	}
	f.note("schedules " + state)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plans = append(f.plans, in)
	f.missing = false
	return f.applied, nil
}

func (f *fakeSteps) Notify(_ context.Context, in activities.NotifyInput) (activities.NotifyResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mails = append(f.mails, in)
	return f.mailed()
}

// told are the mails since the last call of told.
func (f *fakeSteps) told() []activities.NotifyInput {
	f.mu.Lock()
	defer f.mu.Unlock()
	mails := f.mails
	f.mails = nil
	return mails
}

func (f *fakeSteps) RunFlows(_ context.Context, in activities.RunFlowsInput) error {
	f.note(fmt.Sprintf("run %v", in.Flows))
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.missing {
		return permanent(activities.ScheduleMissing, "")
	}
	return nil
}

func (f *fakeSteps) RemoveSchedules(_ context.Context, in activities.RemoveSchedulesInput) error {
	f.note(fmt.Sprintf("remove %v", in.Flows))
	return nil
}

func taken() (activities.NotifyResult, error) { return activities.NotifyResult{}, nil }

func good() (activities.CheckConnectionsResult, error) {
	return activities.CheckConnectionsResult{}, nil
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	d := &desk{t: t, env: suite.NewTestWorkflowEnvironment(), fakeSteps: &fakeSteps{checked: good, mailed: taken}}
	d.env.RegisterActivity(d.fakeSteps)
	d.env.RegisterWorkflow(workflows.Integration)
	d.env.SetStartTime(began())
	d.env.SetTestTimeout(20 * time.Second)
	d.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: wire.IntegrationID("acme"), TaskQueue: "queue"})
	return d
}

// then does the next thing, a minute after the one before, when everything that followed from that is done.
func (d *desk) then(do func()) {
	d.next += time.Minute
	d.env.RegisterDelayedCallback(do, d.next)
}

// run runs the Integration until it is cancelled after the last step of the test.
func (d *desk) run(settings string, memory *workflows.Memory) {
	d.t.Helper()
	d.then(d.env.CancelWorkflow)
	d.env.ExecuteWorkflow(workflows.Integration, json.RawMessage(settings), memory)
	require.True(d.t, d.env.IsWorkflowCompleted())
}

func (d *desk) signal(name, input string) {
	if input == "" {
		d.env.SignalWorkflow(name, nil)
		return
	}
	d.env.SignalWorkflow(name, json.RawMessage(input))
}

// answer is how an update ended: refused before anything was done, or with an answer.
type answer struct {
	refused error
	failed  error
	body    json.RawMessage
	done    bool
}

// update sends an update. Its answer is there at the next step.
// update asks with an input and what else there is, as JSON each.
func (d *desk) update(name, input string, more ...string) *answer {
	d.asked++ // Temporal takes two updates with the same id for one
	got := &answer{}
	args := []any{json.RawMessage(input)}
	if input == "" {
		args = nil
	}
	for _, argument := range more {
		args = append(args, json.RawMessage(argument))
	}
	d.env.UpdateWorkflow(name, fmt.Sprint("update ", d.asked), &testsuite.TestUpdateCallback{
		OnAccept: func() {},
		OnReject: func(err error) { got.refused = err },
		OnComplete: func(success any, err error) {
			got.done, got.failed = true, err
			encoded, marshalled := json.Marshal(success)
			require.NoError(d.t, marshalled)
			got.body = encoded
		},
	}, args...)
	return got
}

func query[T any](d *desk, name string, args ...any) T {
	d.t.Helper()
	var result T
	value, err := d.env.QueryWorkflow(name, args...)
	require.NoError(d.t, err)
	require.NoError(d.t, value.Get(&result))
	return result
}

func (d *desk) state() workflows.ConnectionState {
	d.t.Helper()
	return query[workflows.ConnectionState](d, wire.ConnectionState)
}

func (d *desk) status() workflows.Status {
	d.t.Helper()
	return query[workflows.Status](d, wire.Status)
}

func (d *desk) plan() activities.RunPlan {
	d.t.Helper()
	return query[activities.RunPlan](d, wire.RunPlan, flow)
}

// lastSchedule is how the flow was scheduled last.
func (d *desk) lastSchedule() activities.FlowSchedule {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.plans[len(d.plans)-1].Schedules[0]
}

// started tells the Integration that a run has begun, as LoadIntegration does.
func (d *desk) started(run string) {
	d.env.SignalWorkflow(wire.RunStarted, activities.Run{Flow: flow, WorkflowID: "w", RunID: run, StartedAt: d.env.Now().UTC()})
}

// reported tells the Integration what a run says of itself, as ReportRun does.
func (d *desk) reported(run string, report activities.Report) {
	report.Run = activities.Run{Flow: flow, WorkflowID: "w", RunID: run}
	report.At = d.env.Now().UTC()
	d.env.SignalWorkflow(wire.RunReported, report)
}

func problem(kind, vendor string) activities.Problem {
	return activities.Problem{Type: kind, Vendor: vendor, Reason: kind + " at " + vendor}
}

func requireRefused(t *testing.T, d *desk, kind string) {
	t.Helper()
	requireFailed(t, d.env.GetWorkflowError(), kind)
	require.Empty(t, d.steps())
}
