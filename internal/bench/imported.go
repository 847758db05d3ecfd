package main

import (
	"context"
	"errors"
	"time"

	"github.com/threatshare/threatshare/internal/simulator/fault"
)

// imported is what one import has cost and left behind.
type imported struct {
	unfinished    bool // the time was up before everything was done
	calls, spoilt int
	lost, doubled int
	insideWait    int
	violations    int
	took          time.Duration
	memoryMiB     int64
	runs          histories
}

func (i imported) show(f *figures, prefix string) {
	f.note(prefix+"calls", i.calls)
	f.note(prefix+"time", i.took.Round(100*time.Millisecond))
	exactly(f, prefix+"indicators lost", i.lost, 0)
	f.demanded()
	exactly(f, prefix+"indicators doubled", i.doubled, 0)
	f.demanded()
	exactly(f, prefix+"calls inside an announced wait", i.insideWait, 0)
	f.demanded()
	exactly(f, prefix+"contract violations", i.violations, 0)
	atMost(f, prefix+"worker's peak memory, MiB", i.memoryMiB, maxMemoryMiB)
	f.demanded()
	atMost(f, prefix+"longest run, events", i.runs.events, maxEvents)
}

// once runs a flow until it has nothing left to do, or until the time is up: then what was done by then counts, without the
// histories of runs that are at work.
func (b *bench) once(
	ctx context.Context, patience time.Duration, settings map[string]any, flow string, rules []fault.Rule,
) (imported, error) {
	if err := b.vendors.AddFaults(ctx, rules...); err != nil {
		return imported{}, err
	}
	started := time.Now()
	if err := b.start(ctx, settings); err != nil {
		return imported{}, err
	}
	err := b.waitFor(ctx, patience, flow, 0)
	late := errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
	if err != nil && !(late && patience < waitTime) {
		return imported{}, err
	}
	result := imported{took: time.Since(started), unfinished: late}
	stats, err := b.vendors.Stats(ctx)
	if err != nil {
		return result, err
	}
	result.calls, result.insideWait, result.violations = calls(stats), stats.CallsInsideWait, len(stats.Violations)
	fired, err := b.vendors.Faults(ctx)
	if err != nil {
		return result, err
	}
	for _, rule := range fired {
		result.spoilt += rule.Fired
	}
	memory, err := b.worker.PeakMemory()
	if err != nil {
		return result, err
	}
	result.memoryMiB = memory >> 20
	if !late {
		result.runs, err = b.histories(ctx)
	}
	return result, err
}

// compared says how many of the wanted values are missing, and how many are there that should not be: twice, or not wanted.
func compared(wanted, got []string) (lost, doubled int) {
	open := map[string]bool{}
	for _, value := range wanted {
		open[value] = true
	}
	for _, value := range got {
		if !open[value] {
			doubled++
		}
		delete(open, value)
	}
	return len(open), doubled
}
