package main

import (
	"context"
	"fmt"
	"time"

	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/internal/wire"
)

const (
	logPage     = 100 // Mimecast's largest page
	falconBatch = 200 // of look-ups and creates
)

// first measures Mimecast's logs on their way to Falcon: a first run, the same data again, and a run with nothing new.
func (b *bench) first(ctx context.Context, f *figures) error {
	const flow = settings.FlowShareTTPLogs
	f.title("first: Mimecast TTP logs to Falcon, %d new indicators in %d records", b.indicators, b.records)
	// The simulator otherwise names a next page after the last one of a log, as some tenants were seen to do: a call that no
	// client can save.
	if err := b.vendors.SetQuirks(ctx, mimecast.Quirks{}); err != nil {
		return err
	}
	started := time.Now()
	on := map[string]any{"enabled": true}
	err := b.start(ctx, map[string]any{
		"sendToFalcon": map[string]any{"attachmentHashes": on, "urlDomains": on, "impersonationDomains": on},
		"schedule":     map[string]any{"shareTTPLogs": never},
	})
	if err != nil {
		return err
	}
	if err := b.wait(ctx, flow, 0); err != nil {
		return err
	}
	took := time.Since(started)
	first, err := b.vendors.Stats(ctx)
	if err != nil {
		return err
	}
	pages, batches := ceil(b.records, logPage), ceil(b.indicators, falconBatch)
	least := pages + 2*batches
	f.note("least calls", fmt.Sprintf("%d: %d log pages, %d look-ups, %d creates", least, pages, batches, batches))
	f.note("calls, Mimecast / Falcon", fmt.Sprintf("%d / %d", first.Total(fault.Mimecast), first.Total(fault.Falcon)))
	atMost(f, "calls, x least", times(calls(first), least), 1.1)
	exactly(f, "IOCs written", first.Writes[fault.Falcon], b.indicators)
	f.note("time", took.Round(100*time.Millisecond))
	return b.repeats(ctx, f, flow, first, 150)
}

// repeats measures the same data again and a run with nothing new, and shows what all runs have left.
func (b *bench) repeats(ctx context.Context, f *figures, flow string, first fault.Stats, memoryMiB int64) error {
	again, err := b.again(ctx, flow, wire.ForgetCheckpoint, map[string]string{"flow": flow})
	if err != nil {
		return err
	}
	idle, err := b.again(ctx, flow, wire.SyncNow, flow)
	if err != nil {
		return err
	}
	all, err := b.histories(ctx)
	if err != nil {
		return err
	}
	exactly(f, "same data again: writes", writes(again), 0)
	f.note("same data again: calls", calls(again))
	exactly(f, "idle run: writes", writes(idle), 0)
	atMost(f, "idle run: calls", calls(idle), 3)
	atMost(f, "idle run: events", all.last, maxIdleEvents)
	exactly(f, "contract violations", len(first.Violations)+len(again.Violations)+len(idle.Violations), 0)
	all.show(f)
	return b.peakMemory(f, memoryMiB)
}
