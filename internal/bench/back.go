package main

import (
	"context"
	"fmt"
	"time"

	"github.com/threatshare/threatshare/internal/simulator/fault"
)

const (
	listPage    = 2000 // Falcon's largest page
	hashBatch   = 1000 // of BYOTI
	memberBatch = 10   // of a group
)

// leastToBlock is the least number of calls that read so many IOCs from Falcon and block them in Mimecast.
func leastToBlock(hashes, domains int) int {
	return ceil(hashes+domains, listPage) + ceil(hashes, hashBatch) + ceil(domains, memberBatch)
}

// back measures Falcon's IOC list on its way to Mimecast: a first run, the same list again, and runs with nothing new.
func (b *bench) back(ctx context.Context, f *figures) error {
	f.title("back: Falcon's IOC list to Mimecast, %d hashes and %d domains, %s", b.hashes, b.domains, b.stack)
	iocs := mixed(b.hashes, b.domains)
	for i := range iocs {
		if b.expiring {
			iocs[i].Expiration = time.Now().AddDate(0, 1, 0).Add(time.Duration(i) * time.Second).UTC().Format(time.RFC3339)
		}
	}
	loading, err := b.load(ctx, iocs)
	if err != nil {
		return err
	}
	started := time.Now()
	if err := b.start(ctx, importing(never)); err != nil {
		return err
	}
	if err := b.wait(ctx, importFlow, 0); err != nil {
		return err
	}
	took := since(started)
	b.samples.add(b.key("back"), took)
	first, err := b.vendors.Stats(ctx)
	if err != nil {
		return err
	}
	hashes, domains, err := b.blocked(ctx)
	if err != nil {
		return err
	}
	pages, adds, members := ceil(b.hashes+b.domains, listPage), ceil(b.hashes, hashBatch), ceil(b.domains, memberBatch)
	least := leastToBlock(b.hashes, b.domains)
	f.note("time to load the simulator", loading)
	f.note("least calls", fmt.Sprintf("%d: %d list pages, %d BYOTI, %d members", least, pages, adds, members))
	f.note("calls, Mimecast / Falcon", fmt.Sprintf("%d / %d", first.Total(fault.Mimecast), first.Total(fault.Falcon)))
	atMost(f, "calls, x least", times(calls(first), least), 1.05)
	f.ratio()
	f.note("BYOTI calls per 1,000 hashes", perThousand(callsTo(first, fault.Mimecast, "byo-threat-intelligence/create-batch"), b.hashes))
	f.ratio()
	f.note("member calls per 1,000 domains", perThousand(callsTo(first, fault.Mimecast, "/members"), b.domains))
	f.ratio()
	exactly(f, "hashes blocked", len(hashes), b.hashes)
	exactly(f, "domains blocked", len(domains), b.domains)
	atMost(f, "time", took, 10*time.Minute)
	f.note("indicators a minute", perMinute(b.hashes+b.domains, took))
	showCalls(f, first)
	return b.repeats(ctx, f, importFlow, first)
}

// showCalls shows which calls were made how often.
func showCalls(f *figures, stats fault.Stats) {
	for _, vendor := range []string{fault.Falcon, fault.Mimecast} {
		for _, call := range byCount(stats.Calls[vendor]) {
			f.note("calls: "+vendor+" "+call, stats.Calls[vendor][call])
		}
	}
}
