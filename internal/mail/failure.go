package mail

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"strings"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/notify"
)

const (
	permanent = 5   // the hundreds of a reply that another try does not change
	noMailbox = 553 // the reply to an address that is none
	maxSaid   = 200 // of what a server says, in characters
)

// enhanced is the code that begins the text of a reply (RFC 2034).
var enhanced = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}\b`)

// trouble is a failure in the words of this package.
func (t *session) trouble(format string, args ...any) *notify.MailError {
	return &notify.MailError{Reason: "mail server " + t.address + " " + fmt.Sprintf(format, args...)}
}

// failed is what broke off while something was being done. It is worth another try: whoever mends it may not be who reads
// this.
func (t *session) failed(doing string, err error) error {
	if replied(err) != 0 {
		return t.trouble("refuses the connection (%s)", t.said(err))
	}
	if wrong, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return t.trouble("is not trusted (%s): THREATSHARE_SMTP_URL has to name it as its certificate does, and the worker to "+
			"trust who issued that (SSL_CERT_FILE)", indicator.Printable(wrong.Err.Error(), maxSaid))
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return t.trouble("does not encrypt from the start: use smtp:// in THREATSHARE_SMTP_URL, or its port for smtps")
	}
	if _, ok := errors.AsType[textproto.ProtocolError](err); ok { // holds what the server sent
		return t.trouble("gave an answer that is not SMTP while %s", doing)
	}
	if t.ctx.Err() != nil {
		return t.trouble("did not answer in time: %s", doing)
	}
	return t.trouble("cannot be used: %s: %s", doing, indicator.Printable(err.Error(), maxSaid))
}

// refused is the server's no to something. A permanent one comes with what a person can do.
func (t *session) refused(what, remedy string, err error) error {
	switch code := replied(err); {
	case code == 0:
		return t.failed("handing the mail in", err)
	case code/100 == permanent:
		refusal := t.trouble("refuses %s (%s): %s", what, t.said(err), remedy)
		refusal.Final = true
		return refusal
	default:
		return t.trouble("does not take %s now (%s)", what, t.said(err))
	}
}

// refusedLogIn leaves out what the server says but for its code: it has just heard the password. Other errors may quote it
// too.
func (t *session) refusedLogIn(err error) error {
	const remedy = "check user and password in THREATSHARE_SMTP_URL"
	reply, answered := errors.AsType[*textproto.Error](err)
	switch {
	case answered:
		return t.refused("the credentials", remedy, &textproto.Error{Code: reply.Code, Msg: enhanced.FindString(reply.Msg)})
	case t.ctx.Err() != nil:
		return t.failed("logging in", err)
	default:
		return t.trouble("broke off while logging in: %s", remedy)
	}
}

// unserved says of recipients that the server does not take that they are without the mail, and how many they are.
func (t *session) unserved(left []string, later bool, first error) error {
	whom := fmt.Sprintf("%d of %d recipients", len(left), len(t.to))
	if len(left) < len(t.to) {
		whom += ", the others have the mail"
	}
	var failure *notify.MailError
	if later {
		failure = t.trouble("does not take %s, now (%s)", whom, t.said(first))
	} else {
		failure = t.trouble("refuses %s (%s): check notify in the settings of the integration", whom, t.said(first))
	}
	failure.Final, failure.Left = !later, left
	return failure
}

// replied is the code of the server's reply, 0 if err is none.
func replied(err error) int {
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		return reply.Code
	}
	return 0
}

// said is a reply as one short line that prints: code and text, without what the server may repeat in it that is nobody's
// business: addresses, recipients' names, the credentials.
func (t *session) said(err error) string {
	reply, ok := errors.AsType[*textproto.Error](err)
	if !ok {
		return ""
	}
	const left = "***"
	text := reply.Msg
	for _, secret := range []string{t.server.Password.Reveal(), t.server.User.Reveal()} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, left)
		}
	}
	names := map[string]bool{}
	for _, address := range t.to {
		name, _, _ := strings.Cut(address, "@")
		names[strings.ToLower(name)] = true
	}
	words := strings.Fields(text)
	for i, word := range words {
		if strings.Contains(word, "@") || names[strings.ToLower(strings.Trim(word, `<>"'():;,.`))] {
			words[i] = left
		}
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", reply.Code, indicator.Printable(strings.Join(words, " "), maxSaid)))
}
