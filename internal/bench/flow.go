package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

const (
	name = "bench"
	// never is a schedule of no runs but those that are measured.
	never = "0 0 1 1 *"
	// waitTime is how long a run and those that follow it at once may take before the benchmark gives up.
	waitTime = 10 * time.Minute
)

// start starts the integration, whose flows then run at once.
func (b *bench) start(ctx context.Context, settings map[string]any) error {
	settings["name"] = name
	options := client.StartWorkflowOptions{ID: wire.IntegrationID(name), TaskQueue: wire.TaskQueue}
	_, err := b.temporal.ExecuteWorkflow(ctx, options, wire.Integration, settings)
	return err
}

// again makes the flow run by a signal and returns what the run cost the vendors.
func (b *bench) again(ctx context.Context, flow, signal string, input any) (fault.Stats, error) {
	before, err := b.status(ctx)
	if err != nil {
		return fault.Stats{}, err
	}
	if err := b.vendors.Reset(ctx); err != nil {
		return fault.Stats{}, err
	}
	if err := b.temporal.SignalWorkflow(ctx, wire.IntegrationID(name), "", signal, input); err != nil {
		return fault.Stats{}, err
	}
	if err := b.wait(ctx, flow, before.Flows[flow].GoodRuns); err != nil {
		return fault.Stats{}, err
	}
	return b.vendors.Stats(ctx)
}

func (b *bench) status(ctx context.Context) (workflows.Status, error) { return b.statusOf(ctx, name) }

func (b *bench) statusOf(ctx context.Context, integration string) (workflows.Status, error) {
	var status workflows.Status
	answer, err := b.temporal.QueryWorkflow(ctx, wire.IntegrationID(integration), "", wire.Status)
	if err == nil {
		err = answer.Get(&status)
	}
	return status, err
}

// wait waits for the end of a good run after the first so many, and of all that follow it at once.
func (b *bench) wait(ctx context.Context, flow string, before int) error {
	return b.waitFor(ctx, waitTime, flow, before)
}

// waitFor is wait with another patience.
func (b *bench) waitFor(ctx context.Context, patience time.Duration, flow string, before int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return harness.Until(ctx, "wait for the run", func() error {
		status, err := b.status(ctx)
		if err != nil {
			return err
		}
		if status.State == workflows.PermanentError {
			cancel() // waiting longer mends nothing
			return errors.New(status.Reason)
		}
		if now := status.Flows[flow]; now.GoodRuns == before || now.State != workflows.FlowIdle || now.More {
			return fmt.Errorf("%s is %s after %d good runs: %s", flow, now.State, now.GoodRuns, now.LastError)
		}
		return nil
	})
}

// callsTo are the calls to a vendor whose path ends so.
func callsTo(stats fault.Stats, vendor, end string) int {
	sum := 0
	for operation, n := range stats.Calls[vendor] {
		if strings.HasSuffix(operation, end) {
			sum += n
		}
	}
	return sum
}

func calls(stats fault.Stats) int { return stats.Total(fault.Mimecast) + stats.Total(fault.Falcon) }

func writes(stats fault.Stats) int { return stats.Writes[fault.Mimecast] + stats.Writes[fault.Falcon] }

// times is a as a multiple of b, to three digits.
func times(a, b int) float64 { return float64(1000*a/b) / 1000 }

func ceil(n, by int) int { return (n + by - 1) / by }
