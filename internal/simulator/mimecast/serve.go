package mimecast

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// maxBody is how much of a request's body is read. The largest good one, 1,000 hashes with texts, has about 200 KB.
const maxBody = 4 << 20

// ServeHTTP answers as the vendor's API does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.setHeaders(w, r)
	if _, pattern := s.mux.Handler(r); pattern == "" || r.Method == http.MethodHead || path.Clean(r.URL.Path) != r.URL.Path {
		s.unknown(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// setHeaders sets what every answer carries: the request's id, and rate-limit headers that are far from their end, with
// Reset as a duration in milliseconds (contract section 10.3).
func (s *Server) setHeaders(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Request-Id")
	if id == "" {
		s.mu.Lock()
		id = s.newKey("request")
		s.mu.Unlock()
	}
	header := w.Header()
	header.Set("X-Request-Id", id)
	header.Set("X-RateLimit-Limit", "5000")
	header.Set("X-RateLimit-Remaining", "4999")
	header.Set("X-RateLimit-Reset", strconv.Itoa(5000))
}

// unknown answers for a path that does not exist or does not take the method.
func (s *Server) unknown(w http.ResponseWriter, r *http.Request) {
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := s.mux.Handler(other); pattern != "" && method != r.Method {
			s.violate(r, "the method is not allowed here")
			sendGateway(w, http.StatusMethodNotAllowed, "method_not_allowed", "Method Not Allowed")
			return
		}
	}
	s.violate(r, "there is no such path")
	sendGateway(w, http.StatusNotFound, "not_found", "Not Found")
}

func (s *Server) violate(r *http.Request, text string) {
	s.opts.Violate(r.Method+" "+r.URL.Path, text)
}

// admit checks what every function call needs: a good token, and a product and role that allow the function.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) bool {
	if !s.authenticate(w, r) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, denied := range s.denied {
		method, prefix, found := strings.Cut(denied, " ")
		if !found {
			method, prefix = r.Method, denied
		}
		if method == r.Method && strings.HasPrefix(r.URL.Path, prefix) {
			sendGateway(w, http.StatusForbidden, "app_forbidden", "The application is not permitted to use this function")
			return false
		}
	}
	return true
}

// readJSON reads a bounded body and checks how it is labelled.
func readJSON(w http.ResponseWriter, r *http.Request) ([]byte, *problem) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, &problem{
			status: http.StatusRequestEntityTooLarge, code: "err_request_too_large",
			message: "The request could not be read or is too large", broken: true,
		}
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if len(body) > 0 && (err != nil || kind != "application/json") {
		return nil, &problem{
			status: http.StatusUnsupportedMediaType, code: "err_unsupported_media_type",
			message: "The content type must be application/json", broken: true,
		}
	}
	return body, nil
}

func sendJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false) // as the vendor does: "<>" is a sender's address
	_ = encoder.Encode(body)     // a caller that went away misses nothing
}
