package main

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/wire"
)

// firings are the runs that the members' Schedules owed at a time, as Temporal's list of runs has them.
func (b *bench) firings(ctx context.Context, due time.Time, members []member) ([]firing, error) {
	runs, err := b.runsDue(ctx, due)
	if err != nil {
		return nil, err
	}
	var all []firing
	for _, m := range members {
		for _, flow := range flowsOfAMember() {
			id := wire.ScheduleID(m.name, flow)
			one := firing{schedule: id, sick: m.sick, due: due}
			if info, found := runs[runID(id, due)]; found {
				one.take(info)
			}
			all = append(all, one)
		}
	}
	return all, nil
}

// runID is the workflow id that Temporal gives the run of a Schedule.
func runID(schedule string, due time.Time) string {
	return schedule + "-" + due.UTC().Format(time.RFC3339)
}

func (f *firing) take(info *workflowpb.WorkflowExecutionInfo) {
	f.started = info.GetStartTime().AsTime()
	f.events = info.GetHistoryLength()
	f.good = info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	if info.GetCloseTime() != nil {
		f.ended = info.GetCloseTime().AsTime()
	}
}

// runsDue are the runs that were due at a time, by workflow id. The search attribute holds the time of the cron expression;
// the one that it was spread to is only with the Schedule.
func (b *bench) runsDue(ctx context.Context, due time.Time) (map[string]*workflowpb.WorkflowExecutionInfo, error) {
	runs := map[string]*workflowpb.WorkflowExecutionInfo{}
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Query: fmt.Sprintf("TemporalScheduledStartTime >= %q AND TemporalScheduledStartTime < %q",
			due.UTC().Format(time.RFC3339), due.Add(time.Second).UTC().Format(time.RFC3339)),
		PageSize: 1000,
	}
	for {
		page, err := b.temporal.ListWorkflow(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("list runs: %w", err)
		}
		for _, info := range page.GetExecutions() {
			runs[info.GetExecution().GetWorkflowId()] = info
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return runs, nil
		}
	}
}

// planned are the firings with the moments that they had been spread to.
func (b *bench) planned(ctx context.Context, due time.Time, members []member) ([]firing, error) {
	all, err := b.firings(ctx, due, members)
	if err != nil {
		return nil, err
	}
	return all, b.plan(ctx, all)
}

// askTime is how long a server that has other things to do may take to answer for one Schedule.
const askTime = 2 * time.Minute

// plan asks the Schedules which moment they had spread each run to.
func (b *bench) plan(ctx context.Context, all []firing) error {
	asking, ctx := errgroup.WithContext(ctx)
	asking.SetLimit(4)
	for i := range all {
		one := &all[i]
		if one.started.IsZero() {
			continue
		}
		asking.Go(func() error {
			var found *client.ScheduleDescription
			ctx, cancel := context.WithTimeout(ctx, askTime)
			defer cancel()
			if err := harness.Until(ctx, "ask schedule "+one.schedule, func() (err error) {
				found, err = b.temporal.ScheduleClient().GetHandle(ctx, one.schedule).Describe(ctx)
				return err
			}); err != nil {
				return err
			}
			for _, action := range found.Info.RecentActions {
				if action.StartWorkflowResult != nil && action.StartWorkflowResult.WorkflowID == runID(one.schedule, one.due) {
					one.planned = action.ScheduleTime
				}
			}
			return nil
		})
	}
	return asking.Wait()
}
