package mimecast

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// restFunction is a function of the REST style: bare objects, ordinary methods (contract section 2).
type restFunction struct {
	query []string // the query parameters it takes
	body  bool     // whether it takes a body
	run   func(*Server, *restCall) (any, *problem)
}

// restCall is a checked request. A nil answer without a problem is a 204.
type restCall struct {
	paging

	id    string // of the path
	query url.Values
	body  json.RawMessage
}

func (s *Server) rest(f restFunction) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.admit(w, r) {
			return
		}
		call, trouble := readREST(w, r, f)
		var body any
		if trouble == nil {
			s.mu.Lock()
			body, trouble = f.run(s, call)
			s.report(r)
			s.mu.Unlock()
		}
		switch {
		case trouble != nil:
			if trouble.broken {
				s.violate(r, trouble.text())
			}
			sendREST(w, trouble)
		case body == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			sendJSON(w, http.StatusOK, body)
		}
	})
}

func readREST(w http.ResponseWriter, r *http.Request, f restFunction) (*restCall, *problem) {
	call := &restCall{id: r.PathValue("id"), query: r.URL.Query()}
	for _, name := range slices.Sorted(maps.Keys(call.query)) {
		if !slices.Contains(f.query, name) {
			return nil, invalid(name, "err_validation_unknown_parameter", "The query parameter is not known")
		}
	}
	body, trouble := readJSON(w, r)
	if trouble != nil {
		return nil, trouble
	}
	if (len(body) > 0) != f.body {
		return nil, invalid("", "err_validation_body", "The function takes a body, or it does not, and the request differs")
	}
	call.body = body
	var size *int
	if text := call.query.Get("pageSize"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, invalid("pageSize", "err_validation_number", "The page size is not a number")
		}
		size = &n
	}
	var token *string
	if call.query.Has("pageToken") {
		text := call.query.Get("pageToken")
		token = &text
	}
	filters := url.Values{}
	for name, values := range call.query {
		if name != "pageSize" && name != "pageToken" {
			filters[name] = values
		}
	}
	text, err := json.Marshal(filters)
	if err != nil {
		return nil, invalid("", "err_validation_query", "The query cannot be read")
	}
	call.paging, trouble = newPaging(r.URL.Path, size, token, filtersOf([]json.RawMessage{text}))
	return call, trouble
}

// missing is the answer for an id that does not exist.
func missing() *problem {
	return &problem{status: http.StatusNotFound, code: "not_found", message: "not found"}
}

// sendREST answers in the REST error shape (contract section 10.1, shape 3).
func sendREST(w http.ResponseWriter, p *problem) {
	entry := map[string]string{"code": p.code, "message": p.message}
	if p.field != "" {
		entry["field"] = p.field
	}
	sendJSON(w, p.httpStatus(), map[string]any{"errors": []any{entry}})
}

// restList is a page of a REST list under its key.
func restList(key string, items any, page *pagination) map[string]any {
	return map[string]any{key: items, "meta": map[string]any{"pagination": page}}
}
