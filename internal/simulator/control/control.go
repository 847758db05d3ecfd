// Package control is the client of the simulator's admin API, for tests, the demo and the benchmark. It steers and counts;
// it never calls a vendor's API.
package control

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/internal/simulator/seed"
)

// Client talks to the admin listener of one simulator. It is safe for concurrent use.
type Client struct {
	base string
	http *http.Client
}

// New returns a Client for the admin URL that the simulator printed.
func New(adminURL string) *Client {
	return &Client{base: strings.TrimSuffix(adminURL, "/"), http: &http.Client{Timeout: 2 * time.Minute}}
}

// Seeded is what a seeding added: records, and distinct indicators to share by kind.
type Seeded struct {
	Records  int            `json:"records"`
	Expected map[string]int `json:"expected"`
}

// Stats returns what was counted since the start or the last Reset.
func (c *Client) Stats(ctx context.Context) (fault.Stats, error) {
	return get[fault.Stats](ctx, c, "/stats")
}

// Reset sets the counts to zero.
func (c *Client) Reset(ctx context.Context) error {
	return c.Do(ctx, http.MethodPost, "/stats/reset", nil, nil)
}

// AddFaults adds rules to those in force.
func (c *Client) AddFaults(ctx context.Context, rules ...fault.Rule) error {
	return c.Do(ctx, http.MethodPost, "/faults", rules, nil)
}

// Faults returns the rules in force, and how often each one has fired.
func (c *Client) Faults(ctx context.Context) ([]fault.State, error) {
	return get[[]fault.State](ctx, c, "/faults")
}

// ClearFaults removes all rules.
func (c *Client) ClearFaults(ctx context.Context) error {
	return c.Do(ctx, http.MethodDelete, "/faults", nil, nil)
}

// Seed appends generated traffic to Mimecast's logs.
func (c *Client) Seed(ctx context.Context, opts seed.Options) (Seeded, error) {
	var out Seeded
	err := c.Do(ctx, http.MethodPost, "/seed", opts, &out)
	return out, err
}

// Expected returns the indicators that a correct integration shares from all that was seeded.
func (c *Client) Expected(ctx context.Context) ([]seed.Expected, error) {
	return get[[]seed.Expected](ctx, c, "/expected")
}

// AddLogs appends records, a list of anything that encodes to the wire's objects. They are found visibleAfter from now.
func (c *Client) AddLogs(ctx context.Context, log mimecast.Log, records any, visibleAfter time.Duration) error {
	query := url.Values{"visibleAfter": {visibleAfter.String()}}
	return c.Do(ctx, http.MethodPost, "/mimecast/logs/"+string(log)+"?"+query.Encode(), records, nil)
}

// AddMessages adds mail that Mimecast has tracked.
func (c *Client) AddMessages(ctx context.Context, messages ...mimecast.Message) error {
	return c.Do(ctx, http.MethodPost, "/mimecast/messages", messages, nil)
}

// SetInternalDomains replaces the tenant's own domains.
func (c *Client) SetInternalDomains(ctx context.Context, domains ...string) error {
	return c.Do(ctx, http.MethodPut, "/mimecast/internal-domains", domains, nil)
}

// Revoke makes all access tokens of a vendor (fault.Mimecast, fault.Falcon) bad.
func (c *Client) Revoke(ctx context.Context, vendor string) error {
	return c.Do(ctx, http.MethodPost, "/"+vendor+"/tokens/revoke", nil, nil)
}

// SetCredentials changes the only credentials that get a token of a vendor from now on.
func (c *Client) SetCredentials(ctx context.Context, vendor, clientID, clientSecret string) error {
	body := map[string]string{"clientId": clientID, "clientSecret": clientSecret}
	return c.Do(ctx, http.MethodPut, "/"+vendor+"/credentials", body, nil)
}

// Deny makes Mimecast answer 403 under the path prefixes, and nowhere else; none allows everything again. A prefix counts for
// one method if that stands before it: "PATCH /policy-management/".
func (c *Client) Deny(ctx context.Context, prefixes ...string) error {
	return c.Do(ctx, http.MethodPut, "/mimecast/denied", append([]string{}, prefixes...), nil)
}

// SetPackages replaces the packages that Mimecast's account has paid for, such as "Threat Remediation [1075]".
func (c *Client) SetPackages(ctx context.Context, packages ...string) error {
	return c.Do(ctx, http.MethodPut, "/mimecast/packages", append([]string{}, packages...), nil)
}

// SetClockSkew makes the answers of a vendor (fault.Mimecast, fault.Falcon) carry a date that is ahead of the time by a
// duration, which may be negative.
func (c *Client) SetClockSkew(ctx context.Context, vendor string, ahead time.Duration) error {
	return c.Do(ctx, http.MethodPut, "/clock-skew", map[string]any{"vendor": vendor, "aheadMs": ahead.Milliseconds()}, nil)
}

// SetQuirks replaces Mimecast's quirks; mimecast.DefaultQuirks are in force at the start.
func (c *Client) SetQuirks(ctx context.Context, quirks mimecast.Quirks) error {
	return c.Do(ctx, http.MethodPut, "/mimecast/quirks", quirks, nil)
}

// SetLimits changes what Mimecast's account has room for.
func (c *Client) SetLimits(ctx context.Context, limits mimecast.Limits) error {
	return c.Do(ctx, http.MethodPut, "/mimecast/limits", limits, nil)
}

// MimecastState returns everything that was written to Mimecast.
func (c *Client) MimecastState(ctx context.Context) (mimecast.State, error) {
	return get[mimecast.State](ctx, c, "/mimecast/state")
}

// SetScopes changes what Falcon's API client may do, in the vendor's words ("IOC Management: Read").
func (c *Client) SetScopes(ctx context.Context, scopes ...string) error {
	return c.Do(ctx, http.MethodPut, "/falcon/scopes", append([]string{}, scopes...), nil)
}

// SetFalconModes changes some of Falcon's modes, by their JSON names.
func (c *Client) SetFalconModes(ctx context.Context, modes map[string]any) error {
	return c.Do(ctx, http.MethodPut, "/falcon/modes", modes, nil)
}

func get[T any](ctx context.Context, c *Client, path string) (T, error) {
	var out T
	err := c.Do(ctx, http.MethodGet, path, nil, &out)
	return out, err
}

// Do makes any admin call: in is sent as JSON unless nil, the answer is decoded into out unless nil.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode %s %s: %w", method, path, err)
		}
		body = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return fmt.Errorf("make %s %s: %w", method, path, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask the simulator: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // it has been read to its end
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("read the answer of %s %s: %w", method, path, err)
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s answered %d: %s", method, path, resp.StatusCode, bytes.TrimSpace(answer))
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("decode the answer of %s %s: %w", method, path, err)
	}
	return nil
}
