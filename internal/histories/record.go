package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/wire"
)

// ofEachType is how many histories of a type are kept: the longest ones, in which most happens.
const ofEachType = 4

// recorded are the workflow types that the replay test has to have.
func recorded() []string {
	return []string{
		wire.Integration, wire.ShareTTPLogs, wire.ImportIOCs, wire.ImportAlerts, wire.Remediate, wire.Preview, wire.Withdraw,
		wire.Check, wire.History,
	}
}

// record writes the longest histories of each type, in place of those of the version that were recorded before.
func record(ctx context.Context, temporal client.Client, out, version string) error {
	if err := removeOld(out, version); err != nil {
		return err
	}
	for _, kind := range recorded() {
		found, err := closed(ctx, temporal, kind)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("no history of %s", kind)
		}
		for i, info := range found[:min(len(found), ofEachType)] {
			path := filepath.Join(out, fmt.Sprintf("%s-%s-%d.json", version, kind, i))
			events, err := write(ctx, temporal, info, path)
			if err != nil {
				return err
			}
			fmt.Println(path, info.GetStatus(), events, "events")
		}
	}
	return nil
}

// removeOld removes the histories of a version.
func removeOld(out, version string) error {
	if err := os.MkdirAll(out, 0o750); err != nil {
		return err
	}
	entries, err := os.ReadDir(out)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), version+"-") {
			if err := os.Remove(filepath.Join(out, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// closed are the workflows of a type, the longest first, once all of them have ended.
func closed(ctx context.Context, temporal client.Client, kind string) ([]*workflowpb.WorkflowExecutionInfo, error) {
	var found *workflowservice.ListWorkflowExecutionsResponse
	err := harness.Until(ctx, "wait until all are closed", func() (err error) {
		found, err = temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: fmt.Sprintf("WorkflowType = '%s'", kind)})
		for _, info := range found.GetExecutions() {
			if info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
				err = errors.New(info.GetExecution().GetWorkflowId() + " is still running")
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	executions := found.GetExecutions()
	slices.SortStableFunc(executions, func(a, b *workflowpb.WorkflowExecutionInfo) int {
		return cmp.Compare(b.GetHistoryLength(), a.GetHistoryLength())
	})
	return executions, nil
}

// write writes the history of one workflow.
func write(ctx context.Context, temporal client.Client, info *workflowpb.WorkflowExecutionInfo, path string) (events int, err error) {
	history := &historypb.History{}
	stream := temporal.GetWorkflowHistory(ctx, info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId(), false,
		enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for stream.HasNext() {
		event, err := stream.Next()
		if err != nil {
			return 0, err
		}
		history.Events = append(history.Events, event)
	}
	text, err := protojson.MarshalOptions{Indent: " "}.Marshal(history)
	if err != nil {
		return 0, err
	}
	return len(history.GetEvents()), os.WriteFile(path, append(text, '\n'), 0o600)
}
