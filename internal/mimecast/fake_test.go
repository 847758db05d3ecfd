package mimecast_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/mimecast"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	attachmentPath    = "/api/ttp/attachment/get-logs"
	urlPath           = "/api/ttp/url/get-logs"
	impersonationPath = "/api/ttp/impersonation/get-logs"
	decodePath        = "/api/ttp/url/decode-url"
	domainsPath       = "/domain/cloud-gateway/v1/internal-domains"
	classicDomains    = "/api/domain/get-internal-domain"
	whoamiPath        = "/identity/whoami"
	tokenPath         = "/oauth/token"

	clientID     = "canary-client-id"
	clientSecret = "canary-client-secret"
)

type secret string

func (s secret) Reveal() string { return string(s) }

// answer is what the fake answers once.
type answer struct {
	status int // 0: 200
	header http.Header
	body   string
}

// received is what a client sent.
type received struct {
	method string
	path   string
	query  string
	header http.Header
	body   string
}

// fake is a Mimecast that says what it was told to say, path by path, and keeps what it was asked.
type fake struct {
	t       *testing.T
	baseURL string

	mu      sync.Mutex
	script  map[string][]answer
	rules   map[string]func(received) answer
	history []received
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{t: t, script: map[string][]answer{}, rules: map[string]func(received) answer{}}
	server := httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(server.Close)
	f.baseURL = server.URL
	f.says(tokenPath, answer{body: `{"access_token":"token-1","token_type":"Bearer","expires_in":1799,"scope":""}`})
	return f
}

// says sets the answers of a path, in order; the last one is repeated.
func (f *fake) says(path string, answers ...answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.script[path] = answers
}

// does sets how the answers of a path follow from what is asked.
func (f *fake) does(path string, rule func(received) answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules[path] = rule
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	call := received{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Clone(), string(body)}
	f.history = append(f.history, call)
	told := answer{status: http.StatusNotFound, body: `{"errors":[{"code":"not_found","message":"not in the script"}]}`}
	if script := f.script[call.path]; len(script) > 0 {
		told = script[0]
		if len(script) > 1 {
			f.script[call.path] = script[1:]
		}
	}
	if rule, found := f.rules[call.path]; found {
		told = rule(call)
	}
	f.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	for name, values := range told.header {
		w.Header()[name] = values
	}
	if told.status != 0 {
		w.WriteHeader(told.status)
	}
	_, _ = io.Copy(w, bytes.NewBufferString(told.body))
}

// asked gives the calls to one path in order.
func (f *fake) asked(path string) []received {
	f.mu.Lock()
	defer f.mu.Unlock()
	var calls []received
	for _, call := range f.history {
		if call.path == path {
			calls = append(calls, call)
		}
	}
	return calls
}

// calls gives the calls to all functions in order, without those for a token.
func (f *fake) calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var calls []string
	for _, call := range f.history {
		if call.path != tokenPath {
			calls = append(calls, call.method+" "+call.path)
		}
	}
	return calls
}

// client is a new client of the fake.
func (f *fake) client() *mimecast.Client {
	f.t.Helper()
	client, err := mimecast.New(mimecast.Config{BaseURL: f.baseURL, ClientID: clientID, ClientSecret: secret(clientSecret)})
	require.NoError(f.t, err)
	return client
}

// read asks a new client for one page of a log that has the given answer.
func (f *fake) read(q indicator.Query, told answer) (indicator.Page, error) {
	f.t.Helper()
	f.says(pathOf(q.Source), told)
	return f.client().TTPLogs(f.t.Context(), q)
}

func pathOf(source indicator.Source) string {
	switch source {
	case indicator.AttachmentHashes:
		return attachmentPath
	case indicator.URLDomains:
		return urlPath
	default:
		return impersonationPath
	}
}

func sources() []indicator.Source {
	return []indicator.Source{indicator.AttachmentHashes, indicator.URLDomains, indicator.ImpersonationDomains}
}

func listOf(source indicator.Source) string {
	switch source {
	case indicator.AttachmentHashes:
		return "attachmentLogs"
	case indicator.URLDomains:
		return "clickLogs"
	default:
		return "impersonationLogs"
	}
}

func file(tb testing.TB, name string) string {
	tb.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(tb, err)
	return string(body)
}

// refusalOf takes the vendor's refusal out of an error.
func refusalOf(t *testing.T, err error) *vendorapi.Error {
	t.Helper()
	require.Error(t, err)
	refused, ok := errors.AsType[*vendorapi.Error](err)
	require.True(t, ok, "not a vendor's error: %v", err)
	require.Equal(t, "mimecast", refused.Vendor)
	return refused
}

func at(tb testing.TB, rfc3339 string) time.Time {
	tb.Helper()
	parsed, err := time.Parse(time.RFC3339, rfc3339)
	require.NoError(tb, err)
	return parsed.UTC()
}

func raws(page indicator.Page) []string {
	values := make([]string, 0, len(page.Sightings))
	for _, sighting := range page.Sightings {
		values = append(values, sighting.Raw)
	}
	return values
}
