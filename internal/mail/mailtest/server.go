// Package mailtest is a mail server on loopback that keeps what it is given: for tests, the end-to-end tests and the demo.
// It can be told to go wrong. It relays nothing.
package mailtest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"sync"

	"github.com/emersion/go-smtp"
)

// Options are what a server offers and asks for. The zero value takes mail from everybody, unencrypted.
type Options struct {
	STARTTLS bool // offers STARTTLS, and takes credentials only after it
	TLS      bool // encrypts from the start
	// Names are whom the certificate is for; nil: 127.0.0.1 and localhost.
	Names []string
	// User and Password are asked for before a mail is taken; both empty for none.
	User, Password string
	// Mechanisms are the ways to log in that are offered: PLAIN and LOGIN, which are known. nil: both.
	Mechanisms []string
	// Transcript sees what clients and server say to each other, credentials and what is encrypted on the way included. May be
	// nil.
	Transcript io.Writer
	// Stalled is called when a client begins to wait in vain (Fault.Stall). May be nil.
	Stalled func()
}

// Server is a running mail server.
type Server struct {
	options   Options
	listener  net.Listener
	authority []byte
	smtp      *smtp.Server
	stopped   chan struct{}
	served    chan error

	mu       sync.Mutex
	faults   []Fault
	messages []Message
	more     chan struct{} // closed when another message has come, and then replaced
}

// Start starts a server on a free port of 127.0.0.1. It ends with ctx or with Close.
func Start(ctx context.Context, options Options) (*Server, error) {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for mail: %w", err)
	}
	s := &Server{
		options: options, listener: listener, stopped: make(chan struct{}), served: make(chan error, 1), more: make(chan struct{}),
	}
	s.smtp = smtp.NewServer(smtp.BackendFunc(s.session))
	s.smtp.Domain = "mailtest"
	s.smtp.AllowInsecureAuth = !options.STARTTLS
	s.smtp.MaxMessageBytes = 1 << 20
	s.smtp.ErrorLog = quiet{}
	s.smtp.Debug = options.Transcript
	if options.STARTTLS || options.TLS {
		certificate, authority, err := certify(options.Names)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("make a certificate: %w", err), listener.Close())
		}
		s.authority = authority
		s.smtp.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	}

	var door net.Listener = &door{Listener: listener, server: s}
	if options.TLS {
		door = tls.NewListener(door, s.smtp.TLSConfig)
	}
	go func() { s.served <- s.smtp.Serve(door) }()
	context.AfterFunc(ctx, func() { _ = s.Close() })
	return s, nil
}

// URL is the server's address with credentials, as THREATSHARE_SMTP_URL takes it; without them if user is empty.
func (s *Server) URL(user, password string) string {
	address := url.URL{Scheme: "smtp", Host: s.listener.Addr().String()}
	if s.options.TLS {
		address.Scheme = "smtps"
	}
	if user != "" {
		address.User = url.UserPassword(user, password)
	}
	return address.String()
}

// Address is host:port.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Authority is the certificate of who signed the server's own, in PEM: what SSL_CERT_FILE may hold. nil without TLS.
func (s *Server) Authority() []byte { return bytes.Clone(s.authority) }

// Messages are those taken so far, oldest first.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Await waits until there are at least n messages.
func (s *Server) Await(ctx context.Context, n int) ([]Message, error) {
	for {
		s.mu.Lock()
		messages, more := slices.Clone(s.messages), s.more
		s.mu.Unlock()
		if len(messages) >= n {
			return messages, nil
		}
		select {
		case <-more:
		case <-s.stopped:
			return messages, errors.New("the mail server was stopped")
		case <-ctx.Done():
			return messages, fmt.Errorf("waiting for %d mails, there are %d: %w", n, len(messages), ctx.Err())
		}
	}
}

func (s *Server) keep(message Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, message)
	close(s.more)
	s.more = make(chan struct{})
}

// Close ends the server and every connection. Closing it again does nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	select {
	case <-s.stopped:
		s.mu.Unlock()
		return nil
	default:
		close(s.stopped)
	}
	s.mu.Unlock()
	err := s.smtp.Close()
	// The library closes the listener only if it has begun to serve.
	if closing := s.listener.Close(); !errors.Is(closing, net.ErrClosed) {
		err = errors.Join(err, closing)
	}
	return errors.Join(err, <-s.served)
}

// quiet drops what the protocol library logs about connections that tests break.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}
