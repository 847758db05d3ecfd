//go:build e2e

package e2e_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// TestTheStarterTakesAnIntegrationThroughItsLife does what the README tells a person who uses the starter.
func TestTheStarterTakesAnIntegrationThroughItsLife(t *testing.T) {
	w := newWorld(t, "--records", "600", "--indicators", "60")
	w.startWorker()
	out := w.starter("start", "-f", w.settingsFile(nil), "--wait")
	require.Contains(t, out, wire.IntegrationID(w.name))
	w.waitForRuns(shareTTPLogs, 1)

	out = w.starter("status", w.name)
	for _, shown := range []string{"connected", "share-ttp-logs", "attachmentHashes", "urlDomains", "impersonationDomains"} {
		require.Contains(t, out, shown)
	}
	var status workflows.Status
	require.NoError(t, json.Unmarshal([]byte(w.starter("status", w.name, "--json")), &status))
	require.Equal(t, 60, status.Flows[shareTTPLogs].Shared)

	require.Contains(t, w.starter("settings", w.name), "prevent")
	w.starter("change", w.name, "-f", w.file("patch.yaml", "sendToFalcon:\n  expireAfter: 720h\n"))
	w.starter("change", w.name, "--set", "sendToFalcon.urlDomains.severity=low", "--set", "description=changed")
	out = w.starter("settings", w.name)
	for _, shown := range []string{"720h", "low", "changed"} {
		require.Contains(t, out, shown)
	}

	w.starter("sync", w.name, "share-ttp-logs")
	w.starter("stop", w.name)
	w.eventually("the integration has ended", func() error {
		_, err := w.temporal.DescribeWorkflowExecution(w.patient(), wire.IntegrationID(w.name), "")
		return err
	})
	out, code := w.run(binaries.Starter, "status", w.name)
	require.Equal(t, 1, code, out)
	out, code = w.run(binaries.Starter, "sync", "nobody")
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "nobody")
}
