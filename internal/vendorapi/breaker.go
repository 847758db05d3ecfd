package vendorapi

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// tripped is after how many calls in a row without an answer a vendor counts as gone: more than a batch needs that is
	// halved down to the one entry that the vendor fails over.
	tripped = 12
	// longestRest is how long it is then left alone at most.
	longestRest = 18 * time.Minute
	// probeTime is longer than any call takes.
	probeTime = requestTimeout + time.Second
)

// breaker keeps those who share a credential from asking a vendor that is gone each for themselves: one call at a time finds
// out whether it is back, after as long again as it has been gone; the others hear when to come again. So a day of it costs
// fewer than a hundred calls, however many ask.
//
// A call of a kind that has not failed is let through, so that what still works of a vendor is in use; any answer ends the rest
// for all. Safe for concurrent use.
type breaker struct {
	mu      sync.Mutex
	failed  int             // calls in a row
	since   time.Time       // the first of them
	failing map[string]bool // their operations
	words   string          // of the last one
	until   time.Time       // no call before
	now     func() time.Time
}

// begin lets a call begin, or gives how long it is to wait.
func (b *breaker) begin(operation string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if left := b.left(operation); left > 0 {
		return left
	}
	if b.resting(operation) {
		b.until = b.now().Add(probeTime) // this call finds out; the others wait for what it finds
	}
	return 0
}

// Left is how long a call would have to wait if it began now.
func (b *breaker) Left(operation string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.left(operation)
}

func (b *breaker) left(operation string) time.Duration {
	if !b.resting(operation) {
		return 0
	}
	return max(b.until.Sub(b.now()), 0)
}

func (b *breaker) resting(operation string) bool { return b.failed >= tripped && b.failing[operation] }

// answered notes that the vendor is there.
func (b *breaker) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed, b.words = 0, ""
	clear(b.failing)
}

// silent notes a call without an answer, and gives how long the next one is to wait.
func (b *breaker) silent(operation, words string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if b.failed == 0 {
		b.since = now
	}
	b.failed, b.words, b.failing[operation] = b.failed+1, words, true
	if b.failed >= tripped {
		rest := min(max(now.Sub(b.since), time.Second), longestRest)
		b.until = now.Add(rest + rand.N(rest/20)) // so that not all who lost the vendor at once come back at once
	}
	return b.left(operation)
}

// retry lets the next call find out whether the vendor is back.
func (b *breaker) retry() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.until = time.Time{}
}

// why says why no call is made.
func (b *breaker) why() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprintf("not called: %d calls in a row had no answer, and one at a time finds out when there is one again; the last: %s", b.failed, b.words)
}
