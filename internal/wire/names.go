// Package wire holds the names that people and other programs are written against: workflow types, ids, signals, updates and
// queries. They do not change. What they carry is documented in docs/interface.md.
package wire

// TaskQueue is the default task queue.
const TaskQueue = "threatshare"

// Workflow types.
const (
	Integration  = "Integration"
	ShareTTPLogs = "ShareTTPLogs"
	ImportIOCs   = "ImportIOCs"
	ImportAlerts = "ImportAlerts"
	Remediate    = "Remediate"
	Preview      = "Preview"
	Withdraw     = "Withdraw"
	Check        = "Check"
	History      = "History"
)

// StateAttribute is the search attribute (Keyword) that shows an integration's state, where the namespace has it.
const StateAttribute = "ThreatShareState"

// Signals; those for people are Updates of the same name too.
const (
	ChangeSettings   = "change-settings"
	Pause            = "pause"
	Resume           = "resume"
	Reconnect        = "reconnect"
	SyncNow          = "sync-now"
	ForgetCheckpoint = "forget-checkpoint"
	// ApproveWithdrawal lets the next run withdraw more than the deletion guard does.
	ApproveWithdrawal = "approve-withdrawal"

	// RunStarted and RunReported are what runs tell their Integration.
	RunStarted  = "run-started"
	RunReported = "run-reported"
)

// Queries.
const (
	ConnectionState = "connection-state"
	Settings        = "settings"
	Status          = "status"
	// RunPlan is what a run asks its Integration before it starts.
	RunPlan = "run-plan"
	// Progress is how far a Withdraw is.
	Progress = "progress"
)

// Metadata of an encrypted payload: its encoding, and the field with the id of its key.
const (
	Encrypted       = "binary/encrypted"
	EncryptionKeyID = "encryption-key-id"
)

// IntegrationID is the workflow id of an integration.
func IntegrationID(name string) string { return "threatshare/" + name }

// ScheduleID is the id of a flow's Schedule; its runs' ids begin with it.
func ScheduleID(integration, flow string) string { return "threatshare/" + integration + "/" + flow }

// RemediateID is the id of the removal of delivered mail that a value is in. Where payloads are encrypted, a pseudonym takes
// the place of the value.
func RemediateID(integration, value string) string {
	return IntegrationID(integration) + "/remediate/" + value
}

// PreviewID is the id of the preview of a flow.
func PreviewID(integration, flow string) string {
	return IntegrationID(integration) + "/preview/" + flow
}

// WithdrawID is the id of the withdrawal of everything that an integration made.
func WithdrawID(integration string) string { return IntegrationID(integration) + "/withdraw" }

// CheckID is the id of a check of what an integration needs.
func CheckID(integration string) string { return IntegrationID(integration) + "/check" }

// HistoryID is the id of a search in the ledger; which is what tells several of them apart.
func HistoryID(integration, which string) string {
	return IntegrationID(integration) + "/history/" + which
}
