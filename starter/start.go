package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
)

const (
	pollEvery      = 500 * time.Millisecond
	connecting     = "connecting"
	connected      = "connected"
	degraded       = "degraded"
	permanentError = "permanent_error"
	paused         = "paused" // an integration, and each flow of it
	flowDisabled   = "disabled"
	flowIdle       = "idle"
	flowRetrying   = "retrying"
	flowParked     = "parked"
)

// started is what start answers with --json.
type started struct {
	Integration string   `json:"integration"`
	WorkflowID  string   `json:"workflowId"`
	RunID       string   `json:"runId"`
	TaskQueue   string   `json:"taskQueue"`
	Warnings    []string `json:"warnings"`
	State       string   `json:"state,omitempty"` // with --wait
	Reason      string   `json:"reason,omitempty"`
}

func (a *app) startCommand() *cobra.Command {
	var file string
	var wait, asJSON bool
	var longest time.Duration
	cmd := &cobra.Command{
		Use:   "start -f settings.yaml",
		Short: "Start an integration with the settings of a YAML or JSON file",
		Long: `Start an integration with the settings of a YAML or JSON file; "-" reads standard input.

The file is checked before anything is contacted: a bad one ends with exit code 2 and every problem, with its line.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			wanted, err := a.readSettings(file)
			if err != nil {
				return err
			}
			return a.withTemporal(cmd.Context(), func(ctx context.Context, c client.Client) error {
				return a.start(ctx, c, wanted, startOptions{wait: wait, longest: longest, asJSON: asJSON})
			})
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "settings file, YAML or JSON")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until the integration is connected (exit code 0) or in a permanent error (1)")
	cmd.Flags().DurationVar(&longest, "wait-at-most", 5*time.Minute, "with --wait: give up after this time")
	cmd.Flags().BoolVar(&asJSON, "json", false, "answer in JSON")
	_ = cmd.MarkFlagRequired("file") // fails only for a flag that is not there
	return cmd
}

type startOptions struct {
	wait    bool
	longest time.Duration
	asJSON  bool
}

func (a *app) start(ctx context.Context, c client.Client, wanted settings.Settings, options startOptions) error {
	document, err := json.Marshal(wanted)
	if err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	answer := started{
		Integration: wanted.Name, WorkflowID: workflowID(wanted.Name), Warnings: wanted.Warnings(),
		TaskQueue: taskQueue(),
	}
	call, cancel := a.patience(ctx)
	defer cancel()
	run, err := c.ExecuteWorkflow(call, client.StartWorkflowOptions{
		ID:                                       answer.WorkflowID,
		TaskQueue:                                answer.TaskQueue,
		WorkflowIDConflictPolicy:                 enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, wire.Integration, json.RawMessage(document))
	if _, already := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); already {
		if other := otherWorkflow(ctx, c, wanted.Name); other != "" {
			return notDone("workflow id %s is taken by a workflow of type %s, which was left as it is: end it, or choose another name",
				answer.WorkflowID, other)
		}
		return notDone("integration %q is running already and was left as it is; change its settings with \"starter change %s -f …\" or --set",
			wanted.Name, wanted.Name)
	}
	if err != nil {
		return explained(wanted.Name, err)
	}
	answer.RunID = run.GetRunID()
	if !options.asJSON {
		a.print("integration %s is started: workflow %s, run %s, task queue %s\n", wanted.Name, answer.WorkflowID, answer.RunID, answer.TaskQueue)
		a.printWarnings(answer.Warnings)
	}
	var ended error
	if options.wait {
		answer.State, answer.Reason, ended = a.waitUntilSettled(ctx, c, wanted.Name, options.longest)
	}
	switch {
	case options.asJSON:
		return errors.Join(a.printJSON(answer), ended)
	case ended != nil:
		return ended
	case options.wait:
		a.print("%s\n", answer.State)
	}
	a.whereToLook(wanted.Name)
	return nil
}

// otherWorkflow is the type of what runs under an integration's id and is none; empty if it is one.
func otherWorkflow(ctx context.Context, c client.Client, name string) string {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	described, err := c.DescribeWorkflowExecution(ctx, workflowID(name), "")
	if kind := described.GetWorkflowExecutionInfo().GetType().GetName(); err == nil && kind != wire.Integration {
		return indicator.Printable(kind, longestMessage)
	}
	return ""
}

// taskQueue is that of the workers.
func taskQueue() string { return cmp.Or(os.Getenv("THREATSHARE_TASK_QUEUE"), wire.TaskQueue) }

// waitUntilSettled asks for the state until it is one that stays. A worker may still have to be started meanwhile.
func (a *app) waitUntilSettled(ctx context.Context, c client.Client, name string, longest time.Duration) (state, reason string, err error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	state = connecting
	for {
		answer, err := ask[statusAnswer](ctx, c, name, wire.ConnectionState)
		if err == nil {
			state, reason = answer.State, indicator.Printable(answer.Reason, longestMessage)
		} else if ended := a.endedEarly(ctx, c, name); ended != nil {
			return "", "", ended
		}
		switch state {
		case connected:
			return state, reason, nil
		case degraded:
			if answer.Mimecast.State == connected && answer.Falcon.State == connected {
				return state, reason, nil // it works, and something is to be said of it
			}
		case permanentError:
			return state, reason, notDone("integration %q is in a permanent error: %s", name, reason)
		}
		select {
		case <-ctx.Done():
			if err != nil {
				return state, reason, explained(name, err)
			}
			return state, reason, notDone("integration %q is still %s after %s: %s", name, state, longest, cmp.Or(reason, "no reason given"))
		case <-tick.C:
		}
	}
}

// endedEarly says why a workflow that was started just now is not running any more; nil if it is.
func (a *app) endedEarly(ctx context.Context, c client.Client, name string) error {
	running, err := isRunning(ctx, c, name)
	if err != nil || running {
		return nil //nolint:nilerr // not knowing is no reason to stop waiting
	}
	if err := c.GetWorkflow(ctx, workflowID(name), "").Get(ctx, nil); err != nil {
		return notDone("integration %q has ended: %s", name, lines(err.Error()))
	}
	return notRunning(name)
}

func (a *app) printWarnings(warnings []string) {
	for _, warning := range warnings {
		a.print("warning: %s\n", indicator.Printable(warning, longestMessage))
	}
}
