package falcon

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/threatshare/threatshare/internal/access"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// maxIOCs is how many indicators Falcon keeps for a tenant (contract 2.4).
const maxIOCs = 1_000_000

// Permission is what a function takes, in the words of the Falcon console: "scope Alerts: Read". It is "" for what is no
// function of Falcon's.
func (c *Client) Permission(function access.Function) string {
	req, found := c.trial(function)
	if !found {
		return ""
	}
	return "scope " + scopeFor(req)
}

// CheckAccess tries whether the API client may do a function, with one call that changes nothing. Every failure is a
// *vendorapi.Error, of class Forbidden if the scope is missing; any other means that it could not be told.
//
// Writing is tried with a create of no indicators. That Falcon looks at the scope before it looks at the body, and so refuses
// the empty list only of a client that has the scope, is inferred: the layer that answers 403 is its gateway (contract 4).
func (c *Client) CheckAccess(ctx context.Context, function access.Function) error {
	req, found := c.trial(function)
	if !found {
		return &vendorapi.Error{
			Class: vendorapi.Rejected, Vendor: vendor, Operation: "check access", Message: "not a function of Falcon's: " + string(function),
		}
	}
	_, err := c.do(ctx, req, &answered[lenient[struct{}]]{})
	if function == access.WriteIOCs && admitted(err) {
		return nil
	}
	return err
}

// trial is the request that tries a function.
func (c *Client) trial(function access.Function) (vendorapi.Request, bool) {
	switch function {
	case access.ReadIOCs:
		return countRequest(), true
	case access.WriteIOCs:
		return vendorapi.Request{Method: http.MethodPost, Path: pathIndicators, Body: creation{Indicators: []newEntry{}}}, true
	case access.ReadAlerts:
		return c.noAlerts(), true
	default:
		return vendorapi.Request{}, false
	}
}

// admitted says whether a refusal is about what was asked for, so that asking was allowed. One for a path that is not there
// says nothing.
func admitted(err error) bool {
	refused, ok := errors.AsType[*vendorapi.Error](err)
	return ok && (refused.Class == vendorapi.Quota || refused.Class == vendorapi.Rejected &&
		refused.Status != http.StatusNotFound && refused.Status != http.StatusMethodNotAllowed)
}

// countRequest is the cheapest read of indicators.
func countRequest() vendorapi.Request {
	return vendorapi.Request{
		Method: http.MethodGet, Path: pathCombined, Query: url.Values{"filter": {"deleted:false"}, "limit": {strconv.Itoa(1)}},
	}
}

// IOCQuota tells how many indicators the tenant has, whoever made them, and how many it may have. Whether deleted ones count
// as well is not documented; they are left out. Known is false if the answer does not count. Every failure is a
// *vendorapi.Error.
func (c *Client) IOCQuota(ctx context.Context) (indicator.Quota, error) {
	var found answered[lenient[struct{}]]
	if _, err := c.do(ctx, countRequest(), &found); err != nil {
		return indicator.Quota{}, err
	}
	total := int(found.Meta.Pagination.Total)
	return indicator.Quota{Used: total, Limit: maxIOCs, Known: total > 0 || len(found.Resources) == 0}, nil
}
