package mimecast

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxAdminBody bounds what a test may hand over at once.
const maxAdminBody = 256 << 20

// Limits are what the account has room for, and what it refuses for a reason of its own. Each refused value is refused alone,
// with the code err_hash_rejected or err_domain_rejected where the function says why.
type Limits struct {
	BYOTIHashes    *int     `json:"byotiHashes"`
	ManagedURLs    *int     `json:"managedUrls"`
	RefusedHashes  []string `json:"refusedHashes"`  // by BYOTI
	RefusedDomains []string `json:"refusedDomains"` // as members of groups, senders of new policies and managed URLs
}

// Admin is what tests ask and set. Bodies are JSON; an error is {"error": text}.
//
//	POST /logs/{attachment|impersonation|url}   [record] as on the wire; ?visibleAfter=30s for records that arrive late
//	POST /messages           [Message]: tracked mail, for the message finder and for remediation
//	PUT  /internal-domains   ["domain"]
//	POST /tokens/revoke      no token is good any more
//	PUT  /denied             ["path prefix"] or ["METHOD path prefix"] that answer 403 app_forbidden
//	PUT  /packages           ["Threat Remediation [1075]"]: all that the account has paid for
//	PUT  /credentials        {"clientId", "clientSecret"}: the only ones that get a token from now on
//	PUT  /quirks             Quirks, all of them
//	PUT  /limits             Limits; what is left out stays, but for what is refused
//	GET  /state              State
func (s *Server) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /logs/{log}", s.adminLogs)
	mux.HandleFunc("POST /messages", command(func(messages []Message) error {
		s.AddMessages(messages)
		return nil
	}))
	mux.HandleFunc("PUT /internal-domains", command(func(domains []string) error {
		s.SetInternalDomains(domains)
		return nil
	}))
	mux.HandleFunc("POST /tokens/revoke", func(w http.ResponseWriter, _ *http.Request) {
		s.RevokeTokens()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("PUT /denied", command(func(prefixes []string) error {
		s.locked(func() { s.denied = prefixes })
		return nil
	}))
	mux.HandleFunc("PUT /packages", command(func(packages []string) error {
		s.locked(func() { s.packages = packages })
		return nil
	}))
	mux.HandleFunc("PUT /credentials", command(func(c credentials) error {
		s.locked(func() { s.secrets = c })
		return nil
	}))
	mux.HandleFunc("PUT /quirks", command(func(q Quirks) error {
		s.locked(func() { s.quirks = q })
		return nil
	}))
	mux.HandleFunc("PUT /limits", command(s.setLimits))
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, _ *http.Request) {
		sendJSON(w, http.StatusOK, s.State())
	})
	return mux
}

func (s *Server) locked(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

func (s *Server) setLimits(limits Limits) error {
	s.locked(func() {
		set(&s.byoti.quota, limits.BYOTIHashes)
		set(&s.urls.limit, limits.ManagedURLs)
		s.byoti.refused = map[string]bool{}
		for _, hash := range limits.RefusedHashes {
			s.byoti.refused[strings.ToLower(hash)] = true
		}
		s.refused = map[string]bool{}
		for _, domain := range limits.RefusedDomains {
			s.refused[strings.ToLower(domain)] = true
		}
	})
	return nil
}

// adminLogs appends records. With visibleAfter they are found only so long after now.
func (s *Server) adminLogs(w http.ResponseWriter, r *http.Request) {
	visible := s.opts.Now()
	if text := r.URL.Query().Get("visibleAfter"); text != "" {
		delay, err := time.ParseDuration(text)
		if err != nil {
			sendJSON(w, http.StatusBadRequest, map[string]string{"error": fmt.Sprintf("visibleAfter %q is not a duration like 30s", text)})
			return
		}
		visible = visible.Add(delay)
	}
	command(func(records []json.RawMessage) error {
		return s.AddLogs(Log(r.PathValue("log")), records, visible)
	})(w, r)
}

// command makes a handler of a function that takes the request's JSON. Fields that it does not know are refused.
func command[T any](run func(T) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAdminBody))
		if err != nil {
			sendJSON(w, http.StatusRequestEntityTooLarge, map[string]string{"error": "the request is too large or was cut off"})
			return
		}
		var in T
		if trouble := strictly(body, &in); trouble != nil {
			sendJSON(w, http.StatusBadRequest, map[string]string{"error": trouble.text()})
			return
		}
		if err := run(in); err != nil {
			sendJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}
