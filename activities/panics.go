package activities

import (
	"context"
	"fmt"
	"runtime/debug"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"

	"github.com/threatshare/threatshare/internal/indicator"
)

// Panics makes a step that panics fail like any other, with waits that grow. The retry policy alone would repeat it every few
// seconds, and with it the calls of the vendors that it made before.
type Panics struct {
	interceptor.WorkerInterceptorBase
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (*Panics) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &caught{interceptor.ActivityInboundInterceptorBase{Next: next}}
}

type caught struct {
	interceptor.ActivityInboundInterceptorBase
}

func (c *caught) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (result any, err error) {
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
