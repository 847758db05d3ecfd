//go:build e2e

package e2e_test

import (
	"fmt"
	"net/http"
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
	flow := w.waitForRuns(shareTTPLogs, 1)
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
