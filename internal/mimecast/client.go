// Package mimecast is the client of Mimecast's API 2.0 (Cloud Gateway): its token, its wire words, one file for each API
// area, and the rule which log record is a threat. It gives sightings and plain values in the domain's words. It keeps
// nothing between calls but a token, an announced wait, the pace near the end of a rate limit, decoded links, which call style
// a tenant lacks, what was made just now and how far a list of members was read; it does not sleep (but for the gap of up to a second that this pace puts between
// two calls), retry, log or read the environment, and it decides nothing about what is shared.
package mimecast

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	vendor         = "mimecast"
	defaultBaseURL = "https://api.services.mimecast.com" // routes to the tenant's region
	maxPageSize    = 100                                 // more is lowered silently by the server

	pathWhoami = "/identity/whoami"
)

// Config is what a Client needs.
type Config struct {
	BaseURL      string                       // "": the global host; plain http for loopback only
	ClientID     string                       // of the API 2.0 application
	ClientSecret interface{ Reveal() string } // revealed in the token request only
	HTTP         *http.Client                 // nil: one as vendorapi makes it
	PrivateHosts []string                     // hosts that may be in the own network although they are given by name
	Observe      func(vendorapi.Call)         // sees every finished call, for metrics; may be nil
	Now          func() time.Time             // the clock; nil: time.Now
	PageSize     int                          // records asked for with each page, 1 to 100; 0: 100
	EnvPrefix    string                       // of the variables that a remedy names, such as "ACME_"; "": the default set's
}

// Client makes calls to one Mimecast account. Safe for concurrent use.
type Client struct {
	api      *vendorapi.Client
	pageSize int
	prefix   string
	links    *linkMemory
	made     *creations
	// interrupted are readings of members.
	interrupted *interruptions

	classicGroups   atomic.Bool // the tenant lacks the REST calls of groups
	classicPolicies atomic.Bool // the tenant lacks the REST calls of policies
	noReasons       atomic.Bool // the classic style has just failed to say why REST refused members
	namesMembers    atomic.Bool // REST has told the result for each member of a group where all was well
}

// New makes a client and contacts nobody. It refuses a missing credential, a base URL that is neither https nor loopback,
// and a page size out of range.
func New(cfg Config) (*Client, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = defaultBaseURL
	}
	if cfg.PageSize == 0 {
		cfg.PageSize = maxPageSize
	}
	switch {
	case strings.TrimSpace(cfg.ClientID) == "":
		return nil, errors.New("mimecast: no client id: " + named(cfg.EnvPrefix, "set MIMECAST_CLIENT_ID of this credential set"))
	case cfg.ClientSecret == nil:
		return nil, errors.New("mimecast: no client secret: " + named(cfg.EnvPrefix, "set MIMECAST_CLIENT_SECRET of this credential set"))
	case cfg.PageSize < 1 || cfg.PageSize > maxPageSize:
		return nil, fmt.Errorf("mimecast: page size %d: must be 1 to %d", cfg.PageSize, maxPageSize)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	observe := cfg.Observe
	if observe == nil {
		observe = func(vendorapi.Call) {}
	}
	api, err := vendorapi.New(vendorapi.Config{
		BaseURL: cfg.BaseURL,
		HTTP:    cfg.HTTP, PrivateHosts: cfg.PrivateHosts,
		Observe: func(call vendorapi.Call) {
			call.Operation = withoutIDs(call.Operation) // it becomes a label, of which there must be few
			observe(call)
		},
		Dialect: vendorapi.Dialect{Vendor: vendor, Refusal: refusal, Wait: wait, Pace: pace, Stale: stale},
		Now:     cfg.Now,
		Token:   tokenRequest(cfg.ClientID, cfg.ClientSecret),
	})
	if err != nil {
		return nil, fmt.Errorf("mimecast: %w", err)
	}
	return &Client{
		api: api, pageSize: cfg.PageSize, prefix: cfg.EnvPrefix, links: newLinkMemory(maxRemembered),
		made: newCreations(cfg.Now), interrupted: newInterruptions(cfg.Now),
	}, nil
}

// CheckConnection asks who the token belongs to: the cheapest call, which needs no permission. A token request that failed
// just now is tried again, because a person may have put the credentials right. Every failure is a *vendorapi.Error.
// Contract section 9.
func (c *Client) CheckConnection(ctx context.Context) error {
	c.api.ForgetFailure()
	// Decoded, so that a proxy's page with status 200 does not pass for a connection.
	var account map[string]json.RawMessage
	_, err := c.call(ctx, vendorapi.Request{Method: http.MethodGet, Path: pathWhoami}, &account)
	return err
}

// Skew is how far Mimecast's clock is ahead of ours, as vendorapi.Client.Skew.
func (c *Client) Skew() (ahead time.Duration, known bool) { return c.api.Skew() }

// post makes one call in the classic style.
func (c *Client) post(ctx context.Context, path string, body, out any) (vendorapi.Answer, error) {
	return c.call(ctx, vendorapi.Request{Method: http.MethodPost, Path: path, Body: body}, out)
}

// call makes one call and adds to a refusal what a person can do about it.
func (c *Client) call(ctx context.Context, req vendorapi.Request, out any) (vendorapi.Answer, error) {
	answer, err := c.api.Do(ctx, req, out)
	failure, ok := errors.AsType[*vendorapi.Error](err)
	if !ok {
		return answer, err
	}
	// A copy: the failure of a token request is remembered and given to several callers.
	advised := *failure
	advised.Operation = withoutIDs(failure.Operation)
	switch {
	case failure.Remedy != "":
	case failure.Class == vendorapi.Forbidden:
		advised.Remedy = permissionFor(req.Path).remedy()
	case failure.Class == vendorapi.Credentials:
		advised.Remedy = remedyCredentials
	default:
	}
	advised.Remedy = named(c.prefix, advised.Remedy)
	return answer, &advised
}

// named gives a remedy with the names that the variables have in a credential set.
func named(prefix, remedy string) string {
	return strings.ReplaceAll(remedy, "MIMECAST_", prefix+"MIMECAST_")
}
