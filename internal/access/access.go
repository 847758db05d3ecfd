// Package access says what an integration has to be allowed to do at the vendors for what its settings switch on, and in
// which words a check tells what it found. How a function is tried is the vendors' clients' business. Pure.
package access

import (
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
)

// Function is something that a vendor allows or refuses as a whole.
type Function string

// The functions at Mimecast, each with a product and permissions of its own (mimecast-api.md 1.4).
const (
	ReadAttachmentLogs    Function = "read-attachment-logs"
	ReadURLLogs           Function = "read-url-logs"
	ReadImpersonationLogs Function = "read-impersonation-logs"
	DecodeLinks           Function = "decode-links"
	ReadInternalDomains   Function = "read-internal-domains"
	BlockHashes           Function = "block-hashes"
	KeepSenderGroup       Function = "keep-sender-group"
	UnblockSenders        Function = "unblock-senders"
	BlockSenders          Function = "block-senders"
	BlockURLs             Function = "block-urls"
	UnblockURLs           Function = "unblock-urls"
	RemediateMail         Function = "remediate-mail"
	FindMessages          Function = "find-messages"
)

// The functions at Falcon, each with a scope (falcon-api.md 2 and 3).
const (
	ReadIOCs   Function = "read-iocs"
	WriteIOCs  Function = "write-iocs"
	ReadAlerts Function = "read-alerts"
)

// Functions are all functions at Mimecast and at Falcon, always in the same order.
func Functions() (mimecast, falcon []Function) {
	return []Function{
			ReadAttachmentLogs, ReadURLLogs, ReadImpersonationLogs, DecodeLinks, ReadInternalDomains,
			BlockHashes, KeepSenderGroup, UnblockSenders, BlockSenders, BlockURLs, UnblockURLs, RemediateMail, FindMessages,
		},
		[]Function{ReadIOCs, WriteIOCs, ReadAlerts}
}

// Need is a function and the parts of the settings that need it.
type Need struct {
	Function Function
	Parts    []settings.Part
	// Optional says that the parts go on without it and do less: a rewritten link stays as it is and is held, what is to be
	// unblocked stays until somebody may unblock it, and a dry run does not write.
	Optional bool
}

// Needs are what the parts that are switched on need of Mimecast and of Falcon, each function once, always in the same
// order.
func Needs(s settings.Settings) (mimecast, falcon []Need) {
	atMimecast, atFalcon := Functions()
	for _, function := range atMimecast {
		mimecast = appendNeed(mimecast, s, function)
	}
	for _, function := range atFalcon {
		falcon = appendNeed(falcon, s, function)
	}
	return mimecast, falcon
}

func appendNeed(needs []Need, s settings.Settings, function Function) []Need {
	var parts []settings.Part
	for _, flow := range settings.Flows() {
		for _, part := range settings.Parts(flow) {
			if s.PartEnabled(part) && needed(function, part) {
				parts = append(parts, part)
			}
		}
	}
	if len(parts) == 0 {
		return needs
	}
	return append(needs, Need{Function: function, Parts: parts, Optional: optional(function, s.DryRun)})
}

// optional says whether the parts that need a function go on without it.
func optional(function Function, dryRun bool) bool {
	switch function {
	case DecodeLinks, UnblockSenders, UnblockURLs:
		return true
	case BlockHashes, KeepSenderGroup, RemediateMail, WriteIOCs: // a dry run reads what the others are about
		return dryRun
	default:
		return false
	}
}

// needed says whether a part needs a function.
func needed(function Function, part settings.Part) bool {
	source := part.Source()
	switch part {
	case settings.URLPart(source):
		return function == BlockURLs || function == UnblockURLs
	case settings.RemediatePart(source):
		return function == RemediateMail || function == FindMessages && source.Kind() == indicator.Domain
	default:
	}
	switch function {
	case ReadInternalDomains: // the guard of domains
		return source.Kind() == indicator.Domain
	case ReadAttachmentLogs:
		return source == indicator.AttachmentHashes
	case ReadURLLogs, DecodeLinks:
		return source == indicator.URLDomains
	case ReadImpersonationLogs:
		return source == indicator.ImpersonationDomains
	case BlockHashes:
		return source == indicator.IOCHashes
	case KeepSenderGroup, UnblockSenders:
		return source == indicator.IOCDomains
	case BlockSenders:
		return source == indicator.IOCDomains || source == indicator.AlertDomains
	case ReadIOCs: // the list itself, and look-ups: before a write, and of domains that an alert is about
		return true
	case WriteIOCs:
		return source == indicator.AttachmentHashes || source == indicator.URLDomains || source == indicator.ImpersonationDomains
	case ReadAlerts:
		return source == indicator.AlertDomains
	default:
		return false
	}
}

// Outcome is how a check ended.
type Outcome string

// The outcomes.
const (
	OK      Outcome = "ok"
	Warning Outcome = "warning" // works, and is worth a look
	Failed  Outcome = "failed"  // a person has to mend it
	Unknown Outcome = "unknown" // could not be told, such as because the vendor did not answer
)

// Finding is one line of what a check found. Its JSON is an outside name.
type Finding struct {
	// Where is "mimecast", "falcon", "mail" or "worker".
	Where   string          `json:"where"`
	Check   string          `json:"check"` // what was looked at: a scope, a product and its permission, a quota …
	Outcome Outcome         `json:"outcome"`
	Detail  string          `json:"detail,omitempty"` // what was found; for anything but ok, what to do and where
	Parts   []settings.Part `json:"parts,omitempty"`  // of the settings, that need it
}
