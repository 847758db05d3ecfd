package mimecast

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"time"
)

// Message is a mail that the vendor has tracked. It is how tests and generated traffic say what was delivered.
type Message struct {
	MessageID    string    `json:"messageId"` // with its angle brackets
	FromEnvelope string    `json:"fromEnvelope"`
	FromHeader   string    `json:"fromHeader"`
	DisplayName  string    `json:"displayName"`
	To           []string  `json:"to"`
	Subject      string    `json:"subject"`
	Received     time.Time `json:"received"`
	SenderIP     string    `json:"senderIp"`
	Route        string    `json:"route"`  // inbound if empty
	Status       string    `json:"status"` // archived if empty
	Hashes       []string  `json:"hashes"` // SHA-256 of its attachments
	URLs         []string  `json:"urls"`

	key string
}

// delivered says whether the mail reached a mailbox.
func (m Message) delivered() bool {
	return !slices.Contains([]string{"rejected", "bounced", "held"}, m.Status)
}

// AddMessages appends tracked mails.
func (s *Server) AddMessages(messages []Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range messages {
		m.key = s.newKey("message")
		if m.Route == "" {
			m.Route = "inbound"
		}
		if m.Status == "" {
			m.Status = "archived"
		}
		if m.FromHeader == "" {
			m.FromHeader = m.FromEnvelope
		}
		s.tracked = append(s.tracked, m)
	}
}

type traceOptions struct {
	From     string `json:"from"`
	To       string `json:"to"`
	Subject  string `json:"subject"`
	SenderIP string `json:"senderIP"`
	URL      string `json:"url"`
}

type searchRequest struct {
	Trace        *traceOptions `json:"advancedTrackAndTraceOptions"`
	MessageID    string        `json:"messageId"`
	Route        []string      `json:"route"`
	Status       []string      `json:"status"`
	Start        string        `json:"start"`
	End          string        `json:"end"`
	SearchReason string        `json:"searchReason"`
}

// searchMessages is POST /api/message-finder/search (contract section 8.3).
func (s *Server) searchMessages(call *classicCall, in searchRequest) (answer, *problem) {
	now := s.opts.Now()
	if trouble := in.check(); trouble != nil {
		return answer{}, trouble
	}
	w, trouble := readWindow("start", in.Start, "end", in.End, window{from: now.Add(-24 * time.Hour), to: now})
	if trouble != nil {
		return answer{}, trouble
	}
	if oldest := now.Add(-30 * 24 * time.Hour); w.from.Before(oldest) {
		w.from = oldest
	}
	var found []Message
	for _, m := range s.tracked {
		if !m.Received.Before(w.from) && !m.Received.After(w.to) && in.wants(m) {
			found = append(found, m)
		}
	}
	found, page, trouble := wholeOrPage(s, call.paging, found)
	if trouble != nil {
		return answer{}, trouble
	}
	rows := make([]any, 0, len(found))
	for _, m := range found {
		rows = append(rows, s.trackedFields(m))
	}
	return answer{page: page, data: []any{map[string]any{"trackedEmails": rows}}}, nil
}

func (in searchRequest) check() *problem {
	if (in.Trace == nil) == (in.MessageID == "") {
		return invalid("messageId", "err_validation_null", "Either messageId or advancedTrackAndTraceOptions is needed")
	}
	if in.Trace != nil && in.Trace.From+in.Trace.To+in.Trace.Subject+in.Trace.SenderIP == "" {
		return invalid("advancedTrackAndTraceOptions", "err_validation_null", "One of from, to, subject, senderIP is needed")
	}
	var trouble *problem
	for _, status := range in.Status {
		trouble = firstOf(trouble, oneOf("status", status, "processing", "delivery", "system", "held", "accepted",
			"bulk_processing", "bulk_delivery", "bounced", "deferred", "rejected", "archived"))
	}
	for _, route := range in.Route {
		trouble = firstOf(trouble, oneOf("route", route, "inbound", "outbound", "internal", "all"))
	}
	return trouble
}

// wants matches addresses by what they contain, so that a search for a domain finds look-alikes as well.
func (in searchRequest) wants(m Message) bool {
	if (len(in.Status) > 0 && !slices.Contains(in.Status, m.Status)) ||
		(len(in.Route) > 0 && !slices.Contains(in.Route, "all") && !slices.Contains(in.Route, m.Route)) {
		return false
	}
	if in.Trace == nil {
		return sameMessage(m.MessageID, in.MessageID)
	}
	t := in.Trace
	return contains(m.FromEnvelope+" "+m.FromHeader, t.From) && contains(strings.Join(m.To, " "), t.To) &&
		contains(m.Subject, t.Subject) && contains(m.SenderIP, t.SenderIP) && contains(strings.Join(m.URLs, " "), t.URL)
}

func contains(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

// sameMessage compares Message-IDs with or without their brackets.
func sameMessage(a, b string) bool { return strings.Trim(a, "<>") == strings.Trim(b, "<>") }

// trackedFields is a row of the search. The Message-ID is not in it.
func (s *Server) trackedFields(m Message) map[string]any {
	to := make([]any, 0, len(m.To))
	for _, address := range m.To {
		to = append(to, map[string]string{"displayableName": "", "emailAddress": address})
	}
	return map[string]any{
		"id": s.publicID(m.key), "status": m.Status, "info": "Indexed and archived",
		"received": formatDate(m.Received), "sent": formatDate(m.Received),
		"fromEnv": map[string]string{"emailAddress": m.FromEnvelope},
		"fromHdr": map[string]string{"displayableName": m.DisplayName, "emailAddress": m.FromHeader},
		"to":      to, "subject": m.Subject, "senderIP": m.SenderIP, "route": m.Route,
		"spamScore": 2, "detectionLevel": "relaxed", "attachments": len(m.Hashes) > 0,
	}
}

// messageInfo is POST /api/message-finder/get-message-info. The Message-ID stands among the raw headers only, escaped as
// HTML and, in every second mail, folded over two lines.
func (s *Server) messageInfo(in idRequest) (any, *problem) {
	key := s.keyOf(in.ID)
	i := slices.IndexFunc(s.tracked, func(m Message) bool { return m.key == key })
	if i < 0 {
		return nil, refused("err_message_not_found", "The message does not exist")
	}
	m := s.tracked[i]
	fold := " "
	if i%2 == 1 {
		fold = "\r\n "
	}
	raw := fmt.Sprintf("Received: from [%s] (mail.%s) by\r\n relay.mimecast.com with ESMTP\r\n"+
		"From: %s\r\nTo: %s\r\nSubject: %s\r\nMessage-ID:%s%s\r\nMIME-Version: 1.0\r\n\n",
		m.SenderIP, domainOf(m.FromEnvelope), m.FromHeader, strings.Join(m.To, ", "), m.Subject, fold, m.MessageID)
	info := map[string]any{
		"fromHeader": m.FromHeader, "fromEnvelope": m.FromEnvelope, "to": m.To, "cc": []string{}, "subject": m.Subject,
		"sent": formatDate(m.Received), "processed": formatDate(m.Received),
		"transmissionInfo": "<pre>\n" + html.EscapeString(raw) + "</pre>",
	}
	components := make([]any, 0, len(m.Hashes))
	for _, hash := range m.Hashes {
		components = append(components, map[string]any{
			"type": "Attachment", "name": "attachment.bin", "mimeType": "application/octet-stream", "size": 2048, "hash": hash,
		})
	}
	delivered := map[string]any{}
	for _, address := range m.To {
		delivered[address] = map[string]any{"messageInfo": info, "policyInfo": []any{}, "deliveryMetaInfo": map[string]any{}}
	}
	return map[string]any{
		"id": in.ID, "status": m.Status, "deliveredMessage": delivered,
		"recipientInfo": map[string]any{
			"messageInfo":       info,
			"recipientMetaInfo": map[string]any{"remoteIp": m.SenderIP, "components": components},
		},
		"retentionInfo": map[string]any{"currentPurgeDate": formatDate(m.Received.Add(30 * 24 * time.Hour))},
		"spamInfo":      map[string]any{"spamScore": 2, "detectionLevel": "relaxed"},
	}, nil
}

func domainOf(address string) string { return address[strings.LastIndex(address, "@")+1:] }
