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
	// faultsBefore the second round is due, the sick vendors fail. All runs of the first have ended by then.
	faultsBefore = 5 * time.Second
	// settleTime is how long the start of all integrations and their first runs may take.
	settleTime = 6 * time.Minute
	// runsAMinute is how many runs of flows one development server is asked for at most; with more integrations the interval
	// grows, as it would for whoever has that many on so small a server.
	runsAMinute = 150
)

// fleet is some idle integrations on one worker.
type fleet struct {
	*bench

	integrations, sick int
	interval           time.Duration
	offset             time.Duration // of the firings, from each whole interval
}

// measureFleet measures fleets of growing size.
func (r *run) measureFleet(ctx context.Context, f *figures) error {
	f.title("fleet: idle integrations with three flows each, one worker, one %s", developmentServer)
	for _, size := range r.fleets {
		there := &figures{}
		err := r.on(ctx, developmentServer, fleetLogs(), func(b *bench) error {
			interval := intervalOf(size)
			return fleet{
				bench: b, integrations: size, sick: r.sickOf(size), interval: interval, offset: offsetOf(time.Now(), size, interval),
			}.measure(ctx, there)
		})
		f.include(fmt.Sprintf("%d integrations: ", size), there)
		if err != nil {
			return fmt.Errorf("%d integrations: %w", size, err)
		}
	}
	return nil
}

// sickOf is how many of a fleet's integrations have vendors that fail in the second round; 0: there is no second round.
func (r *run) sickOf(size int) int {
	switch {
	case r.sick >= 0:
		return r.sick
	case size == r.fleets[len(r.fleets)/2]:
		return size / 10
	default:
		return 0
	}
}

// intervalOf is a number of minutes that divides an hour; half an hour for more than that.
func intervalOf(integrations int) time.Duration {
	for _, minutes := range []int{1, 2, 3, 5, 10, 15, 20} {
		if runsAMinute*minutes >= integrations*len(flowsOfAMember()) {
			return time.Duration(minutes) * time.Minute
		}
	}
	return 30 * time.Minute
}

// offsetOf puts the firings where all first runs will probably have ended, so that nobody waits for them long.
func offsetOf(now time.Time, integrations int, interval time.Duration) time.Duration {
	settled := now.Add(30*time.Second + time.Duration(integrations)*450*time.Millisecond)
	return settled.Truncate(time.Minute).Add(time.Minute).Sub(settled.Truncate(interval)) % interval
}

// dueAfter is when the next runs are due.
func (t fleet) dueAfter(now time.Time) time.Time {
	due := now.Truncate(t.interval).Add(t.offset)
	if !due.After(now) {
		due = due.Add(t.interval)
	}
	return due
}

// cron is the schedule of the flows.
func (t fleet) cron() string {
	return fmt.Sprintf("%d-59/%d * * * *", int(t.offset.Minutes()), int(t.interval.Minutes()))
}

// measure measures whether every run starts and ends before the next one is due, how late it is beyond the moment that its
// Schedule has spread it to, and what an idle run costs. In a second round the vendors of some integrations stall and refuse,
// and the others must not notice. It takes up to settleTime to begin with, up to an interval until the next runs are due, and
// an interval for each round.
func (t fleet) measure(ctx context.Context, f *figures) error {
	members := t.members()
	sick, err := harness.StartSimulator(ctx, t.all.Binaries.Simulator, t.dir, append([]string{"--seed", fmt.Sprint(t.seed)}, fleetLogs()...)...)
	if err != nil {
		return err
	}
	defer sick.Stop() // how it ends does not matter
	vendors := []*control.Client{t.vendors, control.New(sick.Admin)}
	for _, one := range vendors {
		if _, err := one.AddFalconIOCs(ctx, mixed(5, 5)...); err != nil {
			return err
		}
	}
	t.worker.Kill() // it has had nothing to do
	if err := t.replaceWorker("fleet-worker", t.credentials(members, sick)...); err != nil {
		return err
	}
	connected, settled, err := t.startAll(ctx, members)
	if err != nil {
		return err
	}
	f.note("interval of the Schedules", t.interval)
	f.note("all connected after", connected)
	f.note("all first runs ended after", settled)
	due, cost, err := t.firstRound(ctx, vendors)
	if err != nil {
		return err
	}
	if t.sick > 0 {
		if err := t.secondRound(ctx, due.Add(t.interval), members, vendors[1]); err != nil {
			return err
		}
	}
	first, err := t.planned(ctx, due, members)
	if err != nil {
		return err
	}
	calm := latenessOf(first, t.interval)
	calm.show(f, "")
	cost.show(f, calm.runs)
	if t.sick == 0 {
		return nil
	}
	second, err := t.planned(ctx, due.Add(t.interval), members)
	if err != nil {
		return err
	}
	t.compare(f, latenessOf(healthy(first), t.interval), latenessOf(healthy(second), t.interval))
	return nil
}

// firstRound waits for the next firing and lets it pass, until shortly before the one after it. It returns when it was due, and
// what the time between the two cost.
func (t fleet) firstRound(ctx context.Context, vendors []*control.Client) (time.Time, cost, error) {
	due := t.dueAfter(time.Now())
	if err := sleepUntil(ctx, due); err != nil {
		return due, cost{}, err
	}
	for _, one := range vendors {
		if err := one.Reset(ctx); err != nil {
			return due, cost{}, err
		}
	}
	before, err := t.used()
	if err != nil {
		return due, cost{}, err
	}
	began := time.Now()
	if err := sleepUntil(ctx, due.Add(t.interval-faultsBefore)); err != nil {
		return due, cost{}, err
	}
	ended := time.Now()
	if jump := clockJump(began, ended); jump.Abs() > time.Second {
		return due, cost{}, fmt.Errorf("the clock went %s beside the time that passed: this machine was suspended, or its clock was set", jump)
	}
	after, err := t.used()
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
func (t fleet) secondRound(ctx context.Context, due time.Time, members []member, sick *control.Client) error {
	err := sick.AddFaults(ctx,
		fault.Rule{Vendor: fault.Mimecast, Kind: fault.Delay, DelayMS: 45_000}, // longer than the client waits for an answer
		fault.Rule{Vendor: fault.Falcon, Kind: fault.Throttle, DelayMS: 60_000},
	)
	if err != nil {
		return err
	}
	for next := due.Add(t.interval / 5); !next.After(due.Add(t.interval)); next = next.Add(10 * time.Second) {
		if err := sleepUntil(ctx, next); err != nil {
			return err
		}
		all, err := t.firings(ctx, due, members)
		if err != nil {
			return err
		}
		if late := latenessOf(healthy(all), t.interval); late.missed+late.overlapping == 0 {
			return nil
		}
	}
	return nil
}

// compare shows the healthy integrations of the second round beside the same ones in the first.
func (t fleet) compare(f *figures, calm, beside lateness) {
	prefix := fmt.Sprintf("others beside %d with failing vendors: ", t.sick)
	beside.show(f, prefix)
	f.note(prefix+"late beyond the spread, median, x as without", ratio(beside.delay.median, calm.delay.median))
	f.note(prefix+"due until ended, p99, x as without", ratio(beside.total.p99, calm.total.p99))
}

// clockJump is how far the wall clock went beside the monotonic one, which stands still in a suspended machine. Schedules follow
// the wall clock: they skip what was due while it jumped.
func clockJump(from, to time.Time) time.Duration {
	return to.Round(0).Sub(from.Round(0)) - to.Sub(from)
}
