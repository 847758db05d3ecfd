package main

import (
	"context"
	"fmt"
	"time"

	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
)

const (
	logPage     = 100 // Mimecast's largest page
	falconBatch = 200 // of look-ups and creates
	shareFlow   = settings.FlowShareTTPLogs
)

// sharing are settings that share everything of Mimecast's logs.
func sharing(cron string) map[string]any {
	on := map[string]any{"enabled": true}
	return map[string]any{
		"sendToFalcon": map[string]any{"attachmentHashes": on, "urlDomains": on, "impersonationDomains": on},
		"schedule":     map[string]any{"shareTTPLogs": cron},
	}
}

// leastToShare is the least number of calls that read so many records and list so many indicators at Falcon.
func leastToShare(records, indicators int) int {
	return ceil(records, logPage) + 2*ceil(indicators, falconBatch)
}

// first measures Mimecast's logs on their way to Falcon: a first run, the same data again, and runs with nothing new.
func (b *bench) first(ctx context.Context, f *figures) error {
	f.title("first: Mimecast TTP logs to Falcon, %d new indicators in %d records, %s", b.indicators, b.records, b.stack)
	// The simulator otherwise names a next page after the last one of a log, as some tenants were seen to do: a call that no
	// client can save.
	if err := b.vendors.SetQuirks(ctx, mimecast.Quirks{}); err != nil {
		return err
	}
	started := time.Now()
	if err := b.start(ctx, sharing(never)); err != nil {
		return err
	}
	if err := b.wait(ctx, shareFlow, 0); err != nil {
		return err
	}
	took := b.key("first")
	b.samples.add(took, time.Since(started))
	first, err := b.vendors.Stats(ctx)
	if err != nil {
		return err
	}
	pages, batches, least := ceil(b.records, logPage), ceil(b.indicators, falconBatch), leastToShare(b.records, b.indicators)
	f.note("least calls", fmt.Sprintf("%d: %d log pages, %d look-ups, %d creates", least, pages, batches, batches))
	f.note("calls, Mimecast / Falcon", fmt.Sprintf("%d / %d", first.Total(fault.Mimecast), first.Total(fault.Falcon)))
	atMost(f, "calls, x least", times(calls(first), least), 1.1)
	f.ratio()
	f.note("calls to Falcon per 1,000 indicators", perThousand(first.Total(fault.Falcon), b.indicators))
	f.ratio()
	f.note("calls to Mimecast per 1,000 log records", perThousand(first.Total(fault.Mimecast), b.records))
	f.ratio()
	exactly(f, "IOCs written", first.Writes[fault.Falcon], b.indicators)
	f.note("time", b.samples.show(took))
	f.note("indicators a minute", perMinute(b.indicators, b.samples.median(took)))
	f.note("log records a minute", perMinute(b.records, b.samples.median(took)))
	return b.repeats(ctx, f, shareFlow, first)
}

// key is the name of a time that is measured on several stacks.
func (b *bench) key(name string) string { return name + ", " + string(b.stack) }
