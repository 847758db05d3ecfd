package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/textproto"
	"strings"
	"unicode"

	"github.com/wneessen/go-mail/smtp"
)

// session is one connection to the server. go-mail's protocol is used without its client, which gives a mail up for everybody
// when one recipient is refused, and does not heed the context once it is connected.
type session struct {
	*Sender
	ctx  context.Context // of the one call that a session lives within
	to   []string        // whom the session is for; errors name none of them
	conn net.Conn        // nil before it is connected
	smtp *smtp.Client    // nil before the server has greeted
}

// open connects, encrypts and logs in.
func (t *session) open() error {
	if err := t.connect(); err != nil {
		return t.failed("connecting", err)
	}
	// Whatever is waited for ends with the context.
	context.AfterFunc(t.ctx, func() { _ = t.conn.Close() })

	client, err := smtp.NewClient(t.conn, t.server.Host)
	if err != nil {
		return t.failed("waiting for its greeting (a port that encrypts from the start wants smtps:// in THREATSHARE_SMTP_URL)", err)
	}
	t.smtp = client
	if err := client.Hello(literal(t.conn.LocalAddr())); err != nil {
		return t.failed("greeting it", err)
	}
	if err := t.encrypt(); err != nil {
		return err
	}
	return t.logIn()
}

// connect dials, and encrypts from the start where the address says so.
func (t *session) connect() error {
	ctx, cancel := context.WithTimeout(t.ctx, dialTime)
	defer cancel()
	conn, err := t.dial(ctx, "tcp", t.address)
	if err != nil {
		return err
	}
	t.conn = conn
	if t.server.TLS {
		encrypted := tls.Client(conn, t.encryption())
		t.conn = encrypted
		return encrypted.HandshakeContext(ctx)
	}
	return nil
}

func (t *session) encryption() *tls.Config {
	return &tls.Config{ServerName: t.server.Host, RootCAs: t.roots, MinVersion: tls.VersionTLS12}
}

// encrypt switches to TLS by STARTTLS. Off this machine nothing is said without it. On this machine it protects credentials
// where the server offers it; without credentials there is nothing to protect, and a local relay's certificate is seldom one
// that anybody has signed.
func (t *session) encrypt() error {
	offered, _ := t.smtp.Extension("STARTTLS")
	switch {
	case t.server.TLS, t.local && (!offered || t.server.User.Empty()):
		return nil
	case !offered:
		return t.trouble("offers no encryption (STARTTLS), and nothing is sent without: use smtps:// in THREATSHARE_SMTP_URL if " +
			"it encrypts from the start, or another port")
	}
	if err := t.smtp.StartTLS(t.encryption()); err != nil {
		return t.failed("switching to TLS", err)
	}
	return nil
}

// handIn gives the server the mail for all of to.
func (t *session) handIn(to []string, content []byte) error {
	t.smtp.SkipSMTPUTF8(!strings.ContainsFunc(strings.Join(to, ""), func(r rune) bool { return r > unicode.MaxASCII }))
	if err := t.smtp.Mail(envelope(t.from)); err != nil {
		return t.refused("the sender", "check THREATSHARE_MAIL_FROM, and whether THREATSHARE_SMTP_URL needs user and password", err)
	}
	left, first := []string(nil), error(nil)
	later := false
	for _, text := range to {
		err := t.offer(text)
		if err == nil {
			continue
		}
		if code := replied(err); code == 0 {
			return t.failed("naming the recipients", err)
		} else if code/100 != permanent {
			later = true
		}
		left = append(left, text)
		if first == nil {
			first = err
		}
	}
	if len(left) < len(to) {
		if err := t.deliver(content); err != nil {
			return err
		}
	}
	if first == nil {
		return nil
	}
	return t.unserved(left, later, first)
}

// offer names one recipient. An address that is none is refused without bothering the server.
func (t *session) offer(text string) error {
	address, err := mail.ParseAddress(text)
	if err != nil {
		return &textproto.Error{Code: noMailbox, Msg: "not a mail address"}
	}
	return t.smtp.Rcpt(envelope(*address))
}

func (t *session) deliver(content []byte) error {
	writer, err := t.smtp.Data()
	if err == nil {
		_, err = writer.Write(content)
		err = errors.Join(err, writer.Close())
	}
	if err != nil {
		return t.refused("the mail", "ask who runs the server", err)
	}
	return nil
}

// close ends the session politely if there is one. What the server says to it changes nothing.
func (t *session) close() {
	if t.smtp != nil {
		_ = t.smtp.Quit()
	}
	if t.conn != nil {
		_ = t.conn.Close()
	}
}

// literal is this end's address in the form that stands for a host name (RFC 5321, 4.1.3): it needs no name that resolves,
// and tells no more than the connection does.
func literal(local net.Addr) string {
	at, err := netip.ParseAddrPort(local.String())
	if err != nil {
		return "localhost"
	}
	if ip := at.Addr().Unmap(); ip.Is4() {
		return fmt.Sprintf("[%s]", ip)
	}
	return fmt.Sprintf("[IPv6:%s]", at.Addr().WithZone(""))
}
