//go:build e2e

package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"

	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// shown is what the Temporal CLI shows of a Schedule, in one line.
func (w *world) shown(flow string) (string, error) {
	w.t.Helper()
	out, code := w.run(server.CLI, "schedule", "describe", "--schedule-id", wire.ScheduleID(w.name, flow), "--output", "json")
	if code != 0 {
		return "", errors.New(out)
	}
	var described struct {
		Schedule struct {
			Spec   json.RawMessage
			Policy json.RawMessage `json:"policies"`
			Action json.RawMessage
			State  struct {
				Notes  string
				Paused bool
			}
		}
	}
	require.NoError(w.t, json.Unmarshal([]byte(out), &described), out)
	s := described.Schedule
	return strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %q paused=%t", s.Spec, s.Policy, s.Action, s.State.Notes, s.State.Paused)), " "), nil
}

// schedule is shown of a Schedule that has to be there.
func (w *world) schedule(flow string) string {
	w.t.Helper()
	shown, err := w.shown(flow)
	require.NoError(w.t, err)
	return shown
}

// waitForSchedule waits until a Schedule is shown with these words.
func (w *world) waitForSchedule(flow, words string) string {
	w.t.Helper()
	var shown string
	w.eventually(flow+" has a Schedule with "+words, func() error {
		var err error
		if shown, err = w.shown(flow); err == nil && !strings.Contains(shown, words) {
			err = errors.New(shown)
		}
		return err
	})
	return shown
}

func (w *world) deleteSchedule(flow string) {
	w.t.Helper()
	w.untilAtRest()
	w.cli("schedule", "delete", "--schedule-id", wire.ScheduleID(w.name, flow))
	_, err := w.shown(flow)
	require.Error(w.t, err, "it is gone")
}

// untilAtRest waits until the integration has done all that it was asked for: before that it may make a Schedule in the very
// moment in which a test deletes it.
func (w *world) untilAtRest() {
	w.t.Helper()
	w.eventually("the integration is at rest", func() error {
		shown, err := w.temporal.DescribeWorkflowExecution(w.patient(), wire.IntegrationID(w.name), "")
		if err != nil {
			return err
		}
		if shown.GetPendingWorkflowTask() != nil || len(shown.GetPendingActivities()) > 0 {
			return fmt.Errorf("at work: %v, %v", shown.GetPendingWorkflowTask(), shown.GetPendingActivities())
		}
		return nil
	})
}

func TestFault_P9_AScheduleThatIsDeletedByHandComesBackAndNothingIsSharedAgain(t *testing.T) {
	w := newWorld(t, "--records", "600", "--indicators", "60")
	w.list(hashes(50), domains(20))
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(func(document map[string]any) {
		document["sendToMimecast"] = map[string]any{"iocHashes": on(), "iocDomains": on("blockURLs")}
	}))
	flows := []string{shareTTPLogs, importIOCs}
	made := map[string]string{}
	for _, flow := range flows {
		w.waitForRuns(flow, 1)
		made[flow] = w.schedule(flow)
	}
	require.NoError(t, w.vendors.Reset(w.patient()))

	// Whoever asks for a run finds that it is missing, and so does what a person changes.
	occasions := map[string]func(flow string){
		"a run is asked for": func(flow string) { w.sync(flow) },
		"the settings are changed": func(string) {
			w.starter("change", w.name, "--set", "description=changed")
		},
		"it is paused and goes on": func(flow string) {
			w.cli("workflow", "signal", "--workflow-id", wire.IntegrationID(w.name), "--name", wire.Pause)
			w.waitForSchedule(flow, "paused=true")
			w.cli("workflow", "signal", "--workflow-id", wire.IntegrationID(w.name), "--name", wire.Resume)
		},
		"it is connected again": func(string) {
			w.cli("workflow", "signal", "--workflow-id", wire.IntegrationID(w.name), "--name", wire.Reconnect)
		},
		"the workflow starts a new run": func(string) { w.untilNewRun() },
	}
	for occasion, happens := range occasions {
		for _, flow := range flows {
			w.deleteSchedule(flow)
			happens(flow)
			require.Equal(t, made[flow], w.waitForSchedule(flow, "paused=false"), "%s: the same as before", occasion)
		}
	}
	for _, flow := range flows {
		w.sync(flow)
	}
	require.Equal(t, map[string]map[string]int{fault.Mimecast: {}, fault.Falcon: {}}, w.stats().WritesBy)
	w.requireSharedExactly()
}

// untilNewRun makes the integration's history long enough for a new run of the workflow.
func (w *world) untilNewRun() {
	w.t.Helper()
	first := w.described().GetExecution().GetRunId()
	w.eventually("a new run", func() error {
		for range 100 {
			// Refused input costs it an event and nothing else. The server takes none while a run gives way to the next.
			_ = w.signal(wire.SyncNow, payload(converter.MetadataEncodingJSON, []byte(`"no-such-flow"`)))
		}
		if w.described().GetExecution().GetRunId() == first {
			return errors.New("still the first run")
		}
		return nil
	})
}

// A person can pause one flow in the Temporal UI. That holds until the integration has a reason to put its Schedules in order,
// such as a change of the settings: what is to last is a setting, or pause.
func TestAScheduleThatIsPausedByHandStaysSoUntilTheIntegrationPutsItInOrder(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30")
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(nil))
	w.waitForRuns(shareTTPLogs, 1)
	made := w.schedule(shareTTPLogs)
	w.cli("schedule", "toggle", "--schedule-id", wire.ScheduleID(w.name, shareTTPLogs), "--pause", "--reason", "maintenance by hand")
	w.waitForSchedule(shareTTPLogs, "paused=true")

	w.sync(shareTTPLogs) // which is asked for, and not a matter of the Schedule's times
	require.Contains(t, w.schedule(shareTTPLogs), `"maintenance by hand" paused=true`)
	require.Equal(t, workflows.Connected, w.status().State)

	w.starter("change", w.name, "--set", "description=changed")
	require.Equal(t, made, w.waitForSchedule(shareTTPLogs, "paused=false"))
	w.requireSharedExactly()
}
