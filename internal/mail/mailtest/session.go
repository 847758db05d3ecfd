package mailtest

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Message is a mail that the server has taken.
type Message struct {
	From string
	To   []string // who gets it; the header may name others
	Data []byte   // as it came

	Header  mail.Header
	Subject string // decoded
	Text    string // decoded, with \n at the ends of lines
}

// session is one client's.
type session struct {
	server   *Server
	conn     *smtp.Conn
	loggedIn bool
	from     string
	to       []string
}

func (s *Server) session(conn *smtp.Conn) (smtp.Session, error) {
	return &session{server: s, conn: conn}, nil
}

// AuthMechanisms are the ways to log in.
func (c *session) AuthMechanisms() []string {
	switch options := c.server.options; {
	case options.User == "":
		return nil
	case options.Mechanisms == nil:
		return []string{sasl.Plain, sasl.Login}
	default:
		return options.Mechanisms
	}
}

// Auth starts a log-in.
func (c *session) Auth(mechanism string) (sasl.Server, error) {
	if !slices.Contains(c.AuthMechanisms(), mechanism) {
		return nil, smtp.ErrAuthUnknownMechanism
	}
	if mechanism == sasl.Login {
		return &loginServer{logIn: c.logIn}, nil
	}
	return sasl.NewPlainServer(func(_, user, password string) error { return c.logIn(user, password) }), nil
}

func (c *session) logIn(user, password string) error {
	if err := c.server.goWrong(c.conn.Conn(), LogIn, user); err != nil {
		return err
	}
	given, wanted := []byte(user+"\x00"+password), []byte(c.server.options.User+"\x00"+c.server.options.Password)
	if subtle.ConstantTimeCompare(given, wanted) != 1 {
		return smtp.ErrAuthFailed
	}
	c.loggedIn = true
	return nil
}

// Mail begins a mail.
func (c *session) Mail(from string, _ *smtp.MailOptions) error {
	if c.server.options.User != "" && !c.loggedIn {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	if err := c.server.goWrong(c.conn.Conn(), Sender, from); err != nil {
		return err
	}
	c.from = from
	return nil
}

// Rcpt names a recipient.
func (c *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := c.server.goWrong(c.conn.Conn(), Recipient, to); err != nil {
		return err
	}
	c.to = append(c.to, to)
	return nil
}

// Data takes the mail. One that cannot be read is refused.
func (c *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := c.server.goWrong(c.conn.Conn(), Content, ""); err != nil {
		return err
	}
	message, err := read(data)
	if err != nil {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: err.Error()}
	}
	message.From, message.To = c.from, slices.Clone(c.to)
	c.server.keep(message)
	return nil
}

// Reset forgets the mail that was begun.
func (c *session) Reset() { c.from, c.to = "", nil }

// Logout ends the session.
func (c *session) Logout() error { return nil }

// read decodes a mail of one plain text, which is all that is sent here.
func read(data []byte) (Message, error) {
	parsed, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		return Message{}, fmt.Errorf("read a mail: %w", err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
	if err != nil {
		return Message{}, fmt.Errorf("read a subject: %w", err)
	}
	body := parsed.Body
	if strings.EqualFold(parsed.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return Message{}, fmt.Errorf("read the text of a mail: %w", err)
	}
	return Message{
		Data: data, Header: parsed.Header, Subject: subject, Text: strings.ReplaceAll(string(text), "\r\n", "\n"),
	}, nil
}

// loginServer is the server's side of LOGIN, which asks for user and password one after the other.
type loginServer struct {
	logIn func(user, password string) error
	asked int
	user  string
}

// Next takes an answer and gives the next question.
func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	l.asked++
	switch l.asked {
	case 1:
		if response == nil {
			return []byte("Username:"), false, nil
		}
		l.asked++ // given with the command itself
		fallthrough
	case 2:
		l.user = string(response)
		return []byte("Password:"), false, nil
	case 3:
		return nil, true, l.logIn(l.user, string(response))
	default:
		return nil, false, errors.New("nothing was asked")
	}
}
