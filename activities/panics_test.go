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
	"github.com/threatshare/threatshare/internal/notify"
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

// panicked runs a step that panics, as a worker does, and gives how long it took by Temporal's clock.
func panicked(t *testing.T, w *world, options workflow.ActivityOptions, step, in any) (took time.Duration, err error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&activities.Panics{}}})
	env.RegisterActivity(w.Activities)
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		began := workflow.Now(ctx)
		defer func() { took = workflow.Now(ctx).Sub(began) }()
		options.StartToCloseTimeout = time.Minute
		options.RetryPolicy = &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 1}
		return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), step, in).Get(ctx, nil)
	})
	return took, env.GetWorkflowError()
}

func TestFault_P18_AStepThatPanicsIsRepeatedWithWaitsThatGrow(t *testing.T) {
	w := newWorld(t)
	w.Vendors = &clients{mimecast: &panicking{left: 6}}
	took, err := panicked(t, w, workflow.ActivityOptions{}, w.FetchTTPLogs, w.fetchInput(indicator.URLDomains, activities.Cursor{}))
	require.NoError(t, err)
	require.GreaterOrEqual(t, took, (1+2+4+8+16+32)*time.Second)
}

// Its heartbeat is its own: who is left to be told.
func TestFault_P18_ANoticeIsMailedAlthoughItsStepPanickedOnce(t *testing.T) {
	w := newWorld(t)
	server := &panickingMail{left: 1}
	w.Mail = server
	_, err := panicked(t, w, workflow.ActivityOptions{ScheduleToCloseTimeout: time.Hour}, w.Notify, activities.NotifyInput{To: []string{"soc@acme.example"}})
	require.NoError(t, err)
	require.Equal(t, [][]string{{"soc@acme.example"}}, server.told)
}

type panickingMail struct {
	activities.Mailer

	left int
	told [][]string
}

func (p *panickingMail) Send(_ context.Context, to []string, _ notify.Mail) error {
	if p.left--; p.left >= 0 {
		panic("of the test")
	}
	p.told = append(p.told, to)
	return nil
}
