//go:build e2e

package e2e_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/workflows"
)

// This file is what the tests of the platform's faults (fault_p…) have in common.

// Bounds of what one run may write down (docs/architecture).
const (
	maxEvents  = 3_000
	maxHistory = 2 << 20
	maxPayload = 256 << 10
)

// seedVariable repeats a test with the random numbers of an earlier one.
const seedVariable = "THREATSHARE_TEST_SEED"

// random gives random numbers whose seed is in the log.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv(seedVariable); given != "" {
		var err error
		seed, err = strconv.ParseUint(given, 10, 64)
		require.NoError(t, err, seedVariable)
	}
	t.Logf("random numbers: %s=%d repeats them", seedVariable, seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// calls is how often the integration has called its vendors since the start or the last reset.
func (w *world) calls() int {
	w.t.Helper()
	stats := w.stats()
	return stats.Total(fault.Mimecast) + stats.Total(fault.Falcon)
}

// waitForCalls waits until the vendors have been called so often, or the import has come to its end: how fast it is decides
// nothing.
func (w *world) waitForCalls(n int) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("%d calls of the vendors", n), func() error {
		made := w.calls()
		if made >= n {
			return nil
		}
		if flow := w.flow(importIOCs); flow.GoodRuns > 0 && flow.State == workflows.FlowIdle && !flow.More {
			return nil
		}
		return fmt.Errorf("%d calls", made)
	})
}

// killAndRecover kills the worker, starts it again, and gives how long nobody called a vendor.
func (w *world) killAndRecover() time.Duration {
	w.t.Helper()
	w.worker.Kill()
	killed, made := time.Now(), w.calls()
	w.startWorker()
	w.waitForCalls(made + 1)
	return time.Since(killed).Round(100 * time.Millisecond)
}

// failing waits until a step of the flow's run fails with some of these words.
func (w *world) failing(flow string, words ...string) {
	w.t.Helper()
	w.eventually("a step fails with one of "+strings.Join(words, ", "), func() error {
		run := w.flow(flow).Running
		if run.RunID == "" {
			return errors.New("no run is at work")
		}
		described, err := w.temporal.DescribeWorkflowExecution(w.patient(), run.WorkflowID, run.RunID)
		if err != nil {
			return err
		}
		for _, step := range described.GetPendingActivities() {
			failure := step.GetLastFailure().GetMessage()
			if slices.ContainsFunc(words, func(part string) bool { return strings.Contains(failure, part) }) {
				w.t.Logf("%s fails: %s", step.GetActivityType().GetName(), failure)
				return nil
			}
		}
		return errors.New("none does")
	})
}

// requireNothingToDo runs flows once more and makes sure that they write nothing.
func (w *world) requireNothingToDo(flows ...string) {
	w.t.Helper()
	require.NoError(w.t, w.vendors.Reset(w.patient()))
	for _, flow := range flows {
		w.sync(flow)
	}
	require.Equal(w.t, map[string]int{fault.Mimecast: 0, fault.Falcon: 0}, w.stats().Writes)
}

// written is what the workflows of a world have left in Temporal.
type written struct {
	workflows     int
	failed        int   // that did not end well
	taskFailures  int   // workflow tasks that failed: a defect, or two builds that do not go together
	events, bytes int64 // of the longest history
	longest       string
	largest       int64    // event, in bytes
	repeatedSteps int      // attempts after the first
	unwatched     []string // types of steps whose worker could be killed unnoticed until their time is up
}

// histories reads everything that the world's workflows have written down.
func (w *world) histories() written {
	w.t.Helper()
	var all written
	for _, info := range w.allWorkflows() {
		all.workflows++
		switch info.GetStatus() {
		case enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
			all.failed++
		default:
		}
		if info.GetHistoryLength() > all.events {
			all.events, all.longest = info.GetHistoryLength(), info.GetExecution().GetWorkflowId()
		}
		all.bytes = max(all.bytes, info.GetHistorySizeBytes())
		w.readHistory(info, &all)
	}
	return all
}

func (w *world) readHistory(info *workflowpb.WorkflowExecutionInfo, into *written) {
	w.t.Helper()
	history := w.temporal.GetWorkflowHistory(w.patient(), info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId(), false,
		enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(w.t, err)
		into.largest = max(into.largest, int64(proto.Size(event)))
		switch {
		case event.GetWorkflowTaskFailedEventAttributes() != nil:
			into.taskFailures++
		case event.GetActivityTaskScheduledEventAttributes() != nil:
			step := event.GetActivityTaskScheduledEventAttributes()
			if name := step.GetActivityType().GetName(); step.GetHeartbeatTimeout().AsDuration() == 0 && name != "Notify" && name != "SearchLedger" {
				into.unwatched = append(into.unwatched, name)
			}
		case event.GetActivityTaskStartedEventAttributes() != nil:
			into.repeatedSteps += int(event.GetActivityTaskStartedEventAttributes().GetAttempt()) - 1
		}
	}
}

// allWorkflows are those of the world's task queue, whether they run or not.
func (w *world) allWorkflows() []*workflowpb.WorkflowExecutionInfo {
	w.t.Helper()
	var all []*workflowpb.WorkflowExecutionInfo
	request := &workflowservice.ListWorkflowExecutionsRequest{Query: fmt.Sprintf("TaskQueue = '%s'", w.queue)}
	for {
		found, err := w.temporal.ListWorkflow(w.patient(), request)
		require.NoError(w.t, err)
		all = append(all, found.GetExecutions()...)
		if request.NextPageToken = found.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return all
		}
	}
}

// requireCleanHistories makes sure that no workflow has failed, nor a single workflow task, and that every history kept its
// bounds, and gives what was found.
func (w *world) requireCleanHistories() written {
	w.t.Helper()
	all := w.histories()
	require.Positive(w.t, all.workflows)
	require.Zero(w.t, all.failed, "failed workflows")
	require.Zero(w.t, all.taskFailures, "failed workflow tasks")
	require.Empty(w.t, all.unwatched, "steps without a heartbeat")
	require.LessOrEqual(w.t, all.events, int64(maxEvents), all.longest)
	require.LessOrEqual(w.t, all.bytes, int64(maxHistory))
	require.LessOrEqual(w.t, all.largest, int64(maxPayload), "an event with all its payloads")
	w.t.Logf("%d workflows, at most %d events and %d bytes in one, largest event %d bytes, %d repeated attempts at steps",
		all.workflows, all.events, all.bytes, all.largest, all.repeatedSteps)
	return all
}

// unfinished says why a flow has not yet had a good run with nothing left to do, or nil. A run that fails, or a part that is
// parked, is put right at once, as a person would do.
func (w *world) unfinished(flow string) error {
	status := w.status()
	now := status.Flows[flow]
	switch {
	case now.GoodRuns > 0 && now.State == workflows.FlowIdle && !now.More:
		return nil
	case now.State == workflows.FlowParked || status.State == workflows.PermanentError:
		w.t.Logf("put right by a person: %s %s", status.Reason, now.LastError)
		w.starter("reconnect", w.name)
	}
	return fmt.Errorf("flow is %s: %s", now.State, now.LastError)
}
