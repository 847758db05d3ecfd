// Package mail hands mail in at an SMTP server: how it is connected to, what is kept from it, and what its refusals mean.
// What a mail says is package notify's business; when one is sent, and how often it is tried, is its caller's. It makes one
// attempt and keeps nothing between two.
package mail

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/config"
	"github.com/threatshare/threatshare/internal/notify"
)

const (
	dialTime  = 10 * time.Second // to connect, with TLS from the start included
	wholeTime = 30 * time.Second // for all of a Send or a Check
)

// Config is what a Sender needs.
type Config struct {
	// URL is smtp://user:password@host:port, encrypted by STARTTLS, or smtps://…, encrypted from the start; empty for no mail.
	// See config.ParseMailServer.
	URL string `json:"-"`
	// From is the sender: an address, alone or behind a name. Never empty if URL is not.
	From string
}

// Format shows the sender and hides the URL, which holds the password, from every verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "mail from %q", c.From) }

// Sender sends mail by one server. Safe for concurrent use. Printing it shows no secret.
type Sender struct {
	server  config.MailServer // without a Host if there is none
	address string            // host:port, for people too
	local   bool              // the server is on this machine
	from    mail.Address

	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	roots *x509.CertPool // whom a certificate is taken from; nil: the system's
}

// New makes a Sender and contacts nobody.
func New(cfg Config) (*Sender, error) {
	if cfg.URL == "" {
		return &Sender{}, nil
	}
	server, err := config.ParseMailServer(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("mail server: %w", err)
	}
	from, err := config.ParseSender(cfg.From)
	if err != nil {
		return nil, fmt.Errorf("sender of mail: %w", err)
	}
	return &Sender{
		server: server, address: net.JoinHostPort(server.Host, strconv.Itoa(server.Port)), local: onThisMachine(server.Host),
		from: from, dial: (&net.Dialer{}).DialContext,
	}, nil
}

// onThisMachine says whether what is sent to host stays on this machine: it then needs no encryption.
func onThisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}

// Send hands one mail to all of to in at the server. That one of them is refused does not keep it from the others. The error
// is notify.ErrNoServer without a server, a *notify.MailError, or the context's if that has ended.
func (s *Sender) Send(ctx context.Context, to []string, mail notify.Mail) error {
	if s.server.Host == "" {
		return notify.ErrNoServer
	}
	content, err := s.message(to, mail)
	if err != nil {
		return fmt.Errorf("write a mail: %w", err)
	}
	return s.talk(ctx, to, func(session *session) error { return session.handIn(to, content) })
}

// Check makes sure that the server can be reached, is who it says and takes the credentials. Nothing is sent. The errors are
// those of Send.
func (s *Sender) Check(ctx context.Context) error {
	if s.server.Host == "" {
		return notify.ErrNoServer
	}
	return s.talk(ctx, nil, func(*session) error { return nil })
}

// talk connects and lets do talk with the server, in bounded time. Whatever breaks off leaves everybody without the mail.
func (s *Sender) talk(ctx context.Context, to []string, do func(*session) error) error {
	bounded, cancel := context.WithTimeout(ctx, wholeTime)
	defer cancel()
	session := &session{Sender: s, ctx: bounded, to: to}
	err := session.open()
	if err == nil {
		err = do(session)
	}
	session.close()

	failed, told := errors.AsType[*notify.MailError](err)
	switch {
	case told && (failed.Final || failed.Left != nil): // the server's own answer, however late
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("mail server %s: %w", s.address, ctx.Err())
	}
	if told && failed.Left == nil {
		failed.Left = to
	}
	return err
}
