package workflows

import (
	"time"

	"github.com/dustin/go-humanize"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// noticed is after how long without a sign of life a step's worker counts as killed, and the step starts anew.
const noticed = 15 * time.Second

// patiently is how failed steps are repeated: for as long as it takes. A step that fails says itself how long to wait, which
// overrides what is said here; one whose worker was killed or stopped could not, and is repeated soon, however often it has
// failed before.
func patiently() *temporal.RetryPolicy {
	return &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Second}
}

// reading is for steps that read pages from a vendor: up to a minute and three quarters each, the last page's time-out
// included.
func reading(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 3 * time.Minute,
		HeartbeatTimeout:    noticed,
		RetryPolicy:         patiently(),
		Summary:             summary,
	})
}

// writing is for steps that write to a vendor: some batches, each of which may have to be bisected.
func writing(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Minute,
		HeartbeatTimeout:    noticed,
		RetryPolicy:         patiently(),
		Summary:             summary,
	})
}

// telling is for a flow's quick talk with its Integration and the ledger. Local, since each run has some and an idle run
// should leave a short history.
func telling(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: 20 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 200 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second,
		},
		Summary: summary,
	})
}

// steering is for the Integration's own steps at Temporal: Schedules and their runs.
func steering(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    30 * time.Second,
		HeartbeatTimeout:       noticed,
		ScheduleToCloseTimeout: 10 * time.Minute, // the main loop waits, and people's signals with it
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute},
		Summary:                summary,
	})
}

// mailing is for notices. A mail server that is down for long is tried again, by one such step after the other.
func mailing(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    time.Minute,
		ScheduleToCloseTimeout: time.Hour,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: 5 * time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Minute},
		Summary:                summary,
	})
}

// checking is for the check of both vendors. It ends after a while, so that an outage shows as one.
func checking(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    2 * time.Minute,
		HeartbeatTimeout:       noticed,
		ScheduleToCloseTimeout: 8 * time.Minute,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute, MaximumAttempts: 5},
		Summary:                "credentials, permissions, quotas of both vendors",
	})
}

// counted is a summary such as "1,000 hashes".
func counted(n int, what string) string { return humanize.Comma(int64(n)) + " " + what }
