package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/wire"
)

func (a *app) stopCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "stop <name>",
		Short: "Stop an integration and remove its Schedules; what was shared stays",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTemporal(cmd.Context(), func(ctx context.Context, c client.Client) error {
				return a.stop(ctx, c, args[0])
			})
		},
	}
}

func (a *app) stop(ctx context.Context, c client.Client, name string) error {
	running, err := isRunning(ctx, c, name)
	if err != nil {
		return explained(name, err)
	}
	if !running {
		return notRunning(name)
	}
	call, cancel := a.patience(ctx)
	defer cancel()
	if err := c.CancelWorkflow(call, workflowID(name), ""); err != nil {
		return explained(name, err)
	}
	switch status := a.waitForEnd(call, c, name); status {
	case enums.WORKFLOW_EXECUTION_STATUS_CANCELED, enums.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		a.print("integration %s is stopped\n", name)
	case enums.WORKFLOW_EXECUTION_STATUS_RUNNING, enums.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED:
		a.print("integration %s is asked to stop and ends as soon as a worker takes that up\n", name)
	default:
		return notDone("integration %q ended as %s; its Schedules may still be there: temporal schedule list\nthe reason: %s",
			name, status, a.cli("show", name))
	}
	a.print(`
removed  its Schedules (%s/…), so that nothing runs any more; settings and checkpoints go with the workflow
stays    IOCs in Falcon and blocks in Mimecast, what the ledger knows of them, and the history: %s
again    starter start -f …; nothing that is there already is shared twice
`, wire.IntegrationID(name), a.cli("show", name))
	return nil
}

// waitForEnd gives the status in which the workflow ended, or the last one known when there is no more time.
func (a *app) waitForEnd(ctx context.Context, c client.Client, name string) enums.WorkflowExecutionStatus {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	status := enums.WORKFLOW_EXECUTION_STATUS_RUNNING
	for {
		if described, err := c.DescribeWorkflowExecution(ctx, workflowID(name), ""); err == nil {
			status = described.GetWorkflowExecutionInfo().GetStatus()
		}
		if status != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
			return status
		}
		select {
		case <-ctx.Done():
			return status
		case <-tick.C:
		}
	}
}
