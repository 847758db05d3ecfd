// Package settings holds what an operator sets for one integration: the fields, their defaults and bounds, reading them from
// YAML or JSON, changing them by merge patch, and their JSON Schema. It is pure and runs inside workflow code too: no clock,
// no environment, no I/O, and the same answer for the same arguments. Secrets are never part of it.
package settings

//go:generate sh -c "go run ../../starter schema > ../../settings.schema.json.new && mv ../../settings.schema.json.new ../../settings.schema.json"

import "time"

// The flows of an integration, as schedules, signals and queries name them.
const (
	FlowShareTTPLogs = "share-ttp-logs"
	FlowImportIOCs   = "import-iocs"
	FlowImportAlerts = "import-alerts"
)

// Flows gives the names of all flows in the order in which people read them.
func Flows() []string { return []string{FlowShareTTPLogs, FlowImportIOCs, FlowImportAlerts} }

// Settings are the settings of one integration. Parse and Patch give valid ones only, with every default filled in, domains
// in canonical form and no nil slice.
type Settings struct {
	Name           string         `json:"name" jsonschema:"required,minLength=1,maxLength=40,pattern=^[a-z0-9-]+$" jsonschema_description:"Unique name of the integration. Cannot be changed later."`
	Description    string         `json:"description" jsonschema:"maxLength=200" jsonschema_description:"What people call the integration."`
	Credentials    string         `json:"credentials" jsonschema:"maxLength=40,pattern=^[a-z0-9-]*$" jsonschema_description:"Which credential set of the worker's environment is used; empty is the default set. Cannot be changed later."`
	FetchDuration  Duration       `json:"fetchDuration" jsonschema_description:"How far back the first run reads TTP logs and alerts, 1m to 720h."`
	SendToFalcon   SendToFalcon   `json:"sendToFalcon" jsonschema_description:"What Mimecast found and Falcon is to list."`
	SendToMimecast SendToMimecast `json:"sendToMimecast" jsonschema_description:"What Falcon lists or alerts on and Mimecast is to block."`
	Protect        Protect        `json:"protect" jsonschema_description:"What is never shared or blocked, and what a person released."`
	Schedule       Schedule       `json:"schedule" jsonschema_description:"When each flow runs: cron expressions of five fields (minute, hour, day of month, month, day of week), UTC."`
	Notify         []string       `json:"notify" jsonschema:"maxItems=50,uniqueItems=true,format=email" jsonschema_description:"Mail addresses that are told about a permanent error."`
	DryRun         bool           `json:"dryRun" jsonschema_description:"Read, compare and report, but write nothing at either vendor."`
}

// SendToFalcon says which of Mimecast's findings are listed in Falcon, and how.
type SendToFalcon struct {
	AttachmentHashes     AttachmentHashes     `json:"attachmentHashes" jsonschema_description:"SHA-256 of malicious attachments."`
	URLDomains           URLDomains           `json:"urlDomains" jsonschema_description:"Domains of malicious URLs."`
	ImpersonationDomains ImpersonationDomains `json:"impersonationDomains" jsonschema_description:"Sender domains of impersonation mail whose delivery was prevented."`
	Platforms            []string             `json:"platforms" jsonschema:"minItems=1,uniqueItems=true,enum=windows,enum=mac,enum=linux" jsonschema_description:"Platforms that the IOCs apply to."`
	HostGroups           []string             `json:"hostGroups" jsonschema:"maxItems=100,uniqueItems=true,pattern=^[0-9a-f]{32}$" jsonschema_description:"Ids of the Falcon host groups that the IOCs apply to; empty applies them globally."`
	ExpireAfter          Duration             `json:"expireAfter" jsonschema_description:"When a listed IOC expires, 1h to 8760h after it is made; 0s is never."`
}

// AttachmentHashes is how the hashes of malicious attachments are listed.
type AttachmentHashes struct {
	Enabled  bool   `json:"enabled"`
	Action   string `json:"action" jsonschema:"enum=no_action,enum=detect,enum=prevent,enum=prevent_no_ui"`
	Severity string `json:"severity" jsonschema:"enum=,enum=informational,enum=low,enum=medium,enum=high,enum=critical" jsonschema_description:"Empty only with the action no_action."`
}

// URLDomains is how the domains of malicious URLs are listed.
type URLDomains struct {
	Enabled           bool   `json:"enabled"`
	Action            string `json:"action" jsonschema:"enum=no_action,enum=detect" jsonschema_description:"Falcon only detects domains."`
	Severity          string `json:"severity" jsonschema:"enum=,enum=informational,enum=low,enum=medium,enum=high,enum=critical" jsonschema_description:"Empty only with the action no_action."`
	IncludeSuspicious bool   `json:"includeSuspicious" jsonschema_description:"Share suspicious verdicts as well as malicious ones."`
}

// ImpersonationDomains is how the sender domains of impersonation mail are listed.
type ImpersonationDomains struct {
	Enabled  bool   `json:"enabled"`
	Action   string `json:"action" jsonschema:"enum=no_action,enum=detect" jsonschema_description:"Falcon only detects domains."`
	Severity string `json:"severity" jsonschema:"enum=,enum=informational,enum=low,enum=medium,enum=high,enum=critical" jsonschema_description:"Empty only with the action no_action."`
	Evidence string `json:"evidence" jsonschema:"enum=any,enum=domain" jsonschema_description:"domain: only records whose identifiers say something about the domain itself."`
}

// EvidenceDomain is the evidence setting that asks for records about the domain itself; EvidenceAny takes every record.
const (
	EvidenceAny    = "any"
	EvidenceDomain = "domain"
)

// SendToMimecast says which of Falcon's indicators are blocked in Mimecast.
type SendToMimecast struct {
	IOCHashes    BlockHashes  `json:"iocHashes" jsonschema_description:"Hashes of Falcon's IOC list."`
	IOCDomains   BlockDomains `json:"iocDomains" jsonschema_description:"Domains of Falcon's IOC list."`
	AlertDomains BlockDomains `json:"alertDomains" jsonschema_description:"Domains that are the indicator of a Falcon alert."`
	BYOTIQuota   int          `json:"byotiQuota" jsonschema:"minimum=1,maximum=10000000" jsonschema_description:"How many hashes Mimecast keeps for the account, where it does not say so itself."`
	Withdraw     bool         `json:"withdraw" jsonschema_description:"Unblock what Falcon has taken back (deleted, expired, allowed) and this integration had blocked."`
	// Whether Mimecast wants them is not known for certain (mimecast-api.md 8.1).
	MessageIDBrackets bool `json:"messageIdBrackets" jsonschema_description:"Name delivered mail that is to be remediated by Message-IDs in angle brackets, as mail headers do."`
}

// BlockHashes is what happens in Mimecast to a hash.
type BlockHashes struct {
	Enabled   bool `json:"enabled"`
	Remediate bool `json:"remediate" jsonschema_description:"Also remediate mail already delivered."`
}

// BlockDomains is what happens in Mimecast to a domain.
type BlockDomains struct {
	Enabled   bool `json:"enabled"`
	BlockURLs bool `json:"blockURLs" jsonschema_description:"Also block the domain's URLs."`
	Remediate bool `json:"remediate" jsonschema_description:"Also remediate mail already delivered."`
}

// Protect is what the operator decided about single values.
type Protect struct {
	Domains []string `json:"domains" jsonschema:"maxItems=10000" jsonschema_description:"Domains that are never shared and never blocked, subdomains included."`
	Allow   []string `json:"allow" jsonschema:"maxItems=10000" jsonschema_description:"Domains and SHA-256 hashes that a person released from held. Never overrides a hard stop."`
}

// Schedule holds a cron expression for each flow, UTC.
type Schedule struct {
	ShareTTPLogs string `json:"shareTTPLogs"`
	ImportIOCs   string `json:"importIOCs"`
	ImportAlerts string `json:"importAlerts"`
}

// Default gives the settings of an integration that says nothing: every source and import is off. It has no name yet and
// switches nothing on, so it is not valid by itself.
func Default() Settings {
	const everyFiveMinutes = "*/5 * * * *"
	return Settings{
		FetchDuration: Duration(168 * time.Hour),
		SendToFalcon: SendToFalcon{
			AttachmentHashes:     AttachmentHashes{Action: detect, Severity: "high"},
			URLDomains:           URLDomains{Action: detect, Severity: "medium"},
			ImpersonationDomains: ImpersonationDomains{Action: detect, Severity: "medium", Evidence: EvidenceAny},
			Platforms:            []string{"windows", "mac", "linux"},
			HostGroups:           []string{},
		},
		SendToMimecast: SendToMimecast{BYOTIQuota: 100_000, Withdraw: true, MessageIDBrackets: true},
		Protect:        Protect{Domains: []string{}, Allow: []string{}},
		Schedule:       Schedule{ShareTTPLogs: everyFiveMinutes, ImportIOCs: everyFiveMinutes, ImportAlerts: everyFiveMinutes},
		Notify:         []string{},
	}
}

// FlowEnabled says whether anything that the flow carries is switched on. It is false for a flow that does not exist.
func (s Settings) FlowEnabled(flow string) bool {
	switch flow {
	case FlowShareTTPLogs:
		return s.SendToFalcon.AttachmentHashes.Enabled || s.SendToFalcon.URLDomains.Enabled || s.SendToFalcon.ImpersonationDomains.Enabled
	case FlowImportIOCs:
		return s.SendToMimecast.IOCHashes.Enabled || s.SendToMimecast.IOCDomains.Enabled
	case FlowImportAlerts:
		return s.SendToMimecast.AlertDomains.Enabled
	default:
		return false
	}
}

// Cron is the flow's cron expression, UTC. It is empty for a flow that does not exist.
func (s Settings) Cron(flow string) string {
	switch flow {
	case FlowShareTTPLogs:
		return s.Schedule.ShareTTPLogs
	case FlowImportIOCs:
		return s.Schedule.ImportIOCs
	case FlowImportAlerts:
		return s.Schedule.ImportAlerts
	default:
		return ""
	}
}
