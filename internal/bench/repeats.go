package main

import (
	"context"
	"time"

	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/wire"
)

// idleRuns is how many runs with nothing new are measured.
const idleRuns = 5

// maxMemoryMiB is how much the worker may ever need.
const maxMemoryMiB = 256

// repeats measures the same data again and runs with nothing new, and shows what all runs have left.
func (b *bench) repeats(ctx context.Context, f *figures, flow string, first fault.Stats) error {
	again, err := b.again(ctx, flow, wire.ForgetCheckpoint, map[string]string{"flow": flow})
	if err != nil {
		return err
	}
	violations := len(first.Violations) + len(again.Violations)
	var idle int // calls of the run that made most
	var written int
	for range idleRuns {
		one, err := b.again(ctx, flow, wire.SyncNow, flow)
		if err != nil {
			return err
		}
		idle, written, violations = max(idle, calls(one)), written+writes(one), violations+len(one.Violations)
	}
	all, err := b.histories(ctx)
	if err != nil {
		return err
	}
	exactly(f, "same data again: writes", writes(again), 0)
	f.note("same data again: calls", calls(again))
	exactly(f, "idle run: writes", written, 0)
	atMost(f, "idle run: calls", idle, 3)
	atMost(f, "idle run: events", all.last, maxIdleEvents)
	recent := all.durations[:min(idleRuns, len(all.durations))]
	took := b.key("idle " + flow)
	for _, one := range recent {
		b.samples.add(took, one)
	}
	f.note("idle run: time", b.samples.show(took))
	exactly(f, "contract violations", violations, 0)
	exactly(f, "calls inside an announced wait", first.CallsInsideWait, 0)
	all.show(f)
	return b.peakMemory(f)
}

// peakMemory shows the worker's.
func (b *bench) peakMemory(f *figures) error {
	memory, err := b.worker.PeakMemory()
	if err != nil {
		return err
	}
	atMost(f, "worker's peak memory, MiB", memory>>20, maxMemoryMiB)
	f.demanded()
	return nil
}

// since is how long ago that was, to a tenth of a second.
func since(started time.Time) time.Duration { return time.Since(started).Round(100 * time.Millisecond) }
