//go:build e2e

package e2e_test

import (
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/samber/lo"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/ledger/pgtest"
	"github.com/threatshare/threatshare/internal/simulator/seed"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// fleet are workers on the same task queue and ledger, by their process ids.
type fleet struct {
	w       *world
	ledger  string
	workers map[int]*harness.Process
}

func (f *fleet) start() *harness.Process {
	f.w.t.Helper()
	listen, err := harness.FreeAddress()
	require.NoError(f.w.t, err)
	name := fmt.Sprintf("worker-%d", len(f.workers)+1)
	worker := f.w.startWorkerAs(name, "THREATSHARE_LEDGER="+f.ledger, "THREATSHARE_LISTEN="+listen)
	f.workers[worker.PID()] = worker
	f.w.t.Cleanup(func() {
		if f.w.t.Failed() {
			f.w.t.Logf("last lines of %s:\n%s", name, worker.Tail(20))
		}
	})
	return worker
}

// pollers are the process ids of the workers that ask the task queue for steps.
func (f *fleet) pollers() []int {
	f.w.t.Helper()
	described, err := f.w.temporal.DescribeTaskQueue(f.w.patient(), f.w.queue, enumspb.TASK_QUEUE_TYPE_ACTIVITY)
	require.NoError(f.w.t, err)
	var pids []int
	for _, poller := range described.GetPollers() {
		pids = append(pids, pidOf(f.w.t, poller.GetIdentity()))
	}
	return pids
}

// atWork is the worker that is busy with a step of the flow's run.
func (f *fleet) atWork(flow string) (*harness.Process, error) {
	run := f.w.flow(flow).Running
	if run.RunID == "" {
		return nil, errors.New("no run is at work")
	}
	described, err := f.w.temporal.DescribeWorkflowExecution(f.w.patient(), run.WorkflowID, run.RunID)
	if err != nil {
		return nil, err
	}
	for _, step := range described.GetPendingActivities() {
		if step.GetState() == enumspb.PENDING_ACTIVITY_STATE_STARTED && step.GetLastWorkerIdentity() != "" {
			return f.workers[pidOf(f.w.t, step.GetLastWorkerIdentity())], nil
		}
	}
	return nil, errors.New("no step is at work")
}

// pidOf reads a worker's identity, pid@host@queue.
func pidOf(t *testing.T, identity string) int {
	t.Helper()
	number, _, _ := strings.Cut(identity, "@")
	pid, err := strconv.Atoi(number)
	require.NoError(t, err, identity)
	return pid
}

// stepsBy counts the steps of all runs of the integration's flows by the worker that did them.
func (w *world) stepsBy() map[int]int {
	w.t.Helper()
	done := map[int]int{}
	for _, flow := range []string{shareTTPLogs, importIOCs} {
		for _, execution := range w.runsOf(flow) {
			history := w.temporal.GetWorkflowHistory(w.patient(), execution.GetWorkflowId(), execution.GetRunId(), false,
				enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
			for history.HasNext() {
				event, err := history.Next()
				require.NoError(w.t, err)
				if started := event.GetActivityTaskStartedEventAttributes(); started != nil {
					done[pidOf(w.t, started.GetIdentity())]++
				}
			}
		}
	}
	return done
}

// runsOf are the runs that a flow's Schedule has started, as far as the server lists them already.
func (w *world) runsOf(flow string) []*commonpb.WorkflowExecution {
	w.t.Helper()
	found, err := w.temporal.ListWorkflow(w.patient(), &workflowservice.ListWorkflowExecutionsRequest{
		Query: fmt.Sprintf("WorkflowId STARTS_WITH '%s'", wire.ScheduleID(w.name, flow)),
	})
	require.NoError(w.t, err)
	return lo.Map(found.GetExecutions(), func(info *workflowpb.WorkflowExecutionInfo, _ int) *commonpb.WorkflowExecution {
		return info.GetExecution()
	})
}

// ledgerRows are the values that a ledger in PostgreSQL has for the integration, by list and state.
func (w *world) ledgerRows(dsn string) map[string][]string {
	w.t.Helper()
	db, err := sql.Open("pgx", dsn)
	require.NoError(w.t, err)
	defer db.Close()
	rows, err := db.QueryContext(w.patient(), "SELECT list, state, value FROM indicators WHERE integration = $1", w.name)
	require.NoError(w.t, err)
	defer rows.Close()
	found := map[string][]string{}
	for rows.Next() {
		var list, state, value string
		require.NoError(w.t, rows.Scan(&list, &state, &value))
		found[list+" "+state] = append(found[list+" "+state], value)
	}
	require.NoError(w.t, rows.Err())
	return found
}

func TestFault_P1_TwoWorkersShareTheWorkAndOneThatIsKilledCostsNothing(t *testing.T) {
	postgres := pgtest.Start(t)
	w := newWorld(t, "--records", "8000", "--indicators", "3000", "--latency", "20ms")
	hashes, domains := hashes(3000), domains(1500)
	w.list(hashes, domains)
	f := &fleet{w: w, ledger: postgres.Database(t), workers: map[int]*harness.Process{}}
	// At once: both bring the empty ledger's tables to their version.
	first, second := f.start(), f.start()
	w.eventually("both ask for steps", func() error {
		if missing, _ := lo.Difference([]int{first.PID(), second.PID()}, f.pollers()); len(missing) > 0 {
			return fmt.Errorf("%v do not", missing)
		}
		return nil
	})
	w.starter("start", "-f", w.settingsFile(func(document map[string]any) {
		document["sendToMimecast"] = map[string]any{"iocHashes": on(), "iocDomains": on("blockURLs")}
	}))

	var victim *harness.Process
	w.eventually("a worker is in the middle of sharing", func() error {
		own, _ := w.falconIOCs()
		if len(own) < 200 {
			return fmt.Errorf("%d IOCs in Falcon so far", len(own))
		}
		var err error
		victim, err = f.atWork(shareTTPLogs)
		return err
	})
	victim.Kill()
	own, _ := w.falconIOCs()
	require.Less(t, len(own), 3000, "killed in the middle")
	t.Logf("killed %s after %d IOCs in Falcon", victim.Name, len(own))
	// The other one takes over: nobody has to start a worker for that.
	w.waitForRuns(shareTTPLogs, 1)
	survivor := lo.Ternary(victim == first, second, first)
	third := f.start()
	w.waitForState(workflows.Connected)
	w.waitForRuns(importIOCs, 1)

	w.requireSharedExactly()
	w.requireBlocked(blocked{hashes: hashes, members: domains, urls: domains})
	steps := w.stepsBy()
	require.Positive(t, steps[survivor.PID()])
	t.Logf("steps by worker: %v", steps)

	expected, err := w.vendors.Expected(w.patient())
	require.NoError(t, err)
	rows := w.ledgerRows(f.ledger)
	shared := lo.Map(expected, func(key seed.Expected, _ int) string { return key.Value })
	w.requireSame("IOCs in the ledger", shared, rows[string(ledger.FalconIOCs)+" shared"])
	w.requireSame("hashes in the ledger", hashes, rows[string(ledger.BYOTI)+" shared"])
	w.requireSame("members in the ledger", domains, rows[string(ledger.BlockedSenders)+" shared"])
	w.requireSame("URLs in the ledger", domains, rows[string(ledger.ManagedURLs)+" shared"])
	for _, state := range slices.Sorted(maps.Keys(rows)) {
		require.Truef(t, strings.HasSuffix(state, " shared") || strings.HasSuffix(state, " held"), "%s: %d", state, len(rows[state]))
	}

	// What one has written, the others know: none of it is written again, whoever of them runs.
	require.NoError(t, w.vendors.Reset(w.patient()))
	require.NoError(t, survivor.Stop())
	w.sync(shareTTPLogs)
	w.sync(importIOCs)
	require.Equal(t, map[string]int{"mimecast": 0, "falcon": 0}, w.stats().Writes)
	w.eventually("the third has done them", func() error {
		if w.stepsBy()[third.PID()] == 0 {
			return errors.New("no step of it yet")
		}
		return nil
	})
}
