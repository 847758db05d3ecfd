//go:build e2e

package e2e_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/harness/scale"
)

// crashServer kills the Temporal server of this world, and starts it again on the same database once the worker says that it is
// not ready.
func (w *world) crashServer() {
	w.t.Helper()
	server.Kill()
	w.eventually("not ready", func() error { return w.ready(503) })
	require.NoError(w.t, server.Restart(w.patient()))
}

// N4 and a part of N2: the worker outlives its server and goes on by itself.
func TestFault_P4_AServerThatIsKilledInTheMiddleLosesNothingAndDoublesNothing(t *testing.T) {
	of, kills := scale.Of(crowd{2_000, 300}, crowd{50_000, 5_000}), scale.Of(1, 3)
	w, _ := newWorldOnDisk(t, "")
	w.list(hashes(of.hashes), domains(of.domains))
	w.begin()
	for kill := range kills {
		w.waitForCalls(w.calls() + 10 + 50*kill) // at the beginning, among the hashes, among the domains
		made := w.calls()
		w.crashServer()
		back := time.Now()
		w.eventually("ready", func() error { return w.ready(200) })
		t.Logf("killed after %d calls; ready %s after its return", made, time.Since(back).Round(10*time.Millisecond))
		w.waitForCalls(made + 1)
		t.Logf("the next call came %s after its return", time.Since(back).Round(10*time.Millisecond))
	}
	w.requireImported(of)
	select {
	case <-w.worker.Done():
		t.Fatal("the worker has ended")
	default:
	}
	w.requireNothingToDo(importIOCs)
	w.requireCleanHistories()
}

func TestFault_P5_AWorkerThatIsStartedBeforeTheServerWaitsAndSaysSo(t *testing.T) {
	w, _ := newWorldOnDisk(t, "")
	server.Kill()
	worker := w.startWorker()
	w.eventually("not ready", func() error { return w.ready(503) })
	w.eventually("one line says why", func() error {
		if !strings.Contains(worker.Tail(100), server.Address) {
			return errors.New("no line with the address yet")
		}
		return nil
	})
	require.NoError(t, worker.Stop(), "told to stop before the server was reached: that is no error")

	w.startWorker()
	w.eventually("not ready", func() error { return w.ready(503) })
	time.Sleep(scale.Of(0, 20*time.Second))
	require.NoError(t, server.Restart(w.patient()))
	back := time.Now()
	w.eventually("ready", func() error { return w.ready(200) })
	t.Logf("ready %s after the server", time.Since(back).Round(10*time.Millisecond))
	w.starter("start", "-f", w.settingsFile(nil), "--wait")
	w.waitForRuns(shareTTPLogs, 1)
	w.requireSharedExactly()
}
