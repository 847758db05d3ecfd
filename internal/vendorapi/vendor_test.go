package vendorapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	secretText = "s3cret-value-of-forty-characters-or-so"
	queryText  = "value:['hidden.example']"
)

// vendor is a vendor over HTTP: it gives out tokens token-0001, token-0002, … and answers calls as a test says.
type vendor struct {
	*httptest.Server
	tokenCalls atomic.Int64
	calls      atomic.Int64

	token func(w http.ResponseWriter, r *http.Request, number int64)
	call  func(w http.ResponseWriter, r *http.Request)
}

func newVendor(t *testing.T) *vendor {
	t.Helper()
	v := &vendor{
		token: func(w http.ResponseWriter, _ *http.Request, number int64) { grant(w, number, 1800) },
		call:  func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, `{"ok":true}`) },
	}
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			v.token(w, r, v.tokenCalls.Add(1))
			return
		}
		v.calls.Add(1)
		v.call(w, r)
	}))
	t.Cleanup(v.Close)
	return v
}

func tokenName(number int64) string { return "token-000" + strconv.FormatInt(number, 10) }

func grant(w http.ResponseWriter, number int64, seconds int) {
	write(w, http.StatusOK, `{"access_token":"`+tokenName(number)+`","expires_in":`+strconv.Itoa(seconds)+`}`)
}

func write(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

func bearer(r *http.Request) string { return r.Header.Get("Authorization") }

// client makes a client of v that speaks a plain dialect: the status is all there is to a refusal, the wait is in seconds,
// the gaps are in milliseconds.
func (v *vendor) client(t *testing.T) *vendorapi.Client {
	t.Helper()
	return v.clientWith(t, vendorapi.Config{})
}

func (v *vendor) clientWith(t *testing.T, cfg vendorapi.Config) *vendorapi.Client {
	t.Helper()
	cfg.BaseURL = v.URL
	cfg.Dialect = vendorapi.Dialect{
		Vendor: "acme",
		Refusal: func(status int, _ http.Header, body []byte) *vendorapi.Error {
			classes := map[int]vendorapi.Class{
				401: vendorapi.Credentials, 403: vendorapi.Forbidden, 429: vendorapi.Throttled, 503: vendorapi.Unavailable,
			}
			if status < 400 {
				return nil
			}
			return &vendorapi.Error{Class: classes[status], Message: vendorapi.Clean(string(body))}
		},
		Wait: func(header http.Header, _ time.Time) time.Duration {
			seconds, _ := strconv.Atoi(header.Get("Retry-After"))
			return time.Duration(seconds) * time.Second
		},
		Pace: func(header http.Header) vendorapi.Pace {
			return vendorapi.Pace{Gap: milliseconds(header, "Gap"), For: milliseconds(header, "Until")}
		},
		Stale: func(refusal *vendorapi.Error) bool { return refusal.Class == vendorapi.Credentials },
	}
	cfg.Token = func(ctx context.Context, c *vendorapi.Client) (vendorapi.Token, error) {
		var granted struct {
			AccessToken string            `json:"access_token"`
			ExpiresIn   vendorapi.Seconds `json:"expires_in"`
		}
		_, err := c.PostForm(ctx, "/token", url.Values{"client_secret": {secretText}}, &granted)
		return vendorapi.Token{Value: granted.AccessToken, ExpiresIn: time.Duration(granted.ExpiresIn)}, err
	}
	client, err := vendorapi.New(cfg)
	require.NoError(t, err)
	return client
}

func get(ctx context.Context, c *vendorapi.Client) error {
	var out struct {
		OK bool `json:"ok"`
	}
	_, err := c.Do(ctx, vendorapi.Request{Method: http.MethodGet, Path: "/things", Query: url.Values{"filter": {queryText}}}, &out)
	return err
}

func refused(t *testing.T, err error) *vendorapi.Error {
	t.Helper()
	var failure *vendorapi.Error
	require.ErrorAs(t, err, &failure)
	return failure
}

// clock stands until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(by)
}
