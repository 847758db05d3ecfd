package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
)

// States of a flow beside Paused.
const (
	FlowDisabled = "disabled"
	FlowIdle     = "idle"
	FlowRunning  = "running"
	FlowRetrying = "retrying"
	FlowParked   = "parked"
)

// ConnectionState is the answer to the query of that name. Its JSON is an outside name: it does not change.
type ConnectionState struct {
	State    string               `json:"state"`
	Since    string               `json:"since"`
	Reason   string               `json:"reason"`
	Mimecast VendorState          `json:"mimecast"`
	Falcon   VendorState          `json:"falcon"`
	Flows    map[string]FlowState `json:"flows"`
}

// FlowState is a flow in a ConnectionState. Times are RFC 3339 in UTC, empty before the first run. Shared and Held count
// values over all runs.
type FlowState struct {
	State       string `json:"state"`
	LastRun     string `json:"lastRun"`
	LastSuccess string `json:"lastSuccess"`
	LastError   string `json:"lastError"`
	Shared      int    `json:"shared"`
	Held        int    `json:"held"`
}

// Status is the answer to the query "status": everything.
type Status struct {
	Integration string                `json:"integration"`
	State       string                `json:"state"`
	Since       string                `json:"since"`
	Reason      string                `json:"reason"`
	Mimecast    VendorState           `json:"mimecast"`
	Falcon      VendorState           `json:"falcon"`
	Flows       map[string]FlowStatus `json:"flows"`
	// Checkpoints are by flow and source the time up to which everything has been read.
	Checkpoints  map[string]map[indicator.Source]string `json:"checkpoints"`
	LastRejected *Rejected                              `json:"lastRejected"`
	Rejected     int                                    `json:"rejected"`
	Warnings     []string                               `json:"warnings"`
	DryRun       bool                                   `json:"dryRun"`
	// BYOTI is the room on Mimecast's list of hashes, as the last run met it.
	BYOTI        *indicator.Quota         `json:"byoti,omitempty"`
	Remediations *activities.Remediations `json:"remediations,omitempty"`
}

// FlowStatus is a flow in a Status.
type FlowStatus struct {
	FlowState

	GoodRuns       int                                    `json:"goodRuns"` // how many runs have ended well
	More           bool                                   `json:"more"`     // the last run met its bound
	Running        activities.Run                         `json:"running,omitzero"`
	Parked         map[settings.Part]string               `json:"parked,omitempty"`
	Waiting        *activities.Waiting                    `json:"waiting,omitempty"` // a withdrawal that was not made
	Sources        map[indicator.Source]activities.Counts `json:"sources"`           // over all runs
	LastRunSources map[indicator.Source]activities.Counts `json:"lastRunSources,omitempty"`
}

// settle brings the state and what the Temporal UI shows up to date.
func (in *integration) settle(ctx workflow.Context) {
	if state, _ := in.state(); state != in.memory.State {
		in.memory.State, in.memory.Since = state, workflow.Now(ctx).UTC()
	}
	workflow.SetCurrentDetails(ctx, in.details())
}

// state is the state of the whole and why, from what is known of the parts.
func (in *integration) state() (state, reason string) {
	switch m := in.memory; {
	case m.Mimecast.State == PermanentError:
		return PermanentError, m.Mimecast.Reason
	case m.Falcon.State == PermanentError:
		return PermanentError, m.Falcon.Reason
	}
	for _, flow := range in.enabledFlows() {
		if problem := in.stuck(flow); problem != "" {
			return PermanentError, flow + ": " + problem
		}
	}
	switch m := in.memory; {
	case m.Paused:
		return Paused, m.PauseReason
	case !m.Checked:
		return Connecting, ""
	case m.Mimecast.State == Degraded:
		return Degraded, m.Mimecast.Reason
	case m.Falcon.State == Degraded:
		return Degraded, m.Falcon.Reason
	}
	for _, flow := range in.enabledFlows() {
		if trouble := in.memory.flow(flow).Trouble; trouble != "" {
			return Degraded, flow + ": " + trouble
		}
	}
	return Connected, ""
}

// stuck is the permanent error that keeps the flow or one of its parts from running.
func (in *integration) stuck(flow string) string {
	memory := in.memory.flow(flow)
	if memory.Failed.Type != "" {
		return memory.Failed.Reason
	}
	for _, part := range settings.Parts(flow) {
		if problem, parked := memory.Parked[part]; parked && in.settings.PartEnabled(part) {
			return string(part) + ": " + problem.Reason
		}
	}
	return ""
}

// stopped says whether a flow must not run now, and why.
func (in *integration) stopped(flow string) (stopped bool, why string) {
	m := in.memory
	memory := m.flow(flow)
	switch {
	case m.Paused:
		return true, "paused: " + m.PauseReason
	case m.Mimecast.State == PermanentError:
		return true, m.Mimecast.Reason
	case m.Falcon.State == PermanentError:
		return true, m.Falcon.Reason
	case memory.Failed.Type != "":
		return true, memory.Failed.Reason
	case in.allParked(flow):
		return true, in.stuck(flow)
	}
	return false, fmt.Sprintf("Threat Share: %s of %s", flow, in.settings.Name)
}

func (in *integration) allParked(flow string) bool {
	memory := in.memory.flow(flow)
	enabled := 0
	for _, source := range settings.SourcesOf(flow) {
		if !in.settings.SourceEnabled(source) {
			continue
		}
		enabled++
		if _, parked := memory.Parked[settings.PartOf(source)]; !parked {
			return false
		}
	}
	return enabled > 0
}

func (in *integration) flowState(flow string) FlowState {
	memory := in.memory.flow(flow)
	state := FlowState{
		State: FlowIdle, LastRun: stamp(memory.LastRun), LastSuccess: stamp(memory.LastSuccess), LastError: memory.LastError,
	}
	for _, counts := range []map[indicator.Source]activities.Counts{memory.Totals, memory.Counted} {
		for _, source := range settings.SourcesOf(flow) {
			state.Shared += counts[source].Shared
			state.Held += counts[source].HeldInAll()
		}
	}
	stopped, _ := in.stopped(flow)
	switch {
	case !in.settings.FlowEnabled(flow):
		state.State = FlowDisabled
	case in.memory.Paused:
		state.State = Paused
	case stopped:
		state.State = FlowParked
	case memory.Trouble != "":
		state.State = FlowRetrying
	case memory.Current.RunID != "":
		state.State = FlowRunning
	}
	return state
}

func (in *integration) connectionState() ConnectionState {
	state, reason := in.state()
	answer := ConnectionState{
		State: state, Since: stamp(in.memory.Since), Reason: reason,
		Mimecast: in.memory.Mimecast, Falcon: in.memory.Falcon, Flows: map[string]FlowState{},
	}
	for _, flow := range flows() {
		answer.Flows[flow.name] = in.flowState(flow.name)
	}
	return answer
}

func (in *integration) status() Status {
	short := in.connectionState()
	answer := Status{
		Integration: in.settings.Name, State: short.State, Since: short.Since, Reason: short.Reason,
		Mimecast: short.Mimecast, Falcon: short.Falcon,
		Flows:        map[string]FlowStatus{},
		Checkpoints:  map[string]map[indicator.Source]string{},
		LastRejected: in.memory.LastRejected, Rejected: in.memory.Rejected,
		Warnings: in.warnings(), DryRun: in.settings.DryRun,
		BYOTI: in.memory.BYOTI, Remediations: in.memory.Remediations,
	}
	for _, flow := range flows() {
		memory := in.memory.flow(flow.name)
		status := FlowStatus{
			FlowState: short.Flows[flow.name], GoodRuns: memory.GoodRuns, More: memory.More, Running: memory.Current, LastRunSources: memory.LastCounts,
			Waiting: memory.Waiting,
			Parked:  map[settings.Part]string{}, Sources: map[indicator.Source]activities.Counts{},
		}
		checkpoints := map[indicator.Source]string{}
		for _, source := range settings.SourcesOf(flow.name) {
			status.Sources[source] = memory.Totals[source].Plus(memory.Counted[source])
			checkpoints[source] = stamp(memory.Cursors[source].Newest)
		}
		for _, part := range settings.Parts(flow.name) {
			if problem, parked := memory.Parked[part]; parked {
				status.Parked[part] = problem.Reason
			}
		}
		answer.Flows[flow.name], answer.Checkpoints[flow.name] = status, checkpoints
	}
	return answer
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}
