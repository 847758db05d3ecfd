package main

import (
	"context"
	"fmt"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
)

const (
	// loadedAtOnce is how many IOCs the simulator is given in one call.
	loadedAtOnce = 20_000
	// growthTime is how long one import may take: what a million needs is longer on a slow machine than anybody wants to wait,
	// and how much memory and how many calls it needs is known before.
	growthTime = 12 * time.Minute
)

// size is one size of the growth.
type size struct {
	imported

	indicators int // that are listed
	done       int // of them, blocked
}

// measureGrowth measures first imports of more and more hashes.
func (r *run) measureGrowth(ctx context.Context, f *figures) error {
	f.title("growth: first imports of hashes from Falcon's IOC list to Mimecast")
	var all []size
	for _, indicators := range r.sizes {
		one, err := r.grown(ctx, indicators)
		if err != nil {
			return fmt.Errorf("%d indicators: %w", indicators, err)
		}
		one.show(f)
		all = append(all, one)
	}
	smallest, largest := all[0], all[len(all)-1]
	f.note(fmt.Sprintf("worker's peak memory at %d indicators, x as at %d", largest.indicators, smallest.indicators),
		times(int(largest.memoryMiB), int(max(smallest.memoryMiB, 1))))
	f.ratio()
	if len(all) < 2 {
		return nil
	}
	before := all[len(all)-2]
	for _, row := range []struct {
		what            string
		largest, before float64
	}{
		{"calls", float64(largest.calls), float64(before.calls)},
		{"time", largest.took.Seconds(), before.took.Seconds()},
	} {
		grown := row.largest / row.before / (float64(largest.done) / float64(before.done))
		f.note(fmt.Sprintf("%s per indicator at %d, x as at %d", row.what, largest.indicators, before.indicators), fmt.Sprintf("%.2f", grown))
		f.ratio()
	}
	return nil
}

func (s size) show(f *figures) {
	prefix := fmt.Sprintf("%d: ", s.indicators)
	if s.unfinished {
		f.note(prefix+"not finished: hashes blocked when the time was up", s.done)
	} else {
		exactly(f, prefix+"hashes lost", s.indicators-s.done, 0)
		f.demanded()
		f.note(prefix+"calls, x least", times(s.calls, leastToBlock(s.done, 0)))
		f.note(prefix+"runs / events per 1,000", fmt.Sprintf("%d / %.1f", s.runs.runs, 1000*float64(s.runs.all)/float64(s.done)))
		atMost(f, prefix+"longest run, events", s.runs.events, maxEvents)
		atMost(f, prefix+"largest history, KiB", s.runs.bytes>>10, maxHistoryKiB)
	}
	f.note(prefix+"calls", s.calls)
	f.note(prefix+"calls per 1,000", perThousand(s.calls, s.done))
	f.note(prefix+"time", s.took.Round(100*time.Millisecond))
	f.note(prefix+"indicators a minute", perMinute(s.done, s.took))
	atMost(f, prefix+"worker's peak memory, MiB", s.memoryMiB, maxMemoryMiB)
	f.demanded()
}

// grown imports so many hashes, with a worker that has done nothing before.
func (r *run) grown(ctx context.Context, indicators int) (size, error) {
	one := size{indicators: indicators}
	err := r.on(ctx, developmentServer, nil, func(b *bench) error {
		if err := b.vendors.SetLimits(ctx, mimecast.Limits{BYOTIHashes: &indicators}); err != nil {
			return err
		}
		if err := b.listHashes(ctx, indicators); err != nil {
			return err
		}
		settings := importing(never)
		settings["sendToMimecast"] = map[string]any{"iocHashes": map[string]any{"enabled": true}, "byotiQuota": indicators}
		var err error
		if one.imported, err = b.once(ctx, growthTime, settings, importFlow, nil); err != nil {
			return err
		}
		hashes, _, err := b.blocked(ctx)
		one.done = len(hashes)
		return err
	})
	return one, err
}

// listHashes lists so many in Falcon, one a second until an hour ago.
func (b *bench) listHashes(ctx context.Context, count int) error {
	at := time.Now().Add(-time.Hour - time.Duration(count)*time.Second)
	for from := 0; from < count; from += loadedAtOnce {
		var iocs []control.IOC
		for n := from; n < min(from+loadedAtOnce, count); n++ {
			iocs = append(iocs, listed(indicator.SHA256, hash(n), at.Add(time.Duration(n)*time.Second)))
		}
		if _, err := b.load(ctx, iocs); err != nil {
			return err
		}
	}
	return nil
}
