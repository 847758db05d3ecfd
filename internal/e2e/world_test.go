//go:build e2e

// Package e2e_test tries the whole thing as its users do: a real Temporal server, the simulator over HTTP, and the worker,
// the starter and the Temporal CLI as processes.
package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/samber/lo"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/harness/scale"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// The flows.
const (
	shareTTPLogs = settings.FlowShareTTPLogs
	importIOCs   = settings.FlowImportIOCs
	importAlerts = settings.FlowImportAlerts
)

// patience is how long a test waits for something that must happen, a hundred thousand indicators for instance. It bounds a
// failing test and decides nothing else.
var patience = scale.Of(2*time.Minute, 30*time.Minute)

var (
	server   *harness.Server
	binaries harness.Binaries
)

func TestMain(m *testing.M) {
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "end-to-end tests:", err)
		code = 1
	}
	os.Exit(code)
}

func runAll(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "threatshare-e2e-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if binaries, err = harness.Build(ctx, dir); err != nil {
		return 1, err
	}
	if server, err = harness.StartTemporal(ctx, "", dir, false); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	defer func() { closeBrowser() }()
	return m.Run(), nil
}

// world is one test's own simulator, worker and task queue on the common Temporal server.
type world struct {
	t         *testing.T
	dir       string
	name      string // of the integration
	namespace string // "" for the default one
	queue     string
	simulator *harness.Simulator
	vendors   *control.Client
	program   string // of the worker
	worker    *harness.Process
	env       []string
	health    string
	temporal  client.Client
	foreign   mimecast.State // what others have in Mimecast
}

var worlds atomic.Int64

// newWorld starts a simulator with traffic as the arguments say. The worker is started by startWorker.
func newWorld(t *testing.T, simulatorArgs ...string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), program: binaries.Worker}
	w.name = fmt.Sprintf("e2e-%d", worlds.Add(1))
	w.queue = w.name
	ctx := w.patient()
	var err error
	w.simulator, err = harness.StartSimulator(ctx, binaries.Simulator, w.dir, simulatorArgs...)
	require.NoError(t, err)
	t.Cleanup(w.simulator.Kill)
	w.vendors = control.New(w.simulator.Admin)
	w.foreign = w.mimecast()
	w.health, err = harness.FreeAddress()
	require.NoError(t, err)
	w.env = append(harness.WorkerEnv(server, w.simulator, "sqlite:"+filepath.Join(w.dir, "ledger.db"), w.health),
		"THREATSHARE_TASK_QUEUE="+w.queue)
	w.temporal, err = server.Dial(ctx)
	require.NoError(t, err)
	t.Cleanup(func() { w.temporal.Close() })
	t.Cleanup(func() {
		if t.Failed() && w.worker != nil {
			t.Log("worker's last lines:\n" + w.worker.Tail(40))
		}
	})
	return w
}

func (w *world) startWorker(extraEnv ...string) *harness.Process {
	w.t.Helper()
	w.worker = w.startWorkerAs("worker", extraEnv...)
	return w.worker
}

// startWorkerAs starts a worker with a name, and so a log, of its own. Each that runs at the same time needs its own address
// to listen on.
func (w *world) startWorkerAs(name string, extraEnv ...string) *harness.Process {
	w.t.Helper()
	worker, err := harness.Start(harness.Command{
		Name: name, Path: w.program, Env: append(slices.Clone(w.env), extraEnv...), Dir: w.dir,
	}, w.dir)
	require.NoError(w.t, err)
	w.t.Cleanup(worker.Kill)
	return worker
}

// patient is a context that ends when the test has waited long enough for one thing.
func (w *world) patient() context.Context {
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	w.t.Cleanup(cancel)
	return ctx
}

// settings are settings with everything of the first flow switched on, changed by change.
func (w *world) settings(change func(map[string]any)) map[string]any {
	document := map[string]any{
		"name": w.name,
		"sendToFalcon": map[string]any{
			"attachmentHashes":     map[string]any{"enabled": true, "action": "prevent", "severity": "high"},
			"urlDomains":           map[string]any{"enabled": true},
			"impersonationDomains": map[string]any{"enabled": true},
		},
		// Far enough apart that no run starts by itself during a test.
		"schedule": map[string]any{"shareTTPLogs": "0 0 1 1 *", "importIOCs": "0 0 1 1 *", "importAlerts": "0 0 1 1 *"},
	}
	if change != nil {
		change(document)
	}
	return document
}

func (w *world) settingsFile(change func(map[string]any)) string {
	w.t.Helper()
	text, err := json.Marshal(w.settings(change))
	require.NoError(w.t, err)
	return w.file("settings.json", string(text))
}

func (w *world) file(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	require.NoError(w.t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// run runs a program to its end and returns what it printed and its exit code.
func (w *world) run(path string, args ...string) (output string, code int) {
	w.t.Helper()
	cmd := exec.CommandContext(w.patient(), path, args...)
	cmd.Env = append(os.Environ(), "TEMPORAL_ADDRESS="+server.Address, "THREATSHARE_TASK_QUEUE="+w.queue)
	if w.namespace != "" {
		cmd.Env = append(cmd.Env, "TEMPORAL_NAMESPACE="+w.namespace)
	}
	cmd.Dir = w.dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return out.String(), exit.ExitCode()
	}
	require.NoError(w.t, err, out.String())
	return out.String(), 0
}

// starter runs the starter, which has to succeed.
func (w *world) starter(args ...string) string {
	w.t.Helper()
	out, code := w.run(binaries.Starter, args...)
	require.Zero(w.t, code, "starter %s:\n%s", strings.Join(args, " "), out)
	return out
}

// cli runs the Temporal CLI, which has to succeed.
func (w *world) cli(args ...string) string {
	w.t.Helper()
	out, code := w.run(server.CLI, args...)
	require.Zero(w.t, code, "temporal %s:\n%s", strings.Join(args, " "), out)
	return out
}

// status asks for the status until it is answered: a query to a worker that was just killed is lost.
func (w *world) status() workflows.Status {
	w.t.Helper()
	var status workflows.Status
	w.eventually("an answer", func() error {
		ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
		defer cancel()
		answer, err := w.temporal.QueryWorkflow(ctx, wire.IntegrationID(w.name), "", wire.Status)
		if err != nil {
			return err
		}
		status = workflows.Status{}
		return answer.Get(&status)
	})
	return status
}

// flow is the state of a flow.
func (w *world) flow(name string) workflows.FlowStatus {
	w.t.Helper()
	return w.status().Flows[name]
}

// eventually waits until what holds.
func (w *world) eventually(what string, holds func() error) {
	w.t.Helper()
	require.NoError(w.t, harness.Until(w.patient(), what, holds))
}

// waitForState waits until the integration is in a state.
func (w *world) waitForState(state string) workflows.Status {
	w.t.Helper()
	var status workflows.Status
	w.eventually("wait for "+state, func() error {
		status = w.status()
		if status.State != state {
			return fmt.Errorf("state is %s: %s", status.State, status.Reason)
		}
		return nil
	})
	return status
}

// waitForRuns waits until at least so many runs of a flow have ended well and none is at work.
func (w *world) waitForRuns(name string, runs int) workflows.FlowStatus {
	w.t.Helper()
	var flow workflows.FlowStatus
	w.eventually(fmt.Sprintf("wait for %d good runs of %s", runs, name), func() error {
		flow = w.flow(name)
		if flow.GoodRuns < runs || flow.State != workflows.FlowIdle || flow.More {
			return fmt.Errorf("flow is %s after %d good runs, last error %q", flow.State, flow.GoodRuns, flow.LastError)
		}
		return nil
	})
	return flow
}

// sync runs a flow once more and waits for its end.
func (w *world) sync(name string, extraArgs ...string) workflows.FlowStatus {
	w.t.Helper()
	before := w.flow(name)
	w.starter(append([]string{"sync", w.name, name}, extraArgs...)...)
	return w.waitForRuns(name, before.GoodRuns+1)
}

// stats are what both vendors have counted since the start or the last reset.
func (w *world) stats() fault.Stats {
	w.t.Helper()
	stats, err := w.vendors.Stats(w.patient())
	require.NoError(w.t, err)
	return stats
}

// requireGoodManners makes sure that every request kept to the vendors' contracts and to the waits they asked for.
func (w *world) requireGoodManners() {
	w.t.Helper()
	stats := w.stats()
	require.Empty(w.t, stats.Violations, "the vendors found requests that their contracts do not allow")
	require.Zero(w.t, stats.CallsInsideWait)
}

// requireSharedExactly makes sure that Falcon lists what it has to, each value once, and nothing else of ours. What others list
// there is left out.
func (w *world) requireSharedExactly() {
	w.t.Helper()
	ctx := w.patient()
	expected, err := w.vendors.Expected(ctx)
	require.NoError(w.t, err)
	listed, err := w.vendors.FalconIOCs(ctx)
	require.NoError(w.t, err)
	var want, got []string
	for _, key := range expected {
		want = append(want, fmt.Sprint(key.Kind, " ", key.Value))
	}
	for _, ioc := range listed {
		if !ioc.Deleted && ioc.CreatedBy != byHandOf {
			got = append(got, fmt.Sprint(ioc.Type, " ", ioc.Value))
		}
	}
	require.NotEmpty(w.t, want)
	w.requireSame("IOCs in Falcon", want, got)
	w.requireGoodManners()
}

// requireSame compares lists in which the order means nothing. It names what is missing, too much, or there twice.
func (w *world) requireSame(what string, want, got []string) {
	w.t.Helper()
	missing, extra := lo.Difference(want, got)
	shown := func(list []string) []string { return list[:min(len(list), 5)] }
	if len(missing)+len(extra) > 0 {
		require.Failf(w.t, what, "%d missing such as %q, %d too much such as %q", len(missing), shown(missing), len(extra), shown(extra))
	}
	require.Emptyf(w.t, shown(lo.FindDuplicates(got)), "%s: there twice", what)
	require.Lenf(w.t, got, len(lo.Uniq(want)), what)
}
