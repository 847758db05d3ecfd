package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/seed"
)

const (
	interval    = time.Minute // of the schedule: cron knows nothing shorter
	onTop       = 10 * time.Second
	atOnce      = 5 // indicators that are new together
	everyMoment = "* * * * *"
)

// measureLatency measures how long it takes from the moment that an IOC is listed in Falcon until Mimecast blocks it, and from
// the moment that a detection is in Mimecast's logs until Falcon lists it.
func (r *run) measureLatency(ctx context.Context, f *figures) error {
	// A little of both, so that the first runs have made what they need.
	return r.on(ctx, developmentServer, r.logs(20, 10), func(b *bench) error { return b.latency(ctx, f) })
}

func (b *bench) latency(ctx context.Context, f *figures) error {
	f.title("latency: %d new indicators on each side, by fives at random moments of %s, with a run every %s", b.fresh, b.during, interval)
	if _, err := b.load(ctx, mixed(10, 10)); err != nil {
		return err
	}
	settings := sharing(everyMoment)
	maps.Copy(settings, importing(everyMoment))
	settings["schedule"] = map[string]any{"shareTTPLogs": everyMoment, "importIOCs": everyMoment}
	if err := b.start(ctx, settings); err != nil {
		return err
	}
	for _, flow := range []string{shareFlow, importFlow} {
		if err := b.wait(ctx, flow, 0); err != nil {
			return err
		}
	}
	toMimecast, toFalcon, err := b.watchBoth(ctx)
	if err != nil {
		return err
	}
	all, err := b.histories(ctx)
	if err != nil {
		return err
	}
	for _, way := range []struct {
		name string
		took []time.Duration
	}{
		{"listed in Falcon until blocked in Mimecast", toMimecast.sorted()},
		{"logged in Mimecast until listed in Falcon", toFalcon.sorted()},
	} {
		exactly(f, way.name+": indicators", len(way.took), b.fresh)
		f.note(way.name+": p50", way.took[len(way.took)/2])
		atMost(f, way.name+": p99", way.took[len(way.took)*99/100], interval+onTop)
		f.demanded()
		f.note(way.name+": longest", way.took[len(way.took)-1])
	}
	all.show(f)
	return b.peakMemory(f)
}

// watchBoth makes indicators new on both sides at random moments, and watches until the other side has all of them.
func (b *bench) watchBoth(ctx context.Context) (toMimecast, toFalcon watch, err error) {
	ctx, cancel := context.WithTimeout(ctx, b.during+waitTime)
	defer cancel()
	toMimecast, toFalcon = newWatch(), newWatch()
	known, err := b.expected(ctx)
	if err != nil {
		return toMimecast, toFalcon, err
	}
	groups := b.groups()
	started := time.Now()
	err = harness.Until(ctx, "wait until the other side has everything", func() error {
		for ; len(groups) > 0 && time.Since(started) >= groups[0].at; groups = groups[1:] {
			if err := errors.Join(b.list(ctx, groups[0], toMimecast), b.detect(ctx, groups[0], toFalcon, known)); err != nil {
				return err
			}
		}
		if err := errors.Join(b.look(ctx, toMimecast), b.lookAtFalcon(ctx, toFalcon)); err != nil {
			return err
		}
		if left := toMimecast.left() + toFalcon.left(); left > 0 || len(groups) > 0 {
			return fmt.Errorf("%d of them are missing, %d groups are to come", left, len(groups))
		}
		return nil
	})
	return toMimecast, toFalcon, err
}

// group is some indicators and when they become known, counted from the start.
type group struct {
	at   time.Duration
	from int // number of its first value
	size int
}

func (r *run) groups() []group {
	random := rand.New(rand.NewPCG(uint64(r.seed), 0)) // the same moments for the same seed
	var all []group
	for from := 0; from < r.fresh; from += atOnce {
		all = append(all, group{at: time.Duration(random.Int64N(int64(r.during))), from: from, size: min(atOnce, r.fresh-from)})
	}
	slices.SortFunc(all, func(a, b group) int { return cmp.Compare(a.at, b.at) })
	return all
}

// watch is when each value became known at one side, and when it was seen at the other.
type watch struct{ added, blocked map[string]time.Time }

func newWatch() watch { return watch{added: map[string]time.Time{}, blocked: map[string]time.Time{}} }

// list lists a group in Falcon, hashes and domains in turn.
func (b *bench) list(ctx context.Context, g group, w watch) error {
	var iocs []control.IOC
	for n := g.from; n < g.from+g.size; n++ {
		kind, value := indicator.SHA256, hash(1_000_000+n)
		if n%2 == 1 {
			kind, value = indicator.Domain, domain(500_000+n)
		}
		iocs = append(iocs, listed(kind, value, time.Time{}))
		w.added[value] = time.Now()
	}
	_, err := b.vendors.AddFalconIOCs(ctx, iocs...)
	return err
}

// detect has a group detected by Mimecast: attachments, URLs and impersonations. Values that are known already are none of it.
func (b *bench) detect(ctx context.Context, g group, w watch, known map[string]bool) error {
	now := time.Now()
	traffic := seed.Options{
		Seed: uint64(b.seed)<<32 + uint64(g.from) + 1, Records: g.size, Indicators: g.size, Plain: true,
		From: now.Add(-time.Second), To: now,
	}
	if _, err := b.vendors.Seed(ctx, traffic); err != nil {
		return err
	}
	all, err := b.expected(ctx)
	for value := range all {
		if !known[value] {
			known[value], w.added[value] = true, now
		}
	}
	return err
}

// expected are the values that are to be shared of all that is in Mimecast's logs.
func (b *bench) expected(ctx context.Context) (map[string]bool, error) {
	all, err := b.vendors.Expected(ctx)
	values := map[string]bool{}
	for _, one := range all {
		values[one.Value] = true
	}
	return values, err
}

// look notes what Mimecast blocks by now.
func (b *bench) look(ctx context.Context, w watch) error {
	hashes, domains, err := b.blocked(ctx)
	w.saw(append(hashes, domains...))
	return err
}

// lookAtFalcon notes what Falcon lists by now.
func (b *bench) lookAtFalcon(ctx context.Context, w watch) error {
	values, err := b.ownIOCs(ctx)
	w.saw(values)
	return err
}

func (w watch) saw(values []string) {
	now := time.Now()
	for _, value := range values {
		if _, ours := w.added[value]; !ours {
			continue
		}
		if _, known := w.blocked[value]; !known {
			w.blocked[value] = now
		}
	}
}

func (w watch) left() int { return len(w.added) - len(w.blocked) }

// sorted is how long each value took, shortest first.
func (w watch) sorted() []time.Duration {
	var all []time.Duration
	for value, at := range w.blocked {
		all = append(all, at.Sub(w.added[value]).Round(100*time.Millisecond))
	}
	slices.Sort(all)
	return all
}
