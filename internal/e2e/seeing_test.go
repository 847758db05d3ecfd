//go:build e2e

package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/samber/lo"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"github.com/threatshare/threatshare/activities"
	sim "github.com/threatshare/threatshare/internal/simulator"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// metrics are the series that the worker shows, by name and labels.
func (w *world) metrics() map[string]float64 {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.patient(), http.MethodGet, "http://"+w.health+"/metrics", http.NoBody)
	require.NoError(w.t, err)
	answer, err := http.DefaultClient.Do(req)
	require.NoError(w.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(w.t, err)
	for _, secret := range []string{sim.DemoMimecastSecret, sim.DemoFalconSecret, "evil-1.top"} {
		require.NotContains(w.t, string(text), secret)
	}
	series := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		last := strings.LastIndex(line, " ")
		if strings.HasPrefix(line, "#") || last < 0 {
			continue
		}
		series[line[:last]], err = strconv.ParseFloat(line[last+1:], 64)
		require.NoError(w.t, err, line)
	}
	require.Less(w.t, len(series), 500)
	return series
}

func TestHistoryWatchAndMetricsTellWhatHasHappened(t *testing.T) {
	w := newWorld(t, traffic()...)
	w.fill()
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(func(document map[string]any) {
		both(document)
		document["protect"] = map[string]any{"domains": []string{"evil-0.top"}}
	}))
	watched := w.starter("watch", w.name, "--until-idle", "--every", "200ms")
	require.Contains(t, watched, w.name+"  connected")
	for _, flow := range allFlows() {
		w.waitForRuns(flow, 1)
	}

	blocked := w.starter("history", w.name, "hxxps://EVIL-1[.]top/path")
	require.Contains(t, blocked, "evil-1.top")
	require.Contains(t, blocked, "blocked")
	require.Contains(t, blocked, "protect.domains", "how to unblock it")
	require.Contains(t, w.starter("history", w.name, "evil-0.top"), "held")
	require.Contains(t, w.starter("history", w.name, "never-seen.example"), "never-seen.example")

	var entries []activities.LedgerEntry
	require.NoError(t, json.Unmarshal([]byte(w.starter("history", w.name, "--list", "byoti", "--all", "--json")), &entries))
	require.Len(t, entries, 30)
	rows := strings.Split(strings.TrimSpace(w.starter("history", w.name, "--list", "blocked-senders", "--state", "shared", "--all", "--csv")), "\n")
	require.Len(t, rows, 1+19, "a header and a line for each domain")

	w.requireSummaries()

	series := w.metrics()
	for _, flow := range allFlows() {
		sum := 0
		for _, counts := range w.flow(flow).Sources {
			sum += counts.Shared
		}
		name := fmt.Sprintf(`threatshare_indicators_total{flow=%q,integration=%q,outcome="shared"}`, flow, w.name)
		require.InDelta(t, sum, series[name], 0, name)
		require.NotZero(t, series[fmt.Sprintf(`threatshare_last_good_run_timestamp_seconds{flow=%q,integration=%q}`, flow, w.name)])
	}
}

// requireSummaries makes sure that a person who looks at any run of the integration in the Temporal UI reads what each step is
// about.
func (w *world) requireSummaries() {
	w.t.Helper()
	var summaries map[string]string
	w.eventually("the server lists runs with all steps", func() error {
		summaries = w.summaries()
		missing, _ := lo.Difference([]string{
			"CheckConnections", "ApplySchedules", "RunFlows", "FetchTTPLogs", "UploadIOCs", "FetchIOCs", "AddBYOTIHashes", "BlockSenderDomains",
			"BlockURLs", "FetchAlerts", "BlockAlertDomains", "SearchLedger",
		}, lo.Keys(summaries))
		if len(missing) > 0 {
			return fmt.Errorf("no %v", missing)
		}
		return nil
	})
	require.Equal(w.t, "30 hashes", summaries["AddBYOTIHashes"])
	for step, summary := range summaries {
		require.NotEmpty(w.t, summary, step)
	}
}

// summaries are those of the steps in all runs of the integration, by the step's name; empty if one of them has none.
func (w *world) summaries() map[string]string {
	w.t.Helper()
	found, err := w.temporal.ListWorkflow(w.patient(), &workflowservice.ListWorkflowExecutionsRequest{
		Query: fmt.Sprintf("WorkflowId STARTS_WITH '%s'", wire.IntegrationID(w.name)),
	})
	require.NoError(w.t, err)
	summaries := map[string]string{}
	for _, listed := range found.GetExecutions() {
		history := w.temporal.GetWorkflowHistory(w.patient(), listed.GetExecution().GetWorkflowId(), listed.GetExecution().GetRunId(), false,
			enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for history.HasNext() {
			event, err := history.Next()
			require.NoError(w.t, err)
			step := event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName()
			if before, met := summaries[step]; step == "" || met && before == "" {
				continue
			}
			summary := ""
			require.NoError(w.t, converter.GetDefaultDataConverter().FromPayload(event.GetUserMetadata().GetSummary(), &summary), step)
			summaries[step] = summary
		}
	}
	return summaries
}

func TestTheStateCanBeSearchedForWhereTheNamespaceHasTheAttribute(t *testing.T) {
	w := newWorld(t)
	namespace := w.name + "-ns"
	w.cli("operator", "namespace", "create", "--namespace", namespace)
	w.eventually("the namespace is there", func() error {
		if out, code := w.run(server.CLI, "operator", "search-attribute", "create", "--namespace", namespace,
			"--name", wire.StateAttribute, "--type", "Keyword"); code != 0 {
			return errors.New(out)
		}
		return nil
	})
	w.startWorker("TEMPORAL_NAMESPACE=" + namespace)
	w.eventually("the integration is started", func() error {
		if out, code := w.run(binaries.Starter, "--namespace", namespace, "start", "-f", w.settingsFile(nil), "--wait"); code != 0 {
			return errors.New(out)
		}
		return nil
	})
	found := func(state string) {
		w.eventually(state+" is found", func() error {
			out := w.cli("workflow", "list", "--namespace", namespace, "--query", fmt.Sprintf("%s=%q", wire.StateAttribute, state))
			if !strings.Contains(out, wire.IntegrationID(w.name)) {
				return errors.New(out)
			}
			return nil
		})
	}
	found(workflows.Connected)
	w.starter("--namespace", namespace, "pause", w.name)
	found(workflows.Paused)
	w.starter("--namespace", namespace, "resume", w.name)
	found(workflows.Connected)
}
