package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// taken is how many values Falcon takes back at once: more than the deletion guard lets go.
const taken = 20

func hash(n int) string   { return fmt.Sprintf("%064x", 0xabcd00+n) }
func domain(n int) string { return fmt.Sprintf("listed-%d.top", n) }

// listed puts IOCs and alerts into Falcon, and delivered mail into Mimecast.
func (l life) listed(ctx context.Context) error {
	var iocs []control.IOC
	for n := range 60 {
		iocs = append(iocs, control.IOC{Type: "sha256", Value: hash(n), Action: "prevent", Severity: "high"},
			control.IOC{Type: "domain", Value: domain(n), Action: "detect", Severity: "high"})
	}
	_, err := l.vendors.AddFalconIOCs(ctx, iocs...)
	yesterday := time.Now().Add(-24 * time.Hour)
	return errors.Join(err,
		l.vendors.AddFalconAlerts(ctx, []control.Alert{
			control.DomainAlert("alerted.top").At(time.Now()), control.ContextAlert(hash(99), "context.top").At(time.Now()), control.DomainAlert("gmail.com").At(time.Now()),
		}),
		l.vendors.AddMessages(ctx,
			control.DeliveredMail("<1@listed.example>", "ceo@"+domain(1), yesterday, hash(1)),
			control.DeliveredMail("<2@listed.example>", "ceo@alerted.top", yesterday)))
}

func (l life) moreListed(ctx context.Context) error {
	_, err := l.vendors.AddFalconIOCs(ctx, control.IOC{Type: "domain", Value: domain(100), Action: "detect", Severity: "low"})
	return err
}

func (l life) fewTakenBack(ctx context.Context) error {
	return errors.Join(l.vendors.DeleteFalconIOC(ctx, hash(0)), l.vendors.SetFalconAction(ctx, "no_action", domain(0)))
}

func (l life) manyTakenBack(ctx context.Context) error {
	var problems []error
	for n := range taken {
		problems = append(problems, l.vendors.DeleteFalconIOC(ctx, hash(10+n)))
	}
	return errors.Join(problems...)
}

// unreadable puts records into Mimecast's log of URLs, some of which have another shape than documented.
func (l life) unreadable(ctx context.Context) error {
	var records []map[string]any
	for n := range 40 {
		record := map[string]any{
			"url": "https://" + domain(200+n) + "/", "action": "allow", "scanResult": "clean", "messageId": fmt.Sprintf("<u%d@mail.example>", n),
			"date": time.Now().UTC().Format("2006-01-02T15:04:05-0700"), "userEmailAddress": "j.doe@recorded.example",
		}
		if n%4 == 0 {
			record["tagMap"] = "not an object"
		}
		records = append(records, record)
	}
	return l.vendors.AddLogs(ctx, mimecast.URL, records, 0)
}

func (l life) preview(flow string) step {
	return func(ctx context.Context) error {
		return l.toItsEnd(ctx, wire.PreviewID(name, flow), wire.Preview, workflows.PreviewInput{Integration: name, Flow: flow}, nil)
	}
}

func (l life) withdraw(dryRun bool) step {
	return func(ctx context.Context) error {
		var progress workflows.Progress
		input := workflows.WithdrawInput{Integration: name, DryRun: dryRun}
		if err := l.toItsEnd(ctx, wire.WithdrawID(name), wire.Withdraw, input, &progress); err != nil {
			return err
		}
		for _, list := range progress.Lists {
			if list.Found == 0 || list.Left > 0 {
				return fmt.Errorf("list %s: found %d, left %d: %s", list.List, list.Found, list.Left, list.Detail)
			}
		}
		return nil
	}
}
