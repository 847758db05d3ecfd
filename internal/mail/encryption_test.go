package mail_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/mail"
	"github.com/threatshare/threatshare/internal/mail/mailtest"
)

// away gives a sender to whom the server is called mail.example, as one on another machine, and who trusts its authority.
func away(t *testing.T, server *mailtest.Server, scheme, user, password string) *mail.Sender {
	t.Helper()
	address := url.URL{Scheme: scheme, Host: "mail.example"}
	if user != "" {
		address.User = url.UserPassword(user, password)
	}
	return newSender(t, address.String()).Reaching(server.Address(), server.Authority())
}

func TestAServerElsewhereIsTalkedToUnderSTARTTLS(t *testing.T) {
	var said transcript
	server := start(t, mailtest.Options{
		STARTTLS: true, User: user, Password: password, Names: []string{"mail.example"}, Transcript: &said,
	})
	sender := away(t, server, "smtp", user, password)
	require.NoError(t, sender.Send(t.Context(), []string{"soc@acme.example"}, aMail()))
	require.Len(t, server.Messages(), 1)
	require.Regexp(t, `(?s)STARTTLS.*AUTH.*MAIL FROM`, said.String())
	require.NoError(t, sender.Check(t.Context()))
}

func TestAServerIsTalkedToUnderTLSFromTheStart(t *testing.T) {
	server := start(t, mailtest.Options{TLS: true, User: user, Password: password, Names: []string{"mail.example"}})
	sender := away(t, server, "smtps", user, password)
	require.NoError(t, sender.Send(t.Context(), []string{"soc@acme.example"}, aMail()))
	require.Len(t, server.Messages(), 1)
}

func TestACertificateThatIsNotTheServersIsRefusedAndTheReasonSaysWhatToDo(t *testing.T) {
	for name, tc := range map[string]struct {
		options   mailtest.Options
		scheme    string
		stranger  bool
		mentioned string
	}{
		"STARTTLS, another's name":       {mailtest.Options{STARTTLS: true, Names: []string{"other.example"}}, "smtp", false, "other.example"},
		"STARTTLS, an unknown issuer":    {mailtest.Options{STARTTLS: true, Names: []string{"mail.example"}}, "smtp", true, "unknown authority"},
		"from the start, another's name": {mailtest.Options{TLS: true, Names: []string{"other.example"}}, "smtps", false, "other.example"},
	} {
		t.Run(name, func(t *testing.T) {
			var said transcript
			tc.options.User, tc.options.Password, tc.options.Transcript = user, password, &said
			server := start(t, tc.options)
			sender := away(t, server, tc.scheme, user, password)
			if tc.stranger {
				sender = sender.Reaching(server.Address(), nil)
			}
			failed := failure(t, sender.Send(t.Context(), []string{"soc@acme.example"}, aMail()))
			require.False(t, failed.Final, "a new certificate mends it")
			require.Equal(t, []string{"soc@acme.example"}, failed.Left)
			require.Contains(t, failed.Reason, "mail.example")
			require.Contains(t, failed.Reason, "not trusted")
			require.Contains(t, failed.Reason, tc.mentioned)
			require.Contains(t, failed.Reason, "SSL_CERT_FILE")
			require.Empty(t, server.Messages())
			require.NotContains(t, said.String(), "\nAUTH")
		})
	}
}

func TestNothingIsSaidToAServerElsewhereWithoutEncryption(t *testing.T) {
	for name, login := range map[string]string{"with credentials": user, "without": ""} {
		t.Run(name, func(t *testing.T) {
			var said transcript
			server := start(t, mailtest.Options{User: login, Password: password, Transcript: &said})
			sender := away(t, server, "smtp", login, password)
			failed := failure(t, sender.Send(t.Context(), []string{"soc@acme.example"}, aMail()))
			require.Contains(t, failed.Reason, "STARTTLS")
			require.NotContains(t, said.String(), "MAIL FROM")
			require.NotContains(t, said.String(), "\nAUTH")
			failure(t, sender.Check(t.Context()))
		})
	}
}

func TestOnThisMachineEncryptionIsUsedToProtectCredentials(t *testing.T) {
	t.Run("offered", func(t *testing.T) {
		server := start(t, mailtest.Options{STARTTLS: true, User: user, Password: password})
		sender := newSender(t, server.URL(user, password)).Reaching(server.Address(), server.Authority())
		require.NoError(t, sender.Check(t.Context()))
		failed := failure(t, newSender(t, server.URL(user, password)).Check(t.Context()))
		require.Contains(t, failed.Reason, "not trusted")
	})
	t.Run("not offered", func(t *testing.T) {
		server := start(t, mailtest.Options{User: user, Password: password})
		require.NoError(t, newSender(t, server.URL(user, password)).Check(t.Context()))
	})
	t.Run("nothing to protect", func(t *testing.T) {
		server := start(t, mailtest.Options{STARTTLS: true})
		require.NoError(t, newSender(t, server.URL("", "")).Send(t.Context(), []string{"soc@acme.example"}, aMail()))
		require.Len(t, server.Messages(), 1)
	})
}

func TestAMixUpOfTheTwoWaysToEncryptIsNamed(t *testing.T) {
	unencrypted := start(t, mailtest.Options{STARTTLS: true})
	failed := failure(t, away(t, unencrypted, "smtps", "", "").Check(t.Context()))
	require.Contains(t, failed.Reason, "does not encrypt from the start")
}

func TestOnlyLoopbackIsThisMachine(t *testing.T) {
	for _, host := range []string{"localhost", "LocalHost", "127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"} {
		require.True(t, mail.OnThisMachine(host), host)
	}
	for _, host := range []string{"", "mail.example", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0", "::", "10.0.0.1", "2001:db8::1"} {
		require.False(t, mail.OnThisMachine(host), host)
	}
}

func TestTheBestWayToLogInIsChosen(t *testing.T) {
	for offered, chosen := range map[string][2]string{ // without and with encryption
		"":                                 {"", ""},
		"GSSAPI XOAUTH2 NTLM":              {"", ""},
		"LOGIN":                            {"LOGIN", "LOGIN"},
		"LOGIN PLAIN":                      {"PLAIN", "PLAIN"},
		"login plain cram-md5":             {"CRAM-MD5", "CRAM-MD5"},
		"PLAIN SCRAM-SHA-1":                {"SCRAM-SHA-1", "SCRAM-SHA-1"},
		"PLAIN SCRAM-SHA-1-PLUS":           {"PLAIN", "SCRAM-SHA-1-PLUS"},
		"SCRAM-SHA-1 SCRAM-SHA-256":        {"SCRAM-SHA-256", "SCRAM-SHA-256"},
		"SCRAM-SHA-256-PLUS SCRAM-SHA-256": {"SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"},
	} {
		require.Equal(t, chosen[0], mail.Mechanism(offered, false), offered)
		require.Equal(t, chosen[1], mail.Mechanism(offered, true), offered)
	}
}
