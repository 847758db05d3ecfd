// This program records histories of real runs for the replay test: `make histories`. It starts the real thing, takes each
// workflow through its life, and writes what the Temporal server has recorded to workflows/testdata.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

const (
	name  = "recorded"
	limit = 5 * time.Minute
)

func main() {
	version := flag.String("version", "v0.1", "release that the histories are of; part of the file names")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := run(ctx, filepath.Join("workflows", "testdata"), *version); err != nil {
		fmt.Fprintln(os.Stderr, "histories:", err)
		os.Exit(1) //nolint:gocritic // run has stopped everything that it started
	}
}

func run(ctx context.Context, out, version string) (err error) {
	dir, err := os.MkdirTemp("", "threatshare-histories-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	all, err := harness.StartAll(ctx, dir, "", "--records", "300", "--indicators", "40")
	defer func() { err = errors.Join(err, all.Stop()) }()
	if err != nil {
		return err
	}
	l := life{temporal: all.Temporal, vendors: all.Vendors}
	if err := l.live(ctx); err != nil {
		return err
	}
	return record(ctx, all.Temporal, out, version)
}

// life takes an integration through what can happen to it.
type life struct {
	temporal client.Client
	vendors  *control.Client
}

func (l life) live(ctx context.Context) error {
	on := map[string]any{"enabled": true}
	document := map[string]any{
		"name":         name,
		"sendToFalcon": map[string]any{"attachmentHashes": on, "urlDomains": on, "impersonationDomains": on},
		"schedule":     map[string]any{"shareTTPLogs": "0 0 1 1 *"},
	}
	options := client.StartWorkflowOptions{ID: wire.IntegrationID(name), TaskQueue: wire.TaskQueue}
	if _, err := l.temporal.ExecuteWorkflow(ctx, options, wire.Integration, document); err != nil {
		return err
	}
	steps := []func(context.Context) error{
		l.expect(workflows.Connected),
		l.run,
		l.signal(wire.ChangeSettings, map[string]any{"sendToFalcon": map[string]any{"expireAfter": "720h"}}),
		l.signal(wire.ChangeSettings, map[string]any{"name": "other"}),
		l.update(wire.Pause, map[string]string{"reason": "recording"}), l.expect(workflows.Paused),
		l.update(wire.Resume, nil), l.expect(workflows.Connected),
		func(ctx context.Context) error { return l.vendors.Deny(ctx, "/api/ttp/url/get-logs") },
		l.signal(wire.ForgetCheckpoint, map[string]string{"flow": "share-ttp-logs"}), l.expect(workflows.PermanentError),
		func(ctx context.Context) error { return l.vendors.Deny(ctx) },
		l.signal(wire.Reconnect, nil), l.expect(workflows.Connected),
		l.runAgain,
		func(ctx context.Context) error { return l.temporal.CancelWorkflow(ctx, wire.IntegrationID(name), "") },
	}
	for i, step := range steps {
		if err := step(ctx); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return nil
}

func (l life) signal(request string, input any) func(context.Context) error {
	return func(ctx context.Context) error {
		return l.temporal.SignalWorkflow(ctx, wire.IntegrationID(name), "", request, input)
	}
}

func (l life) update(request string, input any) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := l.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
			WorkflowID: wire.IntegrationID(name), UpdateName: request, Args: []any{input}, WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		return err
	}
}

func (l life) expect(state string) func(context.Context) error {
	return func(ctx context.Context) error {
		return harness.Until(ctx, "wait for "+state, func() error {
			status, err := l.status(ctx)
			if err == nil && status.State != state {
				err = errors.New("state is " + status.State + ": " + status.Reason)
			}
			return err
		})
	}
}

func (l life) run(ctx context.Context) error {
	return harness.Until(ctx, "wait for a run", func() error {
		status, err := l.status(ctx)
		if flow := status.Flows["share-ttp-logs"]; err == nil && (flow.LastSuccess == "" || flow.State != workflows.FlowIdle) {
			err = errors.New("flow is " + flow.State)
		}
		return err
	})
}

// runAgain waits until a run that began after this call has ended.
func (l life) runAgain(ctx context.Context) error {
	before, err := l.status(ctx)
	if err != nil {
		return err
	}
	return harness.Until(ctx, "wait for another run", func() error {
		status, err := l.status(ctx)
		flow := status.Flows["share-ttp-logs"]
		if err == nil && (flow.GoodRuns == before.Flows["share-ttp-logs"].GoodRuns || flow.State != workflows.FlowIdle) {
			err = errors.New("flow is " + flow.State)
		}
		return err
	})
}

func (l life) status(ctx context.Context) (workflows.Status, error) {
	answer, err := l.temporal.QueryWorkflow(ctx, wire.IntegrationID(name), "", wire.Status)
	if err != nil {
		return workflows.Status{}, err
	}
	var status workflows.Status
	return status, answer.Get(&status)
}

// record writes the history of every closed workflow.
func record(ctx context.Context, temporal client.Client, out, version string) error {
	var found *workflowservice.ListWorkflowExecutionsResponse
	err := harness.Until(ctx, "wait until all are closed", func() (err error) {
		found, err = temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query: "WorkflowType IN ('Integration', 'ShareTTPLogs')",
		})
		for _, info := range found.GetExecutions() {
			if info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
				err = errors.New(info.GetExecution().GetWorkflowId() + " is still running")
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o750); err != nil {
		return err
	}
	for i, info := range found.GetExecutions() {
		history := &historypb.History{}
		events := temporal.GetWorkflowHistory(ctx, info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId(), false,
			enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			if err != nil {
				return err
			}
			history.Events = append(history.Events, event)
		}
		text, err := protojson.MarshalOptions{Indent: " "}.Marshal(history)
		if err != nil {
			return err
		}
		path := filepath.Join(out, fmt.Sprintf("%s-%s-%d.json", version, info.GetType().GetName(), i))
		if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
			return err
		}
		fmt.Println(path, info.GetStatus(), len(history.GetEvents()), "events")
	}
	return nil
}
