// Package integrations is what people do with the integrations of a Temporal namespace, whatever they do it with: find them,
// ask them, change them, start them and their errands. What a program shows of the answers, and which words it has for a
// failure, is its own business: errors are those of the Temporal SDK.
package integrations

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
)

// AnswerTime is how long an answer of an integration or of the server is waited for.
const AnswerTime = 15 * time.Second

// Desk is where people's business with integrations is done. Safe for concurrent use.
type Desk struct {
	Temporal client.Client
	// Queue is the task queue of the workers that new integrations and errands are given to.
	Queue string
}

// Listed is an integration that runs.
type Listed struct {
	Name    string
	Started time.Time // its present run
}

// List gives the integrations that run, by name. A namespace just learnt of a start or an end may be some seconds behind.
func (d Desk) List(ctx context.Context) ([]Listed, error) {
	ctx, cancel := context.WithTimeout(ctx, AnswerTime)
	defer cancel()
	var found []Listed
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Query: fmt.Sprintf("WorkflowType = %q AND ExecutionStatus = 'Running'", wire.Integration),
	}
	for {
		page, err := d.Temporal.ListWorkflow(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, execution := range page.GetExecutions() {
			name, is := strings.CutPrefix(execution.GetExecution().GetWorkflowId(), wire.IntegrationID(""))
			if is && name != "" && !strings.Contains(name, "/") {
				found = append(found, Listed{Name: name, Started: execution.GetStartTime().AsTime()})
			}
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			break
		}
	}
	slices.SortFunc(found, func(a, b Listed) int { return cmp.Compare(a.Name, b.Name) })
	return slices.CompactFunc(found, func(a, b Listed) bool { return a.Name == b.Name }), nil
}

// Running says whether an integration runs. Temporal answers queries of ended workflows too, with what was last true.
func (d Desk) Running(ctx context.Context, name string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, AnswerTime)
	defer cancel()
	described, err := d.Temporal.DescribeWorkflowExecution(ctx, wire.IntegrationID(name), "")
	if err != nil {
		return false, err
	}
	info := described.GetWorkflowExecutionInfo()
	switch info.GetStatus() {
	case enums.WORKFLOW_EXECUTION_STATUS_RUNNING, enums.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
		return info.GetType().GetName() == wire.Integration, nil
	default:
		return false, nil
	}
}

// Ask makes a query to a workflow, by its id, and reads the answer.
func Ask[T any](ctx context.Context, d Desk, id, query string) (T, error) {
	var answer T
	ctx, cancel := context.WithTimeout(ctx, AnswerTime)
	defer cancel()
	encoded, err := Query(ctx, d.Temporal, id, query)
	if err != nil {
		return answer, err
	}
	if err := encoded.Get(&answer); err != nil {
		return answer, fmt.Errorf("read the answer to %s: %w", query, err)
	}
	return answer, nil
}

// Update asks an integration for a change, which it judges and answers at once, and reads the answer unless that is nil. One
// that nobody answers in time may still be done when a worker is there.
func (d Desk) Update(ctx context.Context, name, update string, answer any, arguments ...any) error {
	ctx, cancel := context.WithTimeout(ctx, AnswerTime)
	defer cancel()
	handle, err := d.Temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: wire.IntegrationID(name), UpdateName: update, Args: arguments,
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return err
	}
	return handle.Get(ctx, answer)
}

// Start starts an integration. One that runs already is an error: *serviceerror.WorkflowExecutionAlreadyStarted.
func (d Desk) Start(ctx context.Context, wanted settings.Settings) (client.WorkflowRun, error) {
	document, err := json.Marshal(wanted)
	if err != nil {
		return nil, fmt.Errorf("write the settings: %w", err)
	}
	return d.execute(ctx, wire.IntegrationID(wanted.Name), enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL, wire.Integration, json.RawMessage(document))
}

// Preview starts the preview of a flow's next run, or joins the one that is at work.
func (d Desk) Preview(ctx context.Context, name, flow string) (client.WorkflowRun, error) {
	return d.execute(ctx, wire.PreviewID(name, flow), enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING, wire.Preview,
		map[string]string{"integration": name, "flow": flow})
}

// Withdraw starts taking back everything that an integration made, or in a dry run counting it. One that is at work, of
// either kind, is an error: *serviceerror.WorkflowExecutionAlreadyStarted.
func (d Desk) Withdraw(ctx context.Context, name, credentials string, dryRun bool) (client.WorkflowRun, error) {
	return d.execute(ctx, wire.WithdrawID(name), enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL, wire.Withdraw,
		map[string]any{"integration": name, "credentials": credentials, "dryRun": dryRun})
}

func (d Desk) execute(
	ctx context.Context, id string, conflict enums.WorkflowIdConflictPolicy, workflow string, input any,
) (client.WorkflowRun, error) {
	ctx, cancel := context.WithTimeout(ctx, AnswerTime)
	defer cancel()
	return d.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: d.Queue, WorkflowIDConflictPolicy: conflict,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: conflict == enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
	}, workflow, input)
}

// NextRun is when a flow's Schedule starts it next; zero if it does not, such as while it is paused.
func (d Desk) NextRun(ctx context.Context, name, flow string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, AnswerTime)
	defer cancel()
	described, err := d.Temporal.ScheduleClient().GetHandle(ctx, wire.ScheduleID(name, flow)).Describe(ctx)
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	if described.Schedule.State.Paused || len(described.Info.NextActionTimes) == 0 {
		return time.Time{}, nil
	}
	return described.Info.NextActionTimes[0], nil
}
