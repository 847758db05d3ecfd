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

// roll restarts a fleet of two workers during an import: one is told to end, a new one takes its place, then it is the other
// one's turn. They end with exit code 0 within the half minute that the harness gives them. The programs take turns.
func roll(t *testing.T, of crowd, restarts int, every time.Duration, programs ...string) {
	t.Helper()
	w := importing(t, of, "--latency", "100ms")
	f := &fleet{w: w, ledger: pgtest.Start(t).Database(t), workers: map[int]*harness.Process{}}
	started := 0
	next := func() *harness.Process {
		w.program = programs[started%len(programs)]
		started++
		return f.start()
	}
	first, second := next(), next()
	w.starter("start", "-f", w.settingsFile(sendToMimecast(map[string]any{"iocHashes": on(), "iocDomains": on()})))
	for range restarts {
		began := time.Now()
		w.waitForCalls(w.calls() + 1) // the work goes on
		told, made := time.Now(), w.calls()
		require.NoError(t, first.Stop(), "it ends by itself and well")
		ended := time.Since(told)
		third := next()
		w.waitForCalls(made + 1)
		t.Logf("%s ended %s after it was told to, the next call came %s after that it was told", first.Name,
			ended.Round(10*time.Millisecond), time.Since(told).Round(10*time.Millisecond))
		w.eventually("the new one asks for steps", func() error {
			if !lo.Contains(f.pollers(), third.PID()) {
				return fmt.Errorf("only %v do", f.pollers())
			}
			return nil
		})
		first, second = second, third
		time.Sleep(time.Until(began.Add(every)))
	}
	w.requireImported(of)
	w.requireNothingToDo(importIOCs)
	w.requireCleanHistories()
}

func TestFault_P2_ARollingRestartCostsNothing(t *testing.T) {
	roll(t, scale.Of(crowd{2_000, 800}, crowd{20_000, 8_000}), scale.Of(3, 12), scale.Of(0, 5*time.Second), binaries.Worker)
}
