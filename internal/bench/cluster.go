package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/simulator/fault"
)

// measureCluster measures both directions on a Temporal server of two processes.
func (r *run) measureCluster(ctx context.Context, f *figures) error {
	f.title("cluster: both directions on %s", cluster)
	there := &figures{}
	err := r.on(ctx, cluster, r.logs(r.records, r.indicators), func(b *bench) error {
		if err := b.first(ctx, there); err != nil {
			return err
		}
		b.besideDevelopment(there, "first")
		b.besideDevelopment(there, "idle "+shareFlow)
		return nil
	})
	f.include("to Falcon: ", there)
	if err != nil {
		return err
	}
	return r.on(ctx, cluster, nil, func(b *bench) error { return b.survive(ctx, f) })
}

// besideDevelopment shows a time beside the one on the development server, if that was measured.
func (b *bench) besideDevelopment(f *figures, what string) {
	before := b.samples.median(what + ", " + string(developmentServer))
	if before == 0 {
		return
	}
	f.note("time of "+what+", x as on the "+string(developmentServer), ratio(b.samples.median(b.key(what)), before))
	f.ratio()
}

// survive imports Falcon's IOC list while one of the two processes is killed.
func (b *bench) survive(ctx context.Context, f *figures) error {
	if _, err := b.load(ctx, mixed(b.hashes, b.domains)); err != nil {
		return err
	}
	started := time.Now()
	if err := b.start(ctx, importing(never)); err != nil {
		return err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	progress := b.watchWrites(watching)
	if err := b.blockedSoFar(ctx, (b.hashes+b.domains)/4); err != nil {
		return err
	}
	b.all.Cluster.Nodes[0].Kill()
	killed := time.Since(started)
	if err := b.wait(ctx, importFlow, 0); err != nil {
		return err
	}
	took := time.Since(started)
	stop()
	stats, err := b.vendors.Stats(ctx)
	if err != nil {
		return err
	}
	hashes, domains, err := b.blocked(ctx)
	if err != nil {
		return err
	}
	lost, doubled := compared(valuesOf(b.hashes, b.domains), append(hashes, domains...))
	all, err := b.histories(ctx)
	if err != nil {
		return err
	}
	const prefix = "to Mimecast, one process killed: "
	f.note(prefix+"killed after", killed.Round(100*time.Millisecond))
	f.note(prefix+"time in all", took.Round(100*time.Millisecond))
	f.note(prefix+"indicators a minute", perMinute(b.hashes+b.domains, took))
	if before := b.samples.median("back, " + string(developmentServer)); before > 0 {
		f.note(prefix+"time, x as on the "+string(developmentServer)+" without a kill", ratio(took, before))
		f.ratio()
	}
	f.note(prefix+"longest time without a write", (<-progress).Round(100*time.Millisecond))
	exactly(f, prefix+"indicators lost", lost, 0)
	f.demanded()
	exactly(f, prefix+"indicators doubled", doubled, 0)
	f.demanded()
	atMost(f, prefix+"calls, x least", times(calls(stats), leastToBlock(b.hashes, b.domains)), 1.1)
	f.ratio()
	exactly(f, prefix+"contract violations", len(stats.Violations), 0)
	there := &figures{}
	all.show(there)
	if err := b.peakMemory(there); err != nil {
		return err
	}
	f.include(prefix, there)
	return nil
}

// blockedSoFar waits until so many records have been written to Mimecast.
func (b *bench) blockedSoFar(ctx context.Context, wanted int) error {
	ctx, cancel := context.WithTimeout(ctx, waitTime)
	defer cancel()
	return harness.Until(ctx, "wait for the middle of the import", func() error {
		stats, err := b.vendors.Stats(ctx)
		if err == nil && stats.Writes[fault.Mimecast] < wanted {
			err = fmt.Errorf("%d of %d records are written", stats.Writes[fault.Mimecast], wanted)
		}
		return err
	})
}

// watchWrites looks at Mimecast until ctx ends, and gives the longest time in which nothing was written between two writes.
func (b *bench) watchWrites(ctx context.Context) <-chan time.Duration {
	longest := make(chan time.Duration, 1)
	go func() {
		var written int
		var last time.Time
		var gap time.Duration
		_ = harness.Until(ctx, "watch", func() error { // it ends with ctx, and no other way
			stats, err := b.vendors.Stats(ctx)
			if err != nil {
				return err
			}
			if now := stats.Writes[fault.Mimecast]; now > written {
				if !last.IsZero() {
					gap = max(gap, time.Since(last))
				}
				written, last = now, time.Now()
			}
			return errors.New("still watching")
		})
		longest <- gap
	}()
	return longest
}
