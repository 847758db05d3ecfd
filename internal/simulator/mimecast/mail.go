package mimecast

import (
	"encoding/json"
	"strings"
)

type mailbox struct {
	EmailAddress    string `json:"emailAddress"`
	DisplayableName string `json:"displayableName"`
}

type mailBody struct {
	Content string `json:"content"`
	Charset string `json:"charset"`
}

type sendRequest struct {
	To           []mailbox         `json:"to"`
	CC           []mailbox         `json:"cc"`
	BCC          []mailbox         `json:"bcc"`
	From         *mailbox          `json:"from"` // ignored: the sender is the application's own
	Subject      string            `json:"subject"`
	PlainBody    *mailBody         `json:"plainBody"`
	HTMLBody     *mailBody         `json:"htmlBody"`
	ExtraHeaders []json.RawMessage `json:"extraHeaders"`
	Attachments  []json.RawMessage `json:"attachments"`
	InReplyTo    string            `json:"inReplyTo"`
}

// SentMail is a mail that was sent, as the admin's state shows it.
type SentMail struct {
	To      []string `json:"to"`
	Subject string   `json:"subject"`
	Text    string   `json:"text"`
}

// sendEmail is POST /api/email/send-email (contract section 9). Recipients that cannot be reached are named in the answer,
// which is a success all the same.
func (s *Server) sendEmail(in sendRequest) (any, *problem) {
	if len(in.To) == 0 {
		return nil, invalid("to", "err_validation_null", "This field cannot be null")
	}
	if strings.TrimSpace(in.Subject) == "" {
		return nil, invalid("subject", "err_validation_blank", "This field, if present, cannot be blank or empty")
	}
	sent := SentMail{To: []string{}, Subject: in.Subject}
	wrong := []string{}
	for _, list := range [][]mailbox{in.To, in.CC, in.BCC} {
		for _, to := range list {
			address := strings.ToLower(to.EmailAddress)
			if !addressForm.MatchString(address) || strings.HasSuffix(address, ".invalid") {
				wrong = append(wrong, to.EmailAddress)
				continue
			}
			sent.To = append(sent.To, to.EmailAddress)
		}
	}
	switch {
	case in.PlainBody != nil:
		sent.Text = in.PlainBody.Content
	case in.HTMLBody != nil:
		sent.Text = in.HTMLBody.Content
	}
	if len(sent.To) > 0 {
		s.mails = append(s.mails, sent)
		s.wrote++
	}
	return map[string]any{
		"messageId": "<" + s.newKey("mail") + "@mail.acme-corp-internal.com>", "messageDateHeader": formatDate(s.opts.Now()),
		"invalidRecipients": wrong,
	}, nil
}
