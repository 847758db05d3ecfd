package falcon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// maxPages ends a paging that does not end itself: a batch's keys have one record each, as a rule.
const maxPages = 20

// quotable is what may stand in a filter. Canonical values hold nothing else; what does could change the filter's meaning.
var quotable = regexp.MustCompile(`^[a-z0-9._-]{1,253}$`)

// Lookup returns what Falcon lists for keys, ours or not, in the order of keys and at most one entry for each: of several
// records ours, and then the one changed last. Deleted records are left out, expired ones have Expired set. It makes one
// call for each BatchSize keys, whatever their kinds. Contract 2.3. Falcon's search lags behind its writes by an unknown
// time, so a key that is not listed may have been written just now. Every failure is a *vendorapi.Error.
func (c *Client) Lookup(ctx context.Context, keys []indicator.Key) ([]indicator.Listed, error) {
	wanted := make([]indicator.Key, 0, len(keys))
	asked := make(map[indicator.Key]bool, len(keys))
	for _, key := range keys {
		if !lookable(key) {
			return nil, fmt.Errorf("look up indicators: %w", notSent(http.MethodGet, pathCombined, "a key is not in canonical form"))
		}
		if !asked[key] {
			asked[key] = true
			wanted = append(wanted, key)
		}
	}
	found := make(map[indicator.Key]record, len(wanted))
	for batch := range slices.Chunk(wanted, c.batch) {
		if err := c.lookupBatch(ctx, batch, asked, found); err != nil {
			return nil, fmt.Errorf("look up indicators: %w", err)
		}
	}
	listed := make([]indicator.Listed, 0, len(found))
	for _, key := range wanted {
		if record, ok := found[key]; ok {
			listed = append(listed, record.listed())
		}
	}
	return listed, nil
}

// lookupBatch adds what is listed for batch to found. A batch that makes the request too long is halved.
func (c *Client) lookupBatch(ctx context.Context, batch []indicator.Key, asked map[indicator.Key]bool, found map[indicator.Key]record) error {
	// Twice the keys, so that a page with a record for every key is not a full one and needs no other call to end.
	limit := min(2*len(batch), maxPage)
	records, err := c.list(ctx, lookupFilter(batch), limit)
	if len(batch) > 1 && tooLarge(err) {
		half := len(batch) / 2
		if err := c.lookupBatch(ctx, batch[:half], asked, found); err != nil {
			return err
		}
		return c.lookupBatch(ctx, batch[half:], asked, found)
	}
	if err != nil {
		return err
	}
	for _, candidate := range records {
		key := candidate.key()
		if !asked[key] || candidate.Deleted {
			continue
		}
		if held, ok := found[key]; !ok || preferred(candidate, held) {
			found[key] = candidate
		}
	}
	return nil
}

// list reads all records that match filter. `after` stands on the last page too, so a short page ends the list.
func (c *Client) list(ctx context.Context, filter string, limit int) ([]record, error) {
	var records []record
	pages := make(map[string]bool)
	for after := ""; ; {
		query := url.Values{"filter": {filter}, "limit": {strconv.Itoa(limit)}}
		if after != "" {
			query.Set("after", after)
		}
		var page listing
		answer, err := c.do(ctx, vendorapi.Request{Method: http.MethodGet, Path: pathCombined, Query: query}, &page)
		if err != nil {
			return nil, err
		}
		records = append(records, page.Resources...)
		after = page.Meta.Pagination.After
		if len(page.Resources) == 0 || len(page.Resources) < page.Meta.Pagination.full(limit) || after == "" {
			return records, nil
		}
		if pages[after] || len(pages) == maxPages {
			return nil, contractFailure(http.MethodGet+" "+pathCombined, answer, "the list does not end: a page token came twice, or too many pages")
		}
		pages[after] = true
	}
}

// lookupFilter asks for keys of any kinds at once. Deleted records would match as well.
func lookupFilter(keys []indicator.Key) string {
	var kinds, values []string
	for _, key := range keys {
		if kind := quoted(string(key.Kind)); !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
		values = append(values, quoted(key.Value))
	}
	slices.Sort(kinds)
	types := kinds[0]
	if len(kinds) > 1 {
		types = "[" + strings.Join(kinds, ",") + "]"
	}
	return "type:" + types + "+value:[" + strings.Join(values, ",") + "]+deleted:false"
}

func quoted(value string) string { return "'" + value + "'" }

func lookable(key indicator.Key) bool {
	return (key.Kind == indicator.SHA256 || key.Kind == indicator.Domain) && quotable.MatchString(key.Value)
}

// preferred says which of two records of the same key is told.
func preferred(candidate, held record) bool {
	if ours := candidate.listed().Mark.Ours(); ours != held.listed().Mark.Ours() {
		return ours
	}
	return candidate.touched().After(held.touched())
}

func tooLarge(err error) bool {
	failure, ok := errors.AsType[*vendorapi.Error](err)
	return ok && (failure.Status == http.StatusRequestEntityTooLarge || failure.Status == http.StatusRequestURITooLong)
}

// notSent is a request that was not made because it could not be right: a fault of the caller's.
func notSent(method, path, why string) *vendorapi.Error {
	return &vendorapi.Error{Class: vendorapi.Rejected, Vendor: vendor, Operation: method + " " + path, Message: "not sent: " + why}
}
