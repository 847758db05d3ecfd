package falcon

import (
	"net/http"
	"slices"
)

// Limits of the IOC searches.
const (
	defaultLimit = 100
	maxOffset    = 10_000
)

// queryIOCs is GET /iocs/queries/indicators/v1.
func (s *Server) queryIOCs(c *call) answer {
	return s.listIOCs(c, func(page []*record) any {
		ids := make([]string, len(page))
		for i, r := range page {
			ids[i] = r.ID
		}
		return ids
	})
}

// combinedIOCs is GET /iocs/combined/indicator/v1.
func (s *Server) combinedIOCs(c *call) answer {
	return s.listIOCs(c, func(page []*record) any { return append([]*record{}, page...) })
}

func (s *Server) listIOCs(c *call, resources func([]*record) any) answer {
	q, refused := s.iocQuery(c)
	if refused != nil {
		return *refused
	}
	s.iocs.mu.Lock()
	s.iocs.settle(c.now)
	page, total := s.iocs.search(q)
	s.iocs.mu.Unlock()

	read := q.offset
	if q.after != nil {
		read, _ = s.cursors.recall(c.query.Get("after"), q.sort.String(), q.text)
	}
	read += len(page)
	after := s.nextToken(c, q, page)
	if len(page) > 0 {
		s.cursors.remember(after, cursor{sort: q.sort.String(), filter: q.text, read: read})
	}
	return found(resources(page), &pagination{Limit: q.limit, Total: total, Offset: &read, After: &after})
}

// nextToken is there on the last page, too, and beside an empty page: there it is the one that was asked with, or one
// that stands before the first record.
func (s *Server) nextToken(c *call, q query, page []*record) string {
	var last place
	switch {
	case len(page) > 0:
		last = iocPlace(page[len(page)-1], q.sort.field)
	case q.after != nil:
		return c.query.Get("after")
	}
	token, err := iocToken(last, numericIOCField(q.sort.field))
	if err != nil {
		return ""
	}
	return token
}

// iocQuery reads and checks the parameters of a search.
func (s *Server) iocQuery(c *call) (query, *answer) {
	bad := func(message, why string, args ...any) (query, *answer) {
		a := c.wrong(http.StatusBadRequest, iocManager, message, why, args...)
		return query{}, &a
	}
	var err error
	q := query{text: c.query.Get("filter")}
	if q.filter, err = iocLanguage().Parse(q.text); err != nil {
		return bad(badFilter, "%v", err)
	}
	if q.sort, err = parseSorting(c.query.Get("sort"), sorting{field: "modified_on"}, iocSortFields()); err != nil {
		return bad("invalid sort in request", "%v", err)
	}
	var ok bool
	if q.parentOnly, ok = c.flag("from_parent"); !ok {
		return bad("invalid from_parent in request", "from_parent is neither true nor false")
	}
	largest := s.modes.get().ListLimit
	if q.limit, ok = c.number("limit", min(defaultLimit, largest)); !ok || q.limit < 1 || q.limit > largest {
		return bad("invalid limit in request", "limit is not between 1 and %d", largest)
	}
	if q.offset, ok = c.number("offset", 0); !ok || q.offset+q.limit > maxOffset {
		return bad("invalid offset in request", "offset and limit reach past %d records", maxOffset)
	}
	token := c.query.Get("after")
	if token == "" {
		return q, nil
	}
	if c.query.Has("offset") {
		return bad("offset and after exclude each other", "both offset and after")
	}
	if _, foreign := s.cursors.recall(token, q.sort.String(), q.text); foreign {
		return bad("invalid after in request", "the token belongs to another sort")
	}
	after, ok := parseIOCToken(token, numericIOCField(q.sort.field))
	if !ok {
		return bad("invalid after in request", "after is no token of this sort")
	}
	q.after = &after
	return q, nil
}

// allowedValues is GET /iocs/queries/{ioc-types,actions,severities,platforms}/v1.
func (s *Server) allowedValues(c *call, values []string) answer {
	limit, ok := c.number("limit", defaultLimit)
	offset, also := c.number("offset", 0)
	if !ok || !also || limit < 1 {
		return c.wrong(http.StatusBadRequest, iocManager, "invalid limit or offset in request", "limit or offset is no number")
	}
	total := len(values)
	values = values[min(offset, total):]
	values = values[:min(limit, len(values))]
	return found(values, &pagination{Limit: limit, Total: total, Offset: &offset})
}

type actionRules struct {
	ID              string              `json:"id"`
	Severities      []string            `json:"severities"`
	PlatformsByType map[string][]string `json:"platforms_by_type"`
}

// readActions is GET /iocs/entities/actions/v1: what goes with each action.
func (s *Server) readActions(c *call) answer {
	ids := c.query["ids"]
	if len(ids) == 0 {
		return c.wrong(http.StatusBadRequest, iocManager, badFormat, "no ids")
	}
	rules := []actionRules{}
	var missing []apiError
	for _, id := range ids {
		if !slices.Contains(actions(), id) {
			missing = append(missing, apiError{Code: http.StatusNotFound, Message: notFound, ID: id})
			continue
		}
		rule := actionRules{ID: id, Severities: []string{}, PlatformsByType: map[string][]string{}}
		for _, severity := range severitiesOf(id) {
			if severity != "" {
				rule.Severities = append(rule.Severities, severity)
			}
		}
		for _, kind := range typesOf(id) {
			rule.PlatformsByType[kind] = s.modes.get().platforms()
		}
		rules = append(rules, rule)
	}
	a := found(rules, &pagination{Total: len(rules)})
	if len(missing) > 0 {
		a.status, a.errors = http.StatusNotFound, missing
	}
	return a
}
