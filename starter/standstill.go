package main

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/wire"
)

// standStill pauses a running integration and waits until no run of it is at work.
func (a *app) standStill(ctx context.Context, c client.Client, name string, say func(format string, args ...any)) error {
	status, err := askStatus(ctx, c, name)
	if err != nil {
		return err
	}
	if !status.isPaused() {
		reason := map[string]string{"reason": "starter withdraw takes back everything that was shared; after resume what is new, or an hour old at most, is shared again"}
		if err := update(ctx, c, name, wire.Pause, nil, reason); err != nil {
			return err
		}
		say("integration %s is paused, or its flows would share everything again\n", name)
	}
	wait, cancel := context.WithTimeout(ctx, errandTime)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for told := false; ; told = true {
		status, err := askStatus(wait, c, name) // again: a run may have begun before the pause
		if err != nil {
			return err
		}
		flow, run := atWork(wait, c, status)
		if flow == "" {
			return nil
		}
		if !told {
			say("waiting for the run of %s that is at work to end\n", flow)
		}
		select {
		case <-wait.Done():
			return notDone("nothing is withdrawn, and %s stays paused: a run of %s is still at work and would share again\nto see why  %s",
				name, flow, a.cliOf("show", run.WorkflowID))
		case <-tick.C:
		}
	}
}

// atWork gives a flow that has a run at work, and the run. Of a run that was ended from outside the integration knows nothing:
// Temporal is asked.
func atWork(ctx context.Context, c client.Client, status statusAnswer) (string, runAnswer) {
	for _, flow := range sorted(status.Flows) {
		run := status.Flows[flow].Running
		if run.RunID == "" {
			continue
		}
		described, err := c.DescribeWorkflowExecution(ctx, run.WorkflowID, run.RunID)
		if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
			continue
		}
		if err != nil || described.GetWorkflowExecutionInfo().GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
			return flow, run
		}
	}
	return "", runAnswer{}
}
