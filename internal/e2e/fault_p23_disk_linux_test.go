//go:build e2e

package e2e_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/harness/scale"
	"github.com/threatshare/threatshare/internal/ledger/pgtest"
)

// Nobody can write there, not even root.
const readOnly = "/proc"

func TestFault_P23_AWorkerNeedsNoFolderItCanWriteTo(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30")
	var err error
	w.worker, err = harness.Start(harness.Command{Name: "worker", Path: w.program, Env: w.env, Dir: readOnly}, w.dir)
	require.NoError(t, err)
	t.Cleanup(w.worker.Kill)
	w.starter("start", "-f", w.settingsFile(nil))
	w.waitForRuns(shareTTPLogs, 1)
	w.requireSharedExactly()
	w.requireNothingToDo(shareTTPLogs)
}

// startLimitable starts the worker so that a limit on the size of its files is an error of the write that meets it, as a full
// disk is. Without this the system ends the process.
func (w *world) startLimitable() {
	w.t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var signals, before unix.Sigset_t
	signals.Val[0] = 1 << (unix.SIGXFSZ - 1)
	require.NoError(w.t, unix.PthreadSigmask(unix.SIG_BLOCK, &signals, &before)) // a child has its parent's mask
	w.startWorker()
	require.NoError(w.t, unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil))
}

// limitFiles lets no file of the worker grow beyond so many bytes.
func (w *world) limitFiles(size uint64) {
	w.t.Helper()
	require.NoError(w.t, unix.Prlimit(w.worker.PID(), unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: size, Max: unix.RLIM_INFINITY}, nil))
}

// The ledger cannot be written to for a while: what was blocked meanwhile is found, and not blocked again.
func TestFault_P23_AFullDiskUnderTheLedgerOnlyTakesTime(t *testing.T) {
	of := scale.Of(crowd{2_000, 200}, crowd{50_000, 3_000})
	w := importing(t, of, "--latency", "50ms")
	w.startLimitable()
	w.eventually("ready", func() error { return w.ready(200) })
	w.starter("start", "-f", w.settingsFile(sendToMimecast(map[string]any{"iocHashes": on(), "iocDomains": on()})))
	w.limitFiles(64 << 10) // what the ledger has already is more than that
	w.failing(importIOCs, "disk I/O error", "disk is full")
	require.Positive(t, w.stats().Writes["mimecast"], "something was blocked and not written down")
	w.limitFiles(unix.RLIM_INFINITY)
	w.requireImported(of)
	require.LessOrEqual(t, w.flow(importIOCs).Shared, of.hashes+of.domains)
	w.requireNothingToDo(importIOCs)
	w.requireCleanHistories()
}

// Not a row of its own: the other ledger's way of not being there.
func TestFault_P23_APostgreSQLThatCrashesUnderTheLedgerOnlyTakesTime(t *testing.T) {
	of, crashes := scale.Of(crowd{2_000, 300}, crowd{50_000, 5_000}), scale.Of(2, 10)
	postgres := pgtest.Start(t)
	w := importing(t, of, "--latency", "20ms")
	w.env = append(w.env, "THREATSHARE_LEDGER="+postgres.Database(t))
	w.begin()
	for crash := range crashes {
		w.waitForCalls(10 * (crash + 1))
		postgres.Crash(t)
		w.eventually("not ready", func() error { return w.ready(503) })
		postgres.Restart(t)
		w.eventually("ready", func() error { return w.ready(200) })
	}
	w.requireImported(of)
	require.LessOrEqual(t, w.flow(importIOCs).Shared, of.hashes+of.domains)
	w.requireNothingToDo(importIOCs)
	w.requireCleanHistories()
}
