//go:build e2e

package e2e_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/harness/scale"
)

// crowd is how much an import has to carry.
type crowd struct{ hashes, domains int }

// importing is a world whose import is to carry a crowd, and which has not begun.
func importing(t *testing.T, of crowd, simulatorArgs ...string) *world {
	t.Helper()
	w := newWorld(t, simulatorArgs...)
	w.list(hashes(of.hashes), domains(of.domains))
	return w
}

// begin starts the worker and the import.
func (w *world) begin() {
	w.t.Helper()
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(sendToMimecast(map[string]any{"iocHashes": on(), "iocDomains": on()})))
}

// requireImported makes sure that all of the crowd is blocked, each value once, and that there is nothing left to do.
func (w *world) requireImported(of crowd) {
	w.t.Helper()
	w.waitForRuns(importIOCs, 1)
	w.requireBlocked(blocked{hashes: hashes(of.hashes), members: domains(of.domains)})
	w.requireGoodManners()
}

// usualCalls is how many calls of the vendors an import takes that nobody disturbs.
func usualCalls(t *testing.T, of crowd) (calls int, took time.Duration) {
	t.Helper()
	w := importing(t, of)
	began := time.Now()
	w.begin()
	w.requireImported(of)
	took = time.Since(began).Round(100 * time.Millisecond)
	require.NoError(t, w.worker.Stop())
	return w.calls(), took
}

// Also N2, N5 and N10: what the kills cost in calls, a second run that writes nothing, and what the histories hold.
func TestFault_P1_AWorkerKilledAtRandomMomentsLosesNothingAndDoublesNothing(t *testing.T) {
	of, kills := scale.Of(crowd{2_000, 300}, crowd{95_000, 5_000}), scale.Of(1, 20)
	usual, undisturbed := usualCalls(t, of)
	r := random(t)
	moments := make([]int, kills)
	for i := range moments {
		moments[i] = 1 + r.IntN(usual*9/10)
	}
	slices.Sort(moments)

	w := importing(t, of)
	began := time.Now()
	w.begin()
	for _, moment := range moments {
		w.waitForCalls(moment)
		t.Logf("killed after %d calls of some %d, the next call came %s later", w.calls(), usual, w.killAndRecover())
	}
	w.requireImported(of)
	disturbed := w.calls()
	t.Logf("%d kills: %d calls instead of %d (x %.3f), %s instead of %s", kills, disturbed, usual, float64(disturbed)/float64(usual),
		time.Since(began).Round(100*time.Millisecond), undisturbed)
	flow := w.flow(importIOCs)
	require.LessOrEqual(t, flow.Shared, of.hashes+of.domains, "what was repeated is not counted twice")
	w.requireNothingToDo(importIOCs)
	w.requireCleanHistories()
}
