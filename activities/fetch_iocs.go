package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
)

// Bounds of what one FetchIOCs returns. A page has up to 2,000 entries; with their values alone all of them fit into 256 KiB.
const (
	anotherPage = 32 << 10  // bytes found: up to here one more page is read
	wholePage   = 240 << 10 // bytes found: more than that is returned in parts
	// shownAtOnce is how many entries of a page a dry run takes at once: it says more about each, and the ledger does not know
	// what it has said already.
	shownAtOnce = 500
	// sweepEvery is how often all deleted entries are read, since a deletion may not count as a change (falcon-api.md 2.3).
	sweepEvery = 24 * time.Hour
)

// Why an entry of the IOC list is not to be blocked: keys of Counts.Dropped, and the reasons of a withdrawal.
const (
	deletedThere indicator.Reason = "deleted"
	expiredThere indicator.Reason = "expired"
	notBlocking  indicator.Reason = "not-blocking" // its action is allow or no_action
	// unknownAction is a word that Falcon may add one day: no reason to block mail, which cannot be undone, nor to unblock it.
	unknownAction indicator.Reason = "unknown-action"
)

// Why else an entry is dropped.
const (
	droppedOwn = "own"          // made by a Threat Share
	droppedOff = "switched-off" // of a kind that the settings do not import
)

// FetchIOCsInput says what of Falcon's IOC list is to be read, for which sources.
type FetchIOCsInput struct {
	Integration string             `json:"integration"`
	Credentials string             `json:"credentials,omitempty"`
	Sources     []indicator.Source `json:"sources"`
	Cursor      Cursor             `json:"cursor"`
	Since       time.Time          `json:"since,omitzero"` // where a first read starts; zero: the whole list
	Protect     settings.Protect   `json:"protect"`
	Withdraw    bool               `json:"withdraw,omitempty"`
	DryRun      bool               `json:"dryRun,omitempty"`
	// Again are values that a person has released or Mimecast has refused, as LoadIntegration gives them.
	Again map[indicator.Source][]Finding `json:"again,omitempty"`
}

// FetchIOCsResult is what is to be blocked and is not yet.
type FetchIOCsResult struct {
	Found  map[indicator.Source][]Finding `json:"found,omitempty"`
	Cursor Cursor                         `json:"cursor"`
	More   bool                           `json:"more,omitempty"`
	// Part says that the page had more than fits: the same cursor gives the rest, once this is in the ledger.
	Part   bool                        `json:"part,omitempty"`
	Counts map[indicator.Source]Counts `json:"counts,omitempty"`
	Items  []Item                      `json:"items,omitempty"` // dry run: what is held
	// Expected is how many entries are listed that this reading goes through; 0: not known.
	Expected int `json:"expected,omitempty"`
	// Due is in a dry run what would be marked as taken back; otherwise that stands in the ledger.
	Due []Item `json:"due,omitempty"`
}

// FetchIOCs reads on in Falcon's IOC list, which somebody else keeps: first what is listed, then what was deleted. It returns
// what is to be blocked, passes the guard and is not in the ledger. What the guard holds is recorded; what Falcon has taken
// back and this integration has blocked is marked in the ledger for WithdrawBlocks.
func (a *Activities) FetchIOCs(ctx context.Context, in FetchIOCsInput) (FetchIOCsResult, error) {
	ctx, stop := heartbeat(ctx)
	defer stop()
	result, err := a.fetchIOCs(ctx, in)
	if err != nil {
		return FetchIOCsResult{}, a.stuck(ctx, in.Integration, err)
	}
	return result, nil
}

func (a *Activities) fetchIOCs(ctx context.Context, in FetchIOCsInput) (FetchIOCsResult, error) {
	falcon, err := a.Vendors.Falcon(in.Credentials)
	if err != nil {
		return FetchIOCsResult{}, err
	}
	mimecast, err := a.Vendors.Mimecast(in.Credentials)
	if err != nil {
		return FetchIOCsResult{}, err
	}
	kind := indicator.SHA256
	if slices.Contains(in.Sources, indicator.IOCDomains) {
		kind = indicator.Domain
	}
	rules, err := a.rules(ctx, mimecast, in.Credentials, in.Protect, kind)
	if err != nil {
		return FetchIOCsResult{}, err
	}
	started := a.Now()
	cursor := openList(in, started)
	read := newIOCRead(in, rules, started)
	if err := a.takeAgain(ctx, falcon, read); err != nil {
		return FetchIOCsResult{}, err
	}
	tokens := map[string]bool{}
	for pages := 0; pages == 0 || pages < maxPages && read.size < anotherPage && a.Now().Sub(started) < maxTime && !stopping(ctx); pages++ {
		page, err := falcon.ListIOCs(ctx, indicator.ListQuery{Since: cursor.From, After: cursor.Page, Deleted: cursor.Deleted})
		switch {
		case err != nil && pages > 0:
			return read.result(cursor), nil // the next step meets the failure again, with nothing to lose
		case err != nil && stalePage(err, cursor):
			in.Cursor = Cursor{Newest: cursor.Newest, SweptAt: cursor.SweptAt}
			if cursor.Deleted && cursor.From.IsZero() {
				in.Cursor.SweptAt = time.Time{} // it was not swept to its end
			}
			if in.Cursor, err = cursor.again("falcon", openList(in, started)); err != nil {
				return FetchIOCsResult{}, err
			}
			return a.fetchIOCs(ctx, in)
		case err != nil:
			return FetchIOCsResult{}, err
		}
		if !cursor.Deleted {
			read.expected = max(read.expected, page.Total)
		}
		part, left := page, false
		if in.DryRun {
			part, left = shown(page, cursor.Skip)
		}
		if !left && tokens[page.Next] {
			page.Next = "" // a token that comes back would lead in a circle
		}
		tokens[page.Next] = !left && page.Next != ""
		onPage, err := a.take(ctx, newIOCRead(in, rules, started), part)
		switch {
		case err != nil:
			return FetchIOCsResult{}, err
		case read.size+onPage.size > wholePage && pages > 0:
			return read.result(cursor), nil // the next step reads the page again, and it alone
		case onPage.size > wholePage && !in.DryRun:
			return onPage.part(in.Cursor), nil
		}
		read.join(onPage)
		if left {
			cursor.Skip += len(part.Entries)
			continue
		}
		if cursor, err = afterPage(cursor, page, in.Withdraw, started); err != nil {
			return FetchIOCsResult{}, err
		}
		if !reading(cursor) {
			break
		}
	}
	return read.result(cursor), nil
}

// shown is what a dry run takes of a page at once, and whether that leaves some of it.
func shown(page indicator.ListPage, skip int) (part indicator.ListPage, left bool) {
	rest := page.Entries[min(skip, len(page.Entries)):]
	part = page
	part.Entries = rest[:min(len(rest), shownAtOnce)]
	part.Read = len(part.Entries) + page.Read - len(page.Entries)
	if skip > 0 { // what is no entry is counted with the first part
		part.Read, part.Dropped = len(part.Entries), nil
	}
	return part, len(part.Entries) < len(rest)
}

// openList continues an unfinished reading, or begins the next one: from a little before the newest change.
func openList(in FetchIOCsInput, now time.Time) Cursor {
	cursor := in.Cursor
	if reading(cursor) {
		return cursor
	}
	from := in.Since
	if !cursor.Newest.IsZero() {
		from = cursor.Newest.Add(-Overlap)
	}
	return Cursor{Newest: cursor.Newest, From: from.UTC().Truncate(time.Second), To: now.UTC().Truncate(time.Second), SweptAt: cursor.SweptAt}
}

// reading says whether a list has been read in part. To is set from the first page to the last.
func reading(cursor Cursor) bool { return !cursor.To.IsZero() }

// afterPage is the cursor once page has been read: the next page, then the first one of the deleted entries, then the end.
func afterPage(cursor Cursor, page indicator.ListPage, withdraw bool, now time.Time) (Cursor, error) {
	cursor, err := cursor.onTo("falcon", page.Next)
	if err == nil && cursor.Pages >= mostPages {
		err = endless("falcon", fmt.Sprintf("it has more than %d pages", mostPages))
	}
	if err != nil {
		return cursor, err
	}
	if !cursor.Deleted && page.Newest.After(cursor.Newest) {
		cursor.Newest = page.Newest
	}
	cursor.Page, cursor.Skip = page.Next, 0
	switch {
	case page.Next != "":
		return cursor, nil
	case !cursor.Deleted && withdraw:
		cursor.Deleted = true
		if now.Sub(cursor.SweptAt) >= sweepEvery {
			cursor.From, cursor.SweptAt = time.Time{}, now.UTC()
		}
		return cursor, nil
	default:
		return Cursor{Newest: cursor.Newest, SweptAt: cursor.SweptAt}, nil
	}
}
