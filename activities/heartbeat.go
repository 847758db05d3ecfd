package activities

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
)

// heartbeatEvery is well under the heartbeat time-out of the workflows' options: one request can take longer than that, so
// beating between requests is not enough.
const heartbeatEvery = 3 * time.Second

// pulse is what an attempt's heartbeats say: that it is alive, and the tries that the next one is to know of.
type pulse struct {
	mu    sync.Mutex
	tries tries
	over  bool
}

type pulseKey struct{}

// heartbeat tells Temporal that the step is alive until stop is called, so that a killed worker is noticed within seconds. The
// context is for the step: what it leaves for the next attempt is what the later beats say.
func heartbeat(ctx context.Context) (alive context.Context, stop func()) {
	p := &pulse{tries: triesBefore(ctx)} // a beat without them would forget them
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(heartbeatEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.beat(ctx)
			case <-done:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return context.WithValue(ctx, pulseKey{}, p), func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.over = true
		close(done)
	}
}

func (p *pulse) beat(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		activity.RecordHeartbeat(ctx, p.tries)
	}
}
