package mimecast

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// drifted is from how many records on a page more than half unreadable ones mean that the log's shape has changed.
const drifted = 10

// logFilter is the one object in the data of a log request. It carries no filter on the verdict: the documented values
// differ between versions of the vendor's pages, and it is the newest record of any verdict that moves a checkpoint on. A
// quiet log that was read through such a filter would fall behind the vendor's retention.
type logFilter struct {
	From        string `json:"from,omitempty"`
	To          string `json:"to,omitempty"`
	Route       string `json:"route,omitempty"`
	OldestFirst bool   `json:"oldestFirst"`
}

type logRequest struct {
	Meta requestMeta  `json:"meta"`
	Data [1]logFilter `json:"data"`
}

type logAnswer struct {
	Meta meta              `json:"meta"`
	Data []json.RawMessage `json:"data"`
	Fail many[failEntry]   `json:"fail"`
}

// TTPLogs reads one page of the log of q.Source, oldest record first, and gives the sightings of the records that count as
// a threat (contract sections 3.1 to 3.3). The others are counted by the reasons of this package. The zero From and To are
// left to the vendor: start of today, now. Newest is never later than To. Rewritten links are replaced by what they stand
// for where the vendor decodes them; the others stay as they are.
//
// Every failure is a *vendorapi.Error. One of class Contract with the code vendorapi.PageTokenRefused means that q.Page is no longer
// accepted.
func (c *Client) TTPLogs(ctx context.Context, q indicator.Query) (indicator.Page, error) {
	log, ok := logFor(q.Source)
	if !ok {
		return indicator.Page{}, &vendorapi.Error{
			Class: vendorapi.Rejected, Vendor: vendor, Operation: "read log", Message: "no log for the source " + strconv.Quote(string(q.Source)),
		}
	}
	var answer logAnswer
	raw, err := c.post(ctx, log.path, c.logRequest(log, q), &answer)
	if err != nil {
		return indicator.Page{}, pageTokenFailure(err, q.Page)
	}
	if len(answer.Fail) > 0 {
		// Data next to an error: what is missing from it is unknown, so the page is read again rather than believed.
		return indicator.Page{}, partial(log.path, raw, answer.Fail)
	}
	entries, err := entriesOf(answer.Data, log.list)
	if err != nil {
		return indicator.Page{}, contractError(http.MethodPost+" "+log.path, raw.Status, err.Error())
	}
	page := readPage(log, q, entries)
	if bad := page.Dropped[Unreadable] + page.Dropped[UnreadableDate]; page.Read >= drifted && 2*bad > page.Read {
		return indicator.Page{}, contractError(http.MethodPost+" "+log.path, raw.Status, fmt.Sprintf("%d of %d records are unreadable", bad, page.Read))
	}
	// The token of an empty page and one that leads back to this page are the two known ways into an endless loop.
	if next := answer.Meta.next(); len(entries) > 0 && next != q.Page {
		page.Next = next
	}
	if q.Source == indicator.URLDomains {
		if err := c.decodeLinks(ctx, page.Sightings); err != nil {
			return indicator.Page{}, err
		}
	}
	return page, nil
}

// logRequest builds the documented body: every page carries the same filter, and all but the first the token.
func (c *Client) logRequest(log logOf, q indicator.Query) logRequest {
	filter := logFilter{OldestFirst: true}
	if log.routed {
		filter.Route = "all"
	}
	if !q.From.IsZero() {
		filter.From = formatDate(q.From)
	}
	if !q.To.IsZero() {
		filter.To = formatDate(q.To)
	}
	return logRequest{
		Meta: requestMeta{Pagination: pagination{PageSize: c.pageSize, PageToken: q.Page}},
		Data: [1]logFilter{filter},
	}
}

// entriesOf takes the records out of data[].list. Empty is [], [{}], a null list or an empty one; records under another
// name are not empty and not to be overlooked.
func entriesOf(data []json.RawMessage, list string) ([]json.RawMessage, error) {
	var all []json.RawMessage
	for _, raw := range data {
		var object map[string]json.RawMessage
		if err := json.Unmarshal(raw, &object); err != nil {
			return nil, errors.New("an entry of data is not an object")
		}
		records, found := object[list]
		if !found {
			for name, value := range object {
				if strings.HasSuffix(strings.ToLower(name), "logs") && len(value) > 0 && value[0] == '[' && string(value) != "[]" {
					return nil, fmt.Errorf("the records are not under %s", list)
				}
			}
			continue
		}
		var some []json.RawMessage
		if err := json.Unmarshal(records, &some); err != nil {
			return nil, fmt.Errorf("%s is not a list", list)
		}
		all = append(all, some...)
	}
	return all, nil
}

// readPage judges the records of a page. Read = len(Sightings) + the sum of Dropped.
func readPage(log logOf, q indicator.Query, entries []json.RawMessage) indicator.Page {
	page := indicator.Page{Read: len(entries), Dropped: map[string]int{}}
	seen := make(map[string]bool, len(entries))
	for _, raw := range entries {
		entry, err := log.decode(raw)
		if err != nil {
			page.Dropped[Unreadable]++
			continue
		}
		at, err := parseDate(entry.date())
		if err != nil {
			page.Dropped[UnreadableDate]++
			continue
		}
		if at.After(page.Newest) {
			page.Newest = at
		}
		if reason := entry.verdict(q); reason != threat {
			page.Dropped[reason]++
			continue
		}
		// Only threats are compared: a second record with another verdict must not hide one.
		key := fmt.Sprintf("%q", entry.key())
		if seen[key] {
			page.Dropped[DuplicateRecord]++
			continue
		}
		seen[key] = true
		page.Sightings = append(page.Sightings, indicator.Sighting{
			Kind: log.kind, Raw: entry.value(), SeenAt: at, Record: trace(at, entry.audit()),
		})
	}
	page.Newest = notAfter(page.Newest, q.To)
	return page
}

// notAfter keeps a record with a date in the future from moving a checkpoint past what was asked for.
func notAfter(at, limit time.Time) time.Time {
	if !limit.IsZero() && at.After(limit) {
		return limit.UTC()
	}
	return at
}

// pageTokenFailure tells a refused page token from a refused request: the same filter was accepted for the first page.
func pageTokenFailure(err error, page string) error {
	failure, ok := errors.AsType[*vendorapi.Error](err)
	if !ok || page == "" || failure.Class != vendorapi.Rejected {
		return err
	}
	told := *failure
	told.Class, told.Code = vendorapi.Contract, vendorapi.PageTokenRefused
	told.Message = vendorapi.Clean("the page token is no longer accepted, the window is to be read again: " + failure.Code + " " + failure.Message)
	return &told
}

// partial is the error of an answer that holds data and errors at once.
func partial(path string, answer vendorapi.Answer, failed []failEntry) error {
	refused := newRefusal(answer.Status, answer.Status, answer.Header, complaints{Fail: failed}.faults())
	refused.Vendor, refused.Operation, refused.Status = vendor, http.MethodPost+" "+path, answer.Status
	if refused.Class == vendorapi.Forbidden {
		refused.Remedy = permissionFor(path).remedy()
	}
	return refused
}

func contractError(operation string, status int, message string) error {
	return &vendorapi.Error{Class: vendorapi.Contract, Vendor: vendor, Operation: operation, Status: status, Message: message}
}
