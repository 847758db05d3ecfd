//go:build e2e

package e2e_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/harness/scale"
	"github.com/threatshare/threatshare/internal/wire"
)

// held is what a worker holds that it has to give back.
type held struct{ goroutines, files int }

// holds is what the worker holds at the moment.
func (w *world) holds() held {
	w.t.Helper()
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", w.worker.PID()))
	require.NoError(w.t, err)
	series := w.metrics()
	goroutines, found := series["go_goroutines"]
	require.True(w.t, found)
	return held{int(goroutines), len(files)}
}

func TestFault_P24_AThousandRunsLeaveNoGoroutineAndNoOpenFile(t *testing.T) {
	const slack = 5
	warm, rounds := scale.Of(3, 10), scale.Of(10, 334) // each of three runs
	w := newWorld(t, "--records", "300", "--indicators", "30")
	w.list(hashes(20), domains(10))
	w.startWorker()
	w.bothWays()
	runAll := func(n int) {
		for range n {
			before := w.status().Flows
			require.NoError(t, w.temporal.SignalWorkflow(w.patient(), wire.IntegrationID(w.name), "", wire.SyncNow, nil))
			for _, flow := range allFlows() {
				w.waitForRuns(flow, before[flow].GoodRuns+1)
			}
		}
	}
	runAll(warm)
	w.untilAtRest()
	first := w.holds()
	runAll(rounds)
	w.untilAtRest()
	// Connections that nobody uses any more are closed after a while.
	w.eventually("it holds no more than before", func() error {
		if now := w.holds(); now.goroutines > first.goroutines+slack || now.files > first.files+slack {
			return fmt.Errorf("%+v, at first %+v", now, first)
		}
		return nil
	})
	t.Logf("%+v after %d runs, %+v after %d more", first, 3*(1+warm), w.holds(), 3*rounds)
	w.requireCleanHistories()
}
