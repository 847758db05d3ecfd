package activities

import (
	"context"
	"time"
)

// heartbeatEvery is well under the heartbeat time-out of the workflows' options: one request can take longer than that, so
// beating between requests is not enough.
const heartbeatEvery = 3 * time.Second

// heartbeat tells Temporal that the step is alive until stop is called, so that a killed worker is noticed within seconds.
func heartbeat(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	kept := triesBefore(ctx) // a beat without them would forget them
	go func() {
		tick := time.NewTicker(heartbeatEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				kept.leave(ctx)
			case <-done:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { close(done) }
}
