package falcon

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

const defaultList = maxPage // the fewest calls; a Falcon that takes less says so, and fetchPage follows it

// ListIOCs returns one page of the IOC list: entries of type sha256 and domain, whoever made them, that were changed at or
// after q.Since, oldest change first. Expired ones are among them, with Expired set; so are all actions, allow too.
//
// Deleted entries stay in Falcon, and whether a search gives them unasked is not known. So q.Deleted chooses, and the whole
// list is two passes: ⌈n/limit⌉ calls for its n live entries, ⌈d/limit⌉ for its d deleted ones, each pass at least one, and
// one more if its last page is just full. Deleted is told of every entry as its record has it, not as it was asked for.
// Whether a deletion or an expiry counts as a change, so that Since finds it, is not documented: ExpiresAt tells the latter
// beforehand. Contract 2.3.
//
// Every failure is a *vendorapi.Error. One of class Contract with the code vendorapi.PageTokenRefused means that q.After is
// no longer accepted; one of class Contract without it is also what a page that leads to itself gives. A circle of several
// pages is not noticed here: the caller bounds the pages that it reads.
func (c *Client) ListIOCs(ctx context.Context, q indicator.ListQuery) (indicator.ListPage, error) {
	var found answered[lenient[record]]
	answer, limit, err := c.fetchPage(ctx, &c.listLimit, q.After, func(limit int) vendorapi.Request {
		query := url.Values{"filter": {listFilter(q)}, "sort": {"modified_on|asc"}, "limit": {strconv.Itoa(limit)}}
		if q.After != "" {
			query.Set("after", q.After)
		}
		return vendorapi.Request{Method: http.MethodGet, Path: pathCombined, Query: query}
	}, &found)
	if err != nil {
		return indicator.ListPage{}, fmt.Errorf("list indicators: %w", err)
	}
	const operation = http.MethodGet + " " + pathCombined
	page := c.readList(found.Resources)
	if err := driftFailure(operation, answer, page.Read, page.Dropped[Unreadable]); err != nil {
		return indicator.ListPage{}, fmt.Errorf("list indicators: %w", err)
	}
	next, wrong := found.Meta.Pagination.next(q.After, len(found.Resources), limit)
	if wrong != "" {
		return indicator.ListPage{}, fmt.Errorf("list indicators: %w", contractFailure(operation, answer, wrong))
	}
	page.Next, page.Newest = next, notAfter(page.Newest, vendorNow(answer.Header, c.now()))
	page.Total = max(0, int(found.Meta.Pagination.Total))
	return page, nil
}

// listFilter always says which of deleted and not deleted records it is about.
func listFilter(q indicator.ListQuery) string {
	filter := "type:['domain','sha256']+deleted:" + strconv.FormatBool(q.Deleted)
	if !q.Since.IsZero() {
		filter += "+modified_on:>=" + quoted(written(q.Since))
	}
	return filter
}

// readList judges the records of a page. Read = len(Entries) + the sum of Dropped.
func (c *Client) readList(records []lenient[record]) indicator.ListPage {
	page := indicator.ListPage{Read: len(records), Dropped: map[string]int{}, Entries: make([]indicator.ListEntry, 0, len(records))}
	for _, read := range records {
		if read.bad || read.value.ID == "" || read.value.Value == "" {
			page.Dropped[Unreadable]++
			continue
		}
		entry := read.value.entry(c.clientID)
		if entry.ModifiedOn.After(page.Newest) {
			page.Newest = entry.ModifiedOn
		}
		if entry.Kind != indicator.SHA256 && entry.Kind != indicator.Domain {
			page.Dropped[OtherType]++
			continue
		}
		page.Entries = append(page.Entries, entry)
	}
	return page
}

// entry is the record as an entry of a list. Its key is the one that New gives the value, so that a name in letters of
// another script is the same one in the ledger.
func (r record) entry(clientID string) indicator.ListEntry {
	entry := indicator.ListEntry{
		Listed: r.listed(), Deleted: r.Deleted, ModifiedOn: r.touched(), SameClient: string(r.CreatedBy) == clientID,
	}
	if known, err := indicator.New(indicator.Sighting{Kind: entry.Kind, Raw: r.Value}, ""); err == nil {
		entry.Key = known.Key
	}
	return entry
}

// next is the token of the page after this one, which has n records of limit asked for and was asked for with asked; or
// what is wrong with the page. A token stands on the last page too, so an empty or short page ends the list, unless the
// totals say that Falcon gives less to a page than it admits.
func (p pagination) next(asked string, n, limit int) (token, wrong string) {
	seen, known := n, asked == ""
	if running := int(p.Offset); running >= n && running > 0 {
		seen, known = running, true
	}
	more := known && int(p.Total) > seen
	switch {
	case n == 0, n < p.full(limit) && !more:
		return "", ""
	case p.After == "" && more:
		return "", fmt.Sprintf("the list ends after %d of %d records", seen, int(p.Total))
	case p.After == asked && asked != "":
		return "", tokenTwice
	default:
		return p.After, ""
	}
}
