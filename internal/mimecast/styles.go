package mimecast

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

// maxPages ends a list that does not end: a million entries in pages of a hundred.
const maxPages = 10_000

// restFirst makes a call in the REST style and, where the tenant does not offer that, in the classic style. lacking says that
// REST was found not to be offered; whoever reads a list sets it, since with a single object it may be the object that is not
// there. A call that may have been carried out is not made again in the other style.
func restFirst(lacking *atomic.Bool, rest, classic func() error) error {
	if lacking.Load() {
		err := classic()
		if notOffered(err) {
			lacking.Store(false)
		}
		return err
	}
	err := rest()
	if !notOffered(err) {
		return err
	}
	if second := classic(); !notOffered(second) {
		return second
	}
	return err // neither is offered: the first refusal says more
}

// notOffered says whether a call was not carried out because there is no such function, or not for this application. The
// status counts, since a gateway says so in its own words or with a page for people.
func notOffered(err error) bool {
	refused, ok := errors.AsType[*vendorapi.Error](err)
	if !ok {
		return false
	}
	return refused.Class == vendorapi.Forbidden || slices.Contains([]int{
		http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone, http.StatusNotImplemented,
	}, refused.Status)
}

// idRef names one object.
type idRef struct {
	ID string `json:"id"`
}

// idRequest is about exactly one object.
type idRequest struct {
	Data [1]idRef `json:"data"`
}

// removeClassic removes one object in the classic style; that it is not there is a success. The answer may be empty.
func (c *Client) removeClassic(ctx context.Context, path, id string) error {
	var out struct {
		Data many[struct {
			Success *flag `json:"success"`
		}] `json:"data"`
		Fail many[failEntry] `json:"fail"`
	}
	answer, err := c.post(ctx, path, idRequest{Data: [1]idRef{{id}}}, &out)
	if err == nil && len(out.Fail) > 0 {
		err = partial(path, answer, out.Fail)
	}
	switch {
	case refusedAsAbsent(err):
		return nil
	case err != nil:
		return err
	}
	for _, entry := range out.Data {
		if entry.Success != nil && !bool(*entry.Success) {
			return contractError(http.MethodPost+" "+path, answer.Status, "it was not removed, without a reason")
		}
	}
	return nil
}

// get makes one read in the REST style.
func (c *Client) get(ctx context.Context, path string, query url.Values, out any) (vendorapi.Answer, error) {
	return c.call(ctx, vendorapi.Request{Method: http.MethodGet, Path: path, Query: query}, out)
}

// pageQuery asks for a page in the REST style.
func (c *Client) pageQuery(token string) url.Values {
	query := url.Values{"pageSize": {strconv.Itoa(c.pageSize)}}
	if token != "" {
		query.Set("pageToken", token)
	}
	return query
}

// pageMeta asks for a page in the classic style.
func (c *Client) pageMeta(token string) requestMeta {
	return requestMeta{Pagination: pagination{PageSize: c.pageSize, PageToken: token}}
}

// restPath puts an id into a path. Ids are opaque and may hold a slash.
func restPath(base, id, suffix string) (string, error) {
	if strings.Trim(id, ". ") == "" {
		return "", &vendorapi.Error{Class: vendorapi.Rejected, Vendor: vendor, Operation: base, Message: "not sent: " + strconv.Quote(id) + " is no id"}
	}
	return base + "/" + url.PathEscape(id) + suffix, nil
}

var idInPath = regexp.MustCompile(`(/v1/groups/|/policies/)[^/ ]+`)

// withoutIDs gives the operation without the id in its path, which would make a line long and a metric of each entry.
func withoutIDs(operation string) string { return idInPath.ReplaceAllString(operation, "$1{id}") }

// shortened cuts a text to what a field takes, in characters.
func shortened(text string, limit int) string {
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit])
	}
	return text
}
