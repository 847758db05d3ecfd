package main

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
)

// startedOnly is the length of the history of a workflow that no worker has taken up: it was started, and its first task waits.
const startedOnly = 2

// attend waits for what a workflow gives that only reads. Unlike result it does not wait for long if there is no worker: it
// looks each time that patience has passed.
func (a *app) attend(ctx context.Context, c client.Client, e errand, run client.WorkflowRun, patience time.Duration, into any) error {
	ctx, cancel := context.WithTimeout(ctx, errandTime)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- run.Get(ctx, into) }()
	tick := time.NewTicker(patience)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			if err != nil {
				return a.unfinished(ctx, e, err)
			}
			return nil
		case <-tick.C:
			if why := notBegun(ctx, c, e.id, run.GetRunID()); why != "" {
				return notDone("%s has not begun: %s\nhistory  %s", e.what, why, a.cliOf("show", e.id))
			}
		}
	}
}

// notBegun says why a workflow has done nothing yet; empty if it has, or if that is not to be had.
func notBegun(ctx context.Context, c client.Client, id, runID string) string {
	described, err := c.DescribeWorkflowExecution(ctx, id, runID)
	task := described.GetPendingWorkflowTask()
	switch {
	case err != nil || task == nil:
		return ""
	case described.GetWorkflowExecutionInfo().GetHistoryLength() <= startedOnly:
		return fmt.Sprintf("is a worker running, and on the task queue %q?", taskQueue())
	case task.GetAttempt() > 1:
		return "no worker can do it so far; are they older than this starter?"
	default:
		return ""
	}
}
