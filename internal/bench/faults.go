package main

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/samber/lo"

	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
)

// faultShare is the share of calls that are spoilt.
const faultShare = 0.05

// faultRules spoil that share of all calls, in ten ways that are equally frequent. The first rule that fires wins, so each is
// a little less frequent than a tenth of them all would be if they added up.
func faultRules() []fault.Rule {
	rules := []fault.Rule{
		{Kind: fault.Status, Status: http.StatusInternalServerError},
		{Kind: fault.Status, Status: http.StatusServiceUnavailable},
		{Kind: fault.Status, Status: http.StatusGatewayTimeout},
		{Kind: fault.HTML},                        // 502, as of a gateway
		{Kind: fault.HTML, Status: http.StatusOK}, // as of a captive portal
		{Kind: fault.Empty},                       // 200 without a body
		{Kind: fault.Cut},                         // half of the answer, and the vendor has done what it was asked
		{Kind: fault.ResetBefore},                 // the vendor was not asked
		{Kind: fault.ResetAfter},                  // the vendor has done what it was asked
		{Kind: fault.Throttle, DelayMS: 1000},     // 429, with a wait announced
	}
	each := 1 - math.Pow(1-faultShare, 1/float64(len(rules)))
	for i := range rules {
		rules[i].Probability = each
	}
	return rules
}

// imported is what one import has cost and left behind.
type imported struct {
	calls, spoilt int
	lost, doubled int
	insideWait    int
	violations    int
	took          time.Duration
	memoryMiB     int64
	runs          histories
}

// measureFaults measures imports with and without faults, in both directions.
func (r *run) measureFaults(ctx context.Context, f *figures) error {
	half := r.faulty / 2
	f.title("faults: %d indicators to Falcon and %d to Mimecast, %g %% of the calls spoilt in %d ways", r.faulty, half, 100*faultShare, len(faultRules()))
	for _, way := range []struct {
		name  string
		once  func(context.Context, []fault.Rule) (imported, error)
		total int
	}{
		{"to Falcon", r.shareOnce, r.faulty},
		{"to Mimecast", r.blockOnce, half},
	} {
		calm, err := way.once(ctx, nil)
		if err != nil {
			return fmt.Errorf("%s, without faults: %w", way.name, err)
		}
		spoilt, err := way.once(ctx, faultRules())
		if err != nil {
			return fmt.Errorf("%s, with faults: %w", way.name, err)
		}
		calm.show(f, way.name+", without faults: ")
		if way.name == "to Falcon" {
			atLeast(f, "to Falcon, without faults: creates a minute", perMinute(way.total, calm.took), 20_000)
			f.demanded()
		} else {
			f.note("to Mimecast, without faults: indicators a minute", perMinute(way.total, calm.took))
		}
		prefix := way.name + ", with faults: "
		spoilt.show(f, prefix)
		f.note(prefix+"calls spoilt", fmt.Sprintf("%d, %.1f %%", spoilt.spoilt, 100*float64(spoilt.spoilt)/float64(spoilt.calls)))
		f.note(prefix+"time, x as without", ratio(spoilt.took, calm.took))
		f.ratio()
		atMost(f, prefix+"calls, x as without", times(spoilt.calls, calm.calls), 1.1)
		f.ratio()
		f.demanded()
	}
	return nil
}

func (i imported) show(f *figures, prefix string) {
	f.note(prefix+"calls", i.calls)
	f.note(prefix+"time", i.took.Round(100*time.Millisecond))
	exactly(f, prefix+"indicators lost", i.lost, 0)
	f.demanded()
	exactly(f, prefix+"indicators doubled", i.doubled, 0)
	f.demanded()
	exactly(f, prefix+"calls inside an announced wait", i.insideWait, 0)
	f.demanded()
	exactly(f, prefix+"contract violations", i.violations, 0)
	atMost(f, prefix+"worker's peak memory, MiB", i.memoryMiB, maxMemoryMiB)
	f.demanded()
	atMost(f, prefix+"longest run, events", i.runs.events, maxEvents)
}

// shareOnce imports as many indicators to Falcon as log records, all of them different.
func (r *run) shareOnce(ctx context.Context, rules []fault.Rule) (result imported, err error) {
	err = r.on(ctx, developmentServer, r.logs(r.faulty, r.faulty), func(b *bench) error {
		if err := b.vendors.SetQuirks(ctx, mimecast.Quirks{}); err != nil {
			return err
		}
		if result, err = b.once(ctx, sharing(never), shareFlow, rules); err != nil {
			return err
		}
		wanted, err := b.expected(ctx)
		if err != nil {
			return err
		}
		got, err := b.ownIOCs(ctx)
		result.lost, result.doubled = compared(lo.Keys(wanted), got)
		return err
	})
	return result, err
}

// blockOnce imports half as many indicators to Mimecast, a tenth of them domains.
func (r *run) blockOnce(ctx context.Context, rules []fault.Rule) (result imported, err error) {
	domains := r.faulty / 20
	hashes := r.faulty/2 - domains
	err = r.on(ctx, developmentServer, nil, func(b *bench) error {
		if _, err := b.load(ctx, mixed(hashes, domains)); err != nil {
			return err
		}
		if result, err = b.once(ctx, importing(never), importFlow, rules); err != nil {
			return err
		}
		blockedHashes, blockedDomains, err := b.blocked(ctx)
		result.lost, result.doubled = compared(valuesOf(hashes, domains), append(blockedHashes, blockedDomains...))
		return err
	})
	return result, err
}

// valuesOf are the values of mixed.
func valuesOf(hashes, domains int) []string {
	return append(lo.Times(hashes, hash), lo.Times(domains, domain)...)
}

// once runs a flow until it has nothing left to do.
func (b *bench) once(ctx context.Context, settings map[string]any, flow string, rules []fault.Rule) (imported, error) {
	if err := b.vendors.AddFaults(ctx, rules...); err != nil {
		return imported{}, err
	}
	started := time.Now()
	if err := b.start(ctx, settings); err != nil {
		return imported{}, err
	}
	if err := b.wait(ctx, flow, 0); err != nil {
		return imported{}, err
	}
	result := imported{took: time.Since(started)}
	stats, err := b.vendors.Stats(ctx)
	if err != nil {
		return result, err
	}
	result.calls, result.insideWait, result.violations = calls(stats), stats.CallsInsideWait, len(stats.Violations)
	fired, err := b.vendors.Faults(ctx)
	if err != nil {
		return result, err
	}
	for _, rule := range fired {
		result.spoilt += rule.Fired
	}
	memory, err := b.worker.PeakMemory()
	if err != nil {
		return result, err
	}
	result.memoryMiB = memory >> 20
	result.runs, err = b.histories(ctx)
	return result, err
}

// compared says how many of the wanted values are missing, and how many are there that should not be: twice, or not wanted.
func compared(wanted, got []string) (lost, doubled int) {
	open := map[string]bool{}
	for _, value := range wanted {
		open[value] = true
	}
	for _, value := range got {
		if !open[value] {
			doubled++
		}
		delete(open, value)
	}
	return len(open), doubled
}
