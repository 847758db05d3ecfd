package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/simulator/seed"
)

// maxAdminBody bounds the requests of this file; records are added through the vendors' own admin handlers.
const maxAdminBody = 8 << 20

// admin is the handler by which a test steers both vendors. Bodies are JSON; an error is {"error": text}.
//
//	GET    /stats        fault.Stats
//	POST   /stats/reset  all counts to zero
//	GET    /faults       [fault.State]
//	POST   /faults       [fault.Rule] are added
//	DELETE /faults       none is left
//	PUT    /clock-skew   {"vendor", "aheadMs"}: the dates of its answers are so far ahead of the time
//	POST   /seed         seed.Options → Seeded
//	GET    /expected     [seed.Expected] of all seedings
//	       /mimecast/…   what mimecast.Server's Admin takes
//	       /falcon/…     what falcon.Server's Admin takes
func (s *Simulator) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stats", answering(func(*http.Request) (any, error) { return s.front.Stats(), nil }))
	mux.HandleFunc("POST /stats/reset", answering(func(*http.Request) (any, error) {
		s.front.ResetStats()
		return nil, nil
	}))
	mux.HandleFunc("GET /faults", answering(func(*http.Request) (any, error) { return s.front.Rules(), nil }))
	mux.HandleFunc("POST /faults", answering(func(r *http.Request) (any, error) {
		var rules []fault.Rule
		if err := read(r, &rules); err != nil {
			return nil, err
		}
		return nil, s.front.Add(rules...)
	}))
	mux.HandleFunc("DELETE /faults", answering(func(*http.Request) (any, error) {
		s.front.Clear()
		return nil, nil
	}))
	mux.HandleFunc("PUT /clock-skew", answering(func(r *http.Request) (any, error) {
		var in struct {
			Vendor  string `json:"vendor"`
			AheadMS int64  `json:"aheadMs"`
		}
		if err := read(r, &in); err != nil {
			return nil, err
		}
		return nil, s.front.SetClockSkew(in.Vendor, time.Duration(in.AheadMS)*time.Millisecond)
	}))
	mux.HandleFunc("POST /seed", answering(func(r *http.Request) (any, error) {
		var opts seed.Options
		if err := read(r, &opts); err != nil {
			return nil, err
		}
		return s.Seed(opts)
	}))
	mux.HandleFunc("GET /expected", answering(func(*http.Request) (any, error) { return s.expected.list(), nil }))
	mux.Handle("/mimecast/", http.StripPrefix("/mimecast", s.mimecast.Admin()))
	mux.Handle("/falcon/", http.StripPrefix("/falcon", s.falcon.Admin()))
	return mux
}

func read(r *http.Request, into any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxAdminBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	return nil
}

// answering makes a handler: 204 for nothing to say, 400 for an error.
func answering(run func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := run(r)
		status := http.StatusOK
		switch {
		case err != nil:
			status, body = http.StatusBadRequest, map[string]string{"error": err.Error()}
		case body == nil:
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body) // a caller that went away misses nothing
	}
}
