package falcon_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/falcon"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	clientID     = "0123456789abcdef0123456789abcdef"
	clientSecret = "Sixteen_And_More_Word_Characters_Of_Key1"
	bearerToken  = "bearer-token-of-the-tests"

	combined   = "/iocs/combined/indicator/v1"
	indicators = "/iocs/entities/indicators/v1"
)

type secret string

func (s secret) Reveal() string { return string(s) }

// request is a call that reached the fake.
type request struct {
	Method string
	Path   string
	Query  url.Values
	Header http.Header
	Body   string
}

// reply is what the fake answers.
type reply struct {
	status int
	header map[string]string
	body   string
}

// fake is Falcon over HTTP. It gives out a token and answers everything else as a test says.
type fake struct {
	mu       sync.Mutex
	requests []request
	tokens   []request

	token  func(request) reply
	answer func(request) reply
}

func newFake(answer func(request) reply) *fake {
	return &fake{
		answer: answer,
		token: func(request) reply {
			return reply{status: 201, body: `{"access_token":"` + bearerToken + `","expires_in":1799,"token_type":"bearer"}`}
		},
	}
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	got := request{Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Header: r.Header, Body: string(body)}
	f.mu.Lock()
	respond := f.answer
	if got.Path == "/oauth2/token" {
		respond = f.token
		f.tokens = append(f.tokens, got)
	} else {
		f.requests = append(f.requests, got)
	}
	f.mu.Unlock()
	out := respond(got)
	w.Header().Set("Content-Type", "application/json")
	for name, value := range out.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(out.status)
	_, _ = io.WriteString(w, out.body)
}

// RoundTrip answers without a network, for the tests that make thousands of calls.
func (f *fake) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	f.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

// client makes a client that calls f over HTTP.
func (f *fake) client(t *testing.T) *falcon.Client {
	t.Helper()
	return f.clientWith(t, falcon.Config{})
}

func (f *fake) clientWith(t *testing.T, cfg falcon.Config) *falcon.Client {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	cfg.BaseURL, cfg.ClientID, cfg.ClientSecret = server.URL, clientID, secret(clientSecret)
	client, err := falcon.New(cfg)
	require.NoError(t, err)
	return client
}

// direct makes a client that calls f without a network.
func (f *fake) direct(t require.TestingT, batch int) *falcon.Client {
	return f.directWith(t, falcon.Config{BatchSize: batch})
}

func (f *fake) directWith(t require.TestingT, cfg falcon.Config) *falcon.Client {
	cfg.BaseURL, cfg.ClientID, cfg.ClientSecret = "http://127.0.0.1", clientID, secret(clientSecret)
	cfg.HTTP = &http.Client{Transport: f}
	client, err := falcon.New(cfg)
	require.NoError(t, err)
	return client
}

// count is how many calls with this method have come in.
func (f *fake) count(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, r := range f.requests {
		if r.Method == method {
			n++
		}
	}
	return n
}

func always(out reply) func(request) reply { return func(request) reply { return out } }

// found is a page of records; after is left out when empty.
func found(after string, records ...string) reply {
	pagination := fmt.Sprintf(`{"limit":0,"total":%d,"offset":%d}`, len(records), len(records))
	if after != "" {
		pagination = fmt.Sprintf(`{"limit":0,"total":%d,"offset":%d,"after":%q}`, len(records), len(records), after)
	}
	return reply{status: 200, body: fmt.Sprintf(
		`{"meta":{"query_time":0.01,"pagination":%s,"powered_by":"ioc-manager","trace_id":"t-1"},"errors":null,"resources":[%s]}`,
		pagination, strings.Join(records, ","),
	)}
}

// refusal is an answer that holds one error, and resources as they are given.
func refusal(status int, message, resources string) reply {
	return reply{status: status, header: map[string]string{"X-Cs-Traceid": "trace-7"}, body: fmt.Sprintf(
		`{"meta":{"query_time":0.1,"powered_by":"ioc-manager","trace_id":"trace-7"},"errors":[{"code":%d,"message":%q}],"resources":%s}`,
		status, message, resources,
	)}
}

const badBatch = "One or more indicators have a warning or invalid input"

// entry is one indicator of a create or update as the fake reads it.
type entry struct {
	ID    string `json:"id"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

func entriesOf(body string) []entry {
	var parsed struct {
		Indicators []entry `json:"indicators"`
	}
	if err := json.Unmarshal([]byte(body), &parsed); err != nil {
		return nil
	}
	return parsed.Indicators
}

func idOf(value string) string { return "id-of-" + value }

// created answers a create as Falcon does when all is well.
func created(entries []entry) reply {
	var records bytes.Buffer
	for i, e := range entries {
		if i > 0 {
			records.WriteByte(',')
		}
		fmt.Fprintf(&records, `{"id":%q,"type":%q,"value":%q,"created_on":"2026-11-16T10:00:00.123456789Z"}`, idOf(e.Value), e.Type, e.Value)
	}
	return reply{status: 201, body: `{"meta":{"pagination":{"limit":0,"total":1}},"errors":[],"resources":[` + records.String() + `]}`}
}

func domain(value string) indicator.Key {
	return indicator.Key{Kind: indicator.Domain, Value: value}
}

func hash(digit string) indicator.Key {
	return indicator.Key{Kind: indicator.SHA256, Value: strings.Repeat(digit, 64)}
}

func share(key indicator.Key) indicator.Share {
	return indicator.Share{
		Indicator: indicator.Indicator{Key: key}, Action: "detect", Severity: "high",
		Platforms: []string{"windows", "mac"}, Mark: indicator.Mark{Integration: "acme"}, Comment: "Malicious link",
	}
}

func shares(values ...string) []indicator.Share {
	made := make([]indicator.Share, 0, len(values))
	for _, value := range values {
		made = append(made, share(domain(value)))
	}
	return made
}

func refused(t require.TestingT, err error) *vendorapi.Error {
	var failure *vendorapi.Error
	require.ErrorAs(t, err, &failure)
	return failure
}

func noon() time.Time { return time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC) }
