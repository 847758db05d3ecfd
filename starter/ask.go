package main

import (
	"context"
	"encoding/json"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/integrations"
	"github.com/threatshare/threatshare/internal/wire"
)

// ask makes one query to an integration and reads its answer.
func ask[T any](ctx context.Context, c client.Client, name, query string) (T, error) {
	return askWorkflow[T](ctx, c, workflowID(name), query)
}

// askWorkflow is ask for any workflow, by its id.
func askWorkflow[T any](ctx context.Context, c client.Client, id, query string) (T, error) {
	return integrations.Ask[T](ctx, integrations.Desk{Temporal: c}, id, query)
}

// askRunning is ask for an integration that has to be running: Temporal answers queries about ended workflows too, with
// what was last true.
func askRunning(ctx context.Context, c client.Client, name, query string) (json.RawMessage, error) {
	running, err := isRunning(ctx, c, name)
	if err != nil {
		return nil, explained(name, err)
	}
	if !running {
		return nil, notRunning(name)
	}
	answer, err := ask[json.RawMessage](ctx, c, name, query)
	if err != nil {
		return nil, explained(name, err)
	}
	return answer, nil
}

// askStatus gives the status of an integration that is running.
func askStatus(ctx context.Context, c client.Client, name string) (statusAnswer, error) {
	var status statusAnswer
	answer, err := askRunning(ctx, c, name, wire.Status)
	if err != nil {
		return status, err
	}
	if err := json.Unmarshal(answer, &status); err != nil {
		return status, notDone("read the status of %q: %w", name, err)
	}
	return status, nil
}

// update makes an update, which is validated and answered at once, and reads its answer unless that is nil.
func update(ctx context.Context, c client.Client, name, what string, answer any, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	done := func(err error) error {
		if err != nil && silent(err) { // Temporal keeps what nobody has refused yet
			return notDone("%w\nit may still be done as soon as a worker is there; \"starter status %s\" shows", explained(name, err), name)
		}
		if err != nil {
			return explained(name, err)
		}
		return nil
	}
	handle, err := c.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID:   workflowID(name),
		UpdateName:   what,
		Args:         args,
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return done(err)
	}
	return done(handle.Get(ctx, answer))
}

func isRunning(ctx context.Context, c client.Client, name string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	described, err := c.DescribeWorkflowExecution(ctx, workflowID(name), "")
	if err != nil {
		return false, err
	}
	switch described.GetWorkflowExecutionInfo().GetStatus() {
	case enums.WORKFLOW_EXECUTION_STATUS_RUNNING, enums.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
		return described.GetWorkflowExecutionInfo().GetType().GetName() == wire.Integration, nil
	default:
		return false, nil
	}
}
