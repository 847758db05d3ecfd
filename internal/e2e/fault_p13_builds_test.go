//go:build e2e

package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/harness/scale"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/wire"
)

// edit is what somebody changes in a file of the module.
type edit struct{ file, from, to string }

// buildWorker builds the worker as it would be with some edits, and gives its path.
func buildWorker(t *testing.T, edits ...edit) string {
	t.Helper()
	module, err := exec.CommandContext(t.Context(), "go", "env", "GOMOD").Output()
	require.NoError(t, err)
	root, dir := filepath.Dir(strings.TrimSpace(string(module))), t.TempDir()
	replaced := map[string]string{}
	for i, change := range edits {
		path := filepath.Join(root, filepath.FromSlash(change.file))
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, 1, strings.Count(string(text), change.from), "%s has changed: so has this edit to", change.file)
		replaced[path] = filepath.Join(dir, fmt.Sprintf("%d.go", i))
		require.NoError(t, os.WriteFile(replaced[path], []byte(strings.Replace(string(text), change.from, change.to, 1)), 0o600))
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	require.NoError(t, err)
	list, program := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "worker")
	require.NoError(t, os.WriteFile(list, overlay, 0o600))
	build := exec.CommandContext(t.Context(), "go", "build", "-overlay", list, "-o", program, "./worker")
	build.Dir = root
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	return program
}

// deploy replaces the worker by another build.
func (w *world) deploy(program string) {
	w.t.Helper()
	if w.worker != nil {
		require.NoError(w.t, w.worker.Stop())
	}
	w.program = program
	w.startWorker()
	w.eventually("ready", func() error { return w.ready(200) })
}

// waitForAlarm waits until the worker counts failed workflow tasks of this kind: that is what people have an alarm on.
func (w *world) waitForAlarm(reason string) {
	w.t.Helper()
	w.eventually("workflow tasks that fail with "+reason, func() error {
		met := map[string]float64{}
		for series, value := range w.metrics() {
			if strings.HasPrefix(series, "temporal_workflow_task_execution_failed_total{") {
				if met[series] = value; strings.Contains(series, reason) && value > 0 {
					return nil
				}
			}
		}
		return fmt.Errorf("failed so far: %v", met)
	})
}

// runningImports is how many runs of the import have begun and not ended.
func (w *world) runningImports() int {
	w.t.Helper()
	running := 0
	for _, info := range w.allWorkflows() {
		if info.GetType().GetName() == wire.ImportIOCs && info.GetCloseTime() == nil {
			running++
		}
	}
	return running
}

// importingWith begins an import with a build of the worker.
func (w *world) importingWith(program string) {
	w.t.Helper()
	w.deploy(program)
	w.starter("start", "-f", w.settingsFile(sendToMimecast(map[string]any{"iocHashes": on(), "iocDomains": on()})))
}

// The replay of recorded histories refuses such a build (workflows/replay_test.go). One that slips through holds runs up, and
// loses nothing.
func TestFault_P13_ABuildThatDoesNotFitTheRunsAtWorkHoldsThemUpUntilItIsTakenBack(t *testing.T) {
	of := crowd{2_000, 300}
	unfit := buildWorker(t, edit{
		"workflows/import_iocs.go", "\trun.importIOCs(ctx)\n", "\t_ = workflow.Sleep(ctx, 1)\n\trun.importIOCs(ctx)\n",
	})
	w := importing(t, of)
	require.NoError(t, w.vendors.AddFaults(w.patient(), fault.Rule{
		Vendor: fault.Mimecast, Method: http.MethodPost, Path: string(addHashes), Kind: fault.Throttle, DelayMS: 1000,
	}))
	w.importingWith(binaries.Worker)
	w.failing(importIOCs, "429")
	w.deploy(unfit)
	require.NoError(t, w.vendors.ClearFaults(w.patient()))
	w.waitForAlarm("NonDeterminismError")
	require.Equal(t, 1, w.runningImports(), "held up and not failed")

	w.deploy(binaries.Worker)
	w.requireImported(of)
	w.requireNothingToDo(importIOCs)
	require.Zero(t, w.histories().failed)
}

func TestFault_P17_APanicInAWorkflowHoldsItsRunUpUntilItIsMended(t *testing.T) {
	of := crowd{200, 20}
	defective := buildWorker(t, edit{"workflows/import_iocs.go", "\trun.importIOCs(ctx)\n", "\tpanic(\"a defect\")\n"})
	w := importing(t, of)
	w.importingWith(defective)
	w.waitForAlarm("WorkflowError")
	require.Equal(t, 1, w.runningImports(), "held up and not failed")
	require.Zero(t, w.stats().Writes[fault.Mimecast])

	w.deploy(binaries.Worker)
	w.requireImported(of)
	w.requireNothingToDo(importIOCs)
	require.Zero(t, w.histories().failed)
}

// The other build tells more in the results of a step and of a run, as a next version may.
func TestFault_P14_TwoBuildsOnOneQueueWorkOnEachOthersRuns(t *testing.T) {
	other := buildWorker(t,
		edit{"workflows/flow.go", "type FlowResult struct {\n", "type FlowResult struct {\n\tBuild string `json:\"build\"`\n"},
		edit{"activities/block.go", "type BlockResult struct {\n", "type BlockResult struct {\n\tBuild string `json:\"build\"`\n"},
	)
	roll(t, scale.Of(crowd{2_000, 800}, crowd{20_000, 8_000}), scale.Of(3, 12), scale.Of(0, 5*time.Second), binaries.Worker, other)
}
