package activities

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

// BlockURLsInput says whose URLs are to be blocked too: the domains of a source that the ledger has as blocked senders.
type BlockURLsInput struct {
	Integration string           `json:"integration"`
	Credentials string           `json:"credentials,omitempty"`
	Source      indicator.Source `json:"source"`
	DryRun      bool             `json:"dryRun,omitempty"`
	Domains     []string         `json:"domains,omitempty"` // dry run: those that would be blocked senders by then
}

// BlockURLsResult is BlockResult, and whether there are more.
type BlockURLsResult struct {
	BlockResult

	More bool `json:"more,omitempty"`
}

const (
	urlsAtOnce = 500   // how many domains one BlockURLs takes: 25 calls
	urlsToShow = 2_000 // how many a dry run looks at
)

// BlockURLs blocks the URLs of domains of a source: of those that are blocked senders and whose URLs are not blocked yet,
// whenever and why ever that was left out, and of those that Mimecast has refused in an earlier run.
func (a *Activities) BlockURLs(ctx context.Context, in BlockURLsInput) (BlockURLsResult, error) {
	ctx, stop := heartbeat(ctx)
	defer stop()
	result, err := a.blockURLs(ctx, in)
	if err != nil {
		return BlockURLsResult{}, a.stuck(ctx, in.Integration, err)
	}
	return result, nil
}

func (a *Activities) blockURLs(ctx context.Context, in BlockURLsInput) (BlockURLsResult, error) {
	mimecast, err := a.Vendors.Mimecast(in.Credentials)
	if err != nil {
		return BlockURLsResult{}, err
	}
	limit := urlsAtOnce
	if in.DryRun {
		limit = urlsToShow
	}
	missing, err := a.Ledger.Missing(ctx, in.Integration, listOf(in.Source), ledger.ManagedURLs, in.Source, limit)
	if err != nil {
		return BlockURLsResult{}, fmt.Errorf("look for domains without blocked URLs: %w", err)
	}
	refusedBefore, err := a.refusedURLs(ctx, in)
	if err != nil {
		return BlockURLsResult{}, err
	}
	block := BlockInput{Integration: in.Integration, Source: in.Source, DryRun: in.DryRun}
	for _, entry := range append(missing, refusedBefore...) {
		if !entry.ExpiresAt.IsZero() && !entry.ExpiresAt.After(a.Now()) {
			continue // it is about to be withdrawn
		}
		block.Findings = append(block.Findings, Finding{Value: entry.Value, Record: entry.Record})
	}
	for _, domain := range in.Domains {
		block.Findings = append(block.Findings, Finding{Value: domain})
	}
	todo, err := a.unsettled(ctx, block, ledger.ManagedURLs)
	if err != nil || len(todo) == 0 {
		return BlockURLsResult{}, err
	}
	result := BlockURLsResult{More: len(missing) == urlsAtOnce && !in.DryRun}
	comment := indicator.Mark{Integration: in.Integration}.Source()
	if in.DryRun {
		outcomes, err := mimecast.URLDomainsThere(ctx, valuesOf(todo), comment)
		result.BlockResult = rehearsed(block, ledger.ManagedURLs, Counts{}, todo, outcomes)
		return result.asURLs(), err
	}
	outcomes, failed := mimecast.BlockURLDomains(ctx, valuesOf(todo), comment)
	if err := a.allRefused(ctx, in.Integration, ledger.ManagedURLs, outcomes, "mimecast", "the words of the refusal"); err != nil {
		return BlockURLsResult{}, err
	}
	counts, err := a.settleBlocks(ctx, block, ledger.ManagedURLs, duplicateIsForeign, todo, outcomes)
	if err := cmp.Or(err, having(counts.settled(), failed)); err != nil {
		return BlockURLsResult{}, err
	}
	result.Counts = counts
	return result.asURLs(), nil
}

// refusedURLs are the entries that Mimecast has refused in an earlier run, of domains that are still blocked senders.
func (a *Activities) refusedURLs(ctx context.Context, in BlockURLsInput) ([]ledger.Entry, error) {
	entries, err := a.Ledger.Retry(ctx, in.Integration, ledger.ManagedURLs, refusalTries, urlsAtOnce)
	if err != nil {
		return nil, fmt.Errorf("look for refused URLs: %w", err)
	}
	entries = slices.DeleteFunc(entries, func(entry ledger.Entry) bool { return entry.Source != in.Source })
	blocked, err := a.Ledger.Lookup(ctx, in.Integration, listOf(in.Source), entryKeys(entries))
	if err != nil {
		return nil, fmt.Errorf("look up blocked senders: %w", err)
	}
	return slices.DeleteFunc(entries, func(entry ledger.Entry) bool {
		sender := blocked[entry.Key]
		return sender.State != ledger.Shared || !sender.DueAt.IsZero()
	}), nil
}

// asURLs counts what was blocked as URLs, beside the senders.
func (r BlockURLsResult) asURLs() BlockURLsResult {
	r.Counts.URLsBlocked, r.Counts.WouldBlockURLs = r.Counts.Shared, r.Counts.WouldShare
	r.Counts.Shared, r.Counts.WouldShare, r.Counts.AlreadyThere = 0, 0, 0
	for i := range r.Items {
		r.Items[i].Verdict = VerdictBlockURLs
	}
	return r
}
