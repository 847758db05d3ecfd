//go:build e2e

package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/samber/lo"
	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// blocking starts an integration that has blocked hashes, domains and their URLs.
func (w *world) blocking(hashes, domains []string) blocked {
	w.t.Helper()
	w.list(hashes, domains)
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(sendToMimecast(map[string]any{"iocHashes": on(), "iocDomains": on("blockURLs")})))
	w.waitForRuns(importIOCs, 1)
	want := blocked{hashes: hashes, members: domains, urls: domains}
	w.requireBlocked(want)
	return want
}

// without is what stays blocked once values are withdrawn.
func (b blocked) without(values ...string) blocked {
	return blocked{
		hashes: lo.Without(b.hashes, values...), members: lo.Without(b.members, values...),
		policies: lo.Without(b.policies, values...), urls: lo.Without(b.urls, values...),
	}
}

func TestWhatFalconTakesBackIsWithdrawnAsThePreviewOfAPausedIntegrationNamedIt(t *testing.T) {
	w := newWorld(t)
	w.madeByPeople()
	want := w.blocking(hashes(200), domains(100))
	w.starter("change", w.name, "--set", "description=changed") // whose run is over before the pause
	w.waitForRuns(importIOCs, 2)
	w.cli("workflow", "signal", "--workflow-id", wire.IntegrationID(w.name), "--name", "pause")
	w.waitForState(workflows.Paused)

	reasons := map[string][]string{
		"deleted":      {want.hashes[0], "evil-0.top"},
		"expired":      {want.hashes[1], "evil-1.top"},
		"not-blocking": {want.hashes[2], want.hashes[3], "evil-2.top", "evil-4.top"},
	}
	w.deleteIOCs(reasons["deleted"]...)
	require.NoError(t, w.vendors.ExpireFalconIOCs(w.patient(), reasons["expired"]...))
	require.NoError(t, w.vendors.SetFalconAction(w.patient(), "allow", want.hashes[2], "evil-2.top"))
	require.NoError(t, w.vendors.SetFalconAction(w.patient(), "no_action", want.hashes[3], "evil-4.top"))
	w.deleteIOCs("evil-5.top", want.hashes[5])
	w.list([]string{want.hashes[5]}, []string{"evil-5.top"}) // taken back, and listed again since

	require.NoError(t, w.vendors.Reset(w.patient()))
	plan := w.preview(importIOCs)
	planned := map[string][]string{}
	for _, item := range plan.Items {
		require.Equal(t, activities.VerdictWithdraw, item.Verdict)
		planned[string(item.Reason)] = append(planned[string(item.Reason)], item.Value)
	}
	require.Len(t, planned, len(reasons))
	for reason, values := range reasons {
		w.requireSame("planned, "+reason, values, planned[reason])
	}
	require.Nil(t, plan.Waiting)
	require.Equal(t, plan.Digest, w.preview(importIOCs).Digest, "the same again")
	require.Equal(t, map[string]int{"mimecast": 0, "falcon": 0}, w.stats().Writes)
	require.Equal(t, workflows.Paused, w.status().State)
	w.requireBlocked(want)

	runs := w.flow(importIOCs).GoodRuns
	w.cli("workflow", "signal", "--workflow-id", wire.IntegrationID(w.name), "--name", "resume")
	w.waitForState(workflows.Connected)
	w.starter("sync", w.name, importIOCs)
	flow := w.waitForRuns(importIOCs, runs+1)
	w.requireBlocked(want.without(slices.Concat(reasons["deleted"], reasons["expired"], reasons["not-blocking"])...))
	require.Equal(t, 4, flow.Sources[indicator.IOCHashes].Withdrawn)
	require.Equal(t, 4, flow.Sources[indicator.IOCDomains].Withdrawn)
	w.requireGoodManners()
}

func TestFault_S5_AMassDeletionWaitsUntilAPersonApprovesIt(t *testing.T) {
	w := newWorld(t)
	want := w.blocking(hashes(200), domains(100))
	gone := slices.Concat(want.hashes[:50], want.members[:30])
	w.deleteIOCs(gone...)
	require.NoError(t, w.vendors.Reset(w.patient()))
	flow := w.sync(importIOCs)
	w.requireBlocked(want)
	require.Zero(t, w.stats().Writes["mimecast"])
	require.NotNil(t, flow.Waiting)
	require.Len(t, flow.Waiting.First, 20)
	waiting := activities.Waiting{Due: 80, Held: 300, Allowed: 15, First: flow.Waiting.First}
	require.Equal(t, &waiting, flow.Waiting)
	require.Contains(t, w.starter("status", w.name), "80 of the 300 values that are shared are due, and a run withdraws at most 15 unasked")
	plan := w.preview(importIOCs)
	require.Equal(t, &waiting, plan.Waiting)
	require.Empty(t, values(plan, activities.VerdictWithdraw, ledger.BYOTI))

	flow = w.sync(importIOCs, "--approve")
	w.requireBlocked(want.without(gone...))
	require.Nil(t, flow.Waiting)
	require.NotContains(t, w.starter("status", w.name), "unasked")

	out, code := w.run(binaries.Starter, "sync", w.name, importIOCs, "--approve")
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "waits to be approved")

	// What a tool deletes and lists again at once is not taken back: it is not the deletion guard's business.
	again := want.members[40:90]
	w.deleteIOCs(again...)
	w.list(nil, again)
	require.NoError(t, w.vendors.Reset(w.patient()))
	flow = w.sync(importIOCs)
	require.Nil(t, flow.Waiting)
	require.Zero(t, w.stats().Writes["mimecast"])
	w.requireBlocked(want.without(gone...))
}

// TestTheTemporalCLIAloneSteersAnImport does what the README tells a person who has nothing but the Temporal CLI.
func TestTheTemporalCLIAloneSteersAnImport(t *testing.T) {
	w := newWorld(t)
	hashes, domains := hashes(100), domains(50)
	w.list(hashes, domains)
	w.startWorker()
	id := wire.IntegrationID(w.name)
	w.cli("workflow", "start", "--type", "Integration", "--task-queue", w.queue, "--workflow-id", id,
		"--input-file", w.settingsFile(sendToMimecast(map[string]any{"iocHashes": on(), "iocDomains": on()})))
	w.waitForRuns(importIOCs, 1)
	want := blocked{hashes: hashes, members: domains}
	w.requireBlocked(want)
	require.Contains(t, w.cli("schedule", "list"), wire.ScheduleID(w.name, importIOCs))

	// The URLs of what is blocked already are blocked too once the option is on.
	w.cli("workflow", "signal", "--workflow-id", id, "--name", "change-settings",
		"--input", `{"sendToMimecast":{"iocDomains":{"blockURLs":true}}}`)
	w.waitForRuns(importIOCs, 2)
	want.urls = domains
	w.requireBlocked(want)

	w.deleteIOCs(hashes[:40]...)
	w.cli("workflow", "signal", "--workflow-id", id, "--name", "sync-now", "--input", `"import-iocs"`)
	w.eventually("the deletion guard stops it", func() error {
		var status workflows.Status
		w.query("status", &status)
		if waiting := status.Flows[importIOCs].Waiting; waiting == nil || waiting.Due != 40 {
			return fmt.Errorf("waiting is %+v", waiting)
		}
		return nil
	})
	w.requireBlocked(want)

	for _, refused := range []string{`{"flow":"import-iocs","values":41}`, `{"flow":"import-alerts","values":1}`, `{"flow":"import-iocs"}`} {
		out, code := w.run(server.CLI, "workflow", "update", "execute", "--workflow-id", id, "--name", "approve-withdrawal", "--input", refused)
		require.NotZero(t, code, out)
	}
	w.cli("workflow", "signal", "--workflow-id", id, "--name", "approve-withdrawal", "--input", `{"flow":"import-iocs","values":40}`)
	w.cli("workflow", "signal", "--workflow-id", id, "--name", "sync-now", "--input", `"import-iocs"`)
	w.eventually("the approved withdrawal", func() error {
		if withdrawn := w.flow(importIOCs).Sources[indicator.IOCHashes].Withdrawn; withdrawn != 40 {
			return fmt.Errorf("%d withdrawn", withdrawn)
		}
		return nil
	})
	w.requireBlocked(want.without(hashes[:40]...))

	out := w.cli("workflow", "execute", "--type", "Preview", "--task-queue", w.queue, "--workflow-id", wire.PreviewID(w.name, importIOCs),
		"--input", fmt.Sprintf(`{"integration":%q,"flow":"import-iocs"}`, w.name), "--output", "json")
	var executed struct{ Result workflows.Plan }
	require.NoError(t, json.Unmarshal([]byte(out), &executed), out)
	require.Zero(t, executed.Result.Total, "there is nothing left to do")

	out = w.cli("workflow", "execute", "--type", "Withdraw", "--task-queue", w.queue, "--workflow-id", wire.WithdrawID(w.name),
		"--input", fmt.Sprintf(`{"integration":%q,"dryRun":true}`, w.name), "--output", "json")
	var listed struct{ Result workflows.Progress }
	require.NoError(t, json.Unmarshal([]byte(out), &listed), out)
	require.Equal(t, map[ledger.List]int{"iocs": 0, "byoti": 60, "blocked-senders": 50, "sender-policies": 0, "managed-urls": 50}, found(listed.Result))
	w.requireGoodManners()
}

func found(progress workflows.Progress) map[ledger.List]int {
	return lo.SliceToMap(progress.Lists, func(list workflows.ListProgress) (ledger.List, int) { return list.List, list.Found })
}

func TestAFullListOfHashesIsParkedAndTheRestGoesOn(t *testing.T) {
	w := newWorld(t)
	w.madeByPeople()
	room := 60
	limits := mimecastLimits(room)
	require.NoError(t, w.vendors.SetLimits(w.patient(), limits))
	hashes, domains := hashes(100), domains(50)
	w.list(hashes, domains)
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(sendToMimecast(map[string]any{"iocHashes": on(), "iocDomains": on("blockURLs")})))
	status := w.waitForState(workflows.PermanentError)
	require.Contains(t, status.Reason, "full: 60 hashes of 60")
	w.eventually("the flow has ended", func() error {
		if status = w.status(); status.Flows[importIOCs].State != workflows.FlowIdle {
			return errors.New(status.Flows[importIOCs].State)
		}
		return nil
	})
	require.Contains(t, status.Flows[importIOCs].Parked, settings.PartOf(indicator.IOCHashes))
	own, foreign := w.split(w.mimecast())
	require.Equal(t, w.foreign, foreign, "nothing is removed to make room")
	require.Len(t, own.BYOTI, room-len(foreign.BYOTI))
	require.Len(t, own.ManagedURLs, len(domains))

	require.NoError(t, w.vendors.SetLimits(w.patient(), mimecastLimits(1000)))
	w.cli("workflow", "signal", "--workflow-id", wire.IntegrationID(w.name), "--name", "reconnect")
	w.waitForState(workflows.Connected)
	w.waitForRuns(importIOCs, 1)
	w.requireBlocked(blocked{hashes: hashes, members: domains, urls: domains})
}
