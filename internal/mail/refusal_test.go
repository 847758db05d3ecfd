package mail_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/mail/mailtest"
)

func TestWrongCredentialsAreFinalAndTheReasonNamesTheVariable(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "LOGIN"} {
		t.Run(mechanism, func(t *testing.T) {
			server := start(t, mailtest.Options{User: user, Password: "another", Mechanisms: []string{mechanism}})
			sender := newSender(t, server.URL(user, password))
			for _, err := range []error{
				sender.Send(t.Context(), []string{"soc@acme.example"}, aMail()), sender.Check(t.Context()),
			} {
				failed := failure(t, err)
				require.True(t, failed.Final)
				require.Contains(t, failed.Reason, "535 5.7.8")
				require.Contains(t, failed.Reason, "THREATSHARE_SMTP_URL")
				require.NotContains(t, failed.Reason, "Authentication failed", "the server's words have heard the password")
			}
			server = start(t, mailtest.Options{User: user, Password: password, Mechanisms: []string{mechanism}})
			require.NoError(t, newSender(t, server.URL(user, password)).Check(t.Context()), "the right ones")
		})
	}
}

func TestCredentialsThatTheServerHasNoUseForAreFinal(t *testing.T) {
	server := start(t, mailtest.Options{})
	failed := failure(t, newSender(t, server.URL(user, password)).Check(t.Context()))
	require.True(t, failed.Final)
	require.Contains(t, failed.Reason, "THREATSHARE_SMTP_URL")
}

func TestMissingCredentialsAreFinal(t *testing.T) {
	server := start(t, mailtest.Options{User: user, Password: password})
	failed := failure(t, newSender(t, server.URL("", "")).Send(t.Context(), []string{"soc@acme.example"}, aMail()))
	require.True(t, failed.Final)
	require.Contains(t, failed.Reason, "530")
	require.Contains(t, failed.Reason, "THREATSHARE_SMTP_URL")
}

func TestWhatTheServerRefusesForNowIsWorthAnotherTry(t *testing.T) {
	for _, tc := range []struct {
		fault mailtest.Fault
		final bool
		told  string
	}{
		{mailtest.Fault{At: mailtest.Greeting, Code: 421, Text: "too busy"}, false, "421 too busy"},
		{mailtest.Fault{At: mailtest.Greeting, Code: 554, Text: "not you"}, false, "554 not you"},
		{mailtest.Fault{At: mailtest.LogIn, Code: 454, Text: "directory is down"}, false, "454"},
		{mailtest.Fault{At: mailtest.LogIn, Code: 535, Text: "no"}, true, "535"},
		{mailtest.Fault{At: mailtest.Sender, Code: 451, Text: "later"}, false, "451 4.7.1 later"},
		{mailtest.Fault{At: mailtest.Sender, Code: 550, Text: "not yours"}, true, "550 5.7.1 not yours): check THREATSHARE_MAIL_FROM"},
		{mailtest.Fault{At: mailtest.Recipient, Code: 450, Text: "greylisted"}, false, "2 of 2 recipients, now (450 4.7.1 greylisted)"},
		{mailtest.Fault{At: mailtest.Recipient, Code: 550, Text: "unknown"}, true, "2 of 2 recipients (550 5.7.1 unknown): check notify"},
		{mailtest.Fault{At: mailtest.Content, Code: 452, Text: "disk is full"}, false, "452 4.7.1 disk is full"},
		{mailtest.Fault{At: mailtest.Content, Code: 554, Text: "spam"}, true, "554 5.7.1 spam"},
		{mailtest.Fault{At: mailtest.Greeting}, false, "greeting"},
		{mailtest.Fault{At: mailtest.LogIn}, false, "logging in"},
		{mailtest.Fault{At: mailtest.Sender}, false, "handing the mail in"},
		{mailtest.Fault{At: mailtest.Recipient}, false, "naming the recipients"},
		{mailtest.Fault{At: mailtest.Content}, false, "handing the mail in"},
	} {
		t.Run(string(tc.fault.At)+" "+tc.told, func(t *testing.T) {
			server := start(t, mailtest.Options{User: user, Password: password})
			sender := newSender(t, server.URL(user, password))
			to := []string{"soc@acme.example", "ops@acme.example"}
			server.Break(tc.fault)
			failed := failure(t, sender.Send(t.Context(), to, aMail()))
			require.Equal(t, tc.final, failed.Final, failed.Reason)
			require.Contains(t, failed.Reason, tc.told)
			require.Contains(t, failed.Reason, server.Address())
			require.Equal(t, to, failed.Left)
			require.Empty(t, server.Messages())

			server.Break()
			require.NoError(t, sender.Send(t.Context(), to, aMail()), "when all is well again")
		})
	}
}

func TestARefusedRecipientKeepsTheMailFromNobodyElse(t *testing.T) {
	to := []string{"soc@acme.example", "nobody@acme.example", "ops@acme.example", "away@acme.example"}
	unknown := mailtest.Fault{At: mailtest.Recipient, Of: to[1], Code: 550, Text: "no such user"}
	greylisted := mailtest.Fault{At: mailtest.Recipient, Of: to[3], Code: 451, Text: "come back later"}

	t.Run("for good", func(t *testing.T) {
		server := start(t, mailtest.Options{})
		server.Break(unknown)
		failed := failure(t, newSender(t, server.URL("", "")).Send(t.Context(), to, aMail()))
		require.True(t, failed.Final)
		require.Equal(t, []string{to[1]}, failed.Left)
		require.Contains(t, failed.Reason, "refuses 1 of 4 recipients, the others have the mail (550")
		require.Equal(t, []string{to[0], to[2], to[3]}, server.Messages()[0].To)
	})
	t.Run("one for good and one for now", func(t *testing.T) {
		server := start(t, mailtest.Options{})
		server.Break(unknown, greylisted)
		sender := newSender(t, server.URL("", ""))
		failed := failure(t, sender.Send(t.Context(), to, aMail()))
		require.False(t, failed.Final, "one of them may still get it")
		require.Equal(t, []string{to[1], to[3]}, failed.Left)

		server.Break(unknown)
		failed = failure(t, sender.Send(t.Context(), failed.Left, aMail()))
		require.True(t, failed.Final)
		require.Equal(t, []string{to[1]}, failed.Left)
		require.Len(t, server.Messages(), 2)
		require.Equal(t, []string{to[3]}, server.Messages()[1].To, "the others have theirs")
	})
}

func TestWhatAServerSaysIsRepeatedWithoutAddressesSecretsAndControlCharacters(t *testing.T) {
	server := start(t, mailtest.Options{User: user, Password: password})
	server.Break(mailtest.Fault{
		At: mailtest.Recipient, Code: 550,
		Text: "<soc@acme.example>: mailbox 'SOC' of nobody@acme.example, " + password + " \x1b[31m\u202e is unknown " + strings.Repeat("x", 500),
	})
	failed := failure(t, newSender(t, server.URL(user, password)).Send(t.Context(), []string{"soc@acme.example"}, aMail()))
	require.Contains(t, failed.Reason, "mailbox *** of ***")
	require.Contains(t, failed.Reason, "is unknown")
	require.NotContains(t, failed.Reason, "acme.example>")
	require.NotContains(t, failed.Reason, "\u202e")
	require.Less(t, len(failed.Reason), 600)
}

func TestAServerThatDoesNotSpeakSMTPIsNotQuoted(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	go func() {
		for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
			_, _ = conn.Write([]byte("HTTP/1.1 400 canary soc@acme.example\x1b[31m\r\n\r\n"))
			_ = conn.Close()
		}
	}()
	failed := failure(t, newSender(t, "smtp://"+listener.Addr().String()).Check(t.Context()))
	require.Contains(t, failed.Reason, "not SMTP")
	require.False(t, failed.Final)
}

func TestAServerThatIsNotThereIsWorthAnotherTry(t *testing.T) {
	server := start(t, mailtest.Options{})
	require.NoError(t, server.Close())
	failed := failure(t, newSender(t, server.URL("", "")).Send(t.Context(), []string{"soc@acme.example"}, aMail()))
	require.False(t, failed.Final)
	require.Contains(t, failed.Reason, "connection refused")
}

// A server that stalls would hold the test up for half a minute, and end it with another error.
func TestAServerThatStallsIsLeftWhenTheContextEnds(t *testing.T) {
	for _, stage := range []mailtest.Stage{mailtest.Greeting, mailtest.LogIn, mailtest.Sender, mailtest.Recipient, mailtest.Content} {
		t.Run(string(stage), func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			stalled := make(chan struct{})
			server := start(t, mailtest.Options{User: user, Password: password, Stalled: func() { close(stalled) }})
			server.Break(mailtest.Fault{At: stage, Stall: true})
			go func() {
				<-stalled
				cancel()
			}()
			err := newSender(t, server.URL(user, password)).Send(ctx, []string{"soc@acme.example"}, aMail())
			require.ErrorIs(t, err, context.Canceled)
			require.NotContains(t, err.Error(), "canary")
		})
	}
}

func TestAStalledEncryptionIsLeftWhenTheContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := start(t, mailtest.Options{TLS: true, Stalled: cancel})
	server.Break(mailtest.Fault{At: mailtest.Greeting, Stall: true})
	require.ErrorIs(t, away(t, server, "smtps", "", "").Check(ctx), context.Canceled)
}

func TestAContextThatHasEndedReachesNoServer(t *testing.T) {
	server := start(t, mailtest.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, newSender(t, server.URL("", "")).Send(ctx, []string{"soc@acme.example"}, aMail()), context.Canceled)
	require.Empty(t, server.Messages())
}
