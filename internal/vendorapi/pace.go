package vendorapi

import (
	"context"
	"time"
)

// Pace is how a vendor's rate limit is to be approached when it is nearly used up, which is kinder than to run into it.
type Pace struct {
	Gap time.Duration // from the start of one call to that of the next; zero or less: none. No more than a second counts
	For time.Duration // how long this is worth knowing if no later answer says otherwise; zero or less: no longer
}

// maxGap bounds what a mistaken header can cost.
const maxGap = time.Second

// Spread keeps the calls of all callers a gap apart, in place of what an earlier answer said.
func (g *Gate) Spread(pace Pace) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gap, g.gapEnd = min(pace.Gap, maxGap), g.clock().Add(pace.For)
}

// Enter lets a call begin, or says what keeps it back: closed is the rest of an announced wait, gap what is left until the
// next call is due. Neither means that the call counts as begun.
func (g *Gate) Enter() (closed, gap time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock()
	if closed = g.until.Sub(now); closed > 0 {
		return closed, 0
	}
	// A gap ends with what it was for: with the vendor's new window all who wait for their turn may go.
	if due := g.begun.Add(g.gap); due.After(now) && g.gapEnd.After(now) {
		return 0, min(due.Sub(now), g.gapEnd.Sub(now))
	}
	g.begun = now
	return 0, 0
}

// pass waits until the call may begin. It does not wait where the vendor has asked to: that is said in an error, so that
// nothing is held up for minutes, and whoever waits here for a moment hears of it too.
func (c *Client) pass(ctx context.Context, req Request) *Error {
	for {
		closed, gap := c.gate.Enter()
		switch {
		case closed > 0:
			return c.waiting(req, closed)
		case gap <= 0:
			return nil
		}
		if err := rest(ctx, gap); err != nil {
			return c.fault(Unavailable, req, 0, "wait for the next call", err)
		}
	}
}

func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
