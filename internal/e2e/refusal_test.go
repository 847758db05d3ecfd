//go:build e2e

package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

func (w *world) ready(want int) error {
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://"+w.health+"/readyz", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	if err := res.Body.Close(); err != nil {
		return err
	}
	if res.StatusCode != want {
		return fmt.Errorf("readyz answers %d", res.StatusCode)
	}
	return nil
}

func TestMissingCredentialsAreNamedAndReconnectMendsThem(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30")
	worker := w.startWorker("FALCON_CLIENT_SECRET=")
	w.starter("start", "-f", w.settingsFile(nil))
	status := w.waitForState(workflows.PermanentError)
	require.Contains(t, status.Reason, "FALCON_CLIENT_SECRET")
	require.NoError(t, worker.Stop())

	w.startWorker()
	w.cli("workflow", "signal", "--workflow-id", wire.IntegrationID(w.name), "--name", "reconnect")
	w.waitForState(workflows.Connected)
	w.waitForRuns(shareTTPLogs, 1)
	w.requireSharedExactly()
}

func TestWrongCredentialsAreAPermanentErrorOfTheVendorThatRefusesThem(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30")
	worker := w.startWorker("MIMECAST_CLIENT_SECRET=wrong-but-secret")
	w.starter("start", "-f", w.settingsFile(nil))
	status := w.waitForState(workflows.PermanentError)
	require.Equal(t, workflows.PermanentError, status.Mimecast.State)
	require.Equal(t, workflows.Connected, status.Falcon.State)
	require.Contains(t, status.Reason, "MIMECAST_CLIENT_SECRET")
	require.NotContains(t, worker.Tail(1000)+fmt.Sprint(status), "wrong-but-secret")
	require.Contains(t, w.cli("schedule", "describe", "--schedule-id", wire.ScheduleID(w.name, "share-ttp-logs")), "MIMECAST_CLIENT_SECRET")
}

func TestALogThatIsNotAllowedIsParkedAndTheOthersGoOn(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30")
	require.NoError(t, w.vendors.Deny(w.patient(), "/api/ttp/url/get-logs"))
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(nil))
	status := w.waitForState(workflows.PermanentError)
	require.Contains(t, status.Reason, "urlDomains")
	require.Contains(t, status.Reason, "URL Protection", "the reason says which permission is missing")
	flow := status.Flows[shareTTPLogs]
	require.Positive(t, flow.Sources["attachmentHashes"].Shared)
	require.Positive(t, flow.Sources["impersonationDomains"].Shared)
	require.Equal(t, workflows.FlowIdle, flow.State, "the other logs are still read")

	require.NoError(t, w.vendors.Deny(w.patient()))
	w.cli("workflow", "signal", "--workflow-id", wire.IntegrationID(w.name), "--name", "reconnect")
	w.waitForState(workflows.Connected)
	w.waitForRuns(shareTTPLogs, flow.GoodRuns+1)
	w.requireSharedExactly()
}

func TestWhatCannotBeStartedSaysWhy(t *testing.T) {
	w := newWorld(t)
	w.startWorker()
	id := wire.IntegrationID(w.name)

	out, code := w.run(binaries.Starter, "start", "-f", w.file("bad.yaml", "name: "+w.name+"\nfetchDuration: 0s\nsendToFalcon:\n  urlDomains: {enabled: true, action: prevent}\n  attachmentHash: {}\nschedule: {shareTTPLogs: soon}\n"))
	require.Equal(t, 2, code, out)
	for _, told := range []string{"bad.yaml:2", "fetchDuration", "bad.yaml:4", "prevent", "bad.yaml:5", "attachmentHashes", "bad.yaml:6"} {
		require.Contains(t, out, told)
	}

	out, code = w.run(server.CLI, "workflow", "execute", "--type", "Integration", "--task-queue", w.queue, "--workflow-id", id,
		"--input", `{"name":"`+w.name+`","fetchDuration":"0s","page":-1}`)
	require.NotZero(t, code)
	require.Contains(t, out, "fetchDuration")
	require.Contains(t, out, "page")

	out, code = w.run(server.CLI, "workflow", "execute", "--type", "Integration", "--task-queue", w.queue,
		"--workflow-id", "something-else", "--input-file", w.settingsFile(nil))
	require.NotZero(t, code)
	require.Contains(t, out, id, "the message says the id to use")

	out, code = w.run(server.CLI, "workflow", "execute", "--type", "ShareTTPLogs", "--task-queue", w.queue,
		"--workflow-id", w.name+"-unknown", "--input", `{"integration":"nobody"}`)
	require.NotZero(t, code)
	require.Contains(t, out, `no integration "nobody" runs in this namespace`)

	out, code = w.run(server.CLI, "workflow", "execute", "--type", "ShareTTPLogs", "--task-queue", w.queue,
		"--workflow-id", w.name+"-page", "--input", `{"integration":"`+w.name+`","page":-1}`)
	require.NotZero(t, code)
	require.Contains(t, out, `unknown field "page"`)

	w.starter("start", "-f", w.settingsFile(nil))
	out, code = w.run(binaries.Starter, "start", "-f", w.settingsFile(nil))
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "change")
	out, code = w.run(server.CLI, "workflow", "start", "--type", "Integration", "--task-queue", w.queue, "--workflow-id", id,
		"--input-file", w.settingsFile(nil), "--fail-existing")
	require.NotZero(t, code, out)

	out, code = w.run(binaries.Starter, "change", w.name, "--set", "credentials=other", "--set", "fetchDuration=0s")
	require.Equal(t, 2, code, out)
	require.Contains(t, out, "immutable")
	require.Contains(t, out, "fetchDuration")
	out, code = w.run(server.CLI, "workflow", "update", "execute", "--workflow-id", id, "--name", "change-settings",
		"--input", `{"name":"other","sendToFalcon":{"platforms":[]},"byotiQuota":1000000000}`)
	require.NotZero(t, code)
	for _, told := range []string{"immutable", "platforms", "byotiQuota"} {
		require.Contains(t, out, told)
	}
}

func TestHostileSignalsChangeNothingAndTheLastOneShows(t *testing.T) {
	w := newWorld(t)
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(nil))
	w.waitForRuns(shareTTPLogs, 1)
	before := w.waitForState(workflows.Connected)
	id := wire.IntegrationID(w.name)
	hostile := []any{7, "text", []string{}, map[string]any{"nonsense": true}, map[string]any{"name": "other"}, nil, []byte{0, 1, 2}, strings.Repeat("x", 300<<10)}
	for _, input := range hostile {
		require.NoError(t, w.temporal.SignalWorkflow(w.patient(), id, "", "change-settings", input))
		require.NoError(t, w.temporal.SignalWorkflow(w.patient(), id, "", "forget-checkpoint", input))
		require.NoError(t, w.temporal.SignalWorkflow(w.patient(), id, "", "run-started", input))
		require.NoError(t, w.temporal.SignalWorkflow(w.patient(), id, "", "run-reported", input))
	}
	require.NoError(t, w.temporal.SignalWorkflow(w.patient(), id, "", "change-setings", nil))
	w.eventually("all of them refused", func() error {
		if refused, want := w.status().Rejected, 4*len(hostile)+1; refused != want {
			return fmt.Errorf("%d of %d refused", refused, want)
		}
		return nil
	})
	require.Contains(t, w.status().LastRejected.Name, "change-setings")
	after := w.status()
	require.Equal(t, before.State, after.State)
	require.Equal(t, before.Flows, after.Flows)
	require.Equal(t, before.Checkpoints, after.Checkpoints)
	require.NotEmpty(t, after.LastRejected.Problem)

	w.cli("workflow", "signal", "--workflow-id", id, "--name", "pause")
	w.waitForState(workflows.Paused)
}

func TestAFloodOfSignalsStartsANewRunThatRemembersEverything(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30")
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(nil))
	before := w.waitForRuns(shareTTPLogs, 1)
	id := wire.IntegrationID(w.name)
	first, err := w.temporal.DescribeWorkflowExecution(w.patient(), id, "")
	require.NoError(t, err)

	var senders sync.WaitGroup
	failures := make(chan error, 2500)
	for range 25 {
		senders.Go(func() {
			for range 100 {
				failures <- w.temporal.SignalWorkflow(w.patient(), id, "", "sync-now", "no-such-flow")
			}
		})
	}
	senders.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
	w.eventually("a new run", func() error {
		now, err := w.temporal.DescribeWorkflowExecution(w.patient(), id, "")
		if err == nil && now.GetWorkflowExecutionInfo().GetExecution().GetRunId() == first.GetWorkflowExecutionInfo().GetExecution().GetRunId() {
			err = errors.New("still the first run")
		}
		return err
	})
	w.eventually("every signal is counted", func() error {
		if n := w.status().Rejected; n != 2500 {
			return fmt.Errorf("%d refused", n)
		}
		return nil
	})
	after := w.flow(shareTTPLogs)
	require.Equal(t, before.Shared, after.Shared)
	require.Equal(t, before.Sources, after.Sources)
	require.Equal(t, workflows.Connected, w.status().State)
}
