package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/workflows"
)

// Bounds of what one run may write down (docs/architecture).
const (
	maxEvents  = 3_000
	maxHistory = 2 << 20
	maxPayload = 256 << 10
)

// What a history holds beside the payloads. A step makes three events, and three more for the workflow task that takes its
// result; what is told to the Integration is one marker. Measured on a server it is less.
const (
	eventsOfStep   = 6
	bytesOfStep    = 1_500
	eventsOfMarker = 1
	bytesOfMarker  = 600
)

// errKilled is how a run ends that is ended from outside.
var errKilled = errors.New("killed")

// runtime is one run in the SDK's test environment. It stands around every step, tells the world what happens, can end the
// run as a kill does, and keeps a book of the history, which the environment has none of.
type runtime struct {
	interceptor.WorkerInterceptorBase

	world    *world
	env      *testsuite.TestWorkflowEnvironment
	workflow any
	number   int

	killed atomic.Bool

	mu     sync.Mutex
	idle   *sync.Cond // no step is at work: a run that is cancelled or killed leaves one behind
	atWork int
	over   bool
	steps  []string                        // in the order in which they began, repeats included
	tried  map[string]temporal.RetryPolicy // how a step that fails is tried again
	events int
	bytes  int
	most   int // largest payload
}

func (r *runtime) setUp() {
	r.idle = sync.NewCond(&r.mu)
	// A busy machine is no deadlock.
	r.env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{r}, DeadlockDetectionTimeout: time.Minute})
	r.env.SetDataConverter(weighed{converter.GetDefaultDataConverter(), r})
	r.env.SetStartTime(r.world.clock.now())
	r.env.SetTestTimeout(time.Minute)
	r.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: fmt.Sprint("run-", r.number), TaskQueue: "queue"})
	r.env.RegisterActivity(r.world.Activities)
	for _, known := range []any{workflows.ShareTTPLogs, workflows.ImportIOCs, workflows.ImportAlerts, workflows.Remediate, workflows.Preview, workflows.Withdraw} {
		r.env.RegisterWorkflow(known)
	}
}

// execute runs the workflow to its end, and makes sure that its history would have kept the bounds.
func (r *runtime) execute(input, result any) error {
	r.world.t.Helper()
	r.env.ExecuteWorkflow(r.workflow, input)
	return r.ended(result)
}

// ended is how a run ended, which may have run on a goroutine of its own.
func (r *runtime) ended(result any) error {
	t := r.world.t
	t.Helper()
	require.True(t, r.env.IsWorkflowCompleted())
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.over = true; r.atWork > 0; {
		r.idle.Wait()
	}
	r.world.clock.until(r.env.Now().UTC())
	require.LessOrEqual(t, r.most, maxPayload, "bytes of a payload")
	require.LessOrEqual(t, r.events, maxEvents)
	require.LessOrEqual(t, r.bytes, maxHistory)
	if r.killed.Load() {
		return errKilled
	}
	if err := r.env.GetWorkflowError(); err != nil {
		return err
	}
	return r.env.GetWorkflowResult(result)
}

// kill ends the run as `temporal workflow terminate` does: nothing that it would do next is done.
func (r *runtime) kill() { r.killed.Store(true) }

// runID is a run's own; the environment gives all the same.
func (r *runtime) runID(given string) string { return fmt.Sprintf("%s-%d", given, r.number) }

// weighed notes how large payloads are.
type weighed struct {
	converter.DataConverter
	r *runtime
}

func (c weighed) ToPayloads(values ...any) (*commonpb.Payloads, error) {
	payloads, err := c.DataConverter.ToPayloads(values...)
	for _, payload := range payloads.GetPayloads() {
		c.r.mu.Lock()
		c.r.most = max(c.r.most, len(payload.GetData()))
		c.r.bytes += len(payload.GetData())
		c.r.mu.Unlock()
	}
	return payloads, err
}

// InterceptActivity implements [interceptor.WorkerInterceptor].
func (r *runtime) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &stepInbound{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, r: r}
}

type stepInbound struct {
	interceptor.ActivityInboundInterceptorBase
	r *runtime
}

func (s *stepInbound) Init(outbound interceptor.ActivityOutboundInterceptor) error {
	return s.Next.Init(&stepOutbound{ActivityOutboundInterceptorBase: interceptor.ActivityOutboundInterceptorBase{Next: outbound}, r: s.r})
}

func (s *stepInbound) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	r, info := s.r, activity.GetInfo(ctx)
	r.world.clock.until(r.env.Now().UTC())
	if info.IsLocalActivity {
		return s.Next.ExecuteActivity(ctx, in)
	}
	number, taken := r.take(info.ActivityType.Name)
	if !taken {
		return nil, errKilled
	}
	defer r.put()
	if r.world.before != nil {
		if err := r.world.before(r, info.ActivityType.Name, number); err != nil || r.killed.Load() {
			return nil, err
		}
	}
	result, err := s.Next.ExecuteActivity(ctx, in)
	if err == nil && r.world.after != nil {
		err = r.world.after(r, info.ActivityType.Name, number)
	}
	return result, err
}

// take begins a step, unless the run has ended.
func (r *runtime) take(step string) (number int, taken bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return 0, false
	}
	r.atWork++
	r.steps = append(r.steps, step)
	return len(r.steps), true
}

// put ends a step.
func (r *runtime) put() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.atWork--
	r.idle.Broadcast()
}

type stepOutbound struct {
	interceptor.ActivityOutboundInterceptorBase
	r *runtime
}

func (s *stepOutbound) GetInfo(ctx context.Context) activity.Info {
	info := s.Next.GetInfo(ctx)
	info.WorkflowExecution.RunID = s.r.runID(info.WorkflowExecution.RunID)
	return info
}

// InterceptWorkflow implements [interceptor.WorkerInterceptor].
func (r *runtime) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &runInbound{WorkflowInboundInterceptorBase: interceptor.WorkflowInboundInterceptorBase{Next: next}, r: r}
}

type runInbound struct {
	interceptor.WorkflowInboundInterceptorBase
	r *runtime
}

func (i *runInbound) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	return i.Next.Init(&runOutbound{WorkflowOutboundInterceptorBase: interceptor.WorkflowOutboundInterceptorBase{Next: outbound}, r: i.r})
}

// ExecuteWorkflow lets the run be killed: it goes on beside this, which ends without it.
func (i *runInbound) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (result any, err error) {
	done := false
	workflow.Go(ctx, func(ctx workflow.Context) {
		result, err = i.Next.ExecuteWorkflow(ctx, in)
		done = true
	})
	dctx, _ := workflow.NewDisconnectedContext(ctx)
	if waited := workflow.Await(dctx, func() bool { return done || i.r.killed.Load() }); waited != nil {
		return nil, waited
	}
	if !done {
		return nil, errKilled
	}
	return result, err
}

type runOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	r *runtime
}

func (o *runOutbound) GetInfo(ctx workflow.Context) *workflow.Info {
	info := *o.Next.GetInfo(ctx)
	info.WorkflowExecution.RunID = o.r.runID(info.WorkflowExecution.RunID)
	return &info
}

func (o *runOutbound) ExecuteActivity(ctx workflow.Context, step string, args ...any) workflow.Future {
	if o.r.killed.Load() {
		never, _ := workflow.NewFuture(ctx)
		return never
	}
	o.wrote(ctx, eventsOfStep, bytesOfStep)
	o.r.noteTries(ctx, step)
	if policy := workflow.GetActivityOptions(ctx).RetryPolicy; policy != nil && policy.MaximumAttempts == 0 {
		endless := *policy // a server tries for ever, the environment ten times unless it is told otherwise
		endless.MaximumAttempts = 1000
		ctx = workflow.WithRetryPolicy(ctx, endless)
	}
	return o.Next.ExecuteActivity(ctx, step, args...)
}

func (o *runOutbound) ExecuteLocalActivity(ctx workflow.Context, step string, args ...any) workflow.Future {
	if o.r.killed.Load() {
		never, _ := workflow.NewFuture(ctx)
		return never
	}
	o.wrote(ctx, eventsOfMarker, bytesOfMarker)
	return o.Next.ExecuteLocalActivity(ctx, step, args...)
}

// noteTries notes what the server would do if the step failed.
func (r *runtime) noteTries(ctx workflow.Context, step string) {
	options := workflow.GetActivityOptions(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tried == nil {
		r.tried = map[string]temporal.RetryPolicy{}
	}
	policy := *options.RetryPolicy
	if options.ScheduleToCloseTimeout > 0 {
		policy.MaximumAttempts = -1 // ends by itself after a while: nothing that is lost would be waited for
	}
	r.tried[step] = policy
}

// wrote books what a step leaves in the history. A child has a history of its own.
func (o *runOutbound) wrote(ctx workflow.Context, events, bytes int) {
	if o.Next.GetInfo(ctx).ParentWorkflowExecution != nil {
		return
	}
	o.r.mu.Lock()
	defer o.r.mu.Unlock()
	o.r.events, o.r.bytes = o.r.events+events, o.r.bytes+bytes
	o.r.env.SetCurrentHistoryLength(o.r.events)
	o.r.env.SetCurrentHistorySize(o.r.bytes)
}
