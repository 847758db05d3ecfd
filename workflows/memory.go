package workflows

import (
	"time"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/access"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
)

// flows are the cron workflows: their names in settings and ids, and their types.
func flows() []flowType {
	return []flowType{
		{settings.FlowShareTTPLogs, wire.ShareTTPLogs},
		{settings.FlowImportIOCs, wire.ImportIOCs},
		{settings.FlowImportAlerts, wire.ImportAlerts},
	}
}

type flowType struct{ name, workflowType string }

// Memory is what an Integration remembers beside its settings. It stands in histories: add fields, do not rename them.
type Memory struct {
	StartedAt    time.Time              `json:"startedAt"`
	State        string                 `json:"state"`
	Since        time.Time              `json:"since"`
	Checked      bool                   `json:"checked"` // the vendors have been asked at least once
	Mimecast     VendorState            `json:"mimecast"`
	Falcon       VendorState            `json:"falcon"`
	Paused       bool                   `json:"paused,omitempty"`
	PauseReason  string                 `json:"pauseReason,omitempty"`
	Flows        map[string]*FlowMemory `json:"flows"`
	LastRejected *Rejected              `json:"lastRejected,omitempty"`
	Rejected     int                    `json:"rejected,omitempty"`

	// Of the last check of both vendors.
	CheckedAt time.Time        `json:"checkedAt,omitzero"`
	Findings  []access.Finding `json:"findings,omitempty"`

	// States are those of the vendors and flows, by name.
	States map[string]Stated `json:"states,omitempty"`
	// StateAttribute says that the namespace has the search attribute of the state, and Attributed what it was set to.
	StateAttribute bool   `json:"stateAttribute,omitempty"`
	Attributed     string `json:"attributed,omitempty"`

	Told Told `json:"told,omitzero"`

	// What the imports have met at Mimecast.
	SenderGroup  activities.SenderGroup   `json:"senderGroup,omitzero"`
	BYOTI        *indicator.Quota         `json:"byoti,omitempty"`
	Remediations *activities.Remediations `json:"remediations,omitempty"`
}

// FlowMemory is what an Integration remembers of a flow.
type FlowMemory struct {
	LastRun     time.Time                              `json:"lastRun,omitzero"`
	LastSuccess time.Time                              `json:"lastSuccess,omitzero"`
	LastError   string                                 `json:"lastError,omitempty"`
	GoodRuns    int                                    `json:"goodRuns,omitempty"`
	Current     activities.Run                         `json:"current,omitzero"`
	Counted     map[indicator.Source]activities.Counts `json:"counted,omitempty"` // of the current run, so far
	Totals      map[indicator.Source]activities.Counts `json:"totals,omitempty"`  // of the runs before it
	LastCounts  map[indicator.Source]activities.Counts `json:"lastCounts,omitempty"`
	Cursors     map[indicator.Source]activities.Cursor `json:"cursors,omitempty"`
	ReadFrom    time.Time                              `json:"readFrom,omitzero"` // asked for by forget-checkpoint
	Parked      map[settings.Part]activities.Problem   `json:"parked,omitempty"`
	Waiting     *activities.Waiting                    `json:"waiting,omitempty"`  // a withdrawal that was not made
	Approved    int                                    `json:"approved,omitempty"` // values that the next run may withdraw
	Failed      activities.Problem                     `json:"failed,omitzero"`
	Trouble     string                                 `json:"trouble,omitempty"`
	More        bool                                   `json:"more,omitempty"`

	// TroubledAt is when the trouble of now began: the first since the last good run.
	TroubledAt time.Time                           `json:"troubledAt,omitzero"`
	Gaps       map[indicator.Source]activities.Gap `json:"gaps,omitempty"` // the last of each source
	Expected   int                                 `json:"expected,omitempty"`
	Unread     map[indicator.Source]Unread         `json:"unread,omitempty"` // by the first source of a log or list
}

// Rejected is input that was not taken.
type Rejected struct {
	At      time.Time `json:"at"`
	Name    string    `json:"name"`
	Problem string    `json:"problem"`
}

// VendorState is the connection to one vendor. Since is set in a Status only.
type VendorState struct {
	State  string `json:"state"`
	Reason string `json:"reason"`
	Since  string `json:"since,omitempty"`
}

// Stated is a state and since when it lasts.
type Stated struct {
	State string    `json:"state"`
	Since time.Time `json:"since"`
}

// States of a connection and of an integration.
const (
	Connecting     = "connecting"
	Connected      = "connected"
	Degraded       = "degraded"
	PermanentError = "permanent_error"
	Paused         = "paused"
)

func newMemory(now time.Time) *Memory {
	memory := &Memory{
		StartedAt: now.UTC(), State: Connecting, Since: now.UTC(), Flows: map[string]*FlowMemory{},
		Mimecast: VendorState{State: Connecting}, Falcon: VendorState{State: Connecting},
	}
	return memory
}

func (m *Memory) flow(name string) *FlowMemory {
	if m.Flows[name] == nil {
		m.Flows[name] = &FlowMemory{}
	}
	return m.Flows[name]
}

// checked takes over what a check of the connections found: what a vendor as a whole refuses, and which parts lack a permission.
func (m *Memory) checked(now time.Time, result activities.CheckConnectionsResult, unclear error) {
	m.Checked, m.CheckedAt, m.Findings = true, now.UTC(), result.Findings
	m.Mimecast = vendorState(result.Mimecast)
	m.Falcon = vendorState(result.Falcon)
	if unclear == nil {
		m.parkParts(result.Parts)
		return
	}
	reason := activities.ProblemOf(unclear).Reason
	for _, vendor := range []*VendorState{&m.Mimecast, &m.Falcon} {
		if vendor.State != PermanentError {
			*vendor = VendorState{State: Degraded, Reason: reason}
		}
	}
}

func (m *Memory) parkParts(lacking map[settings.Part]activities.Problem) {
	for _, flow := range flows() {
		for _, part := range settings.Parts(flow.name) {
			if problem, found := lacking[part]; found && lasting(problem) {
				m.park(m.flow(flow.name), part, problem)
			}
		}
	}
}

func vendorState(problem activities.Problem) VendorState {
	switch {
	case problem.Type == "":
		return VendorState{State: Connected}
	case lasting(problem):
		return VendorState{State: PermanentError, Reason: problem.Reason}
	default:
		return VendorState{State: Degraded, Reason: problem.Reason}
	}
}

// permanent says whether a vendor refuses the integration as a whole.
func (m *Memory) permanent() bool {
	return m.Mimecast.State == PermanentError || m.Falcon.State == PermanentError
}

// park keeps a part out of the runs to come. A vendor's answer that makes no sense is not a reason for that: the next run
// asks again.
func (m *Memory) park(flow *FlowMemory, part settings.Part, problem activities.Problem) {
	if !lasting(problem) {
		flow.Trouble = problem.Reason
		return
	}
	if flow.Parked == nil {
		flow.Parked = map[settings.Part]activities.Problem{}
	}
	flow.Parked[part] = problem
	m.blame(problem)
}

// blame marks the connection of a vendor that refuses the credentials: nothing works there until a person has mended them.
func (m *Memory) blame(problem activities.Problem) {
	if problem.Type != activities.VendorAuth {
		return
	}
	switch problem.Vendor {
	case "mimecast":
		m.Mimecast = vendorState(problem)
	case "falcon":
		m.Falcon = vendorState(problem)
	default:
		m.Mimecast, m.Falcon = vendorState(problem), vendorState(problem)
	}
}

// reached takes a good run as proof that the vendors can be reached again.
func (m *Memory) reached(report activities.Report) {
	if report.Failed.Type != "" || len(report.Parked) > 0 {
		return
	}
	for _, vendor := range []*VendorState{&m.Mimecast, &m.Falcon} {
		if vendor.State == Degraded {
			*vendor = VendorState{State: Connected}
		}
	}
}

func lasting(problem activities.Problem) bool {
	switch problem.Type {
	case activities.VendorAuth, activities.VendorForbidden, activities.VendorRejected, activities.VendorQuota:
		return true
	default:
		return false
	}
}

// unpark gives everything that a permanent error stopped another chance: until the check has answered, nothing is known. Nor is
// whether records can be read again.
func (m *Memory) unpark() {
	m.Checked, m.Mimecast, m.Falcon = false, VendorState{State: Connecting}, VendorState{State: Connecting}
	for _, flow := range flows() {
		memory := m.flow(flow.name)
		memory.Parked, memory.Failed, memory.Trouble, memory.Unread = nil, activities.Problem{}, "", nil
	}
}

// stated remembers since when a vendor or a flow is in a state.
func (m *Memory) stated(name, state string, now time.Time) {
	if m.States == nil {
		m.States = map[string]Stated{}
	}
	if m.States[name].State != state {
		m.States[name] = Stated{State: state, Since: now.Truncate(time.Second)}
	}
}

// since is when a vendor or a flow came into a state; empty if that is only now.
func (m *Memory) since(name, state string) string {
	if stated := m.States[name]; stated.State == state {
		return stamp(stated.Since)
	}
	return ""
}

// markTrouble remembers when the trouble of now began. A run that goes well up to where it fails again does not end it.
func (f *FlowMemory) markTrouble(now time.Time) {
	switch {
	case f.Trouble != "" && f.TroubledAt.IsZero():
		f.TroubledAt = now
	case f.Trouble == "" && f.LastSuccess.After(f.TroubledAt):
		f.TroubledAt = time.Time{}
	}
}
