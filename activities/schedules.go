package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
)

// How a Schedule starts its runs.
const (
	// The runs of all integrations with the same cron expression are due in the same second. Each Schedule starts its own at
	// some moment of the first part of the interval, up to spread: a development server starts some ten runs in a second. It
	// is bounded because a new indicator waits for it.
	spreadShare = 5 // the part is a fifth
	leastSpread = time.Second
	mostSpread  = time.Minute
	// catchUp is short on purpose: a flow continues where it ended, so a missed start needs no start of its own. But a busy server
	// starts a run a minute late, and one that it dropped for that would come an interval later.
	catchUp = 5 * time.Minute
)

// FlowInput is the input of a flow.
type FlowInput struct {
	Integration string `json:"integration"`
}

// UnmarshalJSON refuses fields that nothing would read: a person who gives them expects something of them.
func (in *FlowInput) UnmarshalJSON(data []byte) error {
	type plain FlowInput
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode((*plain)(in)); err != nil {
		return fmt.Errorf(`the input of a flow is {"integration": "<name>"}: %w`, err)
	}
	return nil
}

// FlowSchedule is how one flow of an integration is to be scheduled.
type FlowSchedule struct {
	Flow         string `json:"flow"`
	WorkflowType string `json:"workflowType"`
	Cron         string `json:"cron"`
	Enabled      bool   `json:"enabled"`
	Paused       bool   `json:"paused,omitempty"`
	Note         string `json:"note,omitempty"` // why it is paused, or what it is for
}

// ApplySchedulesInput is what an integration's Schedules are to be.
type ApplySchedulesInput struct {
	Integration string         `json:"integration"`
	Schedules   []FlowSchedule `json:"schedules"`
}

// ApplySchedules makes the integration's Schedules be as given: makes the missing ones, updates the others in place (their
// history stays), and removes those of flows that are switched off. It also looks what else the namespace offers.
func (a *Activities) ApplySchedules(ctx context.Context, in ApplySchedulesInput) (ApplySchedulesResult, error) {
	ctx, stop := heartbeat(ctx)
	defer stop()
	for _, flow := range in.Schedules {
		id := wire.ScheduleID(in.Integration, flow.Flow)
		var err error
		if flow.Enabled {
			err = a.putSchedule(ctx, id, in.Integration, flow)
		} else {
			a.forgetFlow(in.Integration, flow.Flow)
			err = a.deleteSchedule(ctx, id)
		}
		if err != nil {
			return ApplySchedulesResult{}, failure(ctx, fmt.Errorf("schedule %s: %w", id, err))
		}
	}
	return ApplySchedulesResult{StateAttribute: a.hasStateAttribute(ctx)}, nil
}

// RemoveSchedulesInput names the flows whose Schedules go.
type RemoveSchedulesInput struct {
	Integration string   `json:"integration"`
	Flows       []string `json:"flows"`
}

// RemoveSchedules removes the integration's Schedules. A run at work ends by itself.
func (a *Activities) RemoveSchedules(ctx context.Context, in RemoveSchedulesInput) error {
	ctx, stop := heartbeat(ctx)
	defer stop()
	for _, flow := range in.Flows {
		a.forgetFlow(in.Integration, flow)
		if err := a.deleteSchedule(ctx, wire.ScheduleID(in.Integration, flow)); err != nil {
			return failure(ctx, err)
		}
	}
	return nil
}

// RunFlowsInput names the flows to run now.
type RunFlowsInput struct {
	Integration string   `json:"integration"`
	Flows       []string `json:"flows"`
}

// RunFlows starts flows now; one that is running runs once more when it has ended.
func (a *Activities) RunFlows(ctx context.Context, in RunFlowsInput) error {
	ctx, stop := heartbeat(ctx)
	defer stop()
	for _, flow := range in.Flows {
		handle := a.Temporal.ScheduleClient().GetHandle(ctx, wire.ScheduleID(in.Integration, flow))
		err := handle.Trigger(ctx, client.ScheduleTriggerOptions{Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE})
		if gone(err) {
			return final(ScheduleMissing, "", fmt.Errorf("run %s now: %w", flow, err))
		}
		if err != nil {
			return failure(ctx, fmt.Errorf("run %s now: %w", flow, err))
		}
	}
	return nil
}

func (a *Activities) putSchedule(ctx context.Context, id, integration string, flow FlowSchedule) error {
	if flow.Paused && a.Pseudonym != nil { // Temporal does not encrypt notes
		flow.Note = "stopped; the reason is encrypted, to see it: starter status " + integration
	}
	wanted := a.schedule(id, integration, flow)
	_, err := a.Temporal.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: id, Spec: *wanted.Spec, Action: wanted.Action, Overlap: wanted.Policy.Overlap, CatchupWindow: catchUp,
		Paused: flow.Paused, Note: flow.Note,
	})
	if err == nil || !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return err
	}
	return a.Temporal.ScheduleClient().GetHandle(ctx, id).Update(ctx, client.ScheduleUpdateOptions{
		DoUpdate: func(client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			return &client.ScheduleUpdate{Schedule: wanted}, nil
		},
	})
}

func (a *Activities) schedule(id, integration string, flow FlowSchedule) *client.Schedule {
	return &client.Schedule{
		Spec: &client.ScheduleSpec{CronExpressions: []string{flow.Cron}, Jitter: spread(flow.Cron)},
		Action: &client.ScheduleWorkflowAction{
			ID: id, Workflow: flow.WorkflowType, TaskQueue: a.Queue, Args: []any{FlowInput{Integration: integration}},
		},
		Policy: &client.SchedulePolicies{Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: catchUp},
		State:  &client.ScheduleState{Paused: flow.Paused, Note: flow.Note},
	}
}

// spread is how long after it is due a run may start, so that not all start at once.
func spread(cron string) time.Duration {
	return min(max(settings.Interval(cron)/spreadShare, leastSpread), mostSpread)
}

func (a *Activities) deleteSchedule(ctx context.Context, id string) error {
	err := a.Temporal.ScheduleClient().GetHandle(ctx, id).Delete(ctx)
	if gone(err) {
		return nil
	}
	return err
}
