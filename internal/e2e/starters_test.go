//go:build e2e

package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/samber/lo"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"

	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// ran is how a program ended.
type ran struct {
	output string
	code   int
}

// inForce are the settings that the integration says it has.
func (w *world) inForce() settings.Settings {
	w.t.Helper()
	parsed, err := settings.Parse([]byte(w.answer(wire.Settings)))
	require.NoError(w.t, err)
	return parsed
}

// gone waits until no workflow with the integration's id runs.
func (w *world) gone() {
	w.t.Helper()
	w.eventually("the integration has ended", func() error {
		if status := w.described().GetStatus().String(); status == "Running" {
			return fmt.Errorf("it is %s", status)
		}
		return nil
	})
}

func TestFault_P9_OfSeveralStartersAtOnceOneWinsAndTheOthersSaySo(t *testing.T) {
	const rounds, starters = 10, 3
	w := newWorld(t)
	w.startWorker()
	files := lo.Times(starters, func(i int) string {
		text, err := json.Marshal(w.settings(func(document map[string]any) { document["description"] = fmt.Sprint("starter ", i) }))
		require.NoError(t, err)
		return w.file(fmt.Sprintf("settings-%d.json", i), string(text))
	})
	for round := range rounds {
		ends := make([]ran, starters)
		gate := make(chan struct{})
		var running sync.WaitGroup
		for i, file := range files {
			running.Go(func() {
				<-gate
				ends[i].output, ends[i].code = w.run(binaries.Starter, "start", "-f", file)
			})
		}
		close(gate)
		running.Wait()
		codes := lo.Map(ends, func(end ran, _ int) int { return end.code })
		winner := slices.Index(codes, 0)
		require.ElementsMatch(t, []int{0, 1, 1}, codes, "round %d: %v", round, ends)
		for i, end := range ends {
			if i != winner {
				require.Contains(t, end.output, "is running already and was left as it is")
				require.Contains(t, end.output, "starter change "+w.name)
			}
		}
		require.Equal(t, fmt.Sprint("starter ", winner), w.inForce().Description, "the winner's settings")
		w.starter("stop", w.name)
		w.gone()
	}
}

func TestAStartWithTheIDOfAnotherWorkflowSaysWhatIsInTheWay(t *testing.T) {
	w := newWorld(t)
	w.startWorker()
	id := wire.IntegrationID(w.name)
	w.cli("workflow", "start", "--type", "SomethingElse", "--task-queue", "nobody", "--workflow-id", id)
	out, code := w.run(binaries.Starter, "start", "-f", w.settingsFile(nil))
	require.Equal(t, 1, code, out)
	require.Contains(t, out, id)
	require.Contains(t, out, "SomethingElse")
	require.NotContains(t, out, "starter change", "there is no integration to change")
	require.Equal(t, enums.WORKFLOW_EXECUTION_STATUS_RUNNING, w.described().GetStatus(), "it was left as it is")
	w.cli("workflow", "terminate", "--workflow-id", id, "--reason", "test")
	w.starter("start", "-f", w.settingsFile(nil), "--wait")
}

func TestTheTemporalCLIStartsNoSecondIntegrationOfAName(t *testing.T) {
	w := newWorld(t)
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(nil), "--wait")
	first, document := w.described(), w.answer(wire.Settings)
	id := wire.IntegrationID(w.name)
	// Without --fail-existing the CLI names the run that is there, as if it had started it.
	out := w.cli("workflow", "start", "--type", "Integration", "--task-queue", w.queue, "--workflow-id", id,
		"--input-file", w.settingsFile(func(document map[string]any) { document["dryRun"] = true }))
	require.Contains(t, out, first.GetExecution().GetRunId())
	require.Equal(t, first.GetExecution().GetRunId(), w.described().GetExecution().GetRunId())
	require.Equal(t, document, w.answer(wire.Settings))
}

func TestFault_S8_SettingsOfEarlierVersionsStart(t *testing.T) {
	folder := filepath.Join("..", "settings", "testdata", "earlier")
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	w := newWorld(t, "--records", "300", "--indicators", "30")
	w.startWorker()
	for _, file := range files {
		document, err := os.ReadFile(file)
		require.NoError(t, err)
		text := strings.Replace(string(document), "name: acme ", "name: "+w.name+" ", 1)
		text = strings.Replace(text, `"name": "acme"`, `"name": "`+w.name+`"`, 1)
		text = strings.Replace(text, "name: acme\n", "name: "+w.name+"\n", 1)
		w.starter("start", "-f", w.file(filepath.Base(file), text), "--wait")
		w.waitForState(workflows.Connected)
		w.waitForRuns(shareTTPLogs, 1)
		require.Equal(t, "Acme production", w.inForce().Description)
		w.starter("stop", w.name)
		w.gone()
	}
}
