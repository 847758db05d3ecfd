package activities_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
)

type panicking struct {
	activities.Mimecast

	left int
}

func (p *panicking) TTPLogs(context.Context, indicator.Query) (indicator.Page, error) {
	if p.left--; p.left >= 0 {
		var nobody *indicator.Page
		return *nobody, nil
	}
	return indicator.Page{}, nil
}

func TestAStepThatPanicsIsRepeatedWithWaitsThatGrow(t *testing.T) {
	w := newWorld(t)
	w.Vendors = &clients{mimecast: &panicking{left: 6}}
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&activities.Panics{}}})
	env.RegisterActivity(w.Activities)
	var took time.Duration
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		began := workflow.Now(ctx)
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			StartToCloseTimeout: time.Minute, RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 1},
		})
		err := workflow.ExecuteActivity(ctx, w.FetchTTPLogs, w.fetchInput(indicator.URLDomains, activities.Cursor{})).Get(ctx, nil)
		took = workflow.Now(ctx).Sub(began)
		return err
	})
	require.NoError(t, env.GetWorkflowError())
	require.GreaterOrEqual(t, took, (1+2+4+8+16+32)*time.Second)
}
