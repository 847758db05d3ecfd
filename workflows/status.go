package workflows

import (
	"time"

	"github.com/samber/lo"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/access"
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

	// In a Status only.
	Since  string `json:"since,omitempty"`  // of the state
	Reason string `json:"reason,omitempty"` // of a state that is not as it should be, in words that say what to do
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
	// Check is what the last check of both vendors found.
	Check *CheckStatus `json:"check,omitempty"`
	// Mail is what became of the last notice to people.
	Mail *LastMail `json:"mail,omitempty"`
}

// CheckStatus is a check of both vendors, with what of it is not as it should be.
type CheckStatus struct {
	At       string           `json:"at"`
	Findings []access.Finding `json:"findings"`
}

// RunProgress is how far a run at work is: of the records that a list has, or of the seconds that a log spans. Of is 0 if it is
// not known.
type RunProgress struct {
	Done int    `json:"done"`
	Of   int    `json:"of"`
	Unit string `json:"unit"` // "records" or "seconds"
}

// FlowStatus is a flow in a Status.
type FlowStatus struct {
	FlowState

	GoodRuns       int                                    `json:"goodRuns"` // how many runs have ended well
	More           bool                                   `json:"more"`     // the last run met its bound
	Running        activities.Run                         `json:"running,omitzero"`
	Progress       *RunProgress                           `json:"progress,omitempty"` // of the run at work
	Gaps           map[indicator.Source]activities.Gap    `json:"gaps,omitempty"`     // missed for good; the last of each source
	Parked         map[settings.Part]string               `json:"parked,omitempty"`
	Waiting        *activities.Waiting                    `json:"waiting,omitempty"` // a withdrawal that was not made
	Sources        map[indicator.Source]activities.Counts `json:"sources"`           // over all runs
	LastRunSources map[indicator.Source]activities.Counts `json:"lastRunSources,omitempty"`
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
	stopped, why := in.stopped(flow)
	switch {
	case !in.settings.FlowEnabled(flow):
		state.State = FlowDisabled
	case in.memory.Paused:
		state.State, state.Reason = Paused, why
	case stopped:
		state.State, state.Reason = FlowParked, why
	case memory.Trouble != "":
		state.State, state.Reason = FlowRetrying, memory.Trouble
	case memory.Current.RunID != "":
		state.State = FlowRunning
	}
	if state.LastError == "" && state.State == FlowParked { // before it has run at all
		state.LastError = why
	}
	state.Since = in.memory.since(flow, state.State)
	return state
}

func (in *integration) connectionState() ConnectionState {
	state, reason := in.state()
	if state == PermanentError {
		reason = in.andThen(reason)
	}
	answer := ConnectionState{
		State: state, Since: stamp(in.memory.Since), Reason: reason,
		Mimecast: in.memory.Mimecast, Falcon: in.memory.Falcon, Flows: map[string]FlowState{},
	}
	for _, flow := range flows() {
		short := in.flowState(flow.name)
		short.Since, short.Reason = "", "" // outside programs know the answer as it always was
		answer.Flows[flow.name] = short
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
		Check: in.memory.check(), Mail: in.memory.Told.Last,
	}
	answer.Mimecast.Since = in.memory.since("mimecast", answer.Mimecast.State)
	answer.Falcon.Since = in.memory.since("falcon", answer.Falcon.State)
	for _, flow := range flows() {
		memory := in.memory.flow(flow.name)
		status := FlowStatus{
			FlowState: in.flowState(flow.name), GoodRuns: memory.GoodRuns, More: memory.More, Running: memory.Current, LastRunSources: memory.LastCounts,
			Waiting: memory.Waiting, Gaps: memory.Gaps, Progress: in.progress(flow.name),
			Parked: map[settings.Part]string{}, Sources: map[indicator.Source]activities.Counts{},
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

// check is what of the last check is worth a look; nil before the first.
func (m *Memory) check() *CheckStatus {
	if m.CheckedAt.IsZero() {
		return nil
	}
	return &CheckStatus{
		At:       stamp(m.CheckedAt),
		Findings: lo.Filter(m.Findings, func(finding access.Finding, _ int) bool { return finding.Outcome != access.OK }),
	}
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}
