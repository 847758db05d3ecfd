package falcon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// somebody is the person who does what is done through Admin without another name.
const somebody = "analyst@soc.example"

// Admin is what a person at the console can do, and what tests ask and set. Bodies are JSON; an error is {"error": text}.
//
//	GET    /iocs              all records as on the wire, deleted ones included
//	POST   /iocs              [record]: added as given, without the vendor's checks → {"ids": [...]}
//	PATCH  /iocs              {"id", "set": {fields}}, or "values" in place of the id: a person edits → {"ids": [...]}
//	POST   /iocs/expire       ["value"]: their time is over, which is no edit → {"ids": [...]}
//	DELETE /iocs?value=       a person deletes, softly → {"ids": [...]}
//	POST   /alerts            [alert]; one with a known composite_id replaces it → {"ids": [...]}
//	POST   /tokens/revoke     no token is good any more → {"count": n}
//	PUT    /scopes            ["IOC Management: Read", "IOC Management: Write", "Alerts: Read"]
//	PUT    /credentials       {"clientId", "clientSecret"}: the only ones that get a token from now on
//	GET    /modes             Modes
//	PUT    /modes             some fields of Modes → all of them
func (s *Server) Admin() http.Handler {
	mux := http.NewServeMux()
	for pattern, handle := range map[string]func(*http.Request) (any, error){
		"GET /iocs":           s.adminList,
		"POST /iocs":          s.adminAdd,
		"PATCH /iocs":         s.adminEdit,
		"POST /iocs/expire":   s.adminExpire,
		"DELETE /iocs":        s.adminDelete,
		"POST /alerts":        s.adminAlerts,
		"POST /tokens/revoke": s.adminRevoke,
		"PUT /scopes":         s.adminScopes,
		"PUT /credentials":    s.adminCredentials,
		"GET /modes":          func(*http.Request) (any, error) { return s.modes.get(), nil },
		"PUT /modes":          s.adminModes,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			status := http.StatusOK
			body, err := handle(r)
			if err != nil {
				status, body = http.StatusBadRequest, map[string]string{"error": err.Error()}
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(body) // a caller that hung up does not want it
		})
	}
	return mux
}

type adminIDs struct {
	IDs []string `json:"ids"`
}

// decodeAdmin reads a body that has no unknown fields.
func decodeAdmin(r io.Reader, into any) error {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	return nil
}

func (s *Server) adminList(*http.Request) (any, error) {
	s.iocs.mu.Lock()
	defer s.iocs.mu.Unlock()
	s.iocs.settle(s.opt.Now())
	return s.iocs.all(), nil
}

func (s *Server) adminAdd(r *http.Request) (any, error) {
	var raws []json.RawMessage
	if err := decodeAdmin(r.Body, &raws); err != nil {
		return nil, err
	}
	now := s.opt.Now()
	records := make([]*record, len(raws))
	for i, raw := range raws {
		added, err := s.foreignRecord(raw, now)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", i, err)
		}
		records[i] = added
	}
	s.iocs.mu.Lock()
	defer s.iocs.mu.Unlock()
	s.iocs.settle(now)
	ids := make([]string, len(records))
	for i, added := range records {
		s.iocs.add(added, now, now.Add(s.modes.get().lag()))
		ids[i] = added.ID
	}
	s.iocs.settle(now) // some may have expired long ago
	return adminIDs{IDs: ids}, nil
}

// foreignRecord is the record as given; what is not given is as a person would leave it.
func (s *Server) foreignRecord(raw json.RawMessage, now time.Time) (*record, error) {
	now = now.UTC()
	r := &record{
		Action: "no_action", Platforms: s.modes.get().platforms(), AppliedGlobally: true,
		CreatedOn: now, CreatedBy: somebody,
	}
	if err := decodeAdmin(bytes.NewReader(raw), r); err != nil {
		return nil, err
	}
	if r.ID == "" {
		r.ID = s.serial.hex("ioc")
	}
	if r.ModifiedOn.IsZero() {
		r.ModifiedOn = r.CreatedOn
	}
	if r.ModifiedBy == "" {
		r.ModifiedBy = r.CreatedBy
	}
	return r, nil
}

func (s *Server) adminDelete(r *http.Request) (any, error) {
	value := r.URL.Query().Get("value")
	if value == "" {
		return nil, errors.New("no value")
	}
	by := &call{now: s.opt.Now(), client: somebody}
	s.iocs.mu.Lock()
	defer s.iocs.mu.Unlock()
	s.iocs.settle(by.now)
	ids := []string{}
	for _, old := range s.iocs.withValues([]string{value}) {
		if !old.Deleted {
			s.iocs.put(old.deleted(by))
			ids = append(ids, old.ID)
		}
	}
	return adminIDs{IDs: ids}, nil
}

func (s *Server) adminAlerts(r *http.Request) (any, error) {
	var raws []json.RawMessage
	if err := decodeAdmin(r.Body, &raws); err != nil {
		return nil, err
	}
	out := adminIDs{IDs: make([]string, len(raws))}
	alerts := make([]*alert, len(raws))
	for i, raw := range raws {
		a, err := s.newAlert(raw, s.opt.Now())
		if err != nil {
			return nil, err
		}
		alerts[i], out.IDs[i] = a, a.id
	}
	s.alerts.put(alerts)
	return out, nil
}

func (s *Server) adminRevoke(*http.Request) (any, error) {
	return map[string]int{"count": s.access.revokeAll()}, nil
}

func (s *Server) adminScopes(r *http.Request) (any, error) {
	var scopes []string
	if err := decodeAdmin(r.Body, &scopes); err != nil {
		return nil, err
	}
	for _, scope := range scopes {
		if !slices.Contains(allScopes(), scope) {
			return nil, fmt.Errorf("scope %q is not one of %q", scope, allScopes())
		}
	}
	s.access.setScopes(scopes)
	return scopes, nil
}

func (s *Server) adminCredentials(r *http.Request) (any, error) {
	var in struct {
		ClientID     string `json:"clientId"`
		ClientSecret string `json:"clientSecret"`
	}
	if err := decodeAdmin(r.Body, &in); err != nil {
		return nil, err
	}
	if in.ClientID == "" || in.ClientSecret == "" {
		return nil, errors.New("clientId or clientSecret is empty")
	}
	s.access.setCredentials(in.ClientID, in.ClientSecret)
	return map[string]string{"clientId": in.ClientID}, nil
}

func (s *Server) adminModes(r *http.Request) (any, error) {
	return s.modes.change(func(m *Modes) error { return decodeAdmin(r.Body, m) })
}
