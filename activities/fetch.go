package activities

import (
	"context"
	"errors"
	"strconv"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// Bounds of one fetch step. Its result stays far under Temporal's payload limit, and its time under the step's time-out.
const (
	maxPages   = 20
	maxPayload = 128 << 10 // then no further page is read; one more page fits into what is left of 256 KiB
	maxTime    = 45 * time.Second
	// indicatorOverhead is what an indicator takes in JSON beside its value and record.
	indicatorOverhead = 120
	maxValue          = 253 // the longest canonical value
)

// Overlap is how much earlier than the newest record a read starts: log records arrive late.
const Overlap = 30 * time.Minute

// retention is how far back Mimecast keeps its logs (mimecast-api.md section 3). What an older start answers is unknown,
// possibly nothing, for ever.
const retention = 30 * 24 * time.Hour

// Cursor is how far a log has been read.
type Cursor struct {
	Newest time.Time `json:"newest,omitzero"` // newest record of those read without a gap: the checkpoint
	// From, To and Page are set while a window has not been read to its end: the next read goes on there.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	Page string    `json:"page,omitempty"`
}

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
}

// FetchTTPLogs reads on in one of Mimecast's targeted threat protection logs: up to 20 pages, of which it returns the
// indicators that are malicious, pass the guard, and are not in the ledger. What the guard holds is recorded.
func (a *Activities) FetchTTPLogs(ctx context.Context, in FetchTTPLogsInput) (FetchTTPLogsResult, error) {
	defer heartbeat(ctx)()
	mimecast, err := a.Vendors.Mimecast(in.Credentials)
	if err != nil {
		return FetchTTPLogsResult{}, failure(ctx, err)
	}
	read, err := a.readLog(ctx, mimecast, in)
	if err != nil {
		return FetchTTPLogsResult{}, a.stuck(ctx, in.Integration, err)
	}
	result := FetchTTPLogsResult{Cursor: read.cursor, More: read.cursor.Page != "", Counts: read.counts}
	if len(read.sightings) == 0 {
		return result, nil
	}
	rules, err := a.rules(ctx, mimecast, in.Credentials, in.Protect, read.sightings[0].Kind)
	if err != nil {
		return FetchTTPLogsResult{}, a.stuck(ctx, in.Integration, err)
	}
	passed, held := examine(read.sightings, in.Source, rules)
	fresh, err := a.notYetShared(ctx, in, passed)
	if err != nil {
		return FetchTTPLogsResult{}, a.stuck(ctx, in.Integration, err)
	}
	if err := a.hold(ctx, in.Integration, in.DryRun, held); err != nil {
		return FetchTTPLogsResult{}, a.stuck(ctx, in.Integration, err)
	}
	result.Indicators = fresh
	result.Counts.AlreadyThere = len(passed) - len(fresh)
	result.Counts.Held = countReasons(held)
	return result, nil
}

type logRead struct {
	sightings []indicator.Sighting
	cursor    Cursor
	counts    Counts
}

// readLog reads pages until a bound of the step is met or the window ends. A failure after the first page only ends the
// step early: what was read is kept.
func (a *Activities) readLog(ctx context.Context, mimecast Mimecast, in FetchTTPLogsInput) (logRead, error) {
	started := a.Now()
	window := openWindow(in.Cursor, in.Since, started)
	read := logRead{cursor: window}
	tokens := map[string]bool{window.Page: true}
	size := 0
	for pages := 0; pages == 0 || pages < maxPages && size < maxPayload && a.Now().Sub(started) < maxTime && !stopping(ctx); pages++ {
		page, err := mimecast.TTPLogs(ctx, indicator.Query{
			Source: in.Source, From: read.cursor.From, To: read.cursor.To, Page: read.cursor.Page,
			IncludeSuspicious: in.SendToFalcon.URLDomains.IncludeSuspicious,
			DomainEvidence:    in.SendToFalcon.ImpersonationDomains.Evidence == settings.EvidenceDomain,
		})
		switch {
		case err != nil && pages > 0:
			return read, nil // the next step meets the failure again, with nothing to lose
		case err != nil && stalePage(err, read.cursor):
			// Page tokens run out. The window is read again from the checkpoint; the ledger makes that free.
			in.Cursor = Cursor{Newest: in.Cursor.Newest}
			return a.readLog(ctx, mimecast, in)
		case err != nil:
			return logRead{}, err
		}
		read.counts.add(page)
		read.sightings = append(read.sightings, page.Sightings...)
		for _, sighting := range page.Sightings {
			size += indicatorOverhead + min(len(sighting.Raw), maxValue) + min(len(sighting.Record), indicator.MaxRecord)
		}
		if tokens[page.Next] {
			page.Next = "" // a token that comes back would lead in a circle (mimecast-api.md 2.1)
		}
		tokens[page.Next] = true
		read.cursor = read.cursor.after(page)
		if page.Next == "" {
			break
		}
	}
	return read, nil
}

// stopping says whether the worker has been told to stop: what was read so far is then handed over in time.
func stopping(ctx context.Context) bool {
	select {
	case <-activity.GetWorkerStopChannel(ctx):
		return true
	default:
		return false
	}
}

// openWindow continues an unfinished window, or opens the next one: from a little before the newest record until now.
func openWindow(cursor Cursor, since, now time.Time) Cursor {
	if cursor.Page != "" {
		return cursor
	}
	from := since
	if !cursor.Newest.IsZero() {
		from = cursor.Newest.Add(-Overlap)
	}
	if oldest := now.Add(-retention); from.Before(oldest) {
		from = oldest
	}
	return Cursor{Newest: cursor.Newest, From: from.UTC().Truncate(time.Second), To: now.UTC().Truncate(time.Second)}
}

// after is the cursor once page has been read. Records come oldest first, so the newest one met is the newest without a gap.
// A record that claims to be from the future does not move it beyond the window.
func (c Cursor) after(page indicator.Page) Cursor {
	if newest := page.Newest; newest.After(c.Newest) {
		if newest.After(c.To) {
			newest = c.To
		}
		c.Newest = newest
	}
	if page.Next == "" {
		return Cursor{Newest: c.Newest}
	}
	c.Page = page.Next
	return c
}

func stalePage(err error, cursor Cursor) bool {
	refusal, ok := errors.AsType[*vendorapi.Error](err)
	return ok && refusal.Code == vendorapi.PageTokenRefused && cursor.Page != ""
}

type heldBack struct {
	indicator.Key

	source  indicator.Source
	seenAt  time.Time
	record  string
	refusal *indicator.Refusal
}

// examine makes indicators of sightings: canonical, each once, and only those that the guard lets pass.
func examine(sightings []indicator.Sighting, source indicator.Source, rules guard.Rules) (passed []indicator.Indicator, held []heldBack) {
	met := make(map[indicator.Key]bool, len(sightings))
	for _, sighting := range sightings {
		found, err := indicator.New(sighting, source)
		key, refusal := found.Key, (*indicator.Refusal)(nil)
		if err != nil {
			refusal, _ = errors.AsType[*indicator.Refusal](err)
			// In quotes, which no canonical value has: what is shown of a refused text can look like a good one, or be nothing.
			key = indicator.Key{Kind: sighting.Kind, Value: strconv.Quote(indicator.Shown(sighting.Raw))}
		} else {
			refusal = rules.Check(found)
		}
		if met[key] {
			continue
		}
		met[key] = true
		if refusal == nil {
			passed = append(passed, found)
			continue
		}
		held = append(held, heldBack{
			Key: key, source: source, seenAt: sighting.SeenAt, refusal: refusal,
			record: indicator.Printable(sighting.Record, indicator.MaxRecord),
		})
	}
	return passed, held
}

// hold records what the guard kept back, so that a person can find it, read why, and release it.
func (a *Activities) hold(ctx context.Context, integration string, dryRun bool, held []heldBack) error {
	if dryRun || len(held) == 0 {
		return nil
	}
	entries := make([]ledger.Entry, 0, len(held))
	for _, h := range held {
		entries = append(entries, ledger.Entry{
			Integration: integration, Direction: ledger.ToFalcon, Key: h.Key, Source: h.source, State: ledger.Held,
			Reason: h.refusal.Reason, Detail: h.refusal.Detail, Record: h.record, SeenAt: h.seenAt, Run: runID(ctx),
		})
	}
	return a.Ledger.Record(ctx, a.Now(), entries)
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
