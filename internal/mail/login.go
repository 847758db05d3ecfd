package mail

import (
	"slices"
	"strings"

	"github.com/wneessen/go-mail/smtp"
)

// The mechanisms that are known, as servers name them.
const (
	scramSHA256Plus = "SCRAM-SHA-256-PLUS"
	scramSHA256     = "SCRAM-SHA-256"
	scramSHA1Plus   = "SCRAM-SHA-1-PLUS"
	scramSHA1       = "SCRAM-SHA-1"
	cramMD5         = "CRAM-MD5"
	plain           = "PLAIN"
	login           = "LOGIN"
)

// mechanism is the best of those that a server offers, or "". Those that bind to the encrypted connection need one.
func mechanism(offered string, encrypted bool) string {
	all := strings.Fields(strings.ToUpper(offered))
	for _, known := range []string{scramSHA256Plus, scramSHA256, scramSHA1Plus, scramSHA1, cramMD5, plain, login} {
		if slices.Contains(all, known) && (encrypted || !strings.HasSuffix(known, "-PLUS")) {
			return known
		}
	}
	return ""
}

// logIn gives the server the credentials, if there are any. It comes after encrypt, so the connection is encrypted or stays
// on this machine.
func (t *session) logIn() error {
	if t.server.User.Empty() {
		return nil
	}
	_, offered := t.smtp.Extension("AUTH")
	state, encrypted := t.smtp.TLSConnectionState()
	user, password, host := t.server.User.Reveal(), t.server.Password.Reveal(), t.server.Host
	var auth smtp.Auth
	switch mechanism(offered, encrypted) {
	case scramSHA256Plus:
		auth = smtp.ScramSHA256PlusAuth(user, password, &state)
	case scramSHA256:
		auth = smtp.ScramSHA256Auth(user, password)
	case scramSHA1Plus:
		auth = smtp.ScramSHA1PlusAuth(user, password, &state)
	case scramSHA1:
		auth = smtp.ScramSHA1Auth(user, password)
	case cramMD5:
		auth = smtp.CRAMMD5Auth(user, password)
	case plain:
		auth = smtp.PlainAuth("", user, password, host, t.local)
	case login:
		auth = smtp.LoginAuth(user, password, host, t.local)
	default:
		refusal := t.trouble("takes no user and password in a way that is known here: remove them from THREATSHARE_SMTP_URL, or use " +
			"the server's port for submission")
		refusal.Final = true
		return refusal
	}
	if err := t.smtp.Auth(auth); err != nil {
		return t.refusedLogIn(err)
	}
	return nil
}
