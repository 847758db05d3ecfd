package mimecast

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	pathDomainsREST    = "/domain/cloud-gateway/v1/internal-domains"
	pathDomainsClassic = "/api/domain/get-internal-domain"

	maxDomainPages = 1000 // 100,000 domains: an account that has more is an endless answer
)

// domainEntry is one internal domain, the same in both call styles.
type domainEntry struct {
	Domain text `json:"domain"`
}

// domainPage is one page of internal domains in either style.
type domainPage struct {
	Meta    meta           `json:"meta"`
	Domains *[]domainEntry `json:"domains"` // REST
	Data    []domainEntry  `json:"data"`    // classic
	Fail    []failEntry    `json:"fail"`
}

type domainRequest struct {
	Meta *requestMeta `json:"meta,omitempty"`
	Data []struct{}   `json:"data"`
}

// InternalDomains reads all pages of the tenant's own domains: lower case, trimmed, each once, in the vendor's order. A
// list with a hole would leave a domain unprotected, so nothing less than the whole list is given. Every failure is a
// *vendorapi.Error. Contract section 3.5.
//
// The REST call is the documented one of API 2.0. Where it is not offered the classic call is asked, which has been seen to
// answer the same.
func (c *Client) InternalDomains(ctx context.Context) ([]string, error) {
	found, err := allDomains(func(token string) (domainPage, error) { return c.domainsREST(ctx, token) })
	failure, failed := errors.AsType[*vendorapi.Error](err)
	if !failed {
		return found, err
	}
	switch failure.Class {
	case vendorapi.Rejected, vendorapi.Forbidden, vendorapi.Contract:
	default:
		return nil, err
	}
	found, classicErr := allDomains(func(token string) (domainPage, error) { return c.domainsClassic(ctx, token) })
	second, failed := errors.AsType[*vendorapi.Error](classicErr)
	if failed && second.Class == vendorapi.Rejected {
		return nil, err // neither is offered: the first refusal says more
	}
	return found, classicErr
}

// allDomains follows the page tokens. It ends at a page without records and at a token that was seen before.
func allDomains(read func(token string) (domainPage, error)) ([]string, error) {
	var all []string
	known := map[string]bool{}
	seen := map[string]bool{}
	token := ""
	for range maxDomainPages {
		page, err := read(token)
		if err != nil {
			return nil, err
		}
		for _, entry := range page.Data {
			domain := strings.ToLower(strings.TrimSpace(string(entry.Domain)))
			if domain == "" {
				return nil, contractError("read internal domains", http.StatusOK, "an internal domain without its name")
			}
			if !known[domain] {
				known[domain] = true
				all = append(all, domain)
			}
		}
		token = page.Meta.next()
		if token == "" || len(page.Data) == 0 || seen[token] {
			return all, nil
		}
		seen[token] = true
	}
	return nil, contractError("read internal domains", http.StatusOK, fmt.Sprintf("the list of internal domains does not end after %d pages", maxDomainPages))
}

func (c *Client) domainsREST(ctx context.Context, token string) (domainPage, error) {
	query := url.Values{"pageSize": {strconv.Itoa(c.pageSize)}}
	if token != "" {
		query.Set("pageToken", token)
	}
	var page domainPage
	answer, err := c.call(ctx, vendorapi.Request{Method: http.MethodGet, Path: pathDomainsREST, Query: query}, &page)
	if err != nil {
		return domainPage{}, err
	}
	if page.Domains == nil {
		return domainPage{}, contractError(http.MethodGet+" "+pathDomainsREST, answer.Status, "the answer holds no list of domains")
	}
	page.Data = *page.Domains
	return page, nil
}

func (c *Client) domainsClassic(ctx context.Context, token string) (domainPage, error) {
	request := domainRequest{Data: []struct{}{}} // an empty list, not null
	if token != "" {
		request.Meta = &requestMeta{Pagination: pagination{PageSize: c.pageSize, PageToken: token}}
	}
	var page domainPage
	answer, err := c.post(ctx, pathDomainsClassic, request, &page)
	if err != nil {
		return domainPage{}, err
	}
	if len(page.Fail) > 0 {
		return domainPage{}, partial(pathDomainsClassic, answer, page.Fail)
	}
	return page, nil
}
