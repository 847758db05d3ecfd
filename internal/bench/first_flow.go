package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/proto"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

const (
	name      = "bench"
	pageSize  = 100 // Mimecast's largest page
	batchSize = 200 // Falcon's look-ups and creates
	waitTime  = 8 * time.Minute
)

type bench struct {
	size     size
	temporal client.Client
	vendors  *control.Client
	worker   *harness.Process
}

// firstFlow measures Mimecast's logs on their way to Falcon: a first run, the same data again, and a run with nothing new.
func (b *bench) firstFlow(ctx context.Context) error {
	started := time.Now()
	// The simulator otherwise names a next page after the last one of a log, as some tenants were seen to do: a call that no
	// client can save.
	if err := b.vendors.SetQuirks(ctx, mimecast.Quirks{}); err != nil {
		return err
	}
	if err := b.start(ctx); err != nil {
		return err
	}
	if err := b.wait(ctx, workflows.FlowStatus{}); err != nil {
		return err
	}
	took := time.Since(started)
	first, err := b.vendors.Stats(ctx)
	if err != nil {
		return err
	}
	firstEvents, largest, err := b.longestRun(ctx)
	if err != nil {
		return err
	}
	again, err := b.measure(ctx, wire.ForgetCheckpoint, map[string]string{"flow": "share-ttp-logs"})
	if err != nil {
		return err
	}
	idle, err := b.measure(ctx, wire.SyncNow, "share-ttp-logs")
	if err != nil {
		return err
	}
	idleEvents, err := b.lastRunEvents(ctx)
	if err != nil {
		return err
	}
	memory, err := b.worker.PeakMemory()
	if err != nil {
		return err
	}
	pages, batches := ceil(b.size.records, pageSize), ceil(b.size.indicators, batchSize)
	least := pages + 2*batches
	t := table.NewWriter()
	t.SetOutputMirror(os.Stdout)
	t.SetTitle("Mimecast TTP logs to Falcon: %d new indicators in %d records", b.size.indicators, b.size.records)
	t.AppendHeader(table.Row{"figure", "measured", "bound"})
	t.AppendRows([]table.Row{
		{
			"API calls, first sync", fmt.Sprintf("%d = %.3f x the least possible", calls(first), float64(calls(first))/float64(least)),
			fmt.Sprintf("1.1 x %d (%d log pages, %d look-ups, %d creates)", least, pages, batches, batches),
		},
		{"of them Mimecast / Falcon", fmt.Sprintf("%d / %d", first.Total("mimecast"), first.Total("falcon")), ""},
		{"IOCs written", first.Writes["falcon"], b.size.indicators},
		{"contract violations", len(first.Violations) + len(again.Violations) + len(idle.Violations), 0},
		{"longest run, events", firstEvents, 3000},
		{"largest event, KiB", largest >> 10, 256},
		{"same data again: writes", again.Writes["falcon"], 0},
		{"same data again: API calls", calls(again), ""},
		{"idle run: API calls", calls(idle), 3},
		{"idle run: events", idleEvents, 25},
		{"worker's peak memory, MiB", memory >> 20, 150},
		{"time of the first sync", took.Round(100 * time.Millisecond), "none"},
	})
	t.Render()
	return nil
}

func (b *bench) start(ctx context.Context) error {
	on := map[string]any{"enabled": true}
	document := map[string]any{
		"name":         name,
		"sendToFalcon": map[string]any{"attachmentHashes": on, "urlDomains": on, "impersonationDomains": on},
		"schedule":     map[string]any{"shareTTPLogs": "0 0 1 1 *"}, // no run but those that are measured
	}
	options := client.StartWorkflowOptions{ID: wire.IntegrationID(name), TaskQueue: wire.TaskQueue}
	_, err := b.temporal.ExecuteWorkflow(ctx, options, wire.Integration, document)
	return err
}

// measure makes the flow run by a signal and returns what the run cost the vendors.
func (b *bench) measure(ctx context.Context, signal string, input any) (fault.Stats, error) {
	before, err := b.flow(ctx)
	if err != nil {
		return fault.Stats{}, err
	}
	if err := b.vendors.Reset(ctx); err != nil {
		return fault.Stats{}, err
	}
	if err := b.temporal.SignalWorkflow(ctx, wire.IntegrationID(name), "", signal, input); err != nil {
		return fault.Stats{}, err
	}
	if err := b.wait(ctx, before); err != nil {
		return fault.Stats{}, err
	}
	return b.vendors.Stats(ctx)
}

func (b *bench) flow(ctx context.Context) (workflows.FlowStatus, error) {
	answer, err := b.temporal.QueryWorkflow(ctx, wire.IntegrationID(name), "", wire.Status)
	if err != nil {
		return workflows.FlowStatus{}, err
	}
	var status workflows.Status
	err = answer.Get(&status)
	return status.Flows["share-ttp-logs"], err
}

// wait waits for the end of a good run after the one that before tells of.
func (b *bench) wait(ctx context.Context, before workflows.FlowStatus) error {
	ctx, cancel := context.WithTimeout(ctx, waitTime)
	defer cancel()
	return harness.Until(ctx, "wait for the run", func() error {
		flow, err := b.flow(ctx)
		if err == nil && (flow.GoodRuns == before.GoodRuns || flow.State != workflows.FlowIdle || flow.More) {
			err = errors.New("flow is " + flow.State + " " + flow.LastError)
		}
		return err
	})
}

// runs are the flow's closed runs, newest first.
func (b *bench) runs(ctx context.Context) (runs []flowRun, err error) {
	err = harness.Until(ctx, "list runs", func() error {
		found, err := b.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowType = 'ShareTTPLogs'"})
		if err != nil {
			return err
		}
		runs = nil
		for _, info := range found.GetExecutions() {
			if info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED {
				return errors.New("not closed yet")
			}
			runs = append(runs, flowRun{info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId(), info.GetHistoryLength()})
		}
		return nil
	})
	return runs, err
}

type flowRun struct {
	workflowID, runID string
	events            int64
}

func (b *bench) lastRunEvents(ctx context.Context) (int64, error) {
	runs, err := b.runs(ctx)
	if err != nil || len(runs) == 0 {
		return 0, err
	}
	return runs[0].events, nil
}

// longestRun is the number of events of the longest run so far, and the size of the largest event in any, in bytes.
func (b *bench) longestRun(ctx context.Context) (events int64, largest int, err error) {
	runs, err := b.runs(ctx)
	if err != nil {
		return 0, 0, err
	}
	for _, run := range runs {
		events = max(events, run.events)
		history := b.temporal.GetWorkflowHistory(ctx, run.workflowID, run.runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for history.HasNext() {
			event, err := history.Next()
			if err != nil {
				return 0, 0, err
			}
			largest = max(largest, proto.Size(event))
		}
	}
	return events, largest, nil
}

func calls(stats fault.Stats) int { return stats.Total("mimecast") + stats.Total("falcon") }

func ceil(n, by int) int { return (n + by - 1) / by }
