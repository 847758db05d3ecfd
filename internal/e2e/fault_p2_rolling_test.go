//go:build e2e

package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/samber/lo"
	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/harness/scale"
	"github.com/threatshare/threatshare/internal/ledger/pgtest"
)

// A rolling restart: of two workers one is told to end, a new one takes its place, then it is the other one's turn. They end
// with exit code 0 within the half minute that the harness gives them.
func TestFault_P2_ARollingRestartCostsNothing(t *testing.T) {
	restarts := scale.Of(4, 12)
	of := scale.Of(crowd{3_000, 500}, crowd{20_000, 6_000})
	w := importing(t, of, "--latency", "100ms")
	f := &fleet{w: w, ledger: pgtest.Start(t).Database(t), workers: map[int]*harness.Process{}}
	old := []*harness.Process{f.start(), f.start()}
	w.starter("start", "-f", w.settingsFile(sendToMimecast(map[string]any{"iocHashes": on(), "iocDomains": on()})))
	for range restarts {
		every := time.Now()
		w.waitForCalls(w.calls() + 1) // the work goes on
		told, made := time.Now(), w.calls()
		require.NoError(t, old[0].Stop(), "it ends by itself and well")
		ended := time.Since(told)
		fresh := f.start()
		w.waitForCalls(made + 1)
		t.Logf("%s ended %s after it was told to, the next call came %s after that it was told", old[0].Name,
			ended.Round(10*time.Millisecond), time.Since(told).Round(10*time.Millisecond))
		w.eventually("the new one asks for steps", func() error {
			if !lo.Contains(f.pollers(), fresh.PID()) {
				return fmt.Errorf("only %v do", f.pollers())
			}
			return nil
		})
		old = []*harness.Process{old[1], fresh}
		time.Sleep(time.Until(every.Add(scale.Of(0, 5*time.Second))))
	}
	w.requireImported(of)
	w.requireNothingToDo(importIOCs)
	w.requireCleanHistories()
}
