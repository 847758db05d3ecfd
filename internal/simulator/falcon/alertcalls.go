package falcon

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
)

// Limits of the alerts calls.
const (
	maxCombinedAlerts = 1000
	maxQueriedAlerts  = 10_000
	maxAlertIDs       = 1000
)

// wrongAlerts is a refusal by the alerts service, which lists no resources where others leave them out.
func (c *call) wrongAlerts(message, why string, args ...any) answer {
	a := c.wrong(http.StatusBadRequest, detectsAPI, message, why, args...)
	a.resources = []string{}
	return a
}

func foundAlerts(resources any, page *pagination) answer {
	return answer{status: http.StatusOK, layer: detectsAPI, resources: resources, page: page}
}

func bodies(alerts []*alert) []json.RawMessage {
	out := make([]json.RawMessage, len(alerts))
	for i, a := range alerts {
		out[i] = a.raw
	}
	return out
}

// alertToken is what the after token of alerts holds, as base64 of JSON.
type alertToken struct {
	Version       string          `json:"version"`
	TotalHits     int             `json:"total_hits"`
	TotalRelation string          `json:"total_relation"`
	ClusterID     string          `json:"cluster_id"`
	After         json.RawMessage `json:"after"` // [ms,"composite_id"]
	TotalFetched  int             `json:"total_fetched"`
}

type combinedBody struct {
	Filter string `json:"filter"`
	Sort   string `json:"sort"`
	Limit  *int   `json:"limit"`
	After  string `json:"after"`
}

// combinedAlerts is POST /alerts/combined/alerts/v1.
func (s *Server) combinedAlerts(c *call) answer {
	var body combinedBody
	if err := decodeExactly(c.body, &body, []string{"filter", "sort", "limit", "after"}); err != nil {
		return c.wrongAlerts(badAlertsBody, "body: %v", err)
	}
	limit := defaultLimit
	if body.Limit != nil {
		limit = *body.Limit
	}
	if limit < 1 || limit > maxCombinedAlerts {
		return c.wrongAlerts("limit must be greater than 1 and less than 1000", "limit is not between 1 and %d", maxCombinedAlerts)
	}
	q, refused := s.alertQuery(c, body.Filter, body.Sort)
	if refused != nil {
		return *refused
	}
	q.hidden = true
	alerts := s.alerts.find(q)
	total, read := len(alerts), 0
	if body.After != "" {
		token, last, ok := readAlertToken(body.After, numericAlertField(q.sort.field))
		if !ok {
			return c.wrongAlerts(badAlertsBody, "after is no token of this sort")
		}
		if _, foreign := s.cursors.recall(body.After, q.sort.String(), body.Filter); foreign {
			return c.wrongAlerts(badAlertsBody, "the token belongs to another sort")
		}
		read = token.TotalFetched
		alerts = slices.DeleteFunc(alerts, func(a *alert) bool { return !q.sort.after(a.place(q.sort.field), last) })
	}
	page := alerts[:min(limit, len(alerts))]
	p := &pagination{Limit: limit, Total: total}
	switch {
	case len(page) < len(alerts):
		after := s.alertToken(page[len(page)-1].place(q.sort.field), q.sort, total, read+len(page))
		s.cursors.remember(after, cursor{sort: q.sort.String(), filter: body.Filter})
		p.After = &after
	case s.modes.get().LastAlertAfter == "empty":
		p.After = new(string)
	}
	return foundAlerts(bodies(page), p)
}

func (s *Server) alertToken(last place, order sorting, total, read int) string {
	pair, err := json.Marshal(last.pair(numericAlertField(order.field)))
	if err != nil {
		return ""
	}
	raw, err := json.Marshal(alertToken{
		Version: "v1", TotalHits: total, TotalRelation: "eq", ClusterID: "simulator", After: pair, TotalFetched: read,
	})
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func readAlertToken(text string, numeric bool) (alertToken, place, bool) {
	var token alertToken
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(raw, &token) != nil {
		return alertToken{}, place{}, false
	}
	last, ok := parsePair(token.After, numeric)
	return token, last, ok
}

// alertQuery reads filter and sort, which are the same for both searches.
func (s *Server) alertQuery(c *call, filter, order string) (alertQuery, *answer) {
	var q alertQuery
	var err error
	if q.filter, err = alertLanguage(c.now).Parse(filter); err != nil {
		a := c.wrongAlerts(badFilter, "%v", err)
		return q, &a
	}
	if q.sort, err = parseSorting(order, sorting{field: "created_timestamp", desc: true}, alertSortFields()); err != nil {
		a := c.wrongAlerts("invalid sort in request", "%v", err)
		return q, &a
	}
	return q, nil
}

// queryAlerts is GET /alerts/queries/alerts/v2. An offset that is no number is a 500 of the service.
func (s *Server) queryAlerts(c *call) answer {
	hidden, ok := c.flag("include_hidden")
	if !ok {
		return c.wrongAlerts(badAlertsBody, "include_hidden is neither true nor false")
	}
	offset, ok := c.number("offset", 0)
	if !ok {
		message := "Internal Server Error: Please provide trace-id=" + strconv.Quote(c.trace) + " to support"
		return c.wrong(http.StatusInternalServerError, detectsAPI, message, "offset is no number")
	}
	limit, ok := c.number("limit", defaultLimit)
	if !ok || limit < 1 || limit+offset > maxQueriedAlerts {
		return c.wrongAlerts("limit must be greater than 1 and less than 10000", "limit and offset reach past %d alerts", maxQueriedAlerts)
	}
	q, refused := s.alertQuery(c, c.query.Get("filter"), c.query.Get("sort"))
	if refused != nil {
		return *refused
	}
	q.text, q.hidden = c.query.Get("q"), hidden || !c.query.Has("include_hidden")
	alerts := s.alerts.find(q)
	p := &pagination{Limit: limit, Total: len(alerts), Offset: &offset}
	alerts = alerts[min(offset, len(alerts)):]
	ids := []string{}
	for _, a := range alerts[:min(limit, len(alerts))] {
		ids = append(ids, a.id)
	}
	return foundAlerts(ids, p)
}

type idsBody struct {
	CompositeIDs []string `json:"composite_ids"`
}

// readAlerts is POST /alerts/entities/alerts/v2. Ids that are not there are passed over.
func (s *Server) readAlerts(c *call) answer {
	hidden, ok := c.flag("include_hidden")
	if !ok {
		return c.wrongAlerts(badAlertsBody, "include_hidden is neither true nor false")
	}
	var body idsBody
	if err := decodeExactly(c.body, &body, []string{"composite_ids"}); err != nil || len(body.CompositeIDs) == 0 {
		return c.wrongAlerts(badAlertsBody, "no composite_ids, or more than them")
	}
	if len(body.CompositeIDs) > maxAlertIDs {
		return c.wrong(http.StatusRequestEntityTooLarge, detectsAPI, tooLarge, "%d composite_ids in one call", len(body.CompositeIDs))
	}
	alerts := s.alerts.get(body.CompositeIDs)
	if c.query.Has("include_hidden") && !hidden {
		alerts = slices.DeleteFunc(alerts, func(a *alert) bool { return a.hidden })
	}
	return foundAlerts(bodies(alerts), &pagination{Total: len(alerts)})
}
