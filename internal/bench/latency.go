package main

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/simulator/control"
)

const (
	interval    = time.Minute // of the schedule: cron knows nothing shorter
	onTop       = 10 * time.Second
	atOnce      = 5 // IOCs that are listed together
	everyMoment = "* * * * *"
)

// latency measures how long it takes from the moment that an IOC is listed in Falcon until Mimecast blocks it.
func (b *bench) latency(ctx context.Context, f *figures) error {
	f.title("latency: %d IOCs, listed by fives at random moments of %s, with a run every %s", b.fresh, b.during, interval)
	if _, err := b.load(ctx, mixed(10, 10)); err != nil { // so that the first run has made the group
		return err
	}
	if err := b.start(ctx, importing(everyMoment)); err != nil {
		return err
	}
	if err := b.wait(ctx, importFlow, 0); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, b.during+waitTime)
	defer cancel()
	w := watch{added: map[string]time.Time{}, blocked: map[string]time.Time{}}
	groups := b.groups()
	started := time.Now()
	err := harness.Until(ctx, "wait until everything is blocked", func() error {
		for ; len(groups) > 0 && time.Since(started) >= groups[0].at; groups = groups[1:] {
			if err := b.list(ctx, groups[0], w); err != nil {
				return err
			}
		}
		if err := b.look(ctx, w); err != nil {
			return err
		}
		if left := len(w.added) - len(w.blocked); left > 0 || len(groups) > 0 {
			return fmt.Errorf("%d listed, %d of them blocked", len(w.added), len(w.blocked))
		}
		return nil
	})
	if err != nil {
		return err
	}
	all, err := b.histories(ctx)
	if err != nil {
		return err
	}
	took := w.sorted()
	exactly(f, "IOCs blocked", len(took), b.fresh)
	f.note("listed until blocked, median", took[len(took)/2])
	atMost(f, "listed until blocked, p99", took[len(took)*99/100], interval+onTop)
	f.note("listed until blocked, longest", took[len(took)-1])
	all.show(f)
	return nil
}

// group is some IOCs and when to list them, counted from the start.
type group struct {
	at   time.Duration
	from int // number of its first value
	size int
}

func (b *bench) groups() []group {
	random := rand.New(rand.NewPCG(uint64(b.seed), 0)) // the same moments for the same seed
	var all []group
	for from := 0; from < b.fresh; from += atOnce {
		all = append(all, group{at: time.Duration(random.Int64N(int64(b.during))), from: from, size: min(atOnce, b.fresh-from)})
	}
	slices.SortFunc(all, func(a, b group) int { return cmp.Compare(a.at, b.at) })
	return all
}

// watch is when each value was listed, and when it was seen to be blocked.
type watch struct{ added, blocked map[string]time.Time }

// list lists a group, hashes and domains in turn.
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

// look notes what is blocked by now.
func (b *bench) look(ctx context.Context, w watch) error {
	hashes, domains, err := b.blocked(ctx)
	now := time.Now()
	for _, value := range append(hashes, domains...) {
		if _, ours := w.added[value]; !ours {
			continue
		}
		if _, known := w.blocked[value]; !known {
			w.blocked[value] = now
		}
	}
	return err
}

// sorted is how long each value took, shortest first.
func (w watch) sorted() []time.Duration {
	var all []time.Duration
	for value, at := range w.blocked {
		all = append(all, at.Sub(w.added[value]).Round(100*time.Millisecond))
	}
	slices.Sort(all)
	return all
}
