//go:build e2e

package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/internal/wire"
)

func TestFault_N5_FirstSyncSharesEverythingOnceAndTheSecondWritesNothing(t *testing.T) {
	w := newWorld(t, "--records", "3000", "--indicators", "400")
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(nil), "--wait")
	flow := w.waitForRuns(shareTTPLogs, 1)
	w.requireSharedExactly()
	expected, err := w.vendors.Expected(w.patient())
	require.NoError(t, err)
	require.Equal(t, len(expected), flow.Shared)

	iocs, err := w.vendors.FalconIOCs(w.patient())
	require.NoError(t, err)
	for _, ioc := range iocs {
		require.Equal(t, "Mimecast Threat Share: "+w.name, ioc.Source)
		require.Contains(t, ioc.Tags, "threatshare:"+w.name)
		if ioc.Type == "sha256" {
			require.Equal(t, "prevent", ioc.Action)
			require.Equal(t, "high", ioc.Severity)
		} else {
			require.Equal(t, "detect", ioc.Action)
		}
	}

	require.NoError(t, w.vendors.Reset(w.patient()))
	again := w.sync(shareTTPLogs)
	require.Equal(t, flow.Shared, again.Shared)
	stats := w.stats()
	require.Zero(t, stats.Writes["falcon"])
	// The simulator names a next page after the last one of the attachment log, so that takes a second call.
	require.Equal(t, map[string]int{
		"POST /api/ttp/attachment/get-logs": 2, "POST /api/ttp/impersonation/get-logs": 1, "POST /api/ttp/url/get-logs": 1,
	}, stats.Calls["mimecast"], "an idle run reads each log once")
	require.Empty(t, stats.Calls["falcon"])
	require.LessOrEqual(t, w.eventsOfLastRun(), int64(25))

	// Reading all of it again shares nothing twice.
	require.NoError(t, w.vendors.Reset(w.patient()))
	before := w.flow(shareTTPLogs)
	w.cli("workflow", "signal", "--workflow-id", wire.IntegrationID(w.name), "--name", "forget-checkpoint",
		"--input", `{"flow":"share-ttp-logs"}`)
	w.waitForRuns(shareTTPLogs, before.GoodRuns+1)
	stats = w.stats()
	require.Zero(t, stats.Writes["falcon"])
	require.Greater(t, stats.Calls["mimecast"]["POST /api/ttp/url/get-logs"], 1)
}

// eventsOfLastRun is the length of the history of the flow's last closed run.
func (w *world) eventsOfLastRun() int64 {
	w.t.Helper()
	var events int64
	w.eventually("find the last run", func() error {
		found, err := w.temporal.ListWorkflow(w.patient(), &workflowservice.ListWorkflowExecutionsRequest{
			Query: fmt.Sprintf("WorkflowType = 'ShareTTPLogs' AND TaskQueue = '%s'", w.queue),
		})
		if err != nil {
			return err
		}
		runs := found.GetExecutions()
		if len(runs) == 0 || runs[0].GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED {
			return errors.New("not closed yet")
		}
		events = runs[0].GetHistoryLength()
		return nil
	})
	return events
}

func TestFault_D2_HostileValuesAreHeldWithAReasonAndTheRunGoesOn(t *testing.T) {
	w := newWorld(t, "--records", "500", "--indicators", "50", "--hostile")
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(nil))
	flow := w.waitForRuns(shareTTPLogs, 1)
	w.requireSharedExactly()
	require.Positive(t, flow.Held)
	var reasons []string
	for _, counts := range flow.Sources {
		for reason := range counts.Held {
			reasons = append(reasons, string(reason))
		}
	}
	slices.Sort(reasons)
	t.Log("held for:", strings.Join(slices.Compact(reasons), ", "))
	for _, reason := range []string{"ip-literal", "too-long", "unprintable", "unknown-scheme", "public-suffix", "wildcard"} {
		require.Contains(t, reasons, reason)
	}
	for source, counts := range flow.Sources {
		dropped := 0
		for _, n := range counts.Dropped {
			dropped += n
		}
		require.Equal(t, counts.Read, counts.Malicious+dropped, "%s: every record is counted", source)
	}
}

func TestAReleasedValueIsSharedByTheNextRun(t *testing.T) {
	w := newWorld(t)
	w.startWorker()
	require.NoError(t, w.vendors.AddLogs(w.patient(), mimecast.Impersonation, []map[string]any{impersonation("eve@dropbox.com")}, 0))
	w.starter("start", "-f", w.settingsFile(nil))
	require.Equal(t, 1, w.waitForRuns(shareTTPLogs, 1).Held)
	w.starter("change", w.name, "--set", `protect.allow=["dropbox.com"]`)
	w.eventually("share the released value", func() error {
		iocs, err := w.vendors.FalconIOCs(w.patient())
		if err == nil && len(iocs) != 1 {
			err = fmt.Errorf("%d IOCs", len(iocs))
		}
		return err
	})
}

func impersonation(sender string) map[string]any {
	return map[string]any{
		"id": "MTOKEN:1", "senderAddress": sender, "recipientAddress": "b@own.example", "subject": "s",
		"definition": "d", "hits": 2, "identifiers": []string{"similar_internal_domain"}, "action": "hold",
		"taggedExternal": false, "taggedMalicious": true, "senderIpAddress": "192.0.2.9",
		"eventTime":            time.Now().UTC().Add(-time.Minute).Format("2006-01-02T15:04:05-0700"),
		"impersonationResults": []any{}, "messageId": "<1@sender.example>",
	}
}

func TestADryRunWritesNothingAndTheNextRealRunSharesWhatItNamed(t *testing.T) {
	w := newWorld(t, "--records", "600", "--indicators", "60")
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(func(s map[string]any) { s["dryRun"] = true }))
	flow := w.waitForRuns(shareTTPLogs, 1)
	would := 0
	for _, counts := range flow.LastRunSources {
		would += counts.WouldShare
	}
	require.Equal(t, 60, would)
	require.Zero(t, flow.Shared)
	stats := w.stats()
	require.Zero(t, stats.Writes["falcon"])

	w.starter("change", w.name, "--set", "dryRun=false")
	w.eventually("share it now", func() error {
		if shared := w.flow(shareTTPLogs).Shared; shared != 60 {
			return fmt.Errorf("%d shared", shared)
		}
		return nil
	})
	w.requireSharedExactly()
}

func TestAScheduleDeletedByHandIsMadeAgainAndTheFlowRuns(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30")
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(nil))
	w.waitForRuns(shareTTPLogs, 1)
	w.cli("schedule", "delete", "--schedule-id", wire.ScheduleID(w.name, "share-ttp-logs"))
	w.sync(shareTTPLogs)
	require.Contains(t, w.cli("schedule", "list"), wire.ScheduleID(w.name, "share-ttp-logs"))
	w.requireSharedExactly()
}

func TestFault_P20_ALostLedgerCostsLookUpsAndNeverADuplicate(t *testing.T) {
	w := newWorld(t, "--records", "600", "--indicators", "60")
	worker := w.startWorker()
	w.starter("start", "-f", w.settingsFile(nil))
	w.waitForRuns(shareTTPLogs, 1)
	require.NoError(t, worker.Stop())
	files, err := filepath.Glob(filepath.Join(w.dir, "ledger.db*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		require.NoError(t, os.Remove(file))
	}
	w.startWorker()
	require.NoError(t, w.vendors.Reset(w.patient()))
	before := w.flow(shareTTPLogs)
	w.cli("workflow", "signal", "--workflow-id", wire.IntegrationID(w.name), "--name", "forget-checkpoint",
		"--input", `{"flow":"share-ttp-logs"}`)
	after := w.waitForRuns(shareTTPLogs, before.GoodRuns+1)
	require.Equal(t, before.Shared, after.Shared, "what is found at Falcon is not counted as shared again")
	stats := w.stats()
	require.Zero(t, stats.Writes["falcon"])
	w.requireSharedExactly()
}
