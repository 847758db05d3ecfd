package vendorapi

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Bounds of a wait that a vendor asks for: a hint outside them is a mistake of the vendor's or of ours.
const (
	minWait     = time.Second
	maxWait     = 15 * time.Minute
	defaultWait = time.Minute // a refusal without a hint
)

// Gate keeps every call that shares a credential from being made while the vendor has asked to wait, and spreads them when a
// rate limit nears its end. Safe for concurrent use.
type Gate struct {
	mu     sync.Mutex
	until  time.Time
	gap    time.Duration
	gapEnd time.Time
	begun  time.Time // the last call
	now    func() time.Time
}

// Left is how long the announced wait still lasts; zero or less if calls may be made.
func (g *Gate) Left() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.until.Sub(g.clock())
}

// Close keeps calls back for wait, clamped to what is plausible and with some jitter on top so that waiting callers do not
// all come back at once. Zero or less means that the vendor gave no hint. It returns how long calls are now kept back, which
// is longer than wait if a longer one was announced before.
func (g *Gate) Close(wait time.Duration) time.Duration {
	if wait <= 0 {
		wait = defaultWait
	}
	wait = min(max(wait, minWait), maxWait)
	wait += rand.N(wait/20 + 100*time.Millisecond)
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock()
	g.gap = 0 // of a window that the wait outlasts
	if until := now.Add(wait); until.After(g.until) {
		g.until = until
	}
	return g.until.Sub(now)
}

func (g *Gate) clock() time.Time {
	if g.now != nil {
		return g.now()
	}
	return time.Now()
}
