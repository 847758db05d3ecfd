//go:build e2e

package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/threatshare/threatshare/internal/wire"
)

// password is that of the world's console. Each has its own: the browser is the same, and so is the host that its cookies are of.
func (w *world) password() string { return "a long password for " + w.name }

// readPayloads makes a page of the Temporal UI ask the console's codec, as the UI does with what it has read.
const readPayloads = `fetch(%q, {method: "POST", credentials: "include", headers: {"Content-Type": "application/json", "X-Namespace": "default"}, body: %q})
	.then(async (answer) => answer.status + " " + (await answer.text())).catch((problem) => "refused by the browser: " + problem)`

func TestPayloadsAreReadThroughTheConsoleToThoseWhoMayUseItOnly(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30")
	w.useKeys(codecKey("2026", '2'))
	// Another port is another origin and the same site, so that the session goes along, as it does between two names of a company.
	ui := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(out, "<!doctype html><title>A page of another origin</title>")
	}))
	t.Cleanup(ui.Close)
	other := httptest.NewServer(ui.Config.Handler)
	t.Cleanup(other.Close)
	w.startWorker("THREATSHARE_CONSOLE_PASSWORD="+w.password(), "THREATSHARE_TEMPORAL_UI="+ui.URL)
	w.starter("start", "-f", w.settingsFile(func(document map[string]any) { document["description"] = canaryAbout }), "--wait")

	encrypted := w.startOf(wire.IntegrationID(w.name))
	require.NotContains(t, encrypted, canaryAbout)
	decode := func(headers ...string) (int, string) {
		request, err := http.NewRequestWithContext(w.patient(), http.MethodPost, "http://"+w.health+"/codec/decode", strings.NewReader(encrypted))
		require.NoError(t, err)
		for i := 0; i < len(headers); i += 2 {
			request.Header.Set(headers[i], headers[i+1])
		}
		answer, err := http.DefaultTransport.RoundTrip(request)
		require.NoError(t, err)
		defer func() { require.NoError(t, answer.Body.Close()) }()
		text, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return answer.StatusCode, payloadsOf(string(text))
	}

	// Nobody else.
	for _, headers := range [][]string{nil, {"Authorization", "Bearer wrong"}, {"Cookie", "threatshare=AAAA"}, {"Authorization", "Basic " + w.password()}} {
		status, text := decode(headers...)
		require.Equal(t, http.StatusUnauthorized, status, headers)
		require.NotContains(t, text, canaryAbout)
	}
	// A program with the password, and the Temporal CLI.
	status, text := decode("Authorization", "Bearer "+w.password())
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, text, canaryAbout)
	shown := w.cli("workflow", "show", "--workflow-id", wire.IntegrationID(w.name), "--output", "json",
		"--codec-endpoint", "http://"+w.health+"/codec", "--codec-auth", "Bearer "+w.password())
	require.Contains(t, strings.Join(canariesIn(shown), " "), canaryAbout)

	// A person in the browser, at a page of the Temporal UI: once signed in, and at no other page.
	p := w.tab()
	asked := func(from string) string {
		p.do(chromedp.Navigate(from))
		return evaluate[string](p, fmt.Sprintf(readPayloads, "http://"+w.health+"/codec/decode", encrypted), chromedp.EvalAwaitPromise)
	}
	require.Contains(t, asked(ui.URL), "refused by the browser", "nobody has signed in")
	p.open("/")
	p.fill("password", w.password())
	p.send("sign-in")
	p.see(w.name)
	answered := asked(ui.URL)
	require.Contains(t, answered, "200 ")
	require.Contains(t, payloadsOf(strings.TrimPrefix(answered, "200 ")), canaryAbout)
	require.Contains(t, asked(other.URL), "refused by the browser")
	p.open("/")
	p.send("sign-out")
	p.see("Sign in")
	require.Contains(t, asked(ui.URL), "refused by the browser", "nobody is signed in any more")
	p.mu.Lock()
	p.wrong = nil // the browser complains about the page that it refused, as it has to
	p.mu.Unlock()
}

// startOf gives what a workflow was started with, as Temporal has it and as a codec server takes it.
func (w *world) startOf(id string) string {
	w.t.Helper()
	var started string
	w.eventually("the beginning of the history", func() error {
		history, err := w.temporal.WorkflowService().GetWorkflowExecutionHistory(w.patient(), &workflowservice.GetWorkflowExecutionHistoryRequest{
			Namespace: "default", Execution: &commonpb.WorkflowExecution{WorkflowId: id}, MaximumPageSize: 1,
		})
		if err != nil {
			return err
		}
		text, err := protojson.Marshal(history.GetHistory().GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetInput())
		started = string(text)
		return err
	})
	return started
}

// payloadsOf is what the payloads of an answer hold, one after the other.
func payloadsOf(answer string) string {
	var held struct{ Payloads []struct{ Data []byte } }
	if err := json.Unmarshal([]byte(answer), &held); err != nil {
		return ""
	}
	var all strings.Builder
	for _, payload := range held.Payloads {
		all.Write(payload.Data)
	}
	return all.String()
}
