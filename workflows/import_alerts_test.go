package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator/control"
)

func alerted(n int) string { return fmt.Sprintf("alerted-%d.top", n) }

// alertsOf are alerts about one domain each.
func alertsOf(n int) []control.Alert {
	alerts := make([]control.Alert, 0, n)
	for i := range n {
		alert := control.DomainAlert(alerted(i))
		alert.CompositeID = fmt.Sprint("alert-", i)
		alerts = append(alerts, alert)
	}
	return alerts
}

func TestAlertsAreBlockedByAPolicyEachAndOnlyOnce(t *testing.T) {
	w := newWorld(t)
	w.settings.SendToMimecast.AlertDomains.BlockURLs = true
	w.alerts(append(alertsOf(30), control.ContextAlert(sha(1), "context.top"), control.DomainAlert("left.top,right.top"),
		control.DomainAlert("mistake.top").SetAside("false_positive"), control.DomainAlert("gmail.com"))...)
	result := w.run(settings.FlowImportAlerts)
	require.False(t, result.More)
	made := w.blocked()
	require.Len(t, made.Policies, 33)
	require.Subset(t, made.Policies, []string{"context.top", "left.top", "right.top"})
	require.Len(t, made.URLs, 33)
	require.Empty(t, made.Senders)
	counts := w.told(settings.FlowImportAlerts).Counts[indicator.AlertDomains]
	require.Equal(t, 33, counts.Shared)
	require.Equal(t, 33, counts.URLsBlocked)
	require.Equal(t, 1, counts.HeldInAll())
	require.Equal(t, []string{"gmail.com"}, w.booked(ledger.SenderPolicies, ledger.Held))
	require.Equal(t, 34, counts.Read)

	w.writes()
	w.clock.pass(5 * time.Minute)
	w.run(settings.FlowImportAlerts)
	require.Zero(t, w.writes(), "the overlap is free")
	w.alerts(control.DomainAlert("fresh.top"))
	w.run(settings.FlowImportAlerts)
	require.Contains(t, w.blocked().Policies, "fresh.top")
	w.forget(settings.FlowImportAlerts)
	w.writes()
	w.run(settings.FlowImportAlerts)
	require.Zero(t, w.writes(), "everything read again")
}

func TestAForbiddenOptionOfTheAlertsParksThatAloneAndCatchesUpLater(t *testing.T) {
	w := newWorld(t)
	w.settings.SendToMimecast.AlertDomains.BlockURLs = true
	w.alerts(alertsOf(3)...)
	require.NoError(t, w.vendors.Deny(t.Context(), "/api/ttp/url/"))
	_, err := w.attempt(settings.FlowImportAlerts)
	requireFailed(t, err, activities.VendorForbidden)
	require.Contains(t, w.told(settings.FlowImportAlerts).Parked, settings.URLPart(indicator.AlertDomains))
	require.Equal(t, blocked{Policies: values(3, alerted)}, w.blocked())
	require.NoError(t, w.vendors.Deny(t.Context()))
	w.reconnect()
	w.run(settings.FlowImportAlerts)
	require.Len(t, w.blocked().URLs, 3)
}

func TestForbiddenPoliciesParkTheAlertsUntilReconnectAndNothingIsLost(t *testing.T) {
	w := newWorld(t)
	w.alerts(alertsOf(3)...)
	require.NoError(t, w.vendors.Deny(t.Context(), "/policy-management/", "/api/policy/"))
	_, err := w.attempt(settings.FlowImportAlerts)
	requireFailed(t, err, activities.VendorForbidden)
	told := w.told(settings.FlowImportAlerts)
	require.Contains(t, told.Parked, settings.PartOf(indicator.AlertDomains))
	require.Empty(t, told.Cursors[indicator.AlertDomains])
	require.Equal(t, blocked{}, w.blocked())
	require.NoError(t, w.vendors.Deny(t.Context()))
	w.reconnect()
	w.clock.pass(48 * time.Hour)
	w.run(settings.FlowImportAlerts)
	require.Equal(t, values(3, alerted), w.blocked().Policies)
}

// A domain can be on the IOC list and in an alert. Each has a list of its own, and they share the block of its URLs.
func TestADomainOfBothSourcesIsBlockedTwiceAndItsURLsOnce(t *testing.T) {
	w := newWorld(t)
	w.settings.SendToMimecast.IOCDomains.BlockURLs = true
	w.settings.SendToMimecast.AlertDomains.BlockURLs = true
	w.lists(domainIOC("both.top"))
	w.alerts(control.DomainAlert("both.top"))
	w.run(settings.FlowImportIOCs, settings.FlowImportAlerts)
	made := w.blocked()
	require.Equal(t, []string{"both.top"}, made.Senders)
	require.Equal(t, []string{"both.top"}, made.Policies)
	require.Len(t, made.URLs, 1)

	require.NoError(t, w.vendors.DeleteFalconIOC(t.Context(), "both.top"))
	w.clock.pass(5 * time.Minute)
	w.run(settings.FlowImportIOCs)
	made = w.blocked()
	require.Empty(t, made.Senders)
	require.Equal(t, []string{"both.top"}, made.Policies)
	require.Len(t, made.URLs, 1, "the alert wants them still")
}
