package config

import (
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// The ports of message submission: with STARTTLS, and with TLS from the first byte (RFC 6409, RFC 8314).
const (
	submissionPort  = 587
	submissionsPort = 465
)

// errMailServer tells the form. Nothing of the address is repeated, since a wrong one may have the password anywhere.
var errMailServer = errors.New("must be smtp://<user>:<password>@<host>:<port> (STARTTLS) or smtps://… (TLS from the start); " +
	"special characters of user and password percent-encoded")

var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?$`)

// MailServer is where mail is handed in. Printing it shows neither user nor password.
type MailServer struct {
	Host string // a name, or an IP address without brackets
	Port int
	TLS  bool // from the first byte; otherwise by STARTTLS

	User, Password Secret // both, or neither for a server that asks for none
}

// ParseMailServer reads an smtp or smtps address. Without a port it is 587 or 465. The error says what is wrong with the
// address and repeats nothing of it.
func ParseMailServer(address string) (MailServer, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Opaque != "" || parsed.Scheme != "smtp" && parsed.Scheme != "smtps" {
		return MailServer{}, errMailServer
	}
	server := MailServer{Host: parsed.Hostname(), Port: submissionPort, TLS: parsed.Scheme == "smtps"}
	if server.TLS {
		server.Port = submissionsPort
	}
	if _, err := netip.ParseAddr(server.Host); err != nil && !hostName.MatchString(server.Host) {
		return MailServer{}, errors.New("needs a host behind the @: a name or an IP address; special characters of the password percent-encoded")
	}
	if port := parsed.Port(); port != "" {
		if server.Port, err = strconv.Atoi(port); err != nil || server.Port < 1 || server.Port > 65535 {
			return MailServer{}, errors.New("has a port outside 1 to 65535")
		}
	}
	if strings.Trim(parsed.Path, "/") != "" || parsed.RawQuery != "" || parsed.ForceQuery || parsed.Fragment != "" {
		return MailServer{}, errors.New("takes nothing behind the port: no path, no parameters; special characters of the password percent-encoded")
	}
	if parsed.User == nil {
		return server, nil
	}
	password, _ := parsed.User.Password()
	if parsed.User.Username() == "" || password == "" {
		return MailServer{}, errors.New("has a user without a password or a password without a user; give both or neither")
	}
	if strings.ContainsFunc(parsed.User.Username()+password, unicode.IsControl) {
		return MailServer{}, errors.New("has a control character in user or password")
	}
	server.User, server.Password = NewSecret(parsed.User.Username()), NewSecret(password)
	return server, nil
}

// ParseSender reads the address that mail is sent from, alone or behind a name: "Threat Share <bot@acme.example>". The
// address is ASCII, which every server takes.
func ParseSender(text string) (mail.Address, error) {
	sender, err := mail.ParseAddress(text)
	if err != nil || strings.ContainsFunc(sender.Name, unicode.IsControl) ||
		strings.ContainsFunc(sender.Address, func(r rune) bool { return r > unicode.MaxASCII || unicode.IsControl(r) }) {
		return mail.Address{}, fmt.Errorf("%q is not a mail address in ASCII", text)
	}
	return *sender, nil
}
