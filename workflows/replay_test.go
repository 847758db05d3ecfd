package workflows_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// replayed are all workflow types.
func replayed() map[string]any {
	return map[string]any{
		wire.Integration: workflows.Integration, wire.ShareTTPLogs: workflows.ShareTTPLogs, wire.ImportIOCs: workflows.ImportIOCs,
		wire.ImportAlerts: workflows.ImportAlerts, wire.Remediate: workflows.Remediate, wire.Preview: workflows.Preview, wire.Withdraw: workflows.Withdraw,
		wire.Check: workflows.Check, wire.History: workflows.History,
	}
}

func TestThereIsAHistoryOfEachWorkflowType(t *testing.T) {
	for name := range replayed() {
		files, err := filepath.Glob(filepath.Join("testdata", "*-"+name+"-*.json"))
		require.NoError(t, err)
		require.NotEmpty(t, files, "run `make histories`")
	}
}

// TestFault_P13_RecordedHistoriesReplay makes sure that runs which began under an earlier version of the workflows can go on under this
// one. `make histories` records them again; an old history is removed only when no run of its version can be alive any more.
func TestFault_P13_RecordedHistoriesReplay(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "no recorded history: run `make histories`")
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			replayer := worker.NewWorkflowReplayer()
			for name, known := range replayed() {
				replayer.RegisterWorkflowWithOptions(known, workflow.RegisterOptions{Name: name})
			}
			text, err := os.Open(file)
			require.NoError(t, err)
			defer text.Close()
			history, err := client.HistoryFromJSON(text, client.HistoryJSONOptions{})
			require.NoError(t, err)
			started := history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes()
			// The Integration compares its id with its name, so it has to run under its own.
			require.NoError(t, replayer.ReplayWorkflowHistoryWithOptions(nil, history, worker.ReplayWorkflowHistoryOptions{
				OriginalExecution: workflow.Execution{ID: started.GetWorkflowId(), RunID: started.GetOriginalExecutionRunId()},
			}))
		})
	}
}
