package main

import (
	"context"
	"fmt"
	"math"
	"net/http"

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

// measureFaults measures imports with and without faults, in both directions.
func (r *run) measureFaults(ctx context.Context, f *figures) error {
	f.title("faults: %d indicators each way, %g %% of the calls spoilt in %d ways", r.faulty, 100*faultShare, len(faultRules()))
	for _, way := range []struct {
		name string
		once func(context.Context, []fault.Rule) (imported, error)
	}{
		{"to Falcon", r.shareOnce},
		{"to Mimecast", r.blockOnce},
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
			atLeast(f, "to Falcon, without faults: creates a minute", perMinute(r.faulty, calm.took), 20_000)
			f.demanded()
		} else {
			f.note("to Mimecast, without faults: indicators a minute", perMinute(r.faulty, calm.took))
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

// shareOnce imports as many indicators to Falcon as log records, all of them different.
func (r *run) shareOnce(ctx context.Context, rules []fault.Rule) (result imported, err error) {
	err = r.on(ctx, developmentServer, r.logs(r.faulty, r.faulty), func(b *bench) error {
		if err := b.vendors.SetQuirks(ctx, mimecast.Quirks{}); err != nil {
			return err
		}
		if result, err = b.once(ctx, waitTime, sharing(never), shareFlow, rules); err != nil {
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

// blockOnce imports as many indicators to Mimecast, a twentieth of them domains, which are most of the calls.
func (r *run) blockOnce(ctx context.Context, rules []fault.Rule) (result imported, err error) {
	domains := r.faulty / 20
	hashes := r.faulty - domains
	err = r.on(ctx, developmentServer, nil, func(b *bench) error {
		if _, err := b.load(ctx, mixed(hashes, domains)); err != nil {
			return err
		}
		if result, err = b.once(ctx, waitTime, importing(never), importFlow, rules); err != nil {
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
