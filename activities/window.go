package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/threatshare/threatshare/internal/indicator"
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

// Cursor is how far a log or list has been read.
type Cursor struct {
	Newest time.Time `json:"newest,omitzero"` // newest record of those read without a gap: the checkpoint
	// From, To and Page are set while a window has not been read to its end: the next read goes on there.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	Page string    `json:"page,omitempty"`
	// ReadTo is until when a log has been read to its end, whether or not it held anything: what tells a quiet log from a gap.
	ReadTo time.Time `json:"readTo,omitzero"`
	// Deleted is set while the deleted entries of a list are read, which come after the others.
	Deleted bool `json:"deleted,omitempty"`
	// Skip is how many entries of the page a dry run has shown already.
	Skip int `json:"skip,omitempty"`
	// Pages, Anchor and Restarts tell a long window from one that does not end (endless.go).
	Pages    int    `json:"pages,omitempty"`
	Anchor   string `json:"anchor,omitempty"`
	Restarts int    `json:"restarts,omitempty"`
	// SweptAt is when all deleted entries of a list were read last, whenever they were deleted.
	SweptAt time.Time `json:"sweptAt,omitzero"`
}

// window is a log as it is read: by pages, from a little before the newest record until now.
type window struct {
	vendor  string
	page    func(ctx context.Context, query indicator.Query) (indicator.Page, error)
	since   time.Time     // where a first read starts
	overlap time.Duration // how much earlier than the newest record a read starts: records arrive late
	// retention is how far back the vendor keeps records; what an older start answers is unknown, possibly nothing, for
	// ever. Zero: not known.
	retention time.Duration
}

type logRead struct {
	sightings []indicator.Sighting
	cursor    Cursor
	counts    Counts
	gap       *Gap
}

// Gap is a time of which nothing was read and nothing can be read any more, since the vendor keeps its records too short.
type Gap struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// read reads pages until a bound of the step is met or the window ends. A failure after the first page only ends the step
// early: what was read is kept.
func (w window) read(ctx context.Context, now func() time.Time, cursor Cursor) (logRead, error) {
	started := now()
	opened, gap := w.open(cursor, started)
	read := logRead{cursor: opened, gap: gap}
	tokens := map[string]bool{opened.Page: true}
	size := 0
	for pages := 0; pages == 0 || pages < maxPages && size < maxPayload && now().Sub(started) < maxTime && !stopping(ctx); pages++ {
		page, err := w.page(ctx, indicator.Query{From: read.cursor.From, To: read.cursor.To, Page: read.cursor.Page})
		switch {
		case err != nil && pages > 0:
			return read, nil // the next step meets the failure again, with nothing to lose
		case err != nil && stalePage(err, read.cursor):
			// Page tokens run out. The window is read again from the checkpoint; the ledger makes that free.
			return w.restart(ctx, now, cursor)
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
		if read.cursor, err = w.after(read.cursor, page); err != nil {
			return logRead{}, err
		}
		if read.cursor.Page == "" {
			break
		}
	}
	return read, nil
}

func (w window) restart(ctx context.Context, now func() time.Time, cursor Cursor) (logRead, error) {
	opened, gap := w.open(Cursor{Newest: cursor.Newest, ReadTo: cursor.ReadTo}, now())
	opened, err := cursor.again(w.vendor, opened)
	if err != nil {
		return logRead{}, err
	}
	read, err := w.read(ctx, now, opened)
	read.gap = gap
	return read, err
}

// open continues an unfinished window, or opens the next one. The gap is what lies before the window and was never read.
func (w window) open(cursor Cursor, now time.Time) (opened Cursor, gap *Gap) {
	if cursor.Page != "" || !cursor.To.IsZero() {
		return cursor, nil
	}
	from := w.since
	if !cursor.Newest.IsZero() {
		from = cursor.Newest.Add(-w.overlap)
	}
	if oldest := now.Add(-w.retention); w.retention > 0 && from.Before(oldest) {
		from = oldest
		if !cursor.ReadTo.IsZero() && cursor.ReadTo.Before(oldest) {
			gap = &Gap{From: cursor.ReadTo.UTC(), To: oldest.UTC()}
		}
	}
	if from.After(now) {
		// The clock has been set back, or was ahead before. What is read again costs nothing, and what lies between comes
		// when the clock gets there; a window that ends before it starts would be refused for good.
		from = now.Add(-w.overlap)
	}
	return Cursor{
		Newest: cursor.Newest, From: from.UTC().Truncate(time.Second), To: now.UTC().Truncate(time.Second), ReadTo: cursor.ReadTo,
	}, gap
}

// after is the cursor once page has been read. A window of too many pages ends where it is, and the next one goes on from the
// newest record, unless there was none newer in all those pages.
func (w window) after(c Cursor, page indicator.Page) (Cursor, error) {
	next, err := c.after(page).onTo(w.vendor, page.Next)
	if err != nil || next.Pages < mostPages {
		return next, err
	}
	if !next.Newest.Add(-w.overlap).Truncate(time.Second).After(c.From) {
		return c, endless(w.vendor, fmt.Sprintf("%d pages hold no newer record", next.Pages))
	}
	return Cursor{Newest: next.Newest, ReadTo: next.ReadTo}, nil
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
		return Cursor{Newest: c.Newest, ReadTo: c.To}
	}
	c.Page = page.Next
	return c
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

func stalePage(err error, cursor Cursor) bool {
	refusal, ok := errors.AsType[*vendorapi.Error](err)
	return ok && refusal.Code == vendorapi.PageTokenRefused && cursor.Page != ""
}
