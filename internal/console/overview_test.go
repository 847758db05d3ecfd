package console_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

func TestTheFirstPageSaysAtAGlanceThatAllIsConnectedAndSinceWhen(t *testing.T) {
	w := newWorld(t)
	flow := w.temporal.status.Flows[settings.FlowShareTTPLogs]
	flow.Shared, flow.Held = 1234, 5
	w.temporal.status.Flows[settings.FlowShareTTPLogs] = flow
	page := w.get("/")
	w.says(page, http.StatusOK, "It runs without needing you", "acme", "connected since 2026-11-20 08:00:00 UTC (4 days ago)", "1,234 shared, 5 held")
	require.NotContains(t, w.text(page), "dry run")
	w.says(page, http.StatusOK, "Mimecast's logs to Falcon idle 1,234")
	w.temporal.status.DryRun = true
	w.says(w.get("/"), http.StatusOK, "dry run")
	require.Empty(t, page.Header().Get("Refresh"), "the script refreshes the numbers")
}

func TestTheFirstPageWithoutIntegrationsLeadsToANewOne(t *testing.T) {
	w := newWorld(t)
	w.temporal.inForce.Name = ""
	page := w.get("/")
	w.says(page, http.StatusOK, "No integration is running")
	require.Contains(t, page.Body.String(), `<a href="/new">Create one</a>`)
}

func TestTheFirstPageCountsThoseThatNeedAPersonAndSaysWhy(t *testing.T) {
	w := newWorld(t)
	bad, degraded := idle(), idle()
	bad.State, bad.Reason = workflows.PermanentError, "the secret is wrong; then: temporal workflow signal --workflow-id threatshare/bad --name reconnect"
	degraded.State, degraded.Reason = workflows.Degraded, "Falcon does not answer"
	w.temporal.others = map[string]workflows.Status{"bad": bad, "degraded": degraded, "deaf": {}, "paused": paused(idle())}
	w.says(w.get("/"), http.StatusOK, "1 of 5 needs you", "permanent error since", "the secret is wrong", "degraded since", "Falcon does not answer", "maintenance")
	require.NotContains(t, w.text(w.get("/")), "temporal workflow", "here it is a button")

	// One that nobody serves does not keep the page of the others.
	w.temporal.silences = map[string]error{wire.IntegrationID("deaf"): context.DeadlineExceeded}
	w.says(w.get("/"), http.StatusOK, "2 of 5 need you", "unknown", "does not answer in time: is a worker running", "acme connected since")
}

func TestThePagesNameTheIntegrationsInTheOrderOfTheirNames(t *testing.T) {
	w := newWorld(t)
	w.temporal.others = map[string]workflows.Status{"zeta": idle(), "beta": idle()}
	var names []string
	for _, node := range settingsNodes(t, w.get("/")) {
		if node.Data == "h2" {
			names = append(names, attribute(node.FirstChild, "href"))
		}
	}
	require.Equal(t, []string{"/i/acme", "/i/beta", "/i/zeta"}, names)
	w.says(w.get("/"), http.StatusOK, "All 3 run without needing you")
}

func TestAnAddressThatIsNonePageIsToldSo(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/nothing", "/i", "/i/", "/i/acme/nothing", "/new/more", "/sign-in/more", "/index.html"} {
		page := w.get(path)
		w.says(page, http.StatusNotFound, "Not found", "There is no such page")
	}
	w.says(w.post("/nothing"), http.StatusNotFound, "There is no such page")
}
