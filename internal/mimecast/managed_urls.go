package mimecast

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	pathCreateURL = "/api/ttp/url/create-managed-url"
	pathListURLs  = "/api/ttp/url/get-all-managed-urls"
	pathDeleteURL = "/api/ttp/url/delete-managed-url"

	maxURLs       = 20  // in one create call
	maxURLComment = 200 // characters; the vendor's limit is not public
	actionBlock   = "block"
	actionPermit  = "permit"
	matchDomain   = "domain"
)

type newURL struct {
	URL             string `json:"url"`
	Action          string `json:"action"`
	MatchType       string `json:"matchType"`
	Comment         string `json:"comment,omitempty"`
	DisableLogClick bool   `json:"disableLogClick"`
}

type newURLs struct {
	Data []newURL `json:"data"`
}

// urlEntry is an entry as answers give it: in parts and without the address.
type urlEntry struct {
	ID        text `json:"id"`
	Domain    text `json:"domain"`
	MatchType text `json:"matchType"`
	Action    text `json:"action"`
	Comment   text `json:"comment"`
}

func (e urlEntry) managed() indicator.ManagedURL {
	plain := func(t text) string { return strings.ToLower(strings.TrimSpace(string(t))) }
	return indicator.ManagedURL{
		ID: string(e.ID), Domain: strings.TrimSuffix(plain(e.Domain), "."), MatchType: plain(e.MatchType), Action: plain(e.Action), Comment: strings.TrimSpace(string(e.Comment)),
	}
}

type urlListRequest struct {
	Meta requestMeta `json:"meta"` // no data: filtered reads have been seen to miss entries, an empty filter to be refused
}

type urlAnswer struct {
	Meta meta            `json:"meta"`
	Data many[urlEntry]  `json:"data"`
	Fail many[failEntry] `json:"fail"`
}

func addressOf(domain string) string { return "https://" + domain }

// BlockURLDomains makes Mimecast block clicks on any address of these domains, twenty with each call. comment is what a person
// sees beside them and tells ours from others'. One outcome for each domain in order: its ID is that of our entry (the one
// with this comment), made now or before; Duplicate if somebody else's entry blocks the domain; Foreign if one permits it.
// The outcomes are good also next to an error, then an empty one was not settled. The error is a *vendorapi.Error; of class
// Quota if the list is full. Contract section 7.1.
func (c *Client) BlockURLDomains(ctx context.Context, domains []string, comment string) ([]indicator.Outcome, error) {
	comment = strings.TrimSpace(shortened(comment, maxURLComment))
	w := writing{kind: indicator.Domain, most: maxURLs, already: exists, spelled: addressOf}
	w.send = func(ctx context.Context, values []string) (map[string]string, []vendorapi.Item, error) {
		return c.sendURLs(ctx, values, comment)
	}
	outcomes, err := w.write(ctx, domains)
	if !slices.ContainsFunc(outcomes, func(outcome indicator.Outcome) bool { return outcome.Duplicate }) {
		return outcomes, err
	}
	listed, listErr := c.ManagedURLs(ctx)
	for i, outcome := range outcomes {
		switch {
		case !outcome.Duplicate:
		case listErr != nil:
			outcomes[i] = indicator.Outcome{Key: outcome.Key} // what is there is not known
		default:
			outcomes[i] = standing(outcome.Key, listed, comment)
		}
	}
	if err == nil {
		err = listErr
	}
	return outcomes, err
}

// standing tells what it is that stands in the way of a new entry. The vendor does not say so itself: it repeats the request.
func standing(key indicator.Key, listed []indicator.ManagedURL, comment string) indicator.Outcome {
	outcome := indicator.Outcome{Key: key, Refused: "Mimecast says that it exists, but does not list it"}
	for _, entry := range listed {
		switch {
		case entry.Domain != key.Value:
		case entry.MatchType != matchDomain && entry.Action == actionPermit:
			outcome = indicator.Outcome{Key: key, Foreign: true}
		case entry.MatchType != matchDomain && !outcome.Foreign:
			outcome = indicator.Outcome{Key: key, Refused: "an entry for a single address of the domain stands in the way"}
		case entry.MatchType != matchDomain:
		case entry.Action == actionPermit:
			return indicator.Outcome{Key: key, Foreign: true}
		case entry.Comment == comment && entry.ID != "":
			return indicator.Outcome{Key: key, ID: entry.ID}
		default:
			return indicator.Outcome{Key: key, Duplicate: true}
		}
	}
	return outcome
}

// sendURLs makes one call.
func (c *Client) sendURLs(ctx context.Context, domains []string, comment string) (map[string]string, []vendorapi.Item, error) {
	body := newURLs{Data: make([]newURL, 0, len(domains))}
	for _, domain := range domains {
		body.Data = append(body.Data, newURL{URL: addressOf(domain), Action: actionBlock, MatchType: matchDomain, Comment: comment})
	}
	var out urlAnswer
	answer, err := c.post(ctx, pathCreateURL, body, &out)
	if err != nil {
		return nil, nil, err
	}
	items, err := said(pathCreateURL, answer, out.Fail)
	done := make(map[string]string, len(out.Data))
	for _, entry := range out.Data {
		made := entry.managed()
		done[made.Domain] = made.ID
	}
	return done, items, err
}

// ManagedURLs reads the whole list, whoever made its entries. Every failure is a *vendorapi.Error. Contract section 7.2.
func (c *Client) ManagedURLs(ctx context.Context) ([]indicator.ManagedURL, error) {
	entries, err := allPages(http.MethodPost+" "+pathListURLs, func(token string) ([]urlEntry, string, error) {
		var page urlAnswer
		answer, err := c.post(ctx, pathListURLs, urlListRequest{Meta: c.pageMeta(token)}, &page)
		if err == nil && len(page.Fail) > 0 {
			err = partial(pathListURLs, answer, page.Fail)
		}
		return page.Data, page.Meta.next(), err
	})
	if err != nil {
		return nil, err
	}
	listed := make([]indicator.ManagedURL, 0, len(entries))
	for _, entry := range entries {
		listed = append(listed, entry.managed())
	}
	return listed, nil
}

// DeleteManagedURL removes an entry; that it is not there is a success. Every failure is a *vendorapi.Error.
func (c *Client) DeleteManagedURL(ctx context.Context, id string) error {
	return c.removeClassic(ctx, pathDeleteURL, id)
}
