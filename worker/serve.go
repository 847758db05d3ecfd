package main

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// stopTime is how long a step at work may go on after the worker was told to stop: long enough for a request to end, short
// enough for a rolling restart. A step that is cut off is repeated elsewhere.
const stopTime = 20 * time.Second

// stepsAtOnce is how many steps work at once. What they do most is wait: a vendor that does not answer holds a step for
// half a minute with each call, and an integration has up to five steps at the vendors at once, besides those that remove
// mail. With 200 integrations on one worker, a hundred tenants may then stall together and the others do not notice. A
// step that waits costs some 10 kB; one that reads a full page of alerts costs some MB for as long as that takes.
//
// The cache of workflows has the SDK's size of 10,000: 200 integrations with three flows at work are 800 of them.
const stepsAtOnce = 500

// serve registers everything, calls ready, and runs until ctx ends or the worker fails for good.
func serve(ctx context.Context, temporal client.Client, queue string, steps *activities.Activities, ready func()) error {
	failed := make(chan error, 1)
	w := worker.New(temporal, queue, worker.Options{
		WorkerStopTimeout:                  stopTime,
		MaxConcurrentActivityExecutionSize: stepsAtOnce,
		OnFatalError:                       func(err error) { failed <- err },
		Interceptors:                       []interceptor.WorkerInterceptor{&activities.Panics{}},
	})
	w.RegisterWorkflowWithOptions(workflows.Integration, workflow.RegisterOptions{Name: wire.Integration})
	w.RegisterWorkflowWithOptions(workflows.ShareTTPLogs, workflow.RegisterOptions{Name: wire.ShareTTPLogs})
	w.RegisterWorkflowWithOptions(workflows.ImportIOCs, workflow.RegisterOptions{Name: wire.ImportIOCs})
	w.RegisterWorkflowWithOptions(workflows.ImportAlerts, workflow.RegisterOptions{Name: wire.ImportAlerts})
	w.RegisterWorkflowWithOptions(workflows.Remediate, workflow.RegisterOptions{Name: wire.Remediate})
	w.RegisterWorkflowWithOptions(workflows.Preview, workflow.RegisterOptions{Name: wire.Preview})
	w.RegisterWorkflowWithOptions(workflows.Withdraw, workflow.RegisterOptions{Name: wire.Withdraw})
	w.RegisterWorkflowWithOptions(workflows.Check, workflow.RegisterOptions{Name: wire.Check})
	w.RegisterWorkflowWithOptions(workflows.History, workflow.RegisterOptions{Name: wire.History})
	w.RegisterActivity(steps)
	if err := w.Start(); err != nil {
		return fmt.Errorf("start the worker: %w", err)
	}
	defer w.Stop()
	ready()
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return fmt.Errorf("temporal: %w", err)
	}
}
