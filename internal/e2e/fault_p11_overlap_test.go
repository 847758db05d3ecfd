//go:build e2e

package e2e_test

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/samber/lo"
	"github.com/stretchr/testify/require"
	workflowpb "go.temporal.io/api/workflow/v1"

	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// found puts a sender into Mimecast's impersonation log.
func (w *world) found(number int) (domain string) {
	w.t.Helper()
	domain = fmt.Sprintf("sender-%d.top", number)
	record := impersonation("eve@" + domain)
	record["id"] = fmt.Sprintf("MTOKEN:%d", number)
	require.NoError(w.t, w.vendors.AddLogs(w.patient(), mimecast.Impersonation, []map[string]any{record}, 0))
	return domain
}

// requireListed makes sure that the integration lists exactly these in Falcon, each once.
func (w *world) requireListed(want []string) {
	w.t.Helper()
	own, _ := w.falconIOCs()
	w.requireSame("IOCs in Falcon", want, lo.Map(own, func(ioc control.IOC, _ int) string { return ioc.Value }))
}

func TestFault_P10_AfterAFailedRunTheNextOneGoesOnWhereTheLastGoodOneEnded(t *testing.T) {
	w := newWorld(t)
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(nil))
	w.waitForRuns(shareTTPLogs, 1)
	senders := []string{w.found(1)}
	w.sync(shareTTPLogs)
	good := w.status().Checkpoints
	require.NotEmpty(t, good)

	senders = append(senders, w.found(2))
	require.NoError(t, w.vendors.AddFaults(w.patient(), fault.Rule{
		Vendor: fault.Falcon, Method: http.MethodPost, Path: string(makeIOCs), Kind: fault.Status, Status: http.StatusForbidden,
	}))
	w.starter("sync", w.name, shareTTPLogs)
	w.waitForState(workflows.PermanentError)
	require.Equal(t, good, w.status().Checkpoints)
	w.requireListed(senders[:1])

	senders = append(senders, w.found(3))
	require.NoError(t, w.vendors.ClearFaults(w.patient()))
	runs := w.flow(shareTTPLogs).GoodRuns
	w.starter("reconnect", w.name, "--wait")
	w.waitForRuns(shareTTPLogs, runs+1)
	w.requireListed(senders)
	w.requireNothingToDo(shareTTPLogs)
}

func TestFault_P11_ARunThatIsAskedForManyTimesOverNeverOverlaps(t *testing.T) {
	const times = 5
	of := crowd{500, 200}
	w := importing(t, of, "--latency", "200ms")
	w.begin()
	w.waitForSchedule(importIOCs, "paused=false")
	w.eventually("a run is at work", func() error {
		if state := w.flow(importIOCs).State; state != workflows.FlowRunning {
			return errors.New(state)
		}
		return nil
	})
	for range times {
		w.cli("schedule", "trigger", "--schedule-id", wire.ScheduleID(w.name, importIOCs))
		w.starter("sync", w.name, importIOCs)
		w.cli("workflow", "signal", "--workflow-id", wire.IntegrationID(w.name), "--name", wire.SyncNow)
	}
	w.requireImported(of)
	w.untilAtRest()
	runs := lo.Filter(w.allWorkflows(), func(info *workflowpb.WorkflowExecutionInfo, _ int) bool {
		return info.GetType().GetName() == wire.ImportIOCs
	})
	slices.SortFunc(runs, func(a, b *workflowpb.WorkflowExecutionInfo) int {
		return cmp.Compare(a.GetStartTime().AsTime().UnixNano(), b.GetStartTime().AsTime().UnixNano())
	})
	require.Greater(t, len(runs), 1, "what was asked for during a run is done after it")
	for i, run := range runs[1:] {
		require.NotNil(t, runs[i].GetCloseTime(), "a run began while the one before was at work")
		require.False(t, run.GetStartTime().AsTime().Before(runs[i].GetCloseTime().AsTime()))
	}
	t.Logf("asked for %d times while a run was at work: %d runs in all", 3*times, len(runs))
	w.requireNothingToDo(importIOCs)
}
