package mimecast_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/simulator/mimecast"
)

// vendor is a server under test, with a clock that stands still and everything that it reported.
type vendor struct {
	t      *testing.T
	server *mimecast.Server
	url    string
	admin  http.Handler
	token  string

	mu         sync.Mutex
	now        time.Time
	violations []string
	wrote      int
}

var noon = time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC)

func newVendor(t *testing.T, change ...func(*mimecast.Options)) *vendor {
	t.Helper()
	v := &vendor{t: t, now: noon}
	opts := mimecast.Options{
		Seed: 7,
		Now: func() time.Time {
			v.mu.Lock()
			defer v.mu.Unlock()
			return v.now
		},
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
	}
	for _, c := range change {
		c(&opts)
	}
	v.server = mimecast.New(opts)
	v.admin = v.server.Admin()
	server := httptest.NewServer(v.server)
	t.Cleanup(server.Close)
	v.url = server.URL
	v.token = v.newToken()
	return v
}

func quirks(q mimecast.Quirks) func(*mimecast.Options) {
	return func(o *mimecast.Options) { o.Quirks = &q }
}

func (v *vendor) advance(d time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now = v.now.Add(d)
}

func (v *vendor) newToken() string {
	v.t.Helper()
	status, body := v.form(url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"demo"}, "client_secret": {"demo-secret"},
	})
	require.Equal(v.t, http.StatusOK, status)
	return body["access_token"].(string)
}

func (v *vendor) form(values url.Values) (int, map[string]any) {
	v.t.Helper()
	resp, err := http.PostForm(v.url+"/oauth/token", values)
	require.NoError(v.t, err)
	defer resp.Body.Close()
	var body map[string]any
	require.NoError(v.t, json.NewDecoder(resp.Body).Decode(&body))
	return resp.StatusCode, body
}

// reply is a decoded answer.
type reply struct {
	status int
	header http.Header
	body   map[string]any
}

func (v *vendor) send(method, path, contentType, body string) reply {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.url+path, strings.NewReader(body))
	require.NoError(v.t, err)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if v.token != "" {
		req.Header.Set("Authorization", "Bearer "+v.token)
	}
	req.Header.Set("X-Request-Id", "11111111-2222-3333-4444-555555555555")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(v.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(v.t, err)
	out := reply{status: resp.StatusCode, header: resp.Header}
	if len(raw) > 0 {
		require.NoError(v.t, json.Unmarshal(raw, &out.body), string(raw))
	}
	return out
}

func (v *vendor) post(path, body string) reply {
	v.t.Helper()
	return v.send(http.MethodPost, path, "application/json", body)
}

func (v *vendor) get(path string) reply {
	v.t.Helper()
	return v.send(http.MethodGet, path, "", "")
}

// steer makes an admin call.
func (v *vendor) steer(method, path string, body any) {
	v.t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(v.t, err)
	w := httptest.NewRecorder()
	v.admin.ServeHTTP(w, httptest.NewRequestWithContext(v.t.Context(), method, path, bytes.NewReader(raw)))
	require.Less(v.t, w.Code, 300, w.Body.String())
}

func (v *vendor) noViolations() {
	v.t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	require.Empty(v.t, v.violations)
}

// violated takes what was reported so far.
func (v *vendor) violated() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	taken := v.violations
	v.violations = nil
	return taken
}

func (v *vendor) written() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	taken := v.wrote
	v.wrote = 0
	return taken
}

func (r reply) data() []any {
	list, _ := r.body["data"].([]any)
	return list
}

func (r reply) first() map[string]any {
	object, _ := r.data()[0].(map[string]any)
	return object
}

// code is the code of the first error, whichever of the three shapes it stands in.
func (r reply) code() string {
	for _, name := range []string{"fail", "errors"} {
		list, _ := r.body[name].([]any)
		if len(list) == 0 {
			continue
		}
		entry, _ := list[0].(map[string]any)
		if inner, ok := entry["errors"].([]any); ok {
			entry, _ = inner[0].(map[string]any)
		}
		code, _ := entry["code"].(string)
		return code
	}
	return ""
}

func (r reply) page() map[string]any {
	meta, _ := r.body["meta"].(map[string]any)
	page, _ := meta["pagination"].(map[string]any)
	return page
}

func (r reply) next() string {
	next, _ := r.page()["next"].(string)
	return next
}

func (r reply) records(key string) []map[string]any {
	var out []map[string]any
	for _, object := range r.data() {
		list, _ := object.(map[string]any)[key].([]any)
		for _, item := range list {
			out = append(out, item.(map[string]any))
		}
	}
	return out
}
