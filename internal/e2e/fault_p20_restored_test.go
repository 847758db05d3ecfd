//go:build e2e

package e2e_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/simulator/fault"
)

// replaceDatabase kills the Temporal server, does something to the files of its database, and starts it again. The worker is
// not told.
func (w *world) replaceDatabase(database string, do func(files []string)) {
	w.t.Helper()
	server.Kill()
	files, err := filepath.Glob(database + "*")
	require.NoError(w.t, err)
	require.NotEmpty(w.t, files)
	do(files)
	require.NoError(w.t, server.Restart(w.patient()))
}

// copyAll copies files into a folder.
func copyAll(t *testing.T, folder string, files []string) {
	t.Helper()
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, filepath.Base(file)), text, 0o600))
	}
}

func removeAll(t *testing.T, files []string) {
	t.Helper()
	for _, file := range files {
		require.NoError(t, os.Remove(file))
	}
}

// bothWays starts an integration that shares and imports, and waits for its first runs.
func (w *world) bothWays() {
	w.t.Helper()
	w.starter("start", "-f", w.settingsFile(both), "--wait")
	for _, flow := range allFlows() {
		w.waitForRuns(flow, 1)
	}
}

func TestFault_P20_AfterTheTemporalDatabaseIsGoneNothingIsMadeOrWithdrawnAgain(t *testing.T) {
	w, database := newWorldOnDisk(t, "")
	w.fill()
	w.startWorker()
	w.bothWays()
	w.requireOwn()
	w.replaceDatabase(database, func(files []string) { removeAll(t, files) })
	require.NoError(t, w.vendors.Reset(w.patient()))
	w.bothWays()
	require.Equal(t, map[string]int{fault.Mimecast: 0, fault.Falcon: 0}, w.stats().Writes)
	w.requireOwn()
	w.requireNothingToDo(allFlows()...)
}

// A back-up that is put back, and a fail-over to a cluster that missed the last events, are the same to us: what was done is
// asked for again.
func TestFault_P25_AfterAnOlderTemporalDatabaseIsPutBackNothingIsLostOrDoubled(t *testing.T) {
	w, database := newWorldOnDisk(t, "")
	w.list(hashes(20), domains(10))
	w.startWorker()
	w.bothWays()
	backup, kept := t.TempDir(), w.status()
	w.replaceDatabase(database, func(files []string) { copyAll(t, backup, files) })

	// What is forgotten: values that were blocked, and some that were withdrawn.
	w.list(hashes(30)[20:], domains(20)[10:])
	gone := domains(10)[:3]
	w.deleteIOCs(gone...)
	for _, flow := range allFlows() {
		w.sync(flow)
	}
	want := blocked{hashes: hashes(30), members: domains(20)[3:], urls: domains(20)[3:]}
	w.requireBlocked(want)

	w.replaceDatabase(database, func(files []string) {
		removeAll(t, files)
		kept, err := filepath.Glob(filepath.Join(backup, "*"))
		require.NoError(t, err)
		copyAll(t, filepath.Dir(database), kept)
	})
	require.NoError(t, w.vendors.Reset(w.patient()))
	// The worker still has the integration as it was, until this gives it something to do.
	for _, flow := range allFlows() {
		w.starter("sync", w.name, flow)
	}
	for _, flow := range allFlows() {
		w.waitForRuns(flow, kept.Flows[flow].GoodRuns+1)
	}
	require.Equal(t, map[string]int{fault.Mimecast: 0, fault.Falcon: 0}, w.stats().Writes)
	w.requireBlocked(want)
	w.requireSharedExactly()

	// And what is new is done.
	w.list(nil, domains(25)[20:])
	w.sync(importIOCs)
	w.requireBlocked(blocked{hashes: want.hashes, members: domains(25)[3:], urls: domains(25)[3:]})
}
