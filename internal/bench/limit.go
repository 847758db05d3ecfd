package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/simulator/fault"
)

// mimecastWindow is how often the simulator's count of calls to Mimecast starts over.
const mimecastWindow = 5 * time.Second

// limit measures how much of Mimecast's rate limit is used while that is all that keeps the flow back.
func (b *bench) limit(ctx context.Context, f *figures) error {
	f.title("limit: %d domains to Mimecast, with 20 ms latency and %d calls a minute", b.limited, b.perMinute)
	if _, err := b.load(ctx, mixed(0, b.limited)); err != nil {
		return err
	}
	if err := b.start(ctx, importing(never)); err != nil {
		return err
	}
	stats, took, err := b.memberCalls(ctx)
	if err != nil {
		return err
	}
	if err := b.wait(ctx, importFlow, 0); err != nil {
		return err
	}
	all, err := b.histories(ctx)
	if err != nil {
		return err
	}
	_, domains, err := b.blocked(ctx)
	if err != nil {
		return err
	}
	// All the windows that fit count whole, the last one too, of which only a part may have been needed.
	perWindow := int(float64(b.perMinute) * mimecastWindow.Minutes())
	allowed := perWindow * ceil(int(took.Milliseconds()), int(mimecastWindow.Milliseconds()))
	made := ceil(b.limited, memberBatch) // what else was called, or refused, does not count as use
	f.note("time from the first member call to the last", took.Round(100*time.Millisecond))
	f.note("useful calls in that time, of those allowed", fmt.Sprintf("%d of %d (%d in %s)", made, allowed, perWindow, mimecastWindow))
	atLeast(f, "share of the limit used, %", 100*made/allowed, 85)
	f.note("calls beyond the limit, answered 429", stats.Throttled[fault.Mimecast])
	exactly(f, "calls inside an announced wait", stats.CallsInsideWait, 0)
	exactly(f, "domains blocked", len(domains), b.limited)
	exactly(f, "contract violations", len(stats.Violations), 0)
	showCalls(f, stats)
	all.show(f)
	return nil
}

// memberCalls waits until all members are in the group. It returns the counts of then, and the time since the first of them
// came.
func (b *bench) memberCalls(ctx context.Context) (stats fault.Stats, took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, waitTime)
	defer cancel()
	var first time.Time
	err = harness.Until(ctx, "wait for the members", func() error {
		if stats, err = b.vendors.Stats(ctx); err != nil {
			return err
		}
		members := 0
		for operation, n := range stats.WritesBy[fault.Mimecast] {
			if strings.HasSuffix(operation, "/members") {
				members += n
			}
		}
		if members > 0 && first.IsZero() {
			first = time.Now()
		}
		took = time.Since(first)
		if members < b.limited {
			return errors.New(fmt.Sprint(members, " so far"))
		}
		return nil
	})
	return stats, took, err
}
