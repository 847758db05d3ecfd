package mail_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/mail"
	"github.com/threatshare/threatshare/internal/mail/mailtest"
	"github.com/threatshare/threatshare/internal/notify"
)

const (
	user     = "bot"
	password = "canary p@ss/word:4711"
)

func start(t *testing.T, options mailtest.Options) *mailtest.Server {
	t.Helper()
	server, err := mailtest.Start(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return server
}

func newSender(t *testing.T, address string) *mail.Sender {
	t.Helper()
	sender, err := mail.New(mail.Config{URL: address, From: "Threat Share <bot@acme.example>"})
	require.NoError(t, err)
	return sender
}

func aMail() notify.Mail {
	return notify.Mail{ID: "threatshare.4711", Subject: "[Threat Share acme] needs you", Text: "What is wrong.\n\n.\nFrom here on.\n"}
}

// failure is the error of a sender, which says nothing that it should not.
func failure(t *testing.T, err error) *notify.MailError {
	t.Helper()
	failed, told := errors.AsType[*notify.MailError](err)
	require.True(t, told, "%v", err)
	for _, secret := range []string{password, "canary", "%2F", "soc@", "ops@", "nobody@", "\n", "\x1b"} {
		require.NotContains(t, failed.Error(), secret)
	}
	return failed
}

func TestAMailArrivesAsOneMessageToEverybody(t *testing.T) {
	server := start(t, mailtest.Options{})
	to := []string{"soc@acme.example", "ops@acme.example"}
	require.NoError(t, newSender(t, server.URL("", "")).Send(t.Context(), to, aMail()))

	require.Len(t, server.Messages(), 1)
	got := server.Messages()[0]
	require.Equal(t, "bot@acme.example", got.From)
	require.Equal(t, to, got.To)
	require.Equal(t, aMail().Subject, got.Subject)
	require.Equal(t, aMail().Text, strings.TrimRight(got.Text, "\n")+"\n")
	require.Equal(t, "<threatshare.4711@acme.example>", got.Header.Get("Message-ID"))
	require.Equal(t, `"Threat Share" <bot@acme.example>`, got.Header.Get("From"))
	require.Equal(t, "<soc@acme.example>, <ops@acme.example>", got.Header.Get("To"))
	require.Equal(t, "auto-generated", got.Header.Get("Auto-Submitted"))
	require.Equal(t, "text/plain; charset=UTF-8", got.Header.Get("Content-Type"))
	_, err := got.Header.Date()
	require.NoError(t, err)
	for _, name := range []string{"User-Agent", "X-Mailer", "Bcc", "Disposition-Notification-To"} {
		require.Empty(t, got.Header.Get(name), name)
	}
}

func TestOneNoticeSentTwiceHasOneMessageID(t *testing.T) {
	server := start(t, mailtest.Options{})
	sender := newSender(t, server.URL("", ""))
	for range 2 {
		require.NoError(t, sender.Send(t.Context(), []string{"soc@acme.example"}, aMail()))
	}
	messages := server.Messages()
	require.Len(t, messages, 2)
	require.NotEmpty(t, messages[0].Header.Get("Message-ID"))
	require.Equal(t, messages[0].Header["Message-Id"], messages[1].Header["Message-Id"])
}

func TestASubjectAndATextInAnyAlphabetArriveWhole(t *testing.T) {
	server := start(t, mailtest.Options{})
	m := aMail()
	m.Subject = "[Threat Share zürich] braucht Sie: Falcon lehnt die Zugangsdaten ab – 要確認 " + strings.Repeat("ж", 100)
	m.Text = "Größe: 7 µm – 要確認\n" + strings.Repeat("ж", 2000) + "\n=3D = end\n"
	require.NoError(t, newSender(t, server.URL("", "")).Send(t.Context(), []string{"soc@acme.example"}, m))
	got := server.Messages()[0]
	require.Equal(t, m.Subject, got.Subject)
	require.Equal(t, m.Text, strings.TrimRight(got.Text, "\n")+"\n")
	for line := range bytes.SplitSeq(got.Data, []byte("\r\n")) {
		require.LessOrEqual(t, len(line), 998)
		require.Equal(t, -1, bytes.IndexFunc(line, func(r rune) bool { return r > '~' }), "%q", line)
	}
}

func TestFault_D13_NoWordOfANoticeBecomesAHeaderOrAnotherMail(t *testing.T) {
	server := start(t, mailtest.Options{})
	sender := newSender(t, server.URL("", ""))
	const attack = "x\r\nBcc: evil@evil.example\r\n\r\nhello\r\n.\r\nMAIL FROM:<evil@evil.example>\r\n"
	notice := notify.Notice{
		Integration: attack, Kind: notify.PermanentError, Problems: []notify.Problem{{What: attack, Reason: attack}},
	}
	composed := notify.Compose(notice, notify.Links{Namespace: attack})
	for name, m := range map[string]notify.Mail{
		"composed": composed,
		"raw":      {ID: "x", Subject: attack, Text: attack},
	} {
		require.NoError(t, sender.Send(t.Context(), []string{"soc@acme.example"}, m), name)
	}
	require.Len(t, server.Messages(), 2)
	for _, got := range server.Messages() {
		require.Equal(t, []string{"soc@acme.example"}, got.To)
		require.Empty(t, got.Header.Get("Bcc"))
		require.NotContains(t, got.Subject, "\n")
		require.Len(t, got.Header, 9, "%v", got.Header)
	}
}

func TestARecipientThatIsNoAddressReachesNoCommand(t *testing.T) {
	server := start(t, mailtest.Options{})
	to := []string{"a@acme.example>\r\nRCPT TO:<evil@evil.example", "soc@acme.example"}
	failed := failure(t, newSender(t, server.URL("", "")).Send(t.Context(), to, aMail()))
	require.True(t, failed.Final)
	require.Equal(t, to[:1], failed.Left)
	require.Equal(t, []string{"soc@acme.example"}, server.Messages()[0].To)
}

func TestWithoutAServerNothingIsSentAndThatIsSaid(t *testing.T) {
	sender, err := mail.New(mail.Config{From: "bot@acme.example"})
	require.NoError(t, err)
	require.ErrorIs(t, sender.Send(t.Context(), []string{"soc@acme.example"}, aMail()), notify.ErrNoServer)
	require.ErrorIs(t, sender.Check(t.Context()), notify.ErrNoServer)
}

func TestASenderIsNotMadeOfABadConfig(t *testing.T) {
	for _, cfg := range []mail.Config{
		{URL: "http://bot:" + "canary" + "@mail.example", From: "bot@acme.example"},
		{URL: "smtp://mail.example"},
		{URL: "smtp://mail.example", From: "nobody"},
		{URL: "smtp://mail.example", From: "=?utf-8?q?a=0d=0aBcc=3a_x?= <bot@acme.example>"},
		{URL: "smtp://mail.example", From: "bot@zürich.example"},
	} {
		_, err := mail.New(cfg)
		require.Error(t, err, "%q", cfg.From)
		require.NotContains(t, err.Error(), "canary")
	}
}

func TestNeitherSenderNorConfigShowsASecret(t *testing.T) {
	cfg := mail.Config{URL: "smtps://canary-user:canary-pass@mail.example", From: "bot@acme.example"}
	sender, err := mail.New(cfg)
	require.NoError(t, err)
	for _, value := range []any{cfg, &cfg, sender, *sender, []any{cfg, sender}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			shown := fmt.Sprintf(verb, value)
			require.NotContains(t, shown, "canary", "%T by %s", value, verb)
			require.NotContains(t, shown, fmt.Sprintf("%x", "canary"), "%T by %s", value, verb)
		}
		var logged bytes.Buffer
		slog.New(slog.NewTextHandler(&logged, nil)).Info("shown", "value", value)
		slog.New(slog.NewJSONHandler(&logged, nil)).Info("shown", "value", value)
		require.NotContains(t, logged.String(), "canary")
	}
	encoded, err := json.Marshal(cfg)
	require.NoError(t, err)
	require.NotContains(t, string(encoded), "canary")
}

func TestManyMailsCanBeSentAtOnce(t *testing.T) {
	server := start(t, mailtest.Options{User: user, Password: password})
	sender := newSender(t, server.URL(user, password))
	var sending sync.WaitGroup
	for range 10 {
		sending.Go(func() {
			if err := sender.Send(t.Context(), []string{"soc@acme.example"}, aMail()); err != nil {
				t.Error(err)
			}
		})
	}
	sending.Wait()
	require.Len(t, server.Messages(), 10)
}

func TestACheckSendsNothing(t *testing.T) {
	var said transcript
	server := start(t, mailtest.Options{User: user, Password: password, Transcript: &said})
	require.NoError(t, newSender(t, server.URL(user, password)).Check(t.Context()))
	require.Empty(t, server.Messages())
	require.Contains(t, said.String(), "AUTH PLAIN")
	require.Contains(t, said.String(), "QUIT")
	require.NotContains(t, said.String(), "MAIL FROM")
}

// transcript is what client and server said. Safe for concurrent use.
type transcript struct {
	mu   sync.Mutex
	said bytes.Buffer
}

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.Write(p)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.String()
}
