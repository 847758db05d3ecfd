package main

import (
	"context"
	"errors"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/wire"
)

// The bounds of every history.
const (
	maxEvents     = 3000
	maxHistoryKiB = 2048
	maxEventKiB   = 256
	maxIdleEvents = 25 // of a run that finds nothing new
)

// histories is what the runs of all workflows so far have left at Temporal.
type histories struct {
	runs        int   // of flows
	events      int64 // of the longest run
	bytes       int64 // of the largest one
	largest     int   // event, in bytes
	largestType string
	last        int64 // events of the flow's run that started last
}

// histories reads them once all runs of flows have ended.
func (b *bench) histories(ctx context.Context) (all histories, err error) {
	err = harness.Until(ctx, "list runs", func() error {
		all = histories{}
		var next []byte
		for first := true; first || len(next) > 0; first = false {
			page, err := b.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{NextPageToken: next})
			if err != nil {
				return err
			}
			for _, info := range page.GetExecutions() {
				integration := info.GetType().GetName() == wire.Integration
				if !integration && info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
					return errors.New("not closed yet: " + info.GetExecution().GetWorkflowId())
				}
				if err := b.read(ctx, &all, info.GetExecution(), !integration); err != nil {
					return err
				}
			}
			next = page.GetNextPageToken()
		}
		return nil
	})
	return all, err
}

// read adds one run. The newest is listed first.
func (b *bench) read(ctx context.Context, all *histories, run *commonpb.WorkflowExecution, flow bool) error {
	found, err := b.temporal.DescribeWorkflowExecution(ctx, run.GetWorkflowId(), run.GetRunId())
	if err != nil {
		return err
	}
	info := found.GetWorkflowExecutionInfo()
	all.events, all.bytes = max(all.events, info.GetHistoryLength()), max(all.bytes, info.GetHistorySizeBytes())
	if flow {
		if all.runs++; all.runs == 1 {
			all.last = info.GetHistoryLength()
		}
	}
	history := b.temporal.GetWorkflowHistory(ctx, run.GetWorkflowId(), run.GetRunId(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			return err
		}
		if size := proto.Size(event); size > all.largest {
			all.largest, all.largestType = size, event.GetEventType().String()
		}
	}
	return nil
}

// show shows the histories beside their bounds.
func (h histories) show(f *figures) {
	f.note("runs of flows", h.runs)
	atMost(f, "longest run, events", h.events, maxEvents)
	atMost(f, "largest history, KiB", h.bytes>>10, maxHistoryKiB)
	atMost(f, "largest event ("+h.largestType+"), KiB", h.largest>>10, maxEventKiB)
}

// peakMemory shows the worker's.
func (b *bench) peakMemory(f *figures, boundMiB int64) error {
	memory, err := b.worker.PeakMemory()
	if err != nil {
		return err
	}
	atMost(f, "worker's peak memory, MiB", memory>>20, boundMiB)
	return nil
}
