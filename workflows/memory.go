package workflows

import (
	"time"

	"github.com/threatshare/threatshare/activities"
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
}

// Rejected is input that was not taken.
type Rejected struct {
	At      time.Time `json:"at"`
	Name    string    `json:"name"`
	Problem string    `json:"problem"`
}

// VendorState is the connection to one vendor.
type VendorState struct {
	State  string `json:"state"`
	Reason string `json:"reason"`
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

// checked takes over what a check of the connections found.
func (m *Memory) checked(result activities.CheckConnectionsResult, unclear error) {
	m.Checked = true
	m.Mimecast = vendorState(result.Mimecast)
	m.Falcon = vendorState(result.Falcon)
	if unclear == nil {
		return
	}
	reason := activities.ProblemOf(unclear).Reason
	for _, vendor := range []*VendorState{&m.Mimecast, &m.Falcon} {
		if vendor.State != PermanentError {
			*vendor = VendorState{State: Degraded, Reason: reason}
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

// started takes over that a run has begun.
func (m *Memory) started(run activities.Run) {
	flow := m.flow(run.Flow)
	if flow.Current.RunID == run.RunID {
		return
	}
	if flow.Counted != nil { // of a run that was ended from outside and could not say so
		flow.addUp(run.Flow, flow.Counted)
	}
	flow.Current, flow.LastRun, flow.Counted = run, run.StartedAt, nil
}

// reported takes over what a run says of itself. Reports of any other than the current run are old news.
func (m *Memory) reported(report activities.Report) {
	flow := m.flow(report.Flow)
	if flow.Current.RunID == "" || flow.Current.RunID != report.RunID {
		return
	}
	if report.Trouble != "" {
		flow.Trouble = report.Trouble
		return
	}
	flow.Trouble = ""
	if !report.DryRun {
		flow.Counted = report.Counts
	}
	if flow.Cursors == nil {
		flow.Cursors = map[indicator.Source]activities.Cursor{}
	}
	for _, source := range settings.SourcesOf(report.Flow) {
		if cursor, found := report.Cursors[source]; found {
			flow.Cursors[source] = cursor
		}
	}
	for _, part := range settings.Parts(report.Flow) {
		if problem, found := report.Parked[part]; found {
			m.park(flow, part, problem)
		}
	}
	if report.SenderGroup.ID != "" {
		m.SenderGroup = report.SenderGroup
	}
	if report.Quota != nil && !report.DryRun {
		m.BYOTI = report.Quota
	}
	if report.Finished {
		m.finished(flow, report)
	}
	m.reached(report)
}

func (f *FlowMemory) addUp(flow string, counts map[indicator.Source]activities.Counts) {
	totals := map[indicator.Source]activities.Counts{}
	for _, source := range settings.SourcesOf(flow) {
		totals[source] = f.Totals[source].Plus(counts[source])
	}
	f.Totals = totals
}

// finished closes the books of a run.
func (m *Memory) finished(flow *FlowMemory, report activities.Report) {
	if !report.DryRun {
		flow.addUp(report.Flow, report.Counts)
		if report.Failed.Type == "" && !report.Canceled { // else it may not have come to the withdrawal
			flow.Waiting = report.Waiting
			if flow.Approved == report.Approved { // one that was given meanwhile is for the next run
				flow.Approved = 0
			}
		}
	}
	if report.Remediations != nil {
		m.Remediations = report.Remediations
	}
	flow.LastCounts, flow.Counted = report.Counts, nil
	flow.Current, flow.More = activities.Run{}, report.More
	flow.LastError = ""
	for _, part := range settings.Parts(report.Flow) {
		if problem, found := report.Parked[part]; found {
			flow.LastError = problem.Reason
		}
	}
	switch {
	case report.Failed.Type != "":
		flow.LastError = report.Failed.Reason
		if lasting(report.Failed) {
			flow.Failed = report.Failed
			m.blame(report.Failed)
		} else {
			flow.Trouble = report.Failed.Reason
		}
	case flow.LastError == "" && !report.Canceled:
		flow.LastSuccess = report.At
		flow.GoodRuns++
	}
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

// unpark gives everything that a permanent error stopped another chance: until the check has answered, nothing is known.
func (m *Memory) unpark() {
	m.Checked, m.Mimecast, m.Falcon = false, VendorState{State: Connecting}, VendorState{State: Connecting}
	for _, flow := range flows() {
		memory := m.flow(flow.name)
		memory.Parked, memory.Failed, memory.Trouble = nil, activities.Problem{}, ""
	}
}
