//go:build e2e

package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// TestTheTemporalCLIAloneIsEnough does what the README tells a person who has nothing but the Temporal CLI.
func TestTheTemporalCLIAloneIsEnough(t *testing.T) {
	w := newWorld(t, "--records", "600", "--indicators", "60")
	w.startWorker()
	id := wire.IntegrationID(w.name)
	w.cli("workflow", "start", "--type", "Integration", "--task-queue", w.queue, "--workflow-id", id,
		"--input-file", w.settingsFile(nil))
	w.waitForState(workflows.Connected)
	w.waitForRuns(shareTTPLogs, 1)
	w.requireSharedExactly()

	require.Contains(t, w.cli("schedule", "list"), "threatshare/"+w.name+"/share-ttp-logs")

	var state workflows.ConnectionState
	w.query("connection-state", &state)
	require.Equal(t, workflows.Connected, state.State)
	require.Equal(t, 60, state.Flows[shareTTPLogs].Shared)

	w.cli("workflow", "signal", "--workflow-id", id, "--name", "change-settings",
		"--input", `{"sendToFalcon":{"urlDomains":{"enabled":false}}}`)
	w.eventually("the signal's change", func() error {
		var settings struct {
			SendToFalcon struct {
				URLDomains struct{ Enabled bool }
			}
		}
		w.query("settings", &settings)
		if settings.SendToFalcon.URLDomains.Enabled {
			return errors.New("urlDomains is still on")
		}
		return nil
	})

	out := w.cli("workflow", "update", "execute", "--workflow-id", id, "--name", "change-settings",
		"--input", `{"sendToFalcon":{"urlDomains":{"enabled":true}},"protect":{"domains":["partner.com"]}}`)
	require.Contains(t, out, "from the next run")

	w.cli("workflow", "start", "--type", "ShareTTPLogs", "--task-queue", w.queue, "--workflow-id", w.name+"-by-hand",
		"--cron", "*/5 * * * *", "--input", fmt.Sprintf(`{"integration":%q}`, w.name))
	w.cli("workflow", "terminate", "--workflow-id", w.name+"-by-hand", "--reason", "test")

	out = w.cli("workflow", "execute", "--type", "ShareTTPLogs", "--task-queue", w.queue, "--workflow-id", w.name+"-once",
		"--input", fmt.Sprintf(`{"integration":%q}`, w.name))
	require.Contains(t, out, "COMPLETED")

	w.cli("workflow", "update", "execute", "--workflow-id", id, "--name", "pause", "--input", `{"reason":"maintenance"}`)
	w.waitForState(workflows.Paused)
	w.eventually("the schedule is paused", func() error {
		if out := w.cli("schedule", "describe", "--schedule-id", id+"/share-ttp-logs"); !strings.Contains(out, "paused: maintenance") {
			return errors.New(out)
		}
		return nil
	})
	w.cli("workflow", "update", "execute", "--workflow-id", id, "--name", "resume")
	w.waitForState(workflows.Connected)
	w.cli("workflow", "signal", "--workflow-id", id, "--name", "sync-now", "--input", `"share-ttp-logs"`)
	w.cli("workflow", "signal", "--workflow-id", id, "--name", "reconnect")

	w.cli("workflow", "cancel", "--workflow-id", id)
	w.eventually("the schedules are gone", func() error {
		if out := w.cli("schedule", "list"); strings.Contains(out, id+"/") {
			return errors.New(out)
		}
		return nil
	})
	require.Contains(t, w.cli("workflow", "describe", "--workflow-id", id), "CANCELED")
}

// query asks with the Temporal CLI.
func (w *world) query(name string, into any) {
	w.t.Helper()
	out := w.cli("workflow", "query", "--workflow-id", wire.IntegrationID(w.name), "--type", name, "--output", "json")
	var answer struct{ QueryResult []json.RawMessage }
	require.NoError(w.t, json.Unmarshal([]byte(out), &answer), out)
	require.Len(w.t, answer.QueryResult, 1, out)
	require.NoError(w.t, json.Unmarshal(answer.QueryResult[0], into), out)
}

func TestACronRunThatNoScheduleStartedSharesToo(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30")
	w.startWorker()
	// The starting run shares nothing: everything is switched on only afterwards, without a Schedule that would come first.
	w.starter("start", "-f", w.settingsFile(nil))
	w.waitForRuns(shareTTPLogs, 1)
	before := w.flow(shareTTPLogs)
	id := w.name + "-cron"
	w.cli("workflow", "start", "--type", "ShareTTPLogs", "--task-queue", w.queue, "--workflow-id", id,
		"--cron", "@every 2s", "--input", fmt.Sprintf(`{"integration":%q}`, w.name))
	w.waitForRuns(shareTTPLogs, before.GoodRuns+1)
	w.cli("workflow", "terminate", "--workflow-id", id, "--reason", "test")
	w.requireSharedExactly()
}
