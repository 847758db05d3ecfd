//go:build e2e

package e2e_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"

	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

func TestFault_P15_TenThousandSignalsStartNewRunsThatRememberEverything(t *testing.T) {
	const signals, senders = 10_000, 50
	w := newWorld(t, "--records", "300", "--indicators", "30")
	worker := w.startWorker()
	w.starter("start", "-f", w.settingsFile(nil))
	w.waitForRuns(shareTTPLogs, 1)
	before, document := w.waitForState(workflows.Connected), w.answer(wire.Settings)
	began := w.described()

	var accepted, refused atomic.Int64
	var sending sync.WaitGroup
	for sender := range senders {
		sending.Go(func() {
			for i := range signals / senders {
				// Of the kinds that are wrong in their input, in their name, and in what they claim.
				name := []string{wire.SyncNow, wire.ChangeSettings, fmt.Sprintf("no-such-signal-%d", i%100), wire.RunStarted}[sender%4]
				if err := w.signal(name, payload(converter.MetadataEncodingJSON, []byte(`"no-such-flow"`))); err != nil {
					refused.Add(1) // the server may: it bounds what it keeps
					continue
				}
				accepted.Add(1)
			}
		})
	}
	sending.Wait()
	t.Logf("%d signals were accepted, %d refused by the server", accepted.Load(), refused.Load())
	require.Greater(t, accepted.Load(), int64(signals/2))
	last := w.waitForRejected(int(accepted.Load()))
	require.NotEmpty(t, last.Problem)
	w.eventually("a new run", func() error {
		if now := w.described(); now.GetExecution().GetRunId() == began.GetExecution().GetRunId() {
			return errors.New("still the first run")
		}
		return nil
	})
	memory, err := worker.PeakMemory()
	require.NoError(t, err)
	require.Less(t, memory, int64(512<<20), "the worker's peak memory in bytes")
	w.requireUnharmed(began.GetFirstRunId(), document, before)
}
