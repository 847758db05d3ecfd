package workflows_test

import (
	"context"
	"errors"
	"sync"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
)

const integrationName = "acme"

// office is the Integration as its runs meet it at Temporal: it answers what a run asks, and remembers what it is told, by the
// rules that the desk's tests hold the real one to.
type office struct {
	client.Client // nil: what is not here must not be called

	now      func() time.Time
	settings settings.Settings
	started  time.Time

	mu      sync.Mutex
	group   string
	flows   map[string]*file
	reports []activities.Report
}

// file is what the office knows of a flow.
type file struct {
	cursors  map[indicator.Source]activities.Cursor
	parked   map[settings.Part]activities.Problem
	approved int
	current  activities.Run
	last     activities.Report
}

func newOffice(now func() time.Time) *office {
	o := &office{now: now, settings: settings.Default(), started: now(), flows: map[string]*file{}}
	o.settings.Name = integrationName
	o.settings.SendToFalcon.AttachmentHashes.Enabled = true
	o.settings.SendToFalcon.URLDomains.Enabled = true
	o.settings.SendToFalcon.ImpersonationDomains.Enabled = true
	o.settings.SendToMimecast.IOCHashes.Enabled = true
	o.settings.SendToMimecast.IOCDomains.Enabled = true
	o.settings.SendToMimecast.AlertDomains.Enabled = true
	return o
}

// of is the file of a flow.
func (o *office) of(name string) *file {
	if o.flows[name] == nil {
		o.flows[name] = &file{cursors: map[indicator.Source]activities.Cursor{}, parked: map[settings.Part]activities.Problem{}}
	}
	return o.flows[name]
}

// reconnect lets everything that is parked have another chance.
func (o *office) reconnect() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, name := range settings.Flows() {
		o.of(name).parked = map[settings.Part]activities.Problem{}
	}
}

// told is what the last finished run of a flow has reported.
func (o *office) told(name string) activities.Report {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.of(name).last
}

func (o *office) approve(name string, values int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.of(name).approved = values
}

// forget makes a flow read everything again.
func (o *office) forget(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.of(name).cursors = map[indicator.Source]activities.Cursor{}
}

func (o *office) plan(name string) activities.RunPlan {
	o.mu.Lock()
	defer o.mu.Unlock()
	flow := o.of(name)
	plan := activities.RunPlan{
		Settings: o.settings, Cursors: map[indicator.Source]activities.Cursor{}, Parked: map[settings.Part]string{},
		SenderGroup: o.group, Approved: flow.approved, Running: flow.current,
	}
	for source, cursor := range flow.cursors {
		plan.Cursors[source] = cursor
	}
	for part, problem := range flow.parked {
		plan.Parked[part] = problem.Reason
	}
	if name != settings.FlowImportIOCs {
		plan.Since = o.started.Add(-time.Duration(o.settings.FetchDuration))
	}
	return plan
}

func (o *office) QueryWorkflow(_ context.Context, id, _, query string, args ...any) (converter.EncodedValue, error) {
	name, isName := args[0].(string)
	if id != wire.IntegrationID(integrationName) || query != wire.RunPlan || !isName {
		return nil, errors.New("no run asks that")
	}
	return answered{func() any { return o.plan(name) }}, nil
}

func (o *office) SignalWorkflow(_ context.Context, _, _, signal string, arg any) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch told := arg.(type) {
	case activities.Run:
		o.of(told.Flow).current = told
	case activities.Report:
		if signal == wire.RunReported && o.of(told.Flow).current.RunID == told.RunID {
			o.take(told)
		}
	}
	return nil
}

func (o *office) take(report activities.Report) {
	flow := o.of(report.Flow)
	o.reports = append(o.reports, report)
	for source, cursor := range report.Cursors {
		flow.cursors[source] = cursor
	}
	for part, problem := range report.Parked {
		flow.parked[part] = problem
	}
	if report.SenderGroup.ID != "" {
		o.group = report.SenderGroup.ID
	}
	if report.Finished {
		flow.last, flow.current = report, activities.Run{}
		if !report.DryRun {
			flow.approved = 0
		}
	}
}

// DescribeWorkflowExecution says of every run that it has ended: only one runs at a time here.
func (o *office) DescribeWorkflowExecution(_ context.Context, id, run string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{
		Execution: &commonpb.WorkflowExecution{WorkflowId: id, RunId: run},
		Status:    enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED,
	}}, nil
}
