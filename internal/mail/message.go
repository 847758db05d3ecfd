package mail

import (
	"bytes"
	"net/mail"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/notify"
)

// maxSubject is in characters.
const maxSubject = 250

// message writes a mail as it goes over the wire. Two messages of one mail differ in their date alone: the Message-ID is the
// mail's, so that a mail program shows the second of two as the same.
func (s *Sender) message(to []string, m notify.Mail) ([]byte, error) {
	message := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	message.FromMailAddress(&s.from)
	message.ToMailAddress(readable(to)...)
	message.Subject(indicator.Printable(m.Subject, maxSubject))
	message.SetMessageIDWithValue(m.ID + "@" + s.from.Address[strings.LastIndex(s.from.Address, "@")+1:])
	message.SetDate()
	message.SetGenHeader("Auto-Submitted", "auto-generated") // keeps out-of-office answers away (RFC 3834)
	message.SetBodyString(gomail.TypeTextPlain, m.Text)

	var content bytes.Buffer
	_, err := message.WriteTo(&content)
	return content.Bytes(), err
}

// readable are those of to that are mail addresses.
func readable(to []string) []*mail.Address {
	var addresses []*mail.Address
	for _, text := range to {
		if address, err := mail.ParseAddress(text); err == nil {
			addresses = append(addresses, address)
		}
	}
	return addresses
}

// envelope is an address as MAIL and RCPT take it, in angle brackets.
func envelope(address mail.Address) string { return (&mail.Address{Address: address.Address}).String() }
