package falcon

import (
	"net/http"
)

// updateIOCs is PATCH /iocs/entities/indicators/v1: all entries or none. bulk_update does the same change to all that
// its filter finds.
func (s *Server) updateIOCs(c *call) answer {
	_, ok := c.flag("ignore_warnings")
	if _, also := c.flag("retrodetects"); !ok || !also {
		return c.wrong(http.StatusBadRequest, iocManager, badFormat, "a boolean parameter is neither true nor false")
	}
	entries, bulk, refused := c.readBatch(updateFields(), []string{"comment", "indicators", "bulk_update"})
	if refused != nil {
		return *refused
	}
	s.iocs.mu.Lock()
	defer s.iocs.mu.Unlock()
	s.iocs.settle(c.now)
	if bulk != nil {
		filter, err := iocLanguage().Parse(bulk.Filter.value)
		if err != nil || !bulk.Filter.given || bulk.Filter.value == "" {
			return c.wrong(http.StatusBadRequest, iocManager, badFilter, "bulk_update: no filter or not one")
		}
		for _, r := range s.iocs.all() {
			if !r.Deleted && filter.Match(r) {
				entries = append(entries, bulk.with(r.ID))
			}
		}
	}
	changed, refused := s.changes(c, entries)
	if refused != nil {
		return *refused
	}
	for _, r := range changed {
		s.iocs.put(r)
	}
	c.wrote = len(changed)
	return found(changed, &pagination{Total: len(changed)})
}

func (e entry) with(id string) entry {
	e.ID = optional[string]{given: true, value: id}
	return e
}

// changes gives the records as they will be, or the refusal of them all.
func (s *Server) changes(c *call, entries []entry) ([]*record, *answer) {
	modes := s.modes.get()
	changed := make([]*record, 0, len(entries))
	seen := map[string]bool{}
	var missing []apiError
	var problems []entryProblem
	for row, e := range entries {
		if e.ID.value == "" {
			a := c.wrong(http.StatusBadRequest, iocManager, badFormat, "indicator %d: no id", row)
			return nil, &a
		}
		old := s.iocs.byID[e.ID.value]
		if old == nil || old.Deleted {
			missing = append(missing, apiError{Code: http.StatusNotFound, Message: notFound, ID: e.ID.value})
			continue
		}
		r, wrong := s.change(c, modes, old, e)
		if wrong == nil && seen[old.ID] {
			wrong = mistake("id is given twice")
		}
		seen[old.ID] = true
		if wrong == nil || wrong.warning {
			changed = append(changed, &r)
			continue
		}
		if wrong.mistake {
			c.violate(wrong.text)
		}
		problems = append(problems, modes.describe(wrong, r, row))
	}
	if len(missing) > 0 {
		return nil, &answer{status: http.StatusNotFound, layer: iocManager, errors: missing}
	}
	if len(problems) > 0 {
		a := refuse(http.StatusBadRequest, iocManager, badEntries)
		a.resources = problems
		return nil, &a
	}
	return changed, nil
}

func (s *Server) change(c *call, modes Modes, old *record, e entry) (record, *problem) {
	expiration, wrong := e.expiration(c.now)
	r := e.onto(*old, expiration)
	r.ModifiedOn, r.ModifiedBy = c.now.UTC(), c.client
	if wrong != nil {
		return r, wrong
	}
	return r, modes.checkRecord(r)
}
