package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator/control"
)

// What was refused or held is as old as its record: Falcon and the guard are asked how it stands now.
func TestAValueThatIsOfferedAgainIsBlockedOnlyIfFalconListsItAndTheGuardLetsItPass(t *testing.T) {
	w := newImports(t)
	end := w.clock.now().Add(48 * time.Hour)
	ending := iocDomain("ending.top")
	ending.Expiration = end.Format(time.RFC3339)
	gone := iocDomain("gone.top")
	gone.Expiration = w.clock.now().Add(-time.Minute).Format(time.RFC3339)
	own := iocDomain("of-another.top")
	own.Source = "Mimecast Threat Share: other"
	w.listed(iocDomain("listed.top"), ending, gone, own, iocDomain("deleted.top"), iocDomain("mail.acme.top"), iocHash(hash(1)),
		control.IOC{Type: "domain", Value: "allowed.top", Action: "allow"}, control.IOC{Type: "domain", Value: "future.top", Action: "prevent_quarantine"})
	w.deleted("deleted.top")
	require.NoError(t, w.vendors.SetInternalDomains(t.Context(), "acme.top"))
	in := w.iocsInput(activities.Cursor{Newest: w.clock.now().Add(time.Hour), SweptAt: w.clock.now()}) // the list has no news
	in.Again = map[indicator.Source][]activities.Finding{
		indicator.IOCDomains: findings("listed.top", "ending.top", "gone.top", "of-another.top", "deleted.top", "mail.acme.top", "allowed.top",
			"future.top", "never-listed.top"),
		indicator.IOCHashes: findings(hash(1), hash(2)),
	}
	read := w.fetchIOCs(in)
	require.Equal(t, []activities.Finding{{Value: "listed.top"}, {Value: "ending.top", ExpiresAt: end}}, read.Found[indicator.IOCDomains])
	require.Equal(t, findings(hash(1)), read.Found[indicator.IOCHashes])
}

func TestADomainOfAnAlertThatIsOfferedAgainMeetsTheWholeGuard(t *testing.T) {
	w := newImports(t)
	require.NoError(t, w.vendors.SetInternalDomains(t.Context(), "acme.top"))
	w.blockAlerted(findings("blocked.top")...)
	other := iocDomain("of-another.top")
	other.Source = "Mimecast Threat Share: other"
	w.listed(other)
	in := w.alertsInput(activities.Cursor{})
	in.Again = findings("evil.top", "mail.acme.top", "gmail.com", "blocked.top", "of-another.top")
	in.Again[0].Record, in.Again[0].SeenAt = "an alert", w.clock.now().Add(-time.Hour)
	read, err := run[activities.FetchAlertsResult](w, w.FetchAlerts, in)
	require.NoError(t, err)
	require.Equal(t, in.Again[:1], read.Found)
	require.Equal(t, 2, read.Counts.HeldInAll())
	require.Equal(t, 1, read.Counts.AlreadyThere)
	require.Equal(t, 1, read.Counts.Echo)
	require.Equal(t, ledger.Held, w.on(ledger.SenderPolicies, "mail.acme.top").State)
}
