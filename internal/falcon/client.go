// Package falcon is the client of CrowdStrike Falcon's IOC Management and Alerts: its token and region, its wire words, one
// file for each API area, and the search for the entry that a batch is refused for. It talks in the domain's words: keys,
// shares, listed entries, sightings, outcomes. It keeps nothing between calls but a token, an announced wait, the pace near
// the end of the rate limit and the size of page that Falcon takes; it does not sleep (but for the gap of up to half a second
// that this pace puts between two calls), retry, log or read the environment, and it decides nothing about what is shared or
// whose an entry may be changed.
package falcon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	vendor = "falcon"

	defaultBatch = 200  // one bad entry refuses its whole batch (contract 2.1)
	maxBatch     = 2000 // where the vendor's own tools split
	maxPage      = 2000 // what a list gives at most with one page (contract 2.3)

	pathIndicators = "/iocs/entities/indicators/v1"
	pathCombined   = "/iocs/combined/indicator/v1"
	pathAlerts     = "/alerts/combined/alerts/v1"
	pathActionIDs  = "/iocs/queries/actions/v1"
	pathActions    = "/iocs/entities/actions/v1"
)

// Config is what a Client needs.
type Config struct {
	BaseURL      string                       // of the cloud, without a default; plain http for loopback only
	Region       string                       // expected cloud ("us-1", …); "": the one that BaseURL belongs to, if it is known
	ClientID     string                       // of the API client
	ClientSecret interface{ Reveal() string } // revealed in the token request only
	MemberCID    string                       // child CID to act for (Flight Control); "": the client's own
	HTTP         *http.Client                 // nil: one as vendorapi makes it
	PrivateHosts []string                     // hosts that may be in the own network although they are given by name
	Observe      func(vendorapi.Call)         // sees every finished call, for metrics; may be nil
	Now          func() time.Time             // the clock; nil: time.Now
	BatchSize    int                          // entries in one look-up or write, 1 to 2000; 0: 200
	ListLimit    int                          // IOCs on one page of the list, 1 to 2000; 0: 2000
	AlertLimit   int                          // alerts on one page, 2 to 1000; 0: 1000
	EnvPrefix    string                       // of the variables that a remedy names, such as "ACME_"; "": the default set's
}

// Client makes calls to one Falcon tenant. Safe for concurrent use.
type Client struct {
	api      *vendorapi.Client
	clientID string
	prefix   string
	batch    int
	now      func() time.Time

	// Sizes of page to ask for; fetchPage lowers them.
	listLimit, alertLimit atomic.Int64
}

// New makes a client and contacts nobody. It refuses a missing credential, a base URL that is neither https nor loopback or
// belongs to another cloud than Region, and a size out of range.
func New(cfg Config) (*Client, error) {
	if cfg.BatchSize == 0 {
		cfg.BatchSize = defaultBatch
	}
	if cfg.ListLimit == 0 {
		cfg.ListLimit = defaultList
	}
	if cfg.AlertLimit == 0 {
		cfg.AlertLimit = maxAlerts
	}
	switch {
	case strings.TrimSpace(cfg.BaseURL) == "":
		return nil, errors.New("falcon: no base URL: " + named(cfg.EnvPrefix, "set FALCON_BASE_URL to the one of your cloud, such as "+baseURLOf("us-1")))
	case strings.TrimSpace(cfg.ClientID) == "":
		return nil, errors.New("falcon: no client id: " + named(cfg.EnvPrefix, "set FALCON_CLIENT_ID of this credential set"))
	case cfg.ClientSecret == nil || strings.TrimSpace(cfg.ClientSecret.Reveal()) == "":
		return nil, errors.New("falcon: no client secret: " + named(cfg.EnvPrefix, "set FALCON_CLIENT_SECRET of this credential set"))
	case cfg.BatchSize < 1 || cfg.BatchSize > maxBatch:
		return nil, fmt.Errorf("falcon: batch size %d: must be 1 to %d", cfg.BatchSize, maxBatch)
	case cfg.ListLimit < 1 || cfg.ListLimit > maxPage:
		return nil, fmt.Errorf("falcon: list limit %d: must be 1 to %d", cfg.ListLimit, maxPage)
	case cfg.AlertLimit < minAlerts || cfg.AlertLimit > maxAlerts:
		return nil, fmt.Errorf("falcon: alert limit %d: must be %d to %d", cfg.AlertLimit, minAlerts, maxAlerts)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	base, err := vendorapi.ParseBaseURL(cfg.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("falcon: %w", err)
	}
	region, err := expectedRegion(cfg.Region, base)
	if err != nil {
		return nil, fmt.Errorf("falcon: %w", err)
	}
	api, err := vendorapi.New(vendorapi.Config{
		BaseURL: cfg.BaseURL,
		HTTP:    cfg.HTTP, PrivateHosts: cfg.PrivateHosts,
		Observe: cfg.Observe,
		Now:     cfg.Now,
		Dialect: vendorapi.Dialect{Vendor: vendor, Refusal: refusal, Wait: wait, Pace: pace, Stale: stale},
		Token: credentials{
			region: region, id: cfg.ClientID, secret: cfg.ClientSecret, memberCID: cfg.MemberCID,
		}.token,
	})
	if err != nil {
		return nil, fmt.Errorf("falcon: %w", err)
	}
	c := &Client{api: api, clientID: cfg.ClientID, prefix: cfg.EnvPrefix, batch: cfg.BatchSize, now: cfg.Now}
	c.listLimit.Store(int64(cfg.ListLimit))
	c.alertLimit.Store(int64(cfg.AlertLimit))
	return c, nil
}

// CheckConnection gets a new token, which tells whether credentials and cloud fit together; what the API client may do with it
// is for CheckAccess. Every failure is a *vendorapi.Error, with the code vendorapi.OtherRegion if the credentials are good in
// another cloud.
func (c *Client) CheckConnection(ctx context.Context) error {
	c.api.ForgetToken()
	return c.advise(vendorapi.Request{}, c.api.Authenticate(ctx))
}

// Skew is how far Falcon's clock is ahead of ours, as vendorapi.Client.Skew.
func (c *Client) Skew() (ahead time.Duration, known bool) { return c.api.Skew() }

// do makes one call and says what a person can do about a refusal.
func (c *Client) do(ctx context.Context, req vendorapi.Request, out any) (vendorapi.Answer, error) {
	answer, err := c.api.Do(ctx, req, out)
	return answer, c.advise(req, err)
}

// advise names the scope if that is what is missing, and the variables as they are called in this credential set.
func (c *Client) advise(req vendorapi.Request, err error) error {
	failure, ok := errors.AsType[*vendorapi.Error](err)
	if !ok {
		return err
	}
	// A copy: a failure may be remembered and given to several callers.
	advised := *failure
	if failure.Class == vendorapi.Forbidden && strings.Contains(failure.Message, scopeMissing) {
		advised.Remedy = remedyScope(scopeFor(req))
	}
	advised.Remedy = named(c.prefix, advised.Remedy)
	return &advised
}

// named gives a remedy with the names that the variables have in a credential set.
func named(prefix, remedy string) string {
	return strings.ReplaceAll(remedy, "FALCON_", prefix+"FALCON_")
}

// scopeFor is the API scope that a call needs (contract sections 2 and 3).
func scopeFor(req vendorapi.Request) string {
	switch {
	case strings.HasPrefix(req.Path, "/alerts/"):
		return "Alerts: Read"
	case req.Method == http.MethodGet:
		return "IOC Management: Read"
	default:
		return "IOC Management: Write"
	}
}
