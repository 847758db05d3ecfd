package falcon

import (
	"fmt"
	"net/http"
	"strings"
)

// createIOCs is POST /iocs/entities/indicators/v1: all entries or none.
func (s *Server) createIOCs(c *call) answer {
	ignore, ok := c.flag("ignore_warnings")
	if _, also := c.flag("retrodetects"); !ok || !also {
		return c.wrong(http.StatusBadRequest, iocManager, badFormat, "a boolean parameter is neither true nor false")
	}
	entries, _, refused := c.readBatch(createFields(), []string{"comment", "indicators"})
	if refused != nil {
		return *refused
	}
	s.iocs.mu.Lock()
	defer s.iocs.mu.Unlock()
	s.iocs.settle(c.now)
	b := creation{server: s, call: c, modes: s.modes.get(), ignoreWarnings: ignore, seen: map[string]bool{}}
	b.prepare(entries)
	if len(b.problems) > 0 {
		return b.refuse()
	}
	if s.iocs.live+b.additions > b.modes.CIDLimit {
		return refuse(http.StatusBadRequest, iocManager, quotaReached)
	}
	created := b.store()
	c.wrote = len(created)
	return answer{
		status: http.StatusCreated, layer: iocManager, resources: created, page: &pagination{Total: len(created)},
	}
}

// creation is a create on its way.
type creation struct {
	server         *Server
	call           *call
	modes          Modes
	ignoreWarnings bool

	seen      map[string]bool // type and value of the batch's entries so far
	records   []record
	entries   []entry
	additions int // records that will be new
	problems  []entryProblem
}

// entryProblem is one of the resources of a refused batch. Which of the fields after the message there are is not
// documented, hence Modes.ProblemDetail.
type entryProblem struct {
	MessageType string `json:"message_type"`
	Message     string `json:"message"`
	Type        string `json:"type,omitempty"`
	Value       string `json:"value,omitempty"`
	Row         *int   `json:"row,omitempty"`
}

func (b *creation) prepare(entries []entry) {
	b.entries = entries
	for row, e := range entries {
		r, found := b.record(e)
		if found == nil || found.warning && b.ignoreWarnings {
			key := r.Type + " " + r.Value
			if found == nil || !found.duplicate || b.modes.Duplicates == "second-record" {
				b.additions++
			}
			b.seen[key] = true
			b.records = append(b.records, r)
			continue
		}
		b.seen[r.Type+" "+r.Value] = true
		if found.mistake {
			b.call.violate(found.text)
		}
		b.problems = append(b.problems, b.modes.describe(found, r, row))
	}
}

// record gives the record that the entry asks for and what is wrong with it.
func (b *creation) record(e entry) (record, *problem) {
	expiration, found := e.expiration(b.call.now)
	r := e.onto(record{}, expiration)
	if r.Action == "" {
		r.Action = "no_action"
		if r.MobileAction == "" {
			r.MobileAction = "no_action"
		}
	}
	if b.modes.FoldCase {
		r.Value = strings.ToLower(r.Value)
	}
	if r.Type == "sha256" && r.Metadata == nil {
		m := r.meta()
		r.Metadata = &m
	}
	if found != nil {
		return r, found
	}
	if found = b.modes.checkRecord(r); found != nil && !found.warning {
		return r, found
	}
	if b.seen[r.Type+" "+r.Value] || b.server.iocs.twin(r.Type, r.Value) != nil {
		return r, &problem{duplicate: true, warning: b.modes.Duplicates != "refuse", text: "Duplicate type and value combination"}
	}
	return r, found
}

// refuse is the answer that hides the reasons in the resources of a 400.
func (b *creation) refuse() answer {
	a := refuse(http.StatusBadRequest, iocManager, badEntries)
	a.resources = b.problems
	return a
}

func (m Modes) describe(found *problem, r record, row int) entryProblem {
	out := entryProblem{MessageType: "error", Message: found.text}
	if found.warning {
		out.MessageType = "warning"
	}
	switch m.ProblemDetail {
	case "quoted":
		out.Message = fmt.Sprintf("%s: '%s'", found.text, r.Value)
	case "value":
		out.Type, out.Value = r.Type, r.Value
	case "row":
		out.Type, out.Value, out.Row = r.Type, r.Value, &row
	}
	return out
}

// store writes what prepare found to be good.
func (b *creation) store() []*record {
	st, now := b.server.iocs, b.call.now
	stored := make([]*record, 0, len(b.records))
	for i, r := range b.records {
		r.ModifiedOn, r.ModifiedBy = now.UTC(), b.call.client
		old := st.twin(r.Type, r.Value)
		if old != nil && b.modes.Duplicates == "update" {
			changed := b.entries[i].onto(*old, r.Expiration)
			changed.Value = r.Value // folded, if values are
			changed.ModifiedOn, changed.ModifiedBy = r.ModifiedOn, r.ModifiedBy
			st.put(&changed)
			stored = append(stored, &changed)
			continue
		}
		r.ID = b.server.serial.hex("ioc")
		r.CreatedOn, r.CreatedBy = r.ModifiedOn, r.ModifiedBy
		st.add(&r, now, now.Add(b.modes.lag()))
		stored = append(stored, &r)
	}
	return stored
}
