package mimecast

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
)

// classicFunction is a function of the classic style: POST of {"meta","data"} (contract section 2).
type classicFunction struct {
	min, max int  // how many objects data holds
	bodyless bool // the function takes no body
	silent   bool // a 204 says that all was done
	run      func(*Server, *classicCall) (answer, *problem)
}

// classicCall is a decoded request. Its objects are decoded by the function.
type classicCall struct {
	paging

	data   []json.RawMessage
	broken func(*problem) // counts what is wrong with one object
}

// answer is what goes into a classic answer.
type answer struct {
	page *pagination
	data []any
	fail []failure
}

type envelope struct {
	Meta struct {
		Pagination struct {
			PageSize  *int    `json:"pageSize"`
			PageToken *string `json:"pageToken"`
		} `json:"pagination"`
	} `json:"meta"`
	Data json.RawMessage `json:"data"`
}

func (s *Server) classic(f classicFunction) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.admit(w, r) {
			return
		}
		call, trouble := s.readClassic(w, r, f)
		var result answer
		if trouble == nil {
			call.broken = func(p *problem) {
				if p.broken {
					s.violate(r, p.text())
				}
			}
			s.mu.Lock()
			result, trouble = f.run(s, call)
			s.report(r)
			s.mu.Unlock()
		}
		switch {
		case trouble != nil:
			if trouble.broken {
				s.violate(r, trouble.text())
			}
			s.refuse(w, trouble)
		case f.silent && len(result.fail) == 0:
			w.WriteHeader(http.StatusNoContent)
		default:
			sendClassic(w, http.StatusOK, http.StatusOK, result)
		}
	})
}

func (s *Server) readClassic(w http.ResponseWriter, r *http.Request, f classicFunction) (*classicCall, *problem) {
	if r.URL.RawQuery != "" {
		return nil, invalid("", "err_validation_query", "The function takes no query parameters")
	}
	body, trouble := readJSON(w, r)
	if trouble != nil {
		return nil, trouble
	}
	if f.bodyless && len(body) == 0 {
		body = []byte("{}")
	}
	var in envelope
	if trouble := strictly(body, &in); trouble != nil {
		return nil, trouble
	}
	call := &classicCall{}
	if len(in.Data) > 0 && json.Unmarshal(in.Data, &call.data) != nil {
		return nil, invalid("data", "err_validation_array", "The field must be an array")
	}
	n := len(call.data)
	if n < f.min || n > f.max {
		trouble := invalid("data", "err_validation_size", fmt.Sprintf("The field holds %d objects, not %d to %d", n, f.min, f.max))
		// Whoever sends this and nothing else asks whether the function is allowed. That is no mistake; a list that somebody
		// forgot to fill would have its page size beside it, or another form.
		trouble.broken = string(bytes.TrimSpace(body)) != `{"data":[]}`
		return nil, trouble
	}
	for _, object := range call.data {
		if !bytes.HasPrefix(bytes.TrimSpace(object), []byte("{")) {
			return nil, invalid("data", "err_validation_object", "The field must hold objects")
		}
	}
	call.paging, trouble = newPaging(r.URL.Path, in.Meta.Pagination.PageSize, in.Meta.Pagination.PageToken, filtersOf(call.data))
	return call, trouble
}

// refuse answers that the whole request failed. Some functions say so in meta.status only.
func (s *Server) refuse(w http.ResponseWriter, p *problem) {
	s.mu.Lock()
	status := p.httpStatus()
	if s.quirks.MetaStatus {
		status = http.StatusOK
	}
	s.mu.Unlock()
	sendClassic(w, status, p.httpStatus(), answer{fail: []failure{p.failure(nil)}})
}

func sendClassic(w http.ResponseWriter, status, metaStatus int, a answer) {
	meta := map[string]any{"status": metaStatus}
	if a.page != nil {
		meta["pagination"] = a.page
	}
	if a.data == nil {
		a.data = []any{}
	}
	if a.fail == nil {
		a.fail = []failure{}
	}
	sendJSON(w, status, map[string]any{"meta": meta, "data": a.data, "fail": a.fail})
}

// one makes a function of a method that takes exactly one object.
func one[T any](run func(*Server, *classicCall, T) (answer, *problem)) func(*Server, *classicCall) (answer, *problem) {
	return func(s *Server, call *classicCall) (answer, *problem) {
		var in T
		if trouble := strictly(call.data[0], &in); trouble != nil {
			return answer{}, trouble
		}
		return run(s, call, in)
	}
}

// each makes a function of a method that does one object: what fails stands in the fail list beside what did not, at HTTP
// 200. A method that returns neither has nothing to say about its object; a problem with a status of its own refuses the
// whole request.
func each[T any](run func(*Server, T) (any, *problem)) func(*Server, *classicCall) (answer, *problem) {
	return func(s *Server, call *classicCall) (answer, *problem) {
		var result answer
		for _, object := range call.data {
			var in T
			if trouble := strictly(object, &in); trouble != nil {
				call.broken(trouble)
				result.fail = append(result.fail, trouble.failure(object))
				continue
			}
			out, trouble := run(s, in)
			switch {
			case trouble != nil && trouble.status != 0:
				return answer{}, trouble
			case trouble != nil:
				call.broken(trouble)
				result.fail = append(result.fail, trouble.failure(object))
			case out != nil:
				result.data = append(result.data, out)
			}
		}
		return result, nil
	}
}
