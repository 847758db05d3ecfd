package activities_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/mail"
	"github.com/threatshare/threatshare/internal/mail/mailtest"
	"github.com/threatshare/threatshare/internal/notify"
)

const mailPassword = "canary-4711"

// post is a mail server and the step that sends by it.
type post struct {
	*activities.Activities

	t      *testing.T
	server *mailtest.Server
	left   []string // of the last heartbeat
}

func newPost(t *testing.T) *post {
	t.Helper()
	server, err := mailtest.Start(t.Context(), mailtest.Options{User: "bot", Password: mailPassword})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	p := &post{t: t, server: server, Activities: &activities.Activities{Links: notify.Links{UI: "https://temporal.example"}}}
	p.sendBy(server.URL("bot", mailPassword))
	return p
}

func (p *post) sendBy(address string) {
	p.t.Helper()
	sender, err := mail.New(mail.Config{URL: address, From: "bot@acme.example"})
	require.NoError(p.t, err)
	p.Mail = sender
}

// notify runs the step once, as an attempt that comes after one that left somebody over if left is not nil.
func (p *post) notify(left []string) (activities.NotifyResult, error) {
	p.t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(p.Activities)
	if left != nil {
		env.SetHeartbeatDetails(left)
	}
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		p.left = nil
		require.NoError(p.t, details.Get(&p.left))
	})
	var result activities.NotifyResult
	answer, err := env.ExecuteActivity(p.Notify, activities.NotifyInput{To: recipients(), Notice: aNotice()})
	if err == nil {
		require.NoError(p.t, answer.Get(&result))
	}
	return result, err
}

func recipients() []string { return []string{"soc@acme.example", "ops@acme.example"} }

func aNotice() notify.Notice {
	return notify.Notice{
		Integration: acme, Number: 1, Kind: notify.PermanentError, Since: time.Date(2026, 3, 1, 10, 15, 0, 0, time.UTC),
		Problems: []notify.Problem{{What: "Falcon", Reason: "Falcon refuses the credentials; set FALCON_CLIENT_SECRET"}},
	}
}

func TestNotifyMailsTheNoticeInWordsToEverybody(t *testing.T) {
	p := newPost(t)
	result, err := p.notify(nil)
	require.NoError(t, err)
	require.Empty(t, result.Skipped)
	require.Len(t, p.server.Messages(), 1)
	got := p.server.Messages()[0]
	require.Equal(t, recipients(), got.To)
	require.Equal(t, "[Threat Share acme] needs you: Falcon refuses the credentials", got.Subject)
	require.Contains(t, got.Text, "set FALCON_CLIENT_SECRET")
	require.Contains(t, got.Text, "https://temporal.example/namespaces/default/workflows/threatshare%2Facme")

	_, err = p.notify(nil)
	require.NoError(t, err)
	again := p.server.Messages()[1]
	require.Equal(t, got.Header.Get("Message-ID"), again.Header.Get("Message-ID"), "a repeated step repeats the same mail")
}

func TestNotifyWithoutAMailServerIsSkipped(t *testing.T) {
	p := newPost(t)
	for name, without := range map[string]func(){
		"no sender": func() { p.Mail = nil },
		"no server": func() { p.sendBy("") },
	} {
		without()
		result, err := p.notify(nil)
		require.NoError(t, err, name)
		require.Contains(t, result.Skipped, "THREATSHARE_SMTP_URL", name)
	}
}

func TestNotifyGivesUpOnlyWhatIsRefusedForGood(t *testing.T) {
	for name, tc := range map[string]struct {
		wrong   func(*post)
		kind    string
		retried bool
	}{
		"wrong password": {func(p *post) { p.sendBy(p.server.URL("bot", mailPassword+"x")) }, activities.MailRefused, false},
		"sender refused": {
			func(p *post) { p.server.Break(mailtest.Fault{At: mailtest.Sender, Code: 550}) }, activities.MailRefused, false,
		},
		"nobody known": {
			func(p *post) {
				p.server.Break(mailtest.Fault{At: mailtest.Recipient, Code: 550, Text: "<soc@acme.example> unknown"})
			}, activities.MailRefused, false,
		},
		"not now": {
			func(p *post) { p.server.Break(mailtest.Fault{At: mailtest.Content, Code: 452}) }, activities.MailUnavailable, true,
		},
		"dropped": {func(p *post) { p.server.Break(mailtest.Fault{At: mailtest.Greeting}) }, activities.MailUnavailable, true},
		"gone":    {func(p *post) { require.NoError(p.t, p.server.Close()) }, activities.MailUnavailable, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPost(t)
			tc.wrong(p)
			_, err := p.notify(nil)
			failed := refusedAs(t, err, tc.kind, tc.retried)
			for _, secret := range []string{"canary", "soc@", "ops@"} {
				require.NotContains(t, failed.Error(), secret)
			}
			require.Contains(t, activities.ProblemOf(failed).Reason, "mail server")
			require.Empty(t, p.server.Messages())
			require.Nil(t, p.left, "everybody is left")
		})
	}
}

func TestNotifyDoesNotMailThoseAgainWhoHaveTheMail(t *testing.T) {
	p := newPost(t)
	p.server.Break(mailtest.Fault{At: mailtest.Recipient, Of: recipients()[0], Code: 451, Text: "greylisted"})
	_, err := p.notify(nil)
	refusedAs(t, err, activities.MailUnavailable, true)
	require.Equal(t, recipients()[:1], p.left)

	p.server.Break()
	_, err = p.notify(p.left)
	require.NoError(t, err)
	require.Len(t, p.server.Messages(), 2)
	require.Equal(t, recipients()[1:], p.server.Messages()[0].To)
	require.Equal(t, recipients()[:1], p.server.Messages()[1].To)
}

func TestARecipientWhomTheServerDoesNotKnowIsSaidAndTheOthersAreNotMailedAgain(t *testing.T) {
	p := newPost(t)
	p.server.Break(mailtest.Fault{At: mailtest.Recipient, Of: recipients()[0], Code: 550, Text: "unknown"})
	result, err := p.notify(nil)
	require.NoError(t, err, "another try would mail those again who have it")
	require.Contains(t, result.Refused, "1 of 2 recipients")
	require.NotContains(t, result.Refused, recipients()[0])
	require.Len(t, p.server.Messages(), 1)
}

func TestNotifyIsRepeatedByTemporalUntilTheServerIsBack(t *testing.T) {
	p := newPost(t)
	p.server.Break(mailtest.Fault{At: mailtest.Greeting, Code: 421, Text: "too busy"})
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterActivity(p.Activities)
	tries := 0
	env.SetOnActivityStartedListener(func(*activity.Info, context.Context, converter.EncodedValues) {
		if tries++; tries == 3 {
			p.server.Break()
		}
	})
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			StartToCloseTimeout: time.Minute, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 5},
		})
		return workflow.ExecuteActivity(ctx, p.Notify, activities.NotifyInput{To: recipients(), Notice: aNotice()}).Get(ctx, nil)
	})
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, 3, tries)
	require.Len(t, p.server.Messages(), 1)
}
