package activities_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/wire"
)

const scheduleID = "threatshare/acme/share-ttp-logs"

// scheduled gives the faked Schedules of Temporal, and the handle of the only flow's.
func scheduled(w *world) (*mocks.ScheduleClient, *mocks.ScheduleHandle) {
	schedules, handle := &mocks.ScheduleClient{}, &mocks.ScheduleHandle{}
	w.temporal.On("ScheduleClient").Return(schedules)
	schedules.On("GetHandle", mock.Anything, scheduleID).Return(handle)
	return schedules, handle
}

func flowSchedule(enabled bool) activities.ApplySchedulesInput {
	return activities.ApplySchedulesInput{Integration: acme, Schedules: []activities.FlowSchedule{{
		Flow: "share-ttp-logs", WorkflowType: wire.ShareTTPLogs, Cron: "*/5 * * * *", Enabled: enabled, Paused: true, Note: "paused: by hand",
	}}}
}

func apply(w *world, in activities.ApplySchedulesInput) error {
	_, err := applied(w, in)
	return err
}

func TestAMissingScheduleIsMade(t *testing.T) {
	w := newWorld(t)
	schedules, _ := scheduled(w)
	var made client.ScheduleOptions
	schedules.On("Create", anyCalls(2)...).Run(func(args mock.Arguments) {
		made, _ = args.Get(1).(client.ScheduleOptions)
	}).Return(nil, nil)
	require.NoError(t, apply(w, flowSchedule(true)))
	require.Equal(t, scheduleID, made.ID)
	require.Equal(t, []string{"*/5 * * * *"}, made.Spec.CronExpressions)
	require.Equal(t, time.Minute, made.Spec.Jitter)
	require.Equal(t, enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, made.Overlap)
	require.True(t, made.Paused)
	require.Equal(t, "paused: by hand", made.Note)
	require.Equal(t, &client.ScheduleWorkflowAction{
		ID: scheduleID, Workflow: wire.ShareTTPLogs, TaskQueue: "queue", Args: []any{activities.FlowInput{Integration: acme}},
	}, made.Action)
}

func TestWhereThingsAreEncryptedANoteSaysOnlyWhereToLook(t *testing.T) {
	w := newWorld(t)
	w.Pseudonym = func(string) string { return "pseudonym" }
	schedules, _ := scheduled(w)
	var made client.ScheduleOptions
	schedules.On("Create", anyCalls(2)...).Run(func(args mock.Arguments) {
		made, _ = args.Get(1).(client.ScheduleOptions)
	}).Return(nil, nil)
	require.NoError(t, apply(w, flowSchedule(true)))
	require.Contains(t, made.Note, "starter status acme")
	require.NotContains(t, made.Note, "by hand")

	atWork := flowSchedule(true)
	atWork.Schedules[0].Paused, atWork.Schedules[0].Note = false, "Threat Share: share-ttp-logs of acme"
	require.NoError(t, apply(w, atWork))
	require.Equal(t, atWork.Schedules[0].Note, made.Note, "it says no more than the id of the Schedule")
}

func TestAScheduleThatIsThereIsUpdatedInPlace(t *testing.T) {
	w := newWorld(t)
	schedules, handle := scheduled(w)
	schedules.On("Create", anyCalls(2)...).Return(nil, temporal.ErrScheduleAlreadyRunning)
	var became *client.Schedule
	handle.On("Update", anyCalls(2)...).Run(func(args mock.Arguments) {
		options, _ := args.Get(1).(client.ScheduleUpdateOptions)
		update, err := options.DoUpdate(client.ScheduleUpdateInput{})
		require.NoError(t, err)
		became = update.Schedule
	}).Return(nil)
	for range 2 {
		require.NoError(t, apply(w, flowSchedule(true)))
		require.Equal(t, []string{"*/5 * * * *"}, became.Spec.CronExpressions)
		require.Equal(t, enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, became.Policy.Overlap)
		require.True(t, became.State.Paused)
		require.Equal(t, "paused: by hand", became.State.Note)
	}
	handle.AssertNotCalled(t, "Delete", mock.Anything)
}

func TestRunsAreSpreadOverAPartOfTheIntervalButNeverOverMoreThanAMinute(t *testing.T) {
	for cron, want := range map[string]time.Duration{
		"* * * * *":   12 * time.Second,
		"*/2 * * * *": 24 * time.Second,
		"*/5 * * * *": time.Minute,
		"0 3 * * *":   time.Minute,
		"not a cron":  time.Second, // Temporal says what is wrong with it
	} {
		w := newWorld(t)
		schedules, handle := scheduled(w)
		var made client.ScheduleOptions
		schedules.On("Create", anyCalls(2)...).Run(func(args mock.Arguments) {
			made, _ = args.Get(1).(client.ScheduleOptions)
		}).Return(nil, temporal.ErrScheduleAlreadyRunning)
		var became *client.Schedule
		handle.On("Update", anyCalls(2)...).Run(func(args mock.Arguments) {
			options, _ := args.Get(1).(client.ScheduleUpdateOptions)
			update, err := options.DoUpdate(client.ScheduleUpdateInput{})
			require.NoError(t, err)
			became = update.Schedule
		}).Return(nil)
		in := flowSchedule(true)
		in.Schedules[0].Cron = cron
		require.NoError(t, apply(w, in))
		require.Equal(t, want, made.Spec.Jitter, cron)
		require.Equal(t, want, became.Spec.Jitter, cron)
	}
}

func TestTheScheduleOfAFlowThatIsSwitchedOffGoesAndMayBeGone(t *testing.T) {
	w := newWorld(t)
	schedules, handle := scheduled(w)
	handle.On("Delete", mock.Anything).Return(nil).Once()
	handle.On("Delete", mock.Anything).Return(serviceerror.NewNotFound("gone")).Twice()
	require.NoError(t, apply(w, flowSchedule(false)))
	require.NoError(t, apply(w, flowSchedule(false)))
	_, err := run[struct{}](w, w.RemoveSchedules, activities.RemoveSchedulesInput{Integration: acme, Flows: []string{"share-ttp-logs"}})
	require.NoError(t, err)
	schedules.AssertNotCalled(t, "Create", anyCalls(2)...)
	handle.AssertExpectations(t)
}

func TestTemporalOutOfReachIsTriedAgainForSchedules(t *testing.T) {
	w := newWorld(t)
	schedules, handle := scheduled(w)
	down := errors.New("no route")
	schedules.On("Create", anyCalls(2)...).Return(nil, down)
	handle.On("Delete", mock.Anything).Return(down)
	handle.On("Trigger", anyCalls(2)...).Return(down)
	_, removed := run[struct{}](w, w.RemoveSchedules, activities.RemoveSchedulesInput{Integration: acme, Flows: []string{"share-ttp-logs"}})
	_, started := run[struct{}](w, w.RunFlows, activities.RunFlowsInput{Integration: acme, Flows: []string{"share-ttp-logs"}})
	for _, err := range []error{apply(w, flowSchedule(true)), apply(w, flowSchedule(false)), removed, started} {
		refusedAs(t, err, activities.StoreUnavailable, true)
	}
}

func TestRunningAFlowWhoseScheduleIsGoneSaysSo(t *testing.T) {
	w := newWorld(t)
	_, handle := scheduled(w)
	handle.On("Trigger", anyCalls(2)...).Return(serviceerror.NewNotFound("deleted"))
	_, err := run[struct{}](w, w.RunFlows, activities.RunFlowsInput{Integration: acme, Flows: []string{"share-ttp-logs"}})
	refusedAs(t, err, activities.ScheduleMissing, false)
}

func TestRunningAFlowNowWaitsForTheRunAtWork(t *testing.T) {
	w := newWorld(t)
	_, handle := scheduled(w)
	handle.On("Trigger", mock.Anything, client.ScheduleTriggerOptions{Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE}).Return(nil)
	_, err := run[struct{}](w, w.RunFlows, activities.RunFlowsInput{Integration: acme, Flows: []string{"share-ttp-logs"}})
	require.NoError(t, err)
	handle.AssertExpectations(t)
}
