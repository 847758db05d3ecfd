// Package falcon plays CrowdStrike Falcon over HTTP: token, IOC Management and Alerts, with the limits and quirks of the
// real service, and state that lasts as long as the Server. It is a vendor, written from the API contract alone: it
// shares no code with the client, checks every request strictly, answers as the vendor would and counts as a violation
// what a correct client would never send.
//
// What a person at the console would do (adding, editing, deleting indicators, raising alerts, taking scopes away) and
// what the contract leaves open (Modes) is set through Admin.
package falcon

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"time"
)

// Options is how a Server starts. The zero value is usable.
type Options struct {
	Now     func() time.Time              // time.Now when nil
	Violate func(operation, text string)  // called for every request that breaks the contract; "POST /path" and why
	Wrote   func(operation string, n int) // called with the records that a vendor call created, updated or deleted
	Seed    uint64                        // same seed, same ids

	ClientID, ClientSecret string        // the one API client; made from the seed when empty
	Region                 string        // X-Cs-Region; us-1 when empty
	TokenLife              time.Duration // 1799 s when zero
	MemberCIDs             []string      // child CIDs a token can be asked for; any 32 hex digits when empty
}

// Server is the simulated vendor. It is safe for concurrent use.
type Server struct {
	opt     Options
	routes  map[string]map[string]route
	access  *access
	modes   *modeBox
	iocs    *store
	alerts  *alertStore
	cursors *cursors
	serial  *serial
	cid     string
}

// New returns a Server without records.
func New(opt Options) *Server {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Violate == nil {
		opt.Violate = func(string, string) {}
	}
	if opt.Wrote == nil {
		opt.Wrote = func(string, int) {}
	}
	if opt.Region == "" {
		opt.Region = "us-1"
	}
	if opt.TokenLife == 0 {
		opt.TokenLife = 1799 * time.Second
	}
	serial := &serial{seed: opt.Seed}
	if opt.ClientID == "" {
		opt.ClientID = serial.hex("client")[:32]
	}
	if opt.ClientSecret == "" {
		opt.ClientSecret = serial.hex("secret")[:40]
	}
	opt.MemberCIDs = slices.Clone(opt.MemberCIDs)
	s := &Server{
		opt:     opt,
		access:  newAccess(opt.ClientID, opt.ClientSecret),
		modes:   newModeBox(),
		iocs:    newStore(),
		alerts:  newAlertStore(),
		cursors: newCursors(),
		serial:  serial,
		cid:     serial.hex("cid")[:32],
	}
	s.routes = s.vendorRoutes()
	return s
}

// Credentials are the client id and secret that the Server takes, its own when Options named none.
func (s *Server) Credentials() (clientID, clientSecret string) {
	return s.access.credentials()
}

// ServeHTTP answers the vendor API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{
		r:         r,
		now:       s.opt.Now(),
		started:   time.Now(),
		operation: r.Method + " " + r.URL.Path,
		trace:     s.serial.uuid("trace"),
	}
	a := s.answer(c)
	for _, text := range c.violations {
		s.opt.Violate(c.operation, text)
	}
	if c.wrote > 0 {
		s.opt.Wrote(c.operation, c.wrote)
	}
	s.write(w, c, a)
}

// serial makes ids that depend on the seed and the order of the calls only.
type serial struct {
	seed uint64
	n    atomic.Uint64
}

// hex gives 64 hex digits.
func (s *serial) hex(what string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%d", what, s.seed, s.n.Add(1)))
	return hex.EncodeToString(sum[:])
}

func (s *serial) uuid(what string) string {
	h := s.hex(what)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:32]
}
