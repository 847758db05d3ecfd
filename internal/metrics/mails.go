package metrics

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/metric"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/notify"
)

// What became of an attempt to send a mail.
const (
	mailSent    = "sent"
	mailFailed  = "failed"
	mailSkipped = "skipped"
)

func newMails(meter metric.Meter) (metric.Int64Counter, error) {
	mails, err := meter.Int64Counter("threatshare_mails",
		metric.WithDescription("Attempts to send a mail. Skipped: there is no mail server."))
	if err != nil {
		return nil, err
	}
	for _, result := range []string{mailSent, mailFailed, mailSkipped} {
		mails.Add(context.Background(), 0, labels("result", result))
	}
	return mails, nil
}

// Mailer counts what next sends.
func (m *Metrics) Mailer(next activities.Mailer) activities.Mailer {
	return mailer{Mailer: next, mails: m.mails}
}

type mailer struct {
	activities.Mailer

	mails metric.Int64Counter
}

// Send sends and counts.
func (m mailer) Send(ctx context.Context, to []string, mail notify.Mail) error {
	err := m.Mailer.Send(ctx, to, mail)
	result := mailSent
	switch {
	case errors.Is(err, notify.ErrNoServer):
		result = mailSkipped
	case err != nil:
		result = mailFailed
	}
	m.mails.Add(ctx, 1, labels("result", result))
	return err
}
