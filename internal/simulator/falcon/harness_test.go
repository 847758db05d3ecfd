package falcon_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/simulator/falcon"
)

const (
	clientID     = "0123456789abcdef0123456789abcdef"
	clientSecret = "S3cretS3cretS3cretS3cretS3cretS3cretS3cr"
)

// vendor is a Server with a clock that moves by hand and a count of what it reported.
type vendor struct {
	t      *testing.T
	server *falcon.Server
	admin  http.Handler
	token  string

	mu         sync.Mutex
	now        time.Time
	violations []string
	wrote      int
}

// answered is a response with its envelope.
type answered struct {
	status int
	header http.Header
	body   []byte

	Meta struct {
		QueryTime  float64 `json:"query_time"`
		PoweredBy  string  `json:"powered_by"`
		TraceID    string  `json:"trace_id"`
		Pagination struct {
			Limit  int     `json:"limit"`
			Total  int     `json:"total"`
			Offset int     `json:"offset"`
			After  *string `json:"after"`
		} `json:"pagination"`
	} `json:"meta"`
	Errors []struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		ID      string `json:"id"`
	} `json:"errors"`
	Resources json.RawMessage `json:"resources"`
}

func start(t *testing.T) *vendor {
	t.Helper()
	v := &vendor{t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)}
	v.server = falcon.New(falcon.Options{
		Now: v.clock, ClientID: clientID, ClientSecret: clientSecret, Region: "eu-1", Seed: 7,
		Violate: func(operation, text string) {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.violations = append(v.violations, operation+": "+text)
		},
		Wrote: func(_ string, n int) {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.wrote += n
		},
	})
	v.admin = v.server.Admin()
	v.login()
	return v
}

func (v *vendor) clock() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

func (v *vendor) pass(d time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now = v.now.Add(d)
}

func (v *vendor) login() {
	v.t.Helper()
	a := v.form("/oauth2/token", url.Values{"client_id": {clientID}, "client_secret": {clientSecret}})
	require.Equal(v.t, http.StatusCreated, a.status)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(v.t, json.Unmarshal(a.body, &token))
	v.token = token.AccessToken
}

func (v *vendor) form(path string, form url.Values) answered {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.send(r)
}

// do sends a request with the token; body is JSON text or anything that JSON can be made of.
func (v *vendor) do(method, target string, body any) answered {
	return v.send(v.request(method, target, body))
}

func (v *vendor) request(method, target string, body any) *http.Request {
	var raw []byte
	switch b := body.(type) {
	case nil:
	case string:
		raw = []byte(b)
	default:
		var err error
		raw, err = json.Marshal(b)
		require.NoError(v.t, err)
	}
	r := httptest.NewRequest(method, target, bytes.NewReader(raw))
	r.Header.Set("Authorization", "Bearer "+v.token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func (v *vendor) send(r *http.Request) answered {
	w := httptest.NewRecorder()
	v.server.ServeHTTP(w, r)
	a := answered{status: w.Code, header: w.Header(), body: w.Body.Bytes()}
	require.NoError(v.t, json.Unmarshal(a.body, &a), "%s", a.body)
	return a
}

// asAdmin sends to the admin API, wants 200 and decodes the answer.
func (v *vendor) asAdmin(method, target, body string, into any) {
	v.t.Helper()
	w := httptest.NewRecorder()
	v.admin.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
	require.Equal(v.t, http.StatusOK, w.Code, "%s", w.Body)
	if into != nil {
		require.NoError(v.t, json.Unmarshal(w.Body.Bytes(), into))
	}
}

func (v *vendor) modes(body string) { v.asAdmin(http.MethodPut, "/modes", body, nil) }

// takeViolations gives the violations since the last call.
func (v *vendor) takeViolations() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	taken := v.violations
	v.violations = nil
	return taken
}

func (v *vendor) noViolations() {
	v.t.Helper()
	require.Empty(v.t, v.takeViolations())
}

func (v *vendor) refused(a answered, status int, message string) {
	v.t.Helper()
	require.Equal(v.t, status, a.status, "%s", a.body)
	require.Len(v.t, a.Errors, 1)
	require.Equal(v.t, status, a.Errors[0].Code)
	require.Contains(v.t, a.Errors[0].Message, message)
}

// ioc is a record as tests read it.
type ioc map[string]any

func (a answered) iocs(t *testing.T) []ioc {
	t.Helper()
	var records []ioc
	require.NoError(t, json.Unmarshal(a.Resources, &records))
	return records
}

func (a answered) ids(t *testing.T) []string {
	t.Helper()
	var ids []string
	require.NoError(t, json.Unmarshal(a.Resources, &ids))
	return ids
}

const (
	entities = "/iocs/entities/indicators/v1"
	queries  = "/iocs/queries/indicators/v1"
	combined = "/iocs/combined/indicator/v1"
)

// domain is a good entry of a create.
func domain(value string) ioc {
	return ioc{
		"type": "domain", "value": value, "action": "detect", "severity": "medium", "applied_globally": true,
		"platforms": []string{"windows", "mac", "linux"},
	}
}

func (e ioc) with(field string, value any) ioc {
	out := ioc{}
	for k, old := range e {
		out[k] = old
	}
	if out[field] = value; value == nil {
		delete(out, field)
	}
	return out
}

func batchOf(entries ...ioc) map[string]any { return map[string]any{"indicators": entries} }

// create wants the entries to be created and gives the ids.
func (v *vendor) create(entries ...ioc) []string {
	v.t.Helper()
	a := v.do(http.MethodPost, entities, batchOf(entries...))
	require.Equal(v.t, http.StatusCreated, a.status, "%s", a.body)
	ids := make([]string, len(entries))
	for i, r := range a.iocs(v.t) {
		ids[i] = r["id"].(string)
	}
	return ids
}

func (v *vendor) search(path string, params ...string) answered {
	v.t.Helper()
	query := url.Values{}
	for i := 0; i < len(params); i += 2 {
		query.Set(params[i], params[i+1])
	}
	return v.do(http.MethodGet, path+"?"+query.Encode(), nil)
}

// many gives n good domain entries that differ.
func many(prefix string, n int) []ioc {
	entries := make([]ioc, n)
	for i := range entries {
		entries[i] = domain(fmt.Sprintf("%s%06d.example", prefix, i))
	}
	return entries
}

func sha(n int) string { return fmt.Sprintf("%064x", n) }
