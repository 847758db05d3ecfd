package main

import (
	"context"
	"errors"
	"fmt"
	"time"

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
	all         int64           // events of all runs of flows together
	last        int64           // events of the flow's run that started last
	durations   []time.Duration // of the runs of flows, the newest first
}

// histories reads them once all runs of flows have ended.
func (b *bench) histories(ctx context.Context) (all histories, err error) {
	status, err := b.status(ctx)
	if err != nil {
		return all, err
	}
	ended := 0
	for _, flow := range status.Flows {
		ended += flow.GoodRuns
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
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
		if all.runs < ended { // the list lags behind
			return fmt.Errorf("%d of %d runs are listed", all.runs, ended)
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
		all.all += info.GetHistoryLength()
		all.durations = append(all.durations, info.GetCloseTime().AsTime().Sub(info.GetStartTime().AsTime()))
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
