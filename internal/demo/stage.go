package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
)

// What an analyst has listed in Falcon, and what its alerts are about. The numbered ones are only there to be many.
const (
	listedHashes  = 40
	listedDomains = 25
	// alertDomains is how many domains the alerts are about that are to be blocked.
	alertDomains = 4

	domainInMail = "invoice-01.top"       // of the IOC list: it has sent mail
	alertInMail  = "cdn-update-check.top" // of an alert: it has sent mail
	domainGone   = "invoice-02.top"       // is deleted in Falcon later on
)

func hashInMail() string { return listedHash(1) } // was attached to mail

func listedHash(n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "listed by hand %d", n))
	return hex.EncodeToString(sum[:])
}

// stage is what there is at the vendors beside the traffic that the simulator makes up.
type stage struct {
	vendors *control.Client
	values  int    // that are shared and blocked in the end
	ours    string // a domain among them, which the integration itself will list in Falcon
}

// setUp lists IOCs as an analyst would, raises alerts, and delivers mail.
func setUp(ctx context.Context, vendors *control.Client) (stage, error) {
	expected, err := vendors.Expected(ctx)
	if err != nil {
		return stage{}, err
	}
	const taken = 5 // values of the logs that the analyst has listed already: they stay as they are, and Mimecast blocks them
	s := stage{vendors: vendors, values: len(expected) + listedHashes + listedDomains + alertDomains}
	var iocs []control.IOC
	for i, key := range expected {
		switch {
		case i < taken:
			iocs = append(iocs, byHand(key.Kind, key.Value))
		case key.Kind == string(indicator.Domain) && s.ours == "":
			s.ours = key.Value
		}
	}
	for n := range listedHashes {
		iocs = append(iocs, byHand("sha256", listedHash(n)))
	}
	for n := range listedDomains {
		iocs = append(iocs, byHand("domain", fmt.Sprintf("invoice-%02d.top", n)))
	}
	allowed := byHand("domain", "partner-portal.top")
	allowed.Action, allowed.Severity = "allow", ""
	iocs = append(iocs, allowed, byHand("domain", "gmail.com"), byHand("domain", "acme-corp-mail.net"))
	if _, err := vendors.AddFalconIOCs(ctx, iocs...); err != nil {
		return s, err
	}
	if err := vendors.AddFalconAlerts(ctx, alerts()); err != nil {
		return s, err
	}
	return s, vendors.AddMessages(ctx, mail(time.Now())...)
}

func byHand(kind, value string) control.IOC {
	return control.IOC{
		Type: kind, Value: value, Action: "detect", Severity: "high", Platforms: []string{"windows"}, AppliedGlobally: true, Source: "analyst",
	}
}

// alerts are about alertDomains domains to block, and some that are not.
func alerts() []control.Alert {
	return []control.Alert{
		control.DomainAlert(alertInMail),
		control.DomainAlert("stage-two.xyz,beacon-relay.top"),
		control.ContextAlert(listedHash(2), "loader-mirror.net"),
		control.DomainAlert("acme-corp-mail.net"), // the tenant's own
		control.DomainAlert("harmless-after-all.top").SetAside("false_positive"),
	}
}

// mail has reached mailboxes before anything was blocked.
func mail(now time.Time) []mimecast.Message {
	var all []mimecast.Message
	deliver := func(n int, from string, hashes ...string) {
		for i := range n {
			id := fmt.Sprintf("<%d.%d@mail.%s>", len(all), i, from)
			all = append(all, control.DeliveredMail(id, "billing@"+from, now.Add(-time.Duration(len(all)+1)*time.Hour), hashes...))
		}
	}
	deliver(3, "parcel-desk.net", hashInMail())
	deliver(2, domainInMail)
	deliver(1, alertInMail)
	deliver(2, "newsletter-of-a-shop.net")
	return all
}

// change is what happens in Falcon after the first sync: the analyst deletes an IOC, and an alert is raised by one that the
// integration itself has listed there, which is no news for Mimecast.
func (s stage) change(ctx context.Context) error {
	if err := s.vendors.DeleteFalconIOC(ctx, domainGone); err != nil {
		return err
	}
	return s.vendors.AddFalconAlerts(ctx, []control.Alert{control.DomainAlert(s.ours).OfCustomIOC()})
}
