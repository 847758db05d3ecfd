//go:build e2e

package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/mail/mailtest"
)

// wiretap stands between the worker and a vendor. It keeps what is sent and the tokens that are given out, and can answer in
// place of the vendor.
type wiretap struct {
	*httptest.Server

	mu       sync.Mutex
	requests []heard
	tokens   []string
	instead  func(request *http.Request, body string) (status int, answer string) // status 0: ask the vendor
}

// heard is one request.
type heard struct {
	Path   string
	Query  url.Values
	Header http.Header
	Body   string
}

// forToken says whether it is the request that carries the credentials.
func (h heard) forToken() bool { return strings.HasSuffix(h.Path, "/token") }

func (w *world) tap(vendor string) *wiretap {
	w.t.Helper()
	target, err := url.Parse(vendor)
	require.NoError(w.t, err)
	tap := &wiretap{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(answer *http.Response) error {
			if !strings.HasSuffix(answer.Request.URL.Path, "/token") {
				return nil
			}
			body, err := io.ReadAll(answer.Body)
			answer.Body = io.NopCloser(bytes.NewReader(body))
			var granted struct {
				Token string `json:"access_token"`
			}
			if json.Unmarshal(body, &granted) == nil && granted.Token != "" {
				tap.mu.Lock()
				tap.tokens = append(tap.tokens, granted.Token)
				tap.mu.Unlock()
			}
			return err
		},
	}
	tap.Server = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			http.Error(out, err.Error(), http.StatusBadRequest)
			return
		}
		tap.mu.Lock()
		tap.requests = append(tap.requests, heard{request.URL.Path, request.URL.Query(), request.Header.Clone(), string(body)})
		instead := tap.instead
		tap.mu.Unlock()
		if instead != nil {
			if status, answer := instead(request, string(body)); status != 0 {
				out.Header().Set("Content-Type", "application/json")
				out.WriteHeader(status)
				_, _ = out.Write([]byte(answer))
				return
			}
		}
		request.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(out, request)
	}))
	w.t.Cleanup(tap.Close)
	return tap
}

// answer has it answer in place of the vendor; nil: not any more.
func (t *wiretap) answer(instead func(request *http.Request, body string) (status int, answer string)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.instead = instead
}

func (t *wiretap) all() (requests []heard, tokens []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append(requests, t.requests...), append(tokens, t.tokens...)
}

// page is what the worker answers to a path, with the console's password.
func (w *world) page(path, password string) string {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.patient(), http.MethodGet, "http://"+w.health+path, nil)
	require.NoError(w.t, err)
	if password != "" {
		request.Header.Set("Authorization", "Bearer "+password)
	}
	answer, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(w.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(w.t, err)
	require.Equal(w.t, http.StatusOK, answer.StatusCode, path)
	return fmt.Sprint(answer.Header, "\n", string(text))
}

// asked runs a command of the starter that only reads. It gives up, and says so, where the worker is slow to take it up, as a
// machine can be that is busy with other tests.
func (w *world) asked(args ...string) (output string) {
	w.t.Helper()
	w.eventually("an answer to "+args[0], func() error {
		code := 0
		if output, code = w.run(binaries.Starter, args...); code != 0 {
			return errors.New(output)
		}
		return nil
	})
	return output
}

// shownToPeople is everything that the programs say, by where they say it. It is asked for twice where it has two forms.
func (w *world) shownToPeople(password string, mails []mailtest.Message) map[string]string {
	w.t.Helper()
	sinks := map[string]string{
		"metrics": w.page("/metrics", ""), "health": w.page("/healthz", "") + w.page("/readyz", ""), "log of the worker": w.worker.Tail(1 << 30),
		"status": w.starter("status", w.name) + w.starter("status", w.name, "--json"), "settings": w.starter("settings", w.name),
		"check": w.asked("check", w.name) + w.asked("check", w.name, "--json"), "preview": w.asked("preview", w.name) + w.asked("preview", w.name, "--json"),
		"history": w.asked("history", w.name, "--all") + w.asked("history", w.name, "--all", "--json"), "CSV": w.asked("history", w.name, "--all", "--csv"),
	}
	for _, path := range w.ownPages() {
		sinks["console "+path] = w.page(path, password)
	}
	for _, mail := range mails {
		sinks["mails"] += string(mail.Data) + mail.Subject + "\n" + mail.Text
	}
	return sinks
}
