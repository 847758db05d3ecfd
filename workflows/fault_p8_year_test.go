package workflows_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/harness/scale"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/workflows"
)

// What a signal leaves in a history: itself, and a workflow task that takes it.
const eventsOfSignal = 4

// year is an Integration that is told of a run at every tick, through as many runs of its own workflow as that takes.
type year struct {
	t        *testing.T
	settings json.RawMessage
	memory   *workflows.Memory
	now      time.Time
	begun    int // runs of flows
	ended    int
	chain    int // runs of the Integration
	most     int // events of one
	last     workflows.Status
}

// next is one run of the Integration, which ends when its history is long enough, or when so many runs of flows are over.
func (y *year) next(ticks int, every time.Duration) {
	y.t.Helper()
	d := newDesk(y.t)
	d.env.SetStartTime(y.now)
	events := 30 // how it begins
	var tick func()
	tick = func() {
		y.now = d.env.Now().UTC()
		if y.ended == ticks {
			y.last = d.status()
			d.env.CancelWorkflow()
			return
		}
		events += eventsOfSignal
		d.env.SetCurrentHistoryLength(events)
		if y.begun == y.ended {
			y.begun++
			d.started(fmt.Sprint("run ", y.begun))
		} else {
			y.ended++
			d.reported(fmt.Sprint("run ", y.begun), activities.Report{Finished: true, Counts: counts{indicator.URLDomains: {Shared: 1}}})
		}
		d.env.RegisterDelayedCallback(tick, every/2)
	}
	d.env.RegisterDelayedCallback(tick, every/2)
	d.env.ExecuteWorkflow(workflows.Integration, y.settings, y.memory)
	require.True(y.t, d.env.IsWorkflowCompleted())
	y.chain, y.most = y.chain+1, max(y.most, events)
	if again, ok := errors.AsType[*workflow.ContinueAsNewError](d.env.GetWorkflowError()); ok {
		for _, payload := range again.Input.GetPayloads() {
			require.LessOrEqual(y.t, len(payload.GetData()), maxPayload)
		}
		y.settings, y.memory = inputOf(y.t, again)
	}
}

// A leap year of runs every quarter of an hour. Also P22: with February 29 and both changes of the clocks in it.
func TestFault_P8_AYearOfRunsKeepsEveryHistoryShortAndForgetsNothing(t *testing.T) {
	const every = 15 * time.Minute
	ticks := scale.Of(61, 366) * int(24*time.Hour/every)
	y := &year{t: t, settings: json.RawMessage(document), now: time.Date(2028, 2, 1, 0, 0, 0, 0, time.UTC)}
	began := time.Now()
	for y.last.State == "" {
		y.next(ticks, every)
	}
	t.Logf("%d runs in %d runs of the Integration, at most %d events, in %s", y.ended, y.chain, y.most, time.Since(began).Round(10*time.Millisecond))
	require.LessOrEqual(t, y.most, maxEvents)
	now := y.last.Flows[flow]
	require.Equal(t, ticks, now.GoodRuns)
	require.Equal(t, ticks, now.Shared)
	require.Equal(t, workflows.Connected, y.last.State)
}
