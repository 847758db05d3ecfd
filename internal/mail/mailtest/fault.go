package mailtest

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/emersion/go-smtp"
)

// Stage is where in a session something goes wrong.
type Stage string

// The stages.
const (
	Greeting  Stage = "greeting"  // a client has connected
	LogIn     Stage = "log-in"    // it has given its credentials
	Sender    Stage = "sender"    // it has said who sends
	Recipient Stage = "recipient" // it has named one of those that the mail is for
	Content   Stage = "content"   // it has given the mail
)

// Fault is something that goes wrong for as long as it is set: an answer, or none.
type Fault struct {
	At Stage
	Of string // the recipient or sender that it concerns; empty for all

	Code  int // of the answer; 0 if the connection is dropped, or the client waits in vain
	Text  string
	Stall bool // the client waits until it gives up or the server is closed
}

// errBroken ends a session without an answer.
var errBroken = errors.New("connection broken on purpose")

// Break sets what goes wrong from now on, in the place of what did before. Without an argument all is well again.
func (s *Server) Break(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = faults
}

// fault is what goes wrong at a stage.
func (s *Server) fault(at Stage, of string) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, fault := range s.faults {
		if fault.At == at && (fault.Of == "" || strings.EqualFold(fault.Of, of)) {
			return fault, true
		}
	}
	return Fault{}, false
}

// goWrong does what is set for a stage. nil means that nothing is.
func (s *Server) goWrong(conn net.Conn, at Stage, of string) error {
	fault, set := s.fault(at, of)
	switch {
	case !set:
		return nil
	case fault.Stall:
		s.stall()
	case fault.Code != 0:
		return &smtp.SMTPError{Code: fault.Code, EnhancedCode: smtp.EnhancedCode{fault.Code / 100, 7, 1}, Message: fault.Text}
	}
	_ = conn.Close()
	return errBroken
}

// stall waits until the server is closed.
func (s *Server) stall() {
	if s.options.Stalled != nil {
		s.options.Stalled()
	}
	<-s.stopped
}

// door lets clients in. What goes wrong with the greeting does so here.
type door struct {
	net.Listener
	server *Server
}

func (d *door) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		fault, set := d.server.fault(Greeting, "")
		if !set {
			return conn, nil
		}
		go func() {
			defer conn.Close() //nolint:errcheck // a broken connection is what this is for
			if fault.Stall {
				d.server.stall()
			} else if fault.Code != 0 {
				_, _ = fmt.Fprintf(conn, "%d %s\r\n", fault.Code, fault.Text)
			}
		}()
	}
}
