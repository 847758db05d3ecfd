package mimecast

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
)

// Paths of the three logs.
const (
	pathAttachmentLogs    = "/api/ttp/attachment/get-logs"
	pathImpersonationLogs = "/api/ttp/impersonation/get-logs"
	pathURLLogs           = "/api/ttp/url/get-logs"
)

// record is one record of any of the three logs.
type record interface {
	// verdict is empty for a threat, and otherwise why the record gives no indicator.
	verdict(q indicator.Query) string
	// date is when it was recorded, as the vendor writes it.
	date() string
	// value is what the record says is bad, as it stands there.
	value() string
	// key tells the records of a page apart (contract section 3). It may name people and stays inside.
	key() []text
	// audit is the key without people: how to find the record in the vendor's console, besides its date.
	audit() []string
}

// logOf is what differs between the three logs.
type logOf struct {
	path   string
	list   string // the name of the list inside data[0]
	kind   indicator.Kind
	routed bool // whether the log takes a route: impersonation is inbound only
	decode func(json.RawMessage) (record, error)
}

func logFor(source indicator.Source) (logOf, bool) {
	switch source {
	case indicator.AttachmentHashes:
		return logOf{path: pathAttachmentLogs, list: "attachmentLogs", kind: indicator.SHA256, routed: true, decode: decodeAs[attachmentRecord]}, true
	case indicator.URLDomains:
		return logOf{path: pathURLLogs, list: "clickLogs", kind: indicator.Domain, routed: true, decode: decodeAs[clickRecord]}, true
	case indicator.ImpersonationDomains:
		return logOf{path: pathImpersonationLogs, list: "impersonationLogs", kind: indicator.Domain, decode: decodeAs[impersonationRecord]}, true
	default:
		return logOf{}, false
	}
}

func decodeAs[T record](raw json.RawMessage) (record, error) {
	if string(raw) == "null" {
		return nil, errors.New("null where a record is expected")
	}
	var decoded T
	if err := json.Unmarshal(raw, &decoded); err != nil {
		return nil, err
	}
	return decoded, nil
}

func (r attachmentRecord) date() string  { return string(r.Date) }
func (r attachmentRecord) value() string { return strings.TrimSpace(string(r.FileHash)) }
func (r attachmentRecord) key() []text {
	return []text{r.MessageID, r.RecipientAddress, r.FileHash, r.Date}
}

func (r attachmentRecord) audit() []string { return []string{string(r.MessageID), string(r.FileHash)} }

func (r impersonationRecord) date() string { return string(r.EventTime) }

func (r impersonationRecord) value() string {
	domain, _ := indicator.SenderDomain(string(r.SenderAddress))
	return domain
}

// key holds the sender too: of two records that lack both ids, none is lost.
func (r impersonationRecord) key() []text {
	return []text{r.ID, r.MessageID, r.EventTime, r.SenderAddress}
}
func (r impersonationRecord) audit() []string { return []string{string(r.MessageID), string(r.ID)} }

func (r clickRecord) date() string  { return string(r.Date) }
func (r clickRecord) value() string { return strings.TrimSpace(string(r.URL)) }
func (r clickRecord) key() []text   { return []text{r.URL, r.UserEmailAddress, r.MessageID, r.Date} }

func (r clickRecord) audit() []string {
	return []string{string(r.MessageID), withoutPeople(strings.TrimSpace(string(r.URL)))}
}

// withoutPeople cuts an address where it may begin to name somebody or to hold a secret: before a user name, at the query,
// at the fragment, and at a path's first part with an @.
func withoutPeople(address string) string {
	address, _, _ = strings.Cut(address, "#")
	address, _, _ = strings.Cut(address, "?")
	scheme, rest, found := strings.Cut(address, "://")
	if !found {
		scheme, rest = "", address
	} else {
		scheme += "://"
	}
	parts := strings.Split(rest, "/")
	parts[0] = parts[0][strings.LastIndexByte(parts[0], '@')+1:]
	for i, part := range parts[1:] {
		if strings.Contains(part, "@") || strings.Contains(part, "%40") {
			parts = parts[:i+1]
			break
		}
	}
	return scheme + strings.Join(parts, "/")
}

// trace joins the parts of a record's key into one line of bounded length. The date and the message come first, so that
// a long part behind them is what is cut.
func trace(at time.Time, parts []string) string {
	line := []rune(formatDate(at))
	for _, part := range parts {
		if len(part) > 4*indicator.MaxRecord {
			part = strings.ToValidUTF8(part[:4*indicator.MaxRecord], "")
		}
		if part != "" {
			line = append(append(line, ' '), []rune(part)...)
		}
	}
	return string(line[:min(len(line), indicator.MaxRecord)])
}
