package workflows

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
)

// enoughEvents is when the Integration starts a new run of itself, if the SDK does not suggest it sooner.
const enoughEvents = 2000

// Integration is one configured integration for as long as it exists. It owns the settings, the connection state and how far
// each flow has come, keeps the Schedules as the settings want them, and answers people's signals, updates and queries. Its
// input is the settings document; a later run of itself gets what it has to remember as second argument. Cancelling it
// removes the Schedules and ends it.
func Integration(ctx workflow.Context, document json.RawMessage, memory *Memory) error {
	in, err := newIntegration(ctx, document, memory)
	if err != nil {
		return err
	}
	inbox, err := in.listen(ctx)
	if err != nil {
		return err
	}
	workflow.Go(ctx, in.sendNotices)
	for ctx.Err() == nil {
		for inbox.HasPending() {
			inbox.Select(ctx)
		}
		in.early = nil
		in.settle(ctx)
		switch {
		case in.todo.check:
			in.checkConnections(ctx)
		case in.todo.schedules:
			in.applySchedules(ctx)
		case len(in.todo.run) > 0:
			in.runFlows(ctx)
		case in.historyFull(ctx) && workflow.AllHandlersFinished(ctx):
			in.rejectWaiting(ctx)
			return in.continueAsNew(ctx)
		default:
			inbox.Select(ctx)
		}
	}
	return in.end(ctx)
}

// integration is the workflow's state.
type integration struct {
	settings settings.Settings
	memory   *Memory
	todo     todo
	early    []activities.Report // told before the start of their run was taken
	woken    workflow.Channel
	sending  bool // a notice is on its way
	signals  int  // that this run has taken from its inbox
}

// todo is what the main loop has to do next, in this order.
type todo struct {
	check     bool
	schedules bool
	run       []string
}

func newIntegration(ctx workflow.Context, document json.RawMessage, memory *Memory) (*integration, error) {
	parsed, err := settings.Parse(document)
	if err != nil {
		return nil, temporal.NewNonRetryableApplicationError("settings refused: "+err.Error(), activities.InvalidSettings, nil)
	}
	id := workflow.GetInfo(ctx).WorkflowExecution.ID
	if wanted := wire.IntegrationID(parsed.Name); id != wanted {
		return nil, temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("workflow id %q does not fit the name %q: start it with --workflow-id %s", id, parsed.Name, wanted),
			activities.InvalidSettings, nil)
	}
	in := &integration{settings: parsed, memory: memory, woken: workflow.NewBufferedChannel(ctx, 1)}
	if memory == nil {
		in.memory = newMemory(workflow.Now(ctx))
		in.todo.check = true
	} else {
		in.todo.schedules = true // one that was deleted by hand comes back, if nobody has asked for it sooner
	}
	return in, nil
}

// checkConnections asks both vendors. A good or an unclear answer lets the flows run; one that only a person can mend stops
// what needs the vendor.
func (in *integration) checkConnections(ctx workflow.Context) {
	var a *activities.Activities
	in.todo.check = false
	var result activities.CheckConnectionsResult
	err := workflow.ExecuteActivity(checking(ctx), a.CheckConnections, in.settings).Get(ctx, &result)
	if ctx.Err() != nil {
		return
	}
	in.memory.checked(workflow.Now(ctx), result, err)
	in.todo.schedules = true
	if !in.memory.permanent() {
		in.wantRun(in.enabledFlows()...)
	}
}

// applySchedules makes the Schedules be as the settings and the state want them.
func (in *integration) applySchedules(ctx workflow.Context) {
	var a *activities.Activities
	in.todo.schedules = false
	wanted := activities.ApplySchedulesInput{Integration: in.settings.Name}
	var applied activities.ApplySchedulesResult
	for _, flow := range flows() {
		paused, why := in.stopped(flow.name)
		wanted.Schedules = append(wanted.Schedules, activities.FlowSchedule{
			Flow: flow.name, WorkflowType: flow.workflowType, Cron: in.settings.Cron(flow.name),
			Enabled: in.settings.FlowEnabled(flow.name), Paused: paused, Note: why,
		})
	}
	if err := workflow.ExecuteActivity(steering(ctx, "all flows"), a.ApplySchedules, wanted).Get(ctx, &applied); err != nil {
		workflow.GetLogger(ctx).Error("schedules not applied", "error", err)
		in.todo.schedules = worthAnotherTry(err) // such as after a time without any worker
		return
	}
	in.memory.StateAttribute = applied.StateAttribute
}

// runFlows starts the flows that are wanted now and may run.
func (in *integration) runFlows(ctx workflow.Context) {
	var a *activities.Activities
	var runnable []string
	for _, flow := range in.todo.run {
		if stopped, _ := in.stopped(flow); !stopped && in.settings.FlowEnabled(flow) {
			runnable = append(runnable, flow)
		}
	}
	in.todo.run = nil
	if len(runnable) == 0 {
		return
	}
	input := activities.RunFlowsInput{Integration: in.settings.Name, Flows: runnable}
	err := workflow.ExecuteActivity(steering(ctx, strings.Join(runnable, ", ")), a.RunFlows, input).Get(ctx, nil)
	switch {
	case err == nil:
	case activities.ProblemOf(err).Type == activities.ScheduleMissing:
		// Somebody deleted it by hand. It is made again, and then the flows are started.
		in.todo.schedules = true
		in.wantRun(runnable...)
	case worthAnotherTry(err):
		in.wantRun(runnable...)
	default:
		workflow.GetLogger(ctx).Error("flows not started", "error", err)
	}
}

// end removes the Schedules. What was shared stays shared.
func (in *integration) end(ctx workflow.Context) error {
	var a *activities.Activities
	clean, _ := workflow.NewDisconnectedContext(ctx)
	input := activities.RemoveSchedulesInput{Integration: in.settings.Name}
	for _, flow := range flows() {
		input.Flows = append(input.Flows, flow.name)
	}
	if err := workflow.ExecuteActivity(steering(clean, "all flows"), a.RemoveSchedules, input).Get(clean, nil); err != nil {
		return err
	}
	return ctx.Err()
}

// historyFull says whether it is time for a new run. It waits for a mail that is on its way, so that it is not sent twice,
// but not for ever.
func (in *integration) historyFull(ctx workflow.Context) bool {
	return historyFull(ctx) && (!in.sending || workflow.GetInfo(ctx).GetCurrentHistoryLength() > 2*enoughEvents)
}

func historyFull(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	return info.GetContinueAsNewSuggested() || info.GetCurrentHistoryLength() > enoughEvents
}

func (in *integration) continueAsNew(ctx workflow.Context) error {
	document, err := json.Marshal(in.settings)
	if err != nil {
		return fmt.Errorf("write settings: %w", err)
	}
	return workflow.NewContinueAsNewError(ctx, Integration, json.RawMessage(document), in.memory)
}
