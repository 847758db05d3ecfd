package mimecast

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// incident is the removal of delivered mail. It moves from identified to successful or failed as time goes by.
type incident struct {
	key, code, reason string
	created           time.Time
	criteria          map[string]string
	identified        int
}

type createIncidentRequest struct {
	HashOrMessageID string `json:"hashOrMessageId"`
	URL             string `json:"url"`
	SearchBy        string `json:"searchBy"`
	Reason          string `json:"reason"`
	Start           string `json:"start"`
	End             string `json:"end"`
}

// createIncident is POST /api/ttp/remediation/create (contract section 8.1). A repeat makes a second incident.
func (s *Server) createIncident(in createIncidentRequest) (any, *problem) {
	search := incidentSearch{reason: in.Reason, start: in.Start, end: in.End, url: in.URL}
	switch in.SearchBy {
	case "", "hash":
		search.by, search.hash = "hash", in.HashOrMessageID
	case "messageId":
		search.by, search.messageIDs = "messageId", []string{in.HashOrMessageID}
		if !strings.HasPrefix(in.HashOrMessageID, "<") || !strings.HasSuffix(in.HashOrMessageID, ">") {
			return nil, invalid("hashOrMessageId", "err_validation_message_id", "A Message-ID needs its angle brackets")
		}
	case "url":
		search.by = "url"
	default:
		return nil, invalid("searchBy", "err_validation_enum", "The value must be hash, messageId or url")
	}
	return s.openIncident(search)
}

type createIncidentV2Request struct {
	SearchBy   string   `json:"searchBy"`
	Hash       string   `json:"hash"`
	MessageIDs []string `json:"messageIds"`
	URL        string   `json:"url"`
	Reason     string   `json:"reason"`
	Start      string   `json:"start"`
	End        string   `json:"end"`
}

// createIncidentV2 is POST /api/ttp/remediation/v2/create. Message-IDs are taken with or without brackets.
func (s *Server) createIncidentV2(in createIncidentV2Request) (any, *problem) {
	search := incidentSearch{reason: in.Reason, start: in.Start, end: in.End, url: in.URL, hash: in.Hash, messageIDs: in.MessageIDs}
	switch in.SearchBy {
	case "", "hash":
		search.by = "hash"
	case "message_ids":
		search.by = "messageId"
	case "url":
		search.by = "url"
	default:
		return nil, invalid("searchBy", "err_validation_enum", "The value must be hash, message_ids or url")
	}
	return s.openIncident(search)
}

// incidentSearch is what both versions of create ask for.
type incidentSearch struct {
	by, hash, url      string
	messageIDs         []string
	reason, start, end string
}

func (s *Server) openIncident(in incidentSearch) (any, *problem) {
	now := s.opts.Now()
	if strings.TrimSpace(in.reason) == "" {
		return nil, invalid("reason", "err_validation_blank", "This field, if present, cannot be blank or empty")
	}
	w, trouble := readWindow("start", in.start, "end", in.end, window{from: now.AddDate(0, -1, 0), to: now})
	if trouble != nil {
		return nil, trouble
	}
	criteria := map[string]string{"start": formatDate(w.from), "end": formatDate(w.to)}
	var matches func(Message) bool
	switch in.by {
	case "hash":
		if !hashForm.MatchString(in.hash) {
			return nil, invalid("hash", "err_validation_invalid_hash", "The hash is not valid")
		}
		criteria["fileHash"] = in.hash
		matches = func(m Message) bool { return containsFold(m.Hashes, in.hash) }
	case "messageId":
		if len(in.messageIDs) == 0 {
			return nil, invalid("messageIds", "err_validation_null", "This field cannot be null")
		}
		criteria["messageId"] = strings.Join(in.messageIDs, ",")
		matches = func(m Message) bool {
			return slices.ContainsFunc(in.messageIDs, func(id string) bool { return sameMessage(id, m.MessageID) })
		}
	default:
		if in.url == "" {
			return nil, invalid("url", "err_validation_null", "This field cannot be null")
		}
		criteria["url"] = in.url
		matches = func(m Message) bool { return slices.Contains(m.URLs, in.url) }
	}
	made := &incident{
		key: s.newKey("incident"), reason: in.reason, created: now, criteria: criteria,
		code: fmt.Sprintf("TR-%s-%05d-M", accountCode, len(s.cases)+1),
	}
	for _, m := range s.tracked {
		if m.delivered() && !m.Received.Before(w.from) && !m.Received.After(w.to) && matches(m) {
			made.identified += max(len(m.To), 1)
		}
	}
	s.cases = append(s.cases, made)
	s.wrote++
	return s.incidentFields(made), nil
}

// incidentFields is an incident as it stands now: mail is removed steadily, and every tenth cannot be.
func (s *Server) incidentFields(in *incident) map[string]any {
	passed := s.opts.Now().Sub(in.created)
	done := in.identified
	if passed < s.opts.RemediationTime {
		done = int(float64(in.identified) * max(passed.Seconds(), 0) / s.opts.RemediationTime.Seconds())
	}
	failed := done / 10
	return map[string]any{
		"id": s.publicID(in.key), "code": in.code, "type": "manual", "reason": in.reason,
		"create": formatDate(in.created), "modified": formatDate(in.created.Add(min(passed, s.opts.RemediationTime))),
		"identified": in.identified, "successful": done - failed, "failed": failed, "restored": 0,
		"searchCriteria": in.criteria,
	}
}

// getIncident is POST /api/ttp/remediation/get-incident.
func (s *Server) getIncident(in idRequest) (any, *problem) {
	key := s.keyOf(in.ID)
	for _, found := range s.cases {
		if found.key == key {
			return s.incidentFields(found), nil
		}
	}
	return nil, refused("err_incident_not_found", "The incident does not exist")
}

type findIncidentsRequest struct {
	Start    string       `json:"start"`
	End      string       `json:"end"`
	SearchBy *fieldValue  `json:"searchBy"`
	FilterBy []fieldValue `json:"filterBy"`
}

type fieldValue struct {
	FieldName string `json:"fieldName"`
	Value     string `json:"value"`
}

// findIncidents is POST /api/ttp/remediation/find-incidents, newest first.
func (s *Server) findIncidents(call *classicCall, in findIncidentsRequest) (answer, *problem) {
	if in.Start+in.End == "" && in.SearchBy == nil && in.FilterBy == nil {
		return answer{}, invalid("data", "err_validation_null", "At least one field is needed")
	}
	now := s.opts.Now()
	w, trouble := readWindow("start", in.Start, "end", in.End, window{to: now})
	if trouble != nil {
		return answer{}, trouble
	}
	if in.SearchBy != nil {
		trouble = oneOf("searchBy.fieldName", in.SearchBy.FieldName, "all", "code", "file_hash", "reason")
	}
	for _, filter := range in.FilterBy {
		trouble = firstOf(trouble, oneOf("filterBy.fieldName", filter.FieldName, "type"))
	}
	if trouble != nil {
		return answer{}, trouble
	}
	var found []*incident
	for _, candidate := range slices.Backward(s.cases) {
		if candidate.created.Before(w.from) || candidate.created.After(w.to.Add(time.Second)) || !in.wants(candidate) || !s.listed(candidate.created) {
			continue
		}
		found = append(found, candidate)
	}
	list, page, trouble := pageOf(s, call.paging, found)
	if trouble != nil {
		return answer{}, trouble
	}
	incidents := make([]any, 0, len(list))
	for _, item := range list {
		incidents = append(incidents, s.incidentFields(item))
	}
	return answer{page: page, data: []any{map[string]any{"incidents": incidents}}}, nil
}

func (in findIncidentsRequest) wants(candidate *incident) bool {
	for _, filter := range in.FilterBy {
		if filter.Value != "manual" {
			return false // no other type is ever made here
		}
	}
	if in.SearchBy == nil {
		return true
	}
	texts := map[string]string{
		"code": candidate.code, "file_hash": candidate.criteria["fileHash"], "reason": candidate.reason,
	}
	for name, text := range texts {
		if (in.SearchBy.FieldName == name || in.SearchBy.FieldName == "all") && contains(text, in.SearchBy.Value) {
			return true
		}
	}
	return false
}

type searchHashRequest struct {
	Hashes []string `json:"hashes"`
}

// searchHash is POST /api/ttp/remediation/search-hash: which of up to 100 hashes were seen in mail.
func (s *Server) searchHash(in searchHashRequest) (any, *problem) {
	if n := len(in.Hashes); n < 1 || n > 100 {
		return nil, invalid("hashes", "err_validation_size", "The list must hold 1 to 100 hashes")
	}
	seen := map[string]bool{}
	for _, m := range s.tracked {
		for _, hash := range m.Hashes {
			seen[strings.ToLower(hash)] = true
		}
	}
	for _, e := range s.logs[Attachment].entries {
		seen[e.fileHash] = true
	}
	status, failed := []any{}, []string{}
	for _, hash := range in.Hashes {
		if !hashForm.MatchString(hash) {
			failed = append(failed, hash)
			continue
		}
		status = append(status, map[string]any{"hash": hash, "detected": seen[strings.ToLower(hash)]})
	}
	return map[string]any{"hashStatus": status, "failedHashes": failed}, nil
}

func containsFold(list []string, value string) bool {
	return slices.ContainsFunc(list, func(item string) bool { return strings.EqualFold(item, value) })
}
