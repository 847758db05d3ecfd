package main

import (
	"context"
	"fmt"
	"time"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
)

const (
	everyFiveMinutes = "*/5 * * * *"
	fleetInterval    = 5 * time.Minute
	// faultsBefore the second round is due, the sick vendors fail. All runs of the first have ended by then.
	faultsBefore = 5 * time.Second
	// settleTime is how long the start of all integrations and their first runs may take.
	settleTime = 5 * time.Minute
)

// fleet measures many integrations on one worker and one development server: whether every run starts and ends before the next
// one is due, how late it is beyond the moment that its Schedule has spread it to, and what an idle run costs. In a second
// round the vendors of some integrations stall and refuse, and the others must not notice. It takes up to 17 minutes: up to
// settleTime to begin with, up to an interval until the next runs are due, an interval, and two minutes.
func (b *bench) fleet(ctx context.Context, f *figures) error {
	f.title("fleet: %d integrations with three flows each, one worker, one development server, every %s", b.integrations, fleetInterval)
	members := b.members()
	sick, err := harness.StartSimulator(ctx, b.all.Binaries.Simulator, b.dir, fleetSeed(b.seed)...)
	if err != nil {
		return err
	}
	defer sick.Stop() // how it ends does not matter
	vendors := []*control.Client{b.vendors, control.New(sick.Admin)}
	for _, one := range vendors {
		if _, err := one.AddFalconIOCs(ctx, mixed(5, 5)...); err != nil {
			return err
		}
	}
	if err := b.restartWorker(b.credentials(members, sick)); err != nil {
		return err
	}
	connected, settled, err := b.startFleet(ctx, members)
	if err != nil {
		return err
	}
	f.note("all connected after", connected)
	f.note("all first runs ended after", settled)
	due, cost, err := b.firstRound(ctx, vendors)
	if err != nil {
		return err
	}
	if b.sick > 0 {
		if err := b.secondRound(ctx, due.Add(fleetInterval), members, vendors[1]); err != nil {
			return err
		}
	}
	first, err := b.planned(ctx, due, members)
	if err != nil {
		return err
	}
	calm := latenessOf(first, fleetInterval)
	calm.show(f, "")
	cost.show(f, calm.runs)
	if b.sick == 0 {
		return nil
	}
	second, err := b.planned(ctx, due.Add(fleetInterval), members)
	if err != nil {
		return err
	}
	b.compare(f, latenessOf(healthy(first), fleetInterval), latenessOf(healthy(second), fleetInterval))
	return nil
}

// firstRound waits for the next firing and lets it pass, until shortly before the one after it. It returns when it was due, and
// what the time between the two cost.
func (b *bench) firstRound(ctx context.Context, vendors []*control.Client) (time.Time, cost, error) {
	due := time.Now().Truncate(fleetInterval).Add(fleetInterval)
	if err := sleepUntil(ctx, due); err != nil {
		return due, cost{}, err
	}
	for _, one := range vendors {
		if err := one.Reset(ctx); err != nil {
			return due, cost{}, err
		}
	}
	before, err := b.used()
	if err != nil {
		return due, cost{}, err
	}
	began := time.Now()
	if err := sleepUntil(ctx, due.Add(fleetInterval-faultsBefore)); err != nil {
		return due, cost{}, err
	}
	ended := time.Now()
	if jump := clockJump(began, ended); jump.Abs() > time.Second {
		return due, cost{}, fmt.Errorf("the clock went %s beside the time that passed: this machine was suspended, or its clock was set", jump)
	}
	after, err := b.used()
	if err != nil {
		return due, cost{}, err
	}
	spent := cost{used: after.less(before), took: ended.Sub(began)}
	for _, one := range vendors {
		stats, err := one.Stats(ctx)
		if err != nil {
			return due, cost{}, err
		}
		spent.calls, spent.writes = spent.calls+calls(stats), spent.writes+writes(stats)
		spent.violations += len(stats.Violations)
	}
	return due, spent, nil
}

// secondRound lets the vendors of the sick fail, and waits until the runs of the others have ended; not beyond the time at which
// the next are due: what is missing then is shown as such.
func (b *bench) secondRound(ctx context.Context, due time.Time, members []member, sick *control.Client) error {
	err := sick.AddFaults(ctx,
		fault.Rule{Vendor: fault.Mimecast, Kind: fault.Delay, DelayMS: 45_000}, // longer than the client waits for an answer
		fault.Rule{Vendor: fault.Falcon, Kind: fault.Throttle, DelayMS: 60_000},
	)
	if err != nil {
		return err
	}
	for next := due.Add(time.Minute); !next.After(due.Add(fleetInterval)); next = next.Add(10 * time.Second) {
		if err := sleepUntil(ctx, next); err != nil {
			return err
		}
		all, err := b.firings(ctx, due, members)
		if err != nil {
			return err
		}
		if late := latenessOf(healthy(all), fleetInterval); late.missed+late.overlapping == 0 {
			return nil
		}
	}
	return nil
}

// compare shows the healthy integrations of the second round beside the same ones in the first.
func (b *bench) compare(f *figures, calm, beside lateness) {
	prefix := fmt.Sprintf("others beside %d with failing vendors: ", b.sick)
	beside.show(f, prefix)
	f.note(prefix+"late beyond the spread, median, x as without", ratio(beside.delay.median, calm.delay.median))
	f.note(prefix+"due until ended, p99, x as without", ratio(beside.total.p99, calm.total.p99))
}

// clockJump is how far the wall clock went beside the monotonic one, which stands still in a suspended machine. Schedules follow
// the wall clock: they skip what was due while it jumped.
func clockJump(from, to time.Time) time.Duration {
	return to.Round(0).Sub(from.Round(0)) - to.Sub(from)
}

func sleepUntil(ctx context.Context, at time.Time) error {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
