package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
)

const (
	// Overlap is how much earlier than the newest record a read starts: log records arrive late.
	Overlap = 30 * time.Minute
	// logRetention is how far back Mimecast keeps its logs (mimecast-api.md section 3).
	logRetention = 30 * 24 * time.Hour
)

// FetchTTPLogsInput says what to read of which log.
type FetchTTPLogsInput struct {
	Integration  string                `json:"integration"`
	Credentials  string                `json:"credentials,omitempty"`
	Source       indicator.Source      `json:"source"`
	Cursor       Cursor                `json:"cursor"`
	Since        time.Time             `json:"since"` // where a first read starts
	SendToFalcon settings.SendToFalcon `json:"sendToFalcon"`
	Protect      settings.Protect      `json:"protect"`
	DryRun       bool                  `json:"dryRun,omitempty"`
}

// FetchTTPLogsResult is what of the log is worth sharing and was not shared before.
type FetchTTPLogsResult struct {
	Indicators []indicator.Indicator `json:"indicators,omitempty"`
	Cursor     Cursor                `json:"cursor"`
	More       bool                  `json:"more,omitempty"` // the window has further pages
	Counts     Counts                `json:"counts"`
	Items      []Item                `json:"items,omitempty"` // dry run: what is held
	Gap        *Gap                  `json:"gap,omitempty"`
}

// FetchTTPLogs reads on in one of Mimecast's targeted threat protection logs: up to 20 pages, of which it returns the
// indicators that are malicious, pass the guard, and are not in the ledger. What the guard holds is recorded.
func (a *Activities) FetchTTPLogs(ctx context.Context, in FetchTTPLogsInput) (FetchTTPLogsResult, error) {
	ctx, stop := heartbeat(ctx)
	defer stop()
	mimecast, err := a.Vendors.Mimecast(in.Credentials)
	if err != nil {
		return FetchTTPLogsResult{}, patient(ctx, err)
	}
	read, err := window{vendor: "mimecast", page: logPages(mimecast, in), since: in.Since, overlap: Overlap, retention: logRetention}.read(ctx, a.Now, in.Cursor)
	if err != nil {
		return FetchTTPLogsResult{}, a.stuck(ctx, in.Integration, err)
	}
	result := FetchTTPLogsResult{Cursor: read.cursor, More: read.cursor.Page != "", Counts: read.counts, Gap: read.gap}
	if len(read.sightings) == 0 {
		return result, nil
	}
	rules, err := a.rules(ctx, mimecast, in.Credentials, in.Protect, read.sightings[0].Kind)
	if err != nil {
		return FetchTTPLogsResult{}, a.stuck(ctx, in.Integration, err)
	}
	passed, held := examine(read.sightings, in.Source, rules)
	news, err := a.withoutEcho(ctx, in.Integration, passed)
	if err != nil {
		return FetchTTPLogsResult{}, a.stuck(ctx, in.Integration, err)
	}
	fresh, err := a.notYetShared(ctx, in, news)
	if err != nil {
		return FetchTTPLogsResult{}, a.stuck(ctx, in.Integration, err)
	}
	if err := a.hold(ctx, in.Integration, in.DryRun, held); err != nil {
		return FetchTTPLogsResult{}, a.stuck(ctx, in.Integration, err)
	}
	result.Indicators = fresh
	result.Counts.Echo = len(passed) - len(news)
	result.Counts.AlreadyThere = len(news) - len(fresh)
	result.Counts.Held = countReasons(held)
	if in.DryRun {
		if result.Items, err = a.heldItems(ctx, in.Integration, held); err != nil {
			return FetchTTPLogsResult{}, a.stuck(ctx, in.Integration, err)
		}
	}
	return result, nil
}

func logPages(mimecast Mimecast, in FetchTTPLogsInput) func(context.Context, indicator.Query) (indicator.Page, error) {
	return func(ctx context.Context, query indicator.Query) (indicator.Page, error) {
		query.Source = in.Source
		query.IncludeSuspicious = in.SendToFalcon.URLDomains.IncludeSuspicious
		query.DomainEvidence = in.SendToFalcon.ImpersonationDomains.Evidence == settings.EvidenceDomain
		return mimecast.TTPLogs(ctx, query)
	}
}

// withoutEcho leaves out what Mimecast found because we had told it: what one direction wrote is no news for the other.
func (a *Activities) withoutEcho(ctx context.Context, integration string, passed []indicator.Indicator) ([]indicator.Indicator, error) {
	echo := map[indicator.Key]bool{}
	for _, list := range []ledger.List{ledger.BYOTI, ledger.BlockedSenders, ledger.SenderPolicies, ledger.ManagedURLs} {
		known, err := a.Ledger.Lookup(ctx, integration, list, indicatorKeys(passed))
		if err != nil {
			return nil, fmt.Errorf("look up own blocks: %w", err)
		}
		for _, found := range passed {
			echo[found.Key] = echo[found.Key] || echoes(known[found.Key], found)
		}
	}
	news := make([]indicator.Indicator, 0, len(passed))
	for _, found := range passed {
		if !echo[found.Key] {
			news = append(news, found)
		}
	}
	return news, nil
}

// echoes says whether a finding may come from what we wrote: that is there, or was there when it was found.
func echoes(written ledger.Entry, found indicator.Indicator) bool {
	return written.State == ledger.Shared || written.State == ledger.Withdrawn && !found.SeenAt.After(written.ChangedAt)
}

func indicatorKeys(indicators []indicator.Indicator) []indicator.Key {
	keys := make([]indicator.Key, 0, len(indicators))
	for _, found := range indicators {
		keys = append(keys, found.Key)
	}
	return keys
}

// notYetShared leaves out what the ledger says is at Falcon as it should be.
func (a *Activities) notYetShared(ctx context.Context, in FetchTTPLogsInput, passed []indicator.Indicator) ([]indicator.Indicator, error) {
	wanted := shares(in.Integration, in.SendToFalcon, passed, a.Now())
	ask, _, err := a.toAsk(ctx, in.Integration, wanted)
	if err != nil {
		return nil, err
	}
	fresh := make([]indicator.Indicator, 0, len(ask))
	for _, share := range ask {
		fresh = append(fresh, share.Indicator)
	}
	return fresh, nil
}
