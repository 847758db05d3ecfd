package mimecast

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// retention is how far back the logs go. What the vendor answers for an older start is unknown; here it is an empty list.
const retention = 30*24*time.Hour + time.Hour

// logQuery is what the three logs have in common (contract section 3).
type logQuery struct {
	From        string `json:"from"`
	To          string `json:"to"`
	OldestFirst bool   `json:"oldestFirst"`
}

type attachmentQuery struct {
	logQuery

	Route  string `json:"route"`
	Result string `json:"result"`
}

type urlQuery struct {
	logQuery

	Route      string `json:"route"`
	ScanResult string `json:"scanResult"`
}

type impersonationQuery struct {
	logQuery

	TaggedMalicious *bool    `json:"taggedMalicious"`
	SearchField     string   `json:"searchField"`
	Query           string   `json:"query"`
	Identifiers     []string `json:"identifiers"`
	Actions         []string `json:"actions"`
}

// attachmentLogs is POST /api/ttp/attachment/get-logs (contract section 3.1).
func (s *Server) attachmentLogs(call *classicCall, in attachmentQuery) (answer, *problem) {
	if trouble := firstOf(
		oneOf("route", in.Route, "inbound", "outbound", "internal", "all"),
		oneOf("result", in.Result, "safe", "malicious", "timeout", "error", "unsafe", "clean", "unknown", "all"),
	); trouble != nil {
		return answer{}, trouble
	}
	return s.readLog(call, Attachment, in.logQuery, func(e *entry) bool {
		return wanted(in.Route, e.route) && wanted(in.Result, e.result)
	})
}

// urlLogs is POST /api/ttp/url/get-logs (contract section 3.3).
func (s *Server) urlLogs(call *classicCall, in urlQuery) (answer, *problem) {
	if trouble := firstOf(
		oneOf("route", in.Route, "inbound", "outbound", "internal", "all"),
		oneOf("scanResult", in.ScanResult, "clean", "malicious", "suspicious", "all"),
	); trouble != nil {
		return answer{}, trouble
	}
	return s.readLog(call, URL, in.logQuery, func(e *entry) bool {
		return wanted(in.Route, e.route) && wanted(in.ScanResult, e.result)
	})
}

// impersonationLogs is POST /api/ttp/impersonation/get-logs (contract section 3.2).
func (s *Server) impersonationLogs(call *classicCall, in impersonationQuery) (answer, *problem) {
	trouble := oneOf("searchField", in.SearchField, "senderAddress", "recipientAddress", "subject", "policy", "all")
	if trouble == nil && (in.SearchField == "") != (in.Query == "") {
		trouble = invalid("query", "err_validation_blank", "searchField and query need each other")
	}
	for _, action := range in.Actions {
		trouble = firstOf(trouble, oneOf("actions", action, "hold", "bounce", "none"))
	}
	if trouble != nil {
		return answer{}, trouble
	}
	return s.readLog(call, Impersonation, in.logQuery, func(e *entry) bool {
		return (in.TaggedMalicious == nil || *in.TaggedMalicious == e.tagged) &&
			(len(in.Actions) == 0 || slices.Contains(in.Actions, e.action)) &&
			(len(in.Identifiers) == 0 || slices.ContainsFunc(in.Identifiers, func(id string) bool {
				return slices.Contains(e.identifiers, id)
			})) &&
			(in.Query == "" || e.mentions(in.SearchField, in.Query))
	})
}

func (e *entry) mentions(field, query string) bool {
	texts := map[string]string{
		"senderAddress": e.sender, "recipientAddress": e.recipient, "subject": e.subject, "policy": e.definition,
	}
	for name, text := range texts {
		if (field == name || field == "all") && strings.Contains(strings.ToLower(text), strings.ToLower(query)) {
			return true
		}
	}
	return false
}

// readLog answers one page of a log.
func (s *Server) readLog(call *classicCall, name Log, in logQuery, match func(*entry) bool) (answer, *problem) {
	now := s.opts.Now()
	c, first, trouble := s.logCursor(call, in, now)
	if trouble != nil {
		return answer{}, trouble
	}
	visible := func(e *entry) bool { return !e.visibleAt.After(now) && match(e) }
	l := s.logs[name]
	if now.Sub(time.Unix(c.From, 0)) > retention {
		l = &log{}
	}
	if first {
		c.Total = l.count(c.From, c.To, visible)
	}
	var page logPage
	if !c.End {
		page = l.read(c, first, call.size, in.OldestFirst, visible)
	}
	meta := &pagination{PageSize: len(page.records)}
	if !s.everyNth(4) { // totalCount is missing now and then
		meta.TotalCount = &c.Total
	}
	last := page.last
	last.Total = c.Total
	switch {
	case page.more:
		meta.Next = s.seal(call.paging, last)
	case slices.Contains(s.quirks.EmptyLastPage, name) && c.Total > 0:
		meta.Next = s.seal(call.paging, cursor{From: c.From, To: c.To, Total: c.Total, End: true})
	}
	return answer{page: meta, data: s.logData(name, page.records, c.Total)}, nil
}

// logCursor is where a page begins: in the window of the request, or where its page token says.
func (s *Server) logCursor(call *classicCall, in logQuery, now time.Time) (c cursor, first bool, trouble *problem) {
	asked, trouble := readWindow("from", in.From, "to", in.To, window{from: now.UTC().Truncate(24 * time.Hour), to: now})
	if trouble != nil {
		return cursor{}, false, trouble
	}
	if call.token == "" {
		return cursor{From: asked.from.Unix(), To: asked.to.Unix()}, true, nil
	}
	c, trouble = s.open(call.paging)
	return c, false, trouble
}

// logData is one level deeper than other lists. An empty list has two forms: no object at all, or one with an empty list.
func (s *Server) logData(name Log, records []json.RawMessage, total int) []any {
	if len(records) == 0 {
		if name == Attachment || (name == Impersonation && s.everyNth(2)) {
			return nil
		}
		records = []json.RawMessage{}
	}
	switch name {
	case Attachment:
		return []any{map[string]any{"attachmentLogs": records}}
	case Impersonation:
		return []any{map[string]any{"impersonationLogs": records, "resultCount": total}}
	case URL:
		return []any{map[string]any{"clickLogs": records}}
	}
	return nil
}

// wanted says whether a value passes a filter that may be left out.
func wanted(filter, value string) bool { return filter == "" || filter == "all" || filter == value }

func oneOf(field, value string, allowed ...string) *problem {
	if value == "" || slices.Contains(allowed, value) {
		return nil
	}
	return invalid(field, "err_validation_enum", "The value must be one of "+strings.Join(allowed, ", "))
}

func firstOf(problems ...*problem) *problem {
	for _, p := range problems {
		if p != nil {
			return p
		}
	}
	return nil
}
