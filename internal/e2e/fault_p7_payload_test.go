//go:build e2e

package e2e_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/samber/lo"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// large are sizes around the limits of a Temporal server, in bytes.
func large() []int { return []int{900_000, 1_100_000, 2_200_000, 5_000_000} }

// What comes from the vendors is never handed on as it is, however large its pages are.
func TestFault_P7_LargePagesOfAVendorGiveSmallPayloads(t *testing.T) {
	const inPage = 20
	w := newWorld(t)
	var all []string
	for _, size := range large() {
		listed := lo.Times(inPage, func(i int) string { return fmt.Sprintf("evil-%d-%d.top", size, i) })
		w.add(lo.Map(listed, func(value string, _ int) control.IOC {
			ioc := byHand("domain", value)
			ioc.Description = strings.Repeat("x", size/inPage)
			return ioc
		})...)
		if len(all) == 0 {
			w.begin()
			w.waitForRuns(importIOCs, 1)
		} else {
			w.sync(importIOCs)
		}
		all = append(all, listed...)
		w.requireBlocked(blocked{members: all})
	}
	w.requireCleanHistories()
}

// What anybody sends is refused: by the server, or in words of ours. Nothing hangs, and nobody else is harmed.
func TestFault_P7_LargeInputIsRefusedAndNothingHangs(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30")
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(nil))
	w.waitForRuns(shareTTPLogs, 1)
	before, document, first := w.waitForState(workflows.Connected), w.answer(wire.Settings), w.described().GetFirstRunId()
	rejected := 0
	for _, size := range large() {
		input := payload(converter.MetadataEncodingJSON, []byte(fmt.Sprintf(`{"name":"large-%d","description":%q}`, size, strings.Repeat("x", size))))

		id := wire.IntegrationID(fmt.Sprintf("large-%d", size))
		run, err := w.temporal.ExecuteWorkflow(w.patient(), client.StartWorkflowOptions{ID: id, TaskQueue: w.queue}, wire.Integration, converter.NewRawValue(input))
		if err == nil {
			err = run.Get(w.patient(), nil)
			require.ErrorContains(t, err, "too large", "it ends, and says why")
		}
		require.Error(t, err)

		handle, err := w.temporal.UpdateWorkflow(w.patient(), client.UpdateWorkflowOptions{
			WorkflowID: wire.IntegrationID(w.name), UpdateName: wire.ChangeSettings, Args: []any{converter.NewRawValue(input)},
			WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		if err == nil {
			err = handle.Get(w.patient(), nil)
		}
		require.Error(t, err)

		if err := w.signal(wire.ChangeSettings, input); err == nil {
			rejected++
			require.Contains(t, w.waitForRejected(rejected).Problem, "at most 262144")
		} else {
			t.Logf("a signal of %d bytes is refused by the server: %v", size, err)
		}
	}
	w.requireUnharmed(first, document, before)
	w.eventually("nothing but the integration runs", func() error {
		for _, info := range w.allWorkflows() {
			if info.GetCloseTime() == nil && info.GetExecution().GetWorkflowId() != wire.IntegrationID(w.name) {
				return errors.New(info.GetExecution().GetWorkflowId())
			}
		}
		return nil
	})
}
