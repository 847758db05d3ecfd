package falcon

import (
	"net/http"
)

// deleteIOCs is DELETE /iocs/entities/indicators/v1. A filter wins over ids, which are then ignored without a word.
// Deleted records stay and say so; deleting one again is a success that names no id.
func (s *Server) deleteIOCs(c *call) answer {
	ids, text := c.query["ids"], c.query.Get("filter")
	parentOnly, ok := c.flag("from_parent")
	if !ok {
		return c.wrong(http.StatusBadRequest, iocManager, badFormat, "from_parent is neither true nor false")
	}
	if len(ids) == 0 && text == "" {
		return c.wrong(http.StatusBadRequest, iocManager, badFormat, "neither ids nor filter")
	}
	filter, err := iocLanguage().Parse(text)
	if err != nil {
		return c.wrong(http.StatusBadRequest, iocManager, badFilter, "%v", err)
	}
	s.iocs.mu.Lock()
	defer s.iocs.mu.Unlock()
	s.iocs.settle(c.now)
	var doomed []*record
	if text != "" {
		doomed = s.iocs.all()
	} else {
		var missing []apiError
		if doomed, missing = s.iocs.withIDs(ids); len(missing) > 0 {
			return answer{status: http.StatusNotFound, layer: iocManager, errors: missing, resources: []string{}}
		}
	}
	deleted := []string{}
	for _, r := range doomed {
		if s.iocs.byID[r.ID].Deleted || parentOnly && !r.FromParent || !filter.Match(r) {
			continue
		}
		s.iocs.put(r.deleted(c))
		deleted = append(deleted, r.ID)
	}
	c.wrote = len(deleted)
	return found(deleted, &pagination{Total: len(deleted)})
}

func (r *record) deleted(c *call) *record {
	gone := *r
	gone.Deleted, gone.ModifiedOn, gone.ModifiedBy = true, c.now.UTC(), c.client
	return &gone
}

// readIOCs is GET /iocs/entities/indicators/v1, deleted records included.
func (s *Server) readIOCs(c *call) answer {
	if len(c.query["ids"]) == 0 {
		return c.wrong(http.StatusBadRequest, iocManager, badFormat, "no ids")
	}
	s.iocs.mu.Lock()
	defer s.iocs.mu.Unlock()
	s.iocs.settle(c.now)
	records, missing := s.iocs.withIDs(c.query["ids"])
	a := found(records, &pagination{Total: len(records)})
	if len(missing) > 0 {
		a.status, a.errors = http.StatusNotFound, missing
	}
	return a
}

// withIDs gives the records there are, and an error for each that there is not.
func (st *store) withIDs(ids []string) (records []*record, missing []apiError) {
	records = []*record{}
	for _, id := range ids {
		if r := st.byID[id]; r != nil {
			records = append(records, r)
			continue
		}
		missing = append(missing, apiError{Code: http.StatusNotFound, Message: notFound, ID: id})
	}
	return records, missing
}
