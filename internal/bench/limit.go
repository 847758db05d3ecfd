package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
)

const (
	// mimecastWindow is how often the simulator's count of calls to Mimecast starts over.
	mimecastWindow = 5 * time.Second
	// readsShare is how much of the limit on writes is the limit on reads: a page is a hundred records that are all to be
	// judged, and it is the limit that is to keep the flow back, not a small machine.
	readsShare = 0.5
	// recordsPerDomain makes reading take as long under its limit as writing: a page holds ten times as much as a batch of
	// members.
	recordsPerDomain = 10 * readsShare
)

// measureLimit measures how much of Mimecast's rate limit is used, in both directions.
func (r *run) measureLimit(ctx context.Context, f *figures) error {
	reads := int(readsShare * float64(r.perMinute))
	f.title("limit: with 20 ms latency, and %d calls a minute on the way to Falcon, %d on the way to Mimecast", reads, r.perMinute)
	records := recordsPerDomain * r.limited
	err := r.on(ctx, developmentServer, append(r.logs(records, records/10), limited(reads)...), func(b *bench) error {
		return b.limitedReads(ctx, f, records, reads)
	})
	if err != nil {
		return err
	}
	return r.on(ctx, developmentServer, limited(r.perMinute), func(b *bench) error { return b.limitedWrites(ctx, f) })
}

// limited are the arguments of a simulator that allows so many calls a minute.
func limited(perMinute int) []string {
	return []string{"--latency", "20ms", "--rate-limit", fmt.Sprint(perMinute)}
}

// limitedReads measures the limit while logs are read.
func (b *bench) limitedReads(ctx context.Context, f *figures, records, perMinuteAllowed int) error {
	if err := b.vendors.SetQuirks(ctx, mimecast.Quirks{}); err != nil {
		return err
	}
	if err := b.start(ctx, sharing(never)); err != nil {
		return err
	}
	pages := ceil(records, logPage)
	limit, err := b.under(ctx, pages, func(stats fault.Stats) int { return callsTo(stats, fault.Mimecast, "/get-logs") })
	if err != nil {
		return err
	}
	if err := b.wait(ctx, shareFlow, 0); err != nil {
		return err
	}
	limit.show(f, perMinuteAllowed, "to Falcon: ")
	f.note("to Falcon: log records a minute", perMinute(records, limit.took))
	return b.manners(ctx, f, "to Falcon: ")
}

// limitedWrites measures the limit while domains are blocked.
func (b *bench) limitedWrites(ctx context.Context, f *figures) error {
	if _, err := b.load(ctx, mixed(0, b.limited)); err != nil {
		return err
	}
	if err := b.start(ctx, importing(never)); err != nil {
		return err
	}
	batches := ceil(b.limited, memberBatch)
	limit, err := b.under(ctx, batches, func(stats fault.Stats) int { return callsTo(stats, fault.Mimecast, "/members") })
	if err != nil {
		return err
	}
	if err := b.wait(ctx, importFlow, 0); err != nil {
		return err
	}
	_, domains, err := b.blocked(ctx)
	if err != nil {
		return err
	}
	limit.show(f, b.perMinute, "to Mimecast: ")
	f.note("to Mimecast: domains a minute", perMinute(b.limited, limit.took))
	exactly(f, "to Mimecast: domains blocked", len(domains), b.limited)
	return b.manners(ctx, f, "to Mimecast: ")
}

// manners shows how the flow behaved towards the limit.
func (b *bench) manners(ctx context.Context, f *figures, prefix string) error {
	stats, err := b.vendors.Stats(ctx)
	if err != nil {
		return err
	}
	f.note(prefix+"calls beyond the limit, answered 429", stats.Throttled[fault.Mimecast])
	exactly(f, prefix+"calls inside an announced wait", stats.CallsInsideWait, 0)
	f.demanded()
	exactly(f, prefix+"contract violations", len(stats.Violations), 0)
	return nil
}

// underLimit is how long some calls took under a limit.
type underLimit struct {
	useful int // calls that were let pass
	took   time.Duration
}

// under waits until so many of the calls that count have been let pass. What else was called, or refused, is no use of the
// limit.
func (b *bench) under(ctx context.Context, wanted int, count func(fault.Stats) int) (underLimit, error) {
	ctx, cancel := context.WithTimeout(ctx, waitTime)
	defer cancel()
	var first time.Time
	limit := underLimit{useful: wanted}
	err := harness.Until(ctx, "wait for the calls", func() error {
		stats, err := b.vendors.Stats(ctx)
		if err != nil {
			return err
		}
		made := count(stats) - stats.Throttled[fault.Mimecast]
		if made > 0 && first.IsZero() {
			first = time.Now()
		}
		limit.took = time.Since(first)
		if made < wanted {
			return errors.New(fmt.Sprint(made, " so far"))
		}
		return nil
	})
	return limit, err
}

// share is how much of the limit was used, in percent. All the windows that fit count whole, the last one too, of which only a
// part may have been needed.
func (l underLimit) share(perMinute int) (percent, allowed int) {
	perWindow := int(float64(perMinute) * mimecastWindow.Minutes())
	allowed = perWindow * ceil(int(l.took.Milliseconds()), int(mimecastWindow.Milliseconds()))
	return 100 * l.useful / max(allowed, 1), allowed
}

func (l underLimit) show(f *figures, perMinute int, prefix string) {
	percent, allowed := l.share(perMinute)
	f.note(prefix+"time from the first such call to the last", l.took.Round(100*time.Millisecond))
	f.note(prefix+"useful calls in that time, of those allowed", fmt.Sprintf("%d of %d", l.useful, allowed))
	atLeast(f, prefix+"share of the rate limit used, %", percent, 85)
	f.ratio()
}
