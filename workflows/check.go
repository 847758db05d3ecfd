package workflows

import (
	"encoding/json"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/settings"
)

// Check says what an integration with these settings needs and what of it is missing. The settings document need not be that
// of an integration that runs. Nothing is written anywhere; an Integration asks the same when it connects.
func Check(ctx workflow.Context, document json.RawMessage) (activities.CheckConnectionsResult, error) {
	wanted, err := settings.Parse(document)
	if err != nil {
		return activities.CheckConnectionsResult{}, temporal.NewNonRetryableApplicationError(
			"settings refused: "+err.Error(), activities.InvalidSettings, nil)
	}
	var a *activities.Activities
	var result activities.CheckConnectionsResult
	err = workflow.ExecuteActivity(lookingOnce(ctx), a.CheckConnections, wanted).Get(ctx, &result)
	return result, err
}

// lookingOnce is for the check that somebody waits for: what does not answer at the third try is told as it is.
func lookingOnce(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    2 * time.Minute,
		HeartbeatTimeout:       noticed,
		ScheduleToCloseTimeout: 7 * time.Minute,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second, MaximumAttempts: 3,
		},
		Summary: "both vendors and the mail server",
	})
}
