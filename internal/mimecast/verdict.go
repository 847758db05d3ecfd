package mimecast

import (
	"strings"

	"github.com/threatshare/threatshare/internal/indicator"
)

// Why a log record gives no indicator: the keys of indicator.Page.Dropped. They are stored, counted and shown, so they do
// not change.
const (
	NotMalicious           = "not-malicious"            // the verdict is another one
	Suspicious             = "suspicious"               // suspicious only, and the settings do not include that
	Allowed                = "allowed"                  // malicious, but the click went through
	ManagedURL             = "managed-url"              // blocked by the tenant's own list, perhaps by an entry of ours
	DangerousFileExtension = "dangerous-file-extension" // a policy on file types, which says nothing about the host
	Override               = "override"                 // a person changed the verdict
	TaggedOnly             = "tagged-only"              // the message was tagged and delivered
	WeakEvidence           = "weak-evidence"            // nothing in the record speaks about the domain
	NoValue                = "no-value"                 // no hash, no URL, or the null sender
	DuplicateRecord        = "duplicate-record"         // the same record once more on the same page
	UnreadableDate         = indicator.UnreadableDate
	Unreadable             = indicator.Unreadable
)

// threat is the verdict on a record that counts.
const threat = ""

// attachmentRecord is one record of the Attachment Protection log (contract section 3.1).
type attachmentRecord struct {
	Result           text `json:"result"`
	FileHash         text `json:"fileHash"`
	Date             text `json:"date"`
	MessageID        text `json:"messageId"`
	RecipientAddress text `json:"recipientAddress"`
}

// verdict is the contract's section 3.1: the result alone decides. What was done with the message does not change what the
// file is: on internal routes a malicious one is logged with the action "none".
func (r attachmentRecord) verdict(indicator.Query) string {
	switch {
	case !r.Result.is("malicious"):
		return NotMalicious
	case strings.TrimSpace(string(r.FileHash)) == "":
		return NoValue
	default:
		return threat
	}
}

// impersonationRecord is one record of the Impersonation Protection log (contract section 3.2).
type impersonationRecord struct {
	ID              text       `json:"id"`
	SenderAddress   text       `json:"senderAddress"`
	Hits            count      `json:"hits"`
	Identifiers     many[text] `json:"identifiers"`
	Action          text       `json:"action"`
	TaggedMalicious flag       `json:"taggedMalicious"`
	EventTime       text       `json:"eventTime"`
	MessageID       text       `json:"messageId"`
}

// verdict is the contract's section 3.2: tagged malicious and kept from being delivered. Definitions that only tag do so
// for free-mail senders and the tenant's own domain.
func (r impersonationRecord) verdict(q indicator.Query) string {
	switch {
	case !bool(r.TaggedMalicious):
		return NotMalicious
	case !r.Action.is("hold") && !r.Action.is("bounce"):
		return TaggedOnly
	case q.DomainEvidence && !r.speaksOfTheDomain():
		return WeakEvidence
	}
	if _, ok := indicator.SenderDomain(string(r.SenderAddress)); !ok {
		return NoValue
	}
	return threat
}

// speaksOfTheDomain says whether the record is evidence against the domain and not only against a name in the message.
func (r impersonationRecord) speaksOfTheDomain() bool {
	if r.Hits >= 2 {
		return true
	}
	for _, identifier := range r.Identifiers {
		switch strings.TrimPrefix(strings.ToLower(strings.TrimSpace(string(identifier))), "advanced_") {
		case "similar_internal_domain", "newly_observed_domain", "custom_external_domain", "mimecast_external_domain":
			return true
		}
	}
	return false
}

// clickRecord is one record of the URL Protection log (contract section 3.3).
type clickRecord struct {
	URL              text  `json:"url"`
	Action           text  `json:"action"`
	AdminOverride    text  `json:"adminOverride"`
	UserOverride     text  `json:"userOverride"`
	ScanResult       text  `json:"scanResult"`
	Category         text  `json:"category"`
	Date             text  `json:"date"`
	MessageID        text  `json:"messageId"`
	UserEmailAddress text  `json:"userEmailAddress"`
	TagMap           names `json:"tagMap"`
}

// The tags of a record that decide.
const (
	tagManagedURLs   = "CustomerManagedUrls"
	tagDangerousFile = "DangerousFileExt"
)

// verdict is the contract's section 3.3. Which hosts are never shared is the guard's to say.
func (r clickRecord) verdict(q indicator.Query) string {
	suspicious := r.ScanResult.is("suspicious")
	switch {
	case suspicious && !q.IncludeSuspicious:
		return Suspicious
	case !suspicious && !r.ScanResult.is("malicious"):
		return NotMalicious
	case r.Action.is(""):
		return Unreadable // the rule asks what the action is not: a record without one would pass it
	case r.Action.is("allow"):
		return Allowed
	case r.TagMap.has(tagManagedURLs):
		return ManagedURL
	case r.Category.is("Dangerous file extension"), len(r.TagMap) == 1 && r.TagMap.has(tagDangerousFile):
		return DangerousFileExtension
	case overridden(r.AdminOverride), overridden(r.UserOverride):
		return Override
	case strings.TrimSpace(string(r.URL)) == "":
		return NoValue
	default:
		return threat
	}
}

// overridden says whether a person changed the verdict: any value but the three that stand for none.
func overridden(value text) bool {
	return !value.is("") && !value.is("N/A") && !value.is("None")
}
