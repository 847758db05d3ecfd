package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
)

// heartbeatEvery is well under the heartbeat time-out of the workflows' options: one request can take longer than that, so
// beating between requests is not enough.
const heartbeatEvery = 3 * time.Second

// heartbeat tells Temporal that the step is alive until stop is called, so that a killed worker is noticed within seconds.
func heartbeat(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(heartbeatEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				activity.RecordHeartbeat(ctx)
			case <-done:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { close(done) }
}
