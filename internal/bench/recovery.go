package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/samber/lo"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/simulator/seed"
	"github.com/threatshare/threatshare/internal/wire"
)

const (
	// heartbeatTimeout is after how long without a sign of life Temporal takes a step of a flow for dead. It is the one in
	// package workflows.
	heartbeatTimeout = 15 * time.Second
	recoveryTime     = heartbeatTimeout + 5*time.Second
	// stalled is how long the vendor's answer is kept back, so that the step is at work when its worker is killed.
	stalled = 25 * time.Second
	perKill = 400 // indicators: one step
)

// measureRecovery measures how soon a step is tried again whose worker was killed.
func (r *run) measureRecovery(ctx context.Context, f *figures) error {
	f.title("recovery: %d workers killed with SIGKILL in the middle of a step, each replaced at once", r.kills)
	return r.on(ctx, developmentServer, r.logs(perKill, perKill), func(b *bench) error { return b.recovery(ctx, f) })
}

func (b *bench) recovery(ctx context.Context, f *figures) error {
	if err := b.start(ctx, sharing(never)); err != nil {
		return err
	}
	if err := b.wait(ctx, shareFlow, 0); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(uint64(b.seed), 1))
	var gaps []time.Duration
	for kill := range b.kills {
		into := time.Duration(random.Int64N(int64(10 * time.Second))) // so that the last sign of life is of any age
		gap, err := b.killed(ctx, kill, into)
		if err != nil {
			return fmt.Errorf("kill %d: %w", kill+1, err)
		}
		gaps = append(gaps, gap.Round(time.Millisecond))
	}
	wanted, err := b.expected(ctx)
	if err != nil {
		return err
	}
	got, err := b.ownIOCs(ctx)
	if err != nil {
		return err
	}
	stats, err := b.vendors.Stats(ctx)
	if err != nil {
		return err
	}
	lost, doubled := compared(lo.Keys(wanted), got)
	f.note("SIGKILL until the next attempt starts, all", fmt.Sprint(gaps))
	f.note("SIGKILL until the next attempt starts, median", spreadOf(slices.Clone(gaps)).median)
	atMost(f, "SIGKILL until the next attempt starts, longest", slices.Max(gaps), recoveryTime)
	f.demanded()
	exactly(f, "indicators lost", lost, 0)
	f.demanded()
	exactly(f, "indicators doubled", doubled, 0)
	f.demanded()
	exactly(f, "contract violations", len(stats.Violations), 0)
	return nil
}

// killed kills the worker while a create is under way, and says how long after that the step was started again.
func (b *bench) killed(ctx context.Context, kill int, into time.Duration) (time.Duration, error) {
	before, err := b.status(ctx)
	if err != nil {
		return 0, err
	}
	traffic := seed.Options{Seed: uint64(b.seed)<<32 + uint64(kill) + 1, Records: perKill, Indicators: perKill, Plain: true}
	traffic.To = time.Now()
	traffic.From = traffic.To.Add(-10 * time.Second)
	if _, err := b.vendors.Seed(ctx, traffic); err != nil {
		return 0, err
	}
	slow := fault.Rule{Vendor: fault.Falcon, Method: "POST", Path: "/iocs/entities/", Kind: fault.Delay, DelayMS: int(stalled.Milliseconds()), Count: 1}
	if err := b.vendors.AddFaults(ctx, slow); err != nil {
		return 0, err
	}
	if err := b.temporal.SignalWorkflow(ctx, wire.IntegrationID(name), "", wire.SyncNow, shareFlow); err != nil {
		return 0, err
	}
	if err := b.fired(ctx, kill+1); err != nil {
		return 0, err
	}
	if err := sleepUntil(ctx, time.Now().Add(into)); err != nil {
		return 0, err
	}
	run, err := b.status(ctx)
	if err != nil {
		return 0, err
	}
	running := run.Flows[shareFlow].Running
	b.worker.Kill()
	killed := time.Now()
	if err := b.replaceWorker(fmt.Sprintf("worker-%d", kill+2)); err != nil {
		return 0, err
	}
	if err := b.wait(ctx, shareFlow, before.Flows[shareFlow].GoodRuns); err != nil {
		return 0, err
	}
	started, err := b.startedAgain(ctx, running.WorkflowID, running.RunID, killed)
	return started.Sub(killed), err
}

// fired waits until so many calls have been kept back.
func (b *bench) fired(ctx context.Context, wanted int) error {
	ctx, cancel := context.WithTimeout(ctx, waitTime)
	defer cancel()
	return harness.Until(ctx, "wait for the create", func() error {
		rules, err := b.vendors.Faults(ctx)
		if err != nil {
			return err
		}
		if fired := lo.SumBy(rules, func(rule fault.State) int { return rule.Fired }); fired < wanted {
			return fmt.Errorf("%d of %d creates are kept back", fired, wanted)
		}
		return nil
	})
}

// startedAgain reads when a step of an ended run was started again after a moment, by the server's clock. While the run is at work
// a look at its steps could miss that, since an attempt takes a few milliseconds.
func (b *bench) startedAgain(ctx context.Context, workflowID, runID string, after time.Time) (time.Time, error) {
	events := b.temporal.GetWorkflowHistory(ctx, workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return time.Time{}, err
		}
		at := event.GetEventTime().AsTime()
		if event.GetActivityTaskStartedEventAttributes().GetAttempt() > 1 && at.After(after) {
			return at, nil
		}
	}
	return time.Time{}, errors.New("no step was started again")
}
