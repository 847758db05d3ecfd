package falcon

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// What one page of alerts can be asked for (contract 3). Not 1: the vendor's words for a limit that is out of bounds ask for
// more than 1.
const (
	minAlerts = 2
	maxAlerts = 1000
)

// alertQuery is the body of a search for alerts.
type alertQuery struct {
	Filter string `json:"filter,omitempty"`
	Sort   string `json:"sort,omitempty"`
	Limit  int    `json:"limit"`
	After  string `json:"after,omitempty"`
}

// Alerts returns one page of the alerts that were updated between q.From and q.To, both inclusive and in whole seconds,
// oldest update first, as sightings of the domains that they are about (domainsOf). Zero times are no bounds. Kind and raw
// text of a sighting are for indicator.New; SeenAt is when the alert was made, Record its composite_id.
//
// The order is that of updates, although an update during the paging moves an alert: it moves behind q.To, into the next
// window, and Newest stays the newest update without a gap before it. Nothing but the time is asked for, since a filter on
// ioc_type misses the alerts that have the domain in ioc_context only. Contract 3.
//
// An alert can be about several domains. Read = the number of different Records in Sightings + the sum of Dropped: each
// record on the page counts once, the older version of an alert that is there twice as DuplicateRecord. Newest is never
// later than q.To, nor than the vendor's clock.
//
// Every failure is a *vendorapi.Error, with page tokens as for ListIOCs. A page can have up to 1,000 alerts, and each of
// them up to 200 domains.
func (c *Client) Alerts(ctx context.Context, q indicator.Query) (indicator.Page, error) {
	var found answered[lenient[alert]]
	answer, _, err := c.fetchPage(ctx, &c.alertLimit, q.Page, func(limit int) vendorapi.Request {
		return alertRequest(alertQuery{Filter: alertFilter(q.From, q.To), Sort: "updated_timestamp|asc", Limit: limit, After: q.Page})
	}, &found)
	if err != nil {
		return indicator.Page{}, fmt.Errorf("read alerts: %w", err)
	}
	const operation = http.MethodPost + " " + pathAlerts
	page := readAlerts(found.Resources)
	if err := driftFailure(operation, answer, page.Read, page.Dropped[Unreadable]); err != nil {
		return indicator.Page{}, fmt.Errorf("read alerts: %w", err)
	}
	page.Newest = notAfter(page.Newest, vendorNow(answer.Header, c.now()))
	if !q.To.IsZero() {
		page.Newest = notAfter(page.Newest, q.To)
	}
	if page.Read == 0 {
		return page, nil // whatever token stands beside nothing
	}
	page.Next = found.Meta.Pagination.After
	if page.Next != "" && page.Next == q.Page {
		return indicator.Page{}, fmt.Errorf("read alerts: %w", contractFailure(operation, answer, tokenTwice))
	}
	return page, nil
}

// noAlerts is the cheapest read of alerts: those from now on.
func (c *Client) noAlerts() vendorapi.Request {
	return alertRequest(alertQuery{Filter: alertFilter(c.now(), time.Time{}), Limit: minAlerts})
}

func alertRequest(query alertQuery) vendorapi.Request {
	return vendorapi.Request{Method: http.MethodPost, Path: pathAlerts, Body: query}
}

func alertFilter(from, to time.Time) string {
	var bounds []string
	if !from.IsZero() {
		bounds = append(bounds, "updated_timestamp:>="+quoted(written(from)))
	}
	if !to.IsZero() {
		bounds = append(bounds, "updated_timestamp:<="+quoted(written(to)))
	}
	return strings.Join(bounds, "+")
}

// readAlerts judges the records of a page. Paging runs on live data, so an alert may be there twice: its newest version
// counts, since a person may have called it a false positive in between.
func readAlerts(records []lenient[alert]) indicator.Page {
	page := indicator.Page{Read: len(records), Dropped: map[string]int{}}
	newest := make(map[string]int, len(records)) // place of the newest version
	for i, read := range records {
		if read.bad || read.value.CompositeID == "" {
			page.Dropped[Unreadable]++
			continue
		}
		updated := read.value.Updated.time()
		if updated.After(page.Newest) {
			page.Newest = updated
		}
		earlier, twice := newest[read.value.record()]
		if twice {
			page.Dropped[DuplicateRecord]++
		}
		if !twice || !updated.Before(records[earlier].value.Updated.time()) {
			newest[read.value.record()] = i
		}
	}
	for i, read := range records {
		if at, readable := newest[read.value.record()]; !readable || at != i {
			continue
		}
		domains, reason := domainsOf(read.value)
		if reason != "" {
			page.Dropped[reason]++
		}
		for _, domain := range domains {
			page.Sightings = append(page.Sightings, indicator.Sighting{
				Kind: indicator.Domain, Raw: domain, SeenAt: read.value.made(), Record: read.value.record(),
			})
		}
	}
	return page
}

// record names the alert in the audit trail.
func (a alert) record() string { return indicator.Printable(a.CompositeID, indicator.MaxRecord) }

// made is when the alert was made, by the best of its times.
func (a alert) made() time.Time {
	for _, text := range []loose{a.Created, a.Timestamp, a.Updated} {
		if at := text.time(); !at.IsZero() {
			return at
		}
	}
	return time.Time{}
}
