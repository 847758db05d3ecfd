package workflows

import (
	"cmp"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
)

// History gives a page of what the ledger knows, for people and programs that cannot open its database. The next page is
// another History.
func History(ctx workflow.Context, in activities.SearchLedgerInput) (activities.SearchLedgerResult, error) {
	var a *activities.Activities
	var page activities.SearchLedgerResult
	summary := indicator.Printable(cmp.Or(in.Value, "newest first"), maxName)
	err := workflow.ExecuteActivity(searching(ctx, summary), a.SearchLedger, in).Get(ctx, &page)
	return page, err
}

// searching is for a look into the ledger that somebody waits for.
func searching(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    30 * time.Second,
		ScheduleToCloseTimeout: 90 * time.Second,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: 200 * time.Millisecond, BackoffCoefficient: 2, MaximumAttempts: 5},
		Summary:                summary,
	})
}
