package activities

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"

	"github.com/threatshare/threatshare/internal/indicator"
)

// Panics makes a step that is tried for as long as it takes fail like any other when it panics, with waits that grow. Its retry
// policy alone would repeat it every few seconds, and with it the calls of the vendors that it made before.
type Panics struct {
	interceptor.WorkerInterceptorBase
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (*Panics) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &caught{interceptor.ActivityInboundInterceptorBase{Next: next}}
}

// unending is longer than any step may take that ends by itself. Where none is set, the end is that of the run, which has none.
const unending = 24 * time.Hour

type caught struct {
	interceptor.ActivityInboundInterceptorBase
}

func (c *caught) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (result any, err error) {
	if info := activity.GetInfo(ctx); info.IsLocalActivity || 0 < info.ScheduleToCloseTimeout && info.ScheduleToCloseTimeout < unending {
		return c.Next.ExecuteActivity(ctx, in) // its policy has its waits
	}
	defer func() {
		if cause := recover(); cause != nil {
			words := indicator.Printable(fmt.Sprint(cause), maxTrouble)
			activity.GetLogger(ctx).Error("a step panicked: please report this", "panic", words, "stack", string(debug.Stack()))
			next := triesBefore(ctx).after(nil)
			next.leave(ctx)
			result, err = nil, retryable(Defect, next.wait(), fmt.Errorf("the step panicked: %s", words))
		}
	}()
	return c.Next.ExecuteActivity(ctx, in)
}
