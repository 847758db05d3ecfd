package activities

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/internal/notify"
)

// The failures that a mail ends with.
const (
	MailRefused     = "MailRefused"     // final: the server refuses the credentials, the sender, the recipients or the mail
	MailUnavailable = "MailUnavailable" // again later
)

// Mailer sends mail.
type Mailer interface {
	// Send sends one mail to all of to. The error is notify.ErrNoServer, a *notify.MailError that says who has not got the mail
	// and whether that is final, or one that is worth another try. It holds no address in its text.
	Send(ctx context.Context, to []string, mail notify.Mail) error
	// Check makes sure that the mail server can be reached and takes the credentials. Nothing is sent. Errors as with Send.
	Check(ctx context.Context) error
}

// NotifyInput is a notice and who is to get it.
type NotifyInput struct {
	To     []string      `json:"to"`
	Notice notify.Notice `json:"notice"`
}

// NotifyResult says what became of a notice.
type NotifyResult struct {
	Skipped string `json:"skipped,omitempty"` // why no mail was sent; empty if one was
	Refused string `json:"refused,omitempty"` // why some of the recipients have not got it, and will not
}

// Notify mails a notice. A worker without a mail server skips it, which is no failure. Who has got the mail does not get it
// again because the server did not take it for somebody else: what an attempt leaves over stands in its heartbeat.
func (a *Activities) Notify(ctx context.Context, in NotifyInput) (NotifyResult, error) {
	if a.Mail == nil {
		return NotifyResult{Skipped: notify.ErrNoServer.Error()}, nil
	}
	to := in.To
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &to); err != nil {
			return NotifyResult{}, fmt.Errorf("read who is left to be told: %w", err)
		}
	}
	err := a.Mail.Send(ctx, to, notify.Compose(in.Notice, a.Links))
	if errors.Is(err, notify.ErrNoServer) {
		return NotifyResult{Skipped: err.Error()}, nil
	}
	if failed, told := errors.AsType[*notify.MailError](err); told && len(failed.Left) > 0 && len(failed.Left) < len(in.To) {
		if failed.Final {
			return NotifyResult{Refused: failed.Reason}, nil
		}
		activity.RecordHeartbeat(ctx, failed.Left)
	}
	return NotifyResult{}, mailFailure(ctx, err)
}

func mailFailure(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return err
	}
	if failed, told := errors.AsType[*notify.MailError](err); told && failed.Final {
		return final(MailRefused, "", err)
	}
	return temporal.NewApplicationError(err.Error(), MailUnavailable)
}
