package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
)

func TestAnImportBlocksTheWholeListOnceAndReportsIt(t *testing.T) {
	w := newWorld(t)
	w.settings.SendToMimecast.IOCDomains.BlockURLs = true
	w.lists(manyIOCs(1_200, 30)...)
	result := w.run(settings.FlowImportIOCs)
	require.False(t, result.More)
	made := w.blocked()
	require.Equal(t, values(1_200, sha), made.Hashes)
	require.Equal(t, values(30, bad), made.Senders)
	require.Len(t, made.URLs, 30)
	told := w.told(settings.FlowImportIOCs)
	require.Equal(t, 1_200, told.Counts[indicator.IOCHashes].Shared)
	require.Equal(t, 30, told.Counts[indicator.IOCDomains].Shared)
	require.Equal(t, 30, told.Counts[indicator.IOCDomains].URLsBlocked)
	require.Equal(t, result.Counts, told.Counts)
	require.Equal(t, &indicator.Quota{Used: 1_200, Limit: 100_000, Known: true}, told.Quota)
	require.NotEmpty(t, told.SenderGroup.ID)
	for _, source := range settings.SourcesOf(settings.FlowImportIOCs) {
		require.NotZero(t, told.Cursors[source].Newest)
		require.Empty(t, told.Cursors[source].Page)
	}

	require.NotZero(t, w.writes())
	w.clock.pass(5 * time.Minute)
	w.run(settings.FlowImportIOCs)
	require.Zero(t, w.writes(), "the list has not changed")
	require.Zero(t, w.told(settings.FlowImportIOCs).Counts[indicator.IOCHashes].Shared)

	w.forget(settings.FlowImportIOCs)
	w.run(settings.FlowImportIOCs)
	require.Zero(t, w.writes(), "read whole again")
}

func TestASourceThatIsSwitchedOnLaterGetsTheWholeListToo(t *testing.T) {
	for name, later := range map[string]struct {
		off  func(s *settings.Settings)
		last indicator.Source
	}{
		"hashes":  {func(s *settings.Settings) { s.SendToMimecast.IOCHashes.Enabled = false }, indicator.IOCHashes},
		"domains": {func(s *settings.Settings) { s.SendToMimecast.IOCDomains.Enabled = false }, indicator.IOCDomains},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			all := w.settings
			later.off(&w.settings)
			w.lists(manyIOCs(5, 5)...)
			w.run(settings.FlowImportIOCs)
			made := w.blocked()
			require.Equal(t, 5, len(made.Hashes)+len(made.Senders))
			require.NotContains(t, w.told(settings.FlowImportIOCs).Cursors, later.last, "what was not read has no checkpoint")

			w.clock.pass(48 * time.Hour)
			w.settings = all
			w.writes()
			w.run(settings.FlowImportIOCs)
			require.Equal(t, blocked{Hashes: values(5, sha), Senders: values(5, bad)}, w.blocked())
			cursors := w.told(settings.FlowImportIOCs).Cursors
			require.Equal(t, cursors[indicator.IOCHashes], cursors[indicator.IOCDomains])
			w.writes()
			w.clock.pass(5 * time.Minute)
			w.run(settings.FlowImportIOCs)
			require.Zero(t, w.writes())
		})
	}
}

func TestAFullListOfHashesParksThemAndTheDomainsGoOn(t *testing.T) {
	w := newWorld(t)
	w.roomFor(7)
	w.lists(manyIOCs(10, 10)...)
	_, err := w.attempt(settings.FlowImportIOCs)
	requireFailed(t, err, activities.VendorQuota)
	told := w.told(settings.FlowImportIOCs)
	require.Empty(t, told.Failed, "the run as a whole is not to blame")
	require.Len(t, told.Parked, 1)
	require.Equal(t, "mimecast", told.Parked[settings.PartOf(indicator.IOCHashes)].Vendor)
	require.Equal(t, 7, told.Counts[indicator.IOCHashes].Shared)
	require.Equal(t, values(10, bad), w.blocked().Senders)
	require.Len(t, w.blocked().Hashes, 7)
	require.Empty(t, told.Cursors[indicator.IOCHashes], "what was not written is read again")

	w.clock.pass(5 * time.Minute)
	w.lists(domainIOC(bad(10)))
	w.writes()
	w.run(settings.FlowImportIOCs)
	require.Equal(t, values(11, bad), w.blocked().Senders, "parked hashes keep no domain out")

	w.roomFor(100_000)
	w.reconnect()
	w.clock.pass(5 * time.Minute)
	w.writes()
	w.run(settings.FlowImportIOCs)
	require.Equal(t, values(10, sha), w.blocked().Hashes, "nothing was lost")
	require.Equal(t, 3, w.writes())
}

func TestAForbiddenOptionParksThatAloneAndCatchesUpLater(t *testing.T) {
	w := newWorld(t)
	w.settings.SendToMimecast.IOCDomains.BlockURLs = true
	w.lists(manyIOCs(2, 3)...)
	require.NoError(t, w.vendors.Deny(t.Context(), "/api/ttp/url/create-managed-url", "/api/ttp/url/get-all-managed-urls"))
	_, err := w.attempt(settings.FlowImportIOCs)
	requireFailed(t, err, activities.VendorForbidden)
	urls := settings.URLPart(indicator.IOCDomains)
	require.Contains(t, w.told(settings.FlowImportIOCs).Parked, urls)
	require.Len(t, w.told(settings.FlowImportIOCs).Parked, 1)
	require.Equal(t, blocked{Hashes: values(2, sha), Senders: values(3, bad)}, w.blocked())

	w.lists(domainIOC(bad(3)))
	w.clock.pass(5 * time.Minute)
	w.run(settings.FlowImportIOCs)
	require.Equal(t, values(4, bad), w.blocked().Senders, "its source goes on")
	require.Empty(t, w.blocked().URLs)

	require.NoError(t, w.vendors.Deny(t.Context()))
	w.reconnect()
	w.clock.pass(5 * time.Minute)
	w.run(settings.FlowImportIOCs)
	require.Len(t, w.blocked().URLs, 4)
	w.writes()
	w.run(settings.FlowImportIOCs)
	require.Zero(t, w.writes())
}

func TestAnOptionThatIsSwitchedOnLaterIsDoneForWhatIsBlockedAlready(t *testing.T) {
	w := newWorld(t)
	w.lists(manyIOCs(0, 4)...)
	w.alerts(alertsOf(3)...)
	w.run(settings.FlowImportIOCs, settings.FlowImportAlerts)
	require.Empty(t, w.blocked().URLs)
	w.settings.SendToMimecast.IOCDomains.BlockURLs = true
	w.settings.SendToMimecast.AlertDomains.BlockURLs = true
	w.run(settings.FlowImportIOCs, settings.FlowImportAlerts)
	require.Len(t, w.blocked().URLs, 7)
}

func TestAListThatFalconForbidsFailsTheRun(t *testing.T) {
	for _, name := range []string{settings.FlowImportIOCs, settings.FlowImportAlerts} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.lists(manyIOCs(2, 2)...)
			w.alerts(alertsOf(2)...)
			require.NoError(t, w.vendors.SetScopes(t.Context()))
			_, err := w.attempt(name)
			requireFailed(t, err, activities.VendorForbidden)
			require.Equal(t, "falcon", w.told(name).Failed.Vendor)
			require.False(t, w.told(name).More)
			require.Zero(t, w.writes())

			require.NoError(t, w.vendors.SetScopes(t.Context(), "IOC Management: Read", "IOC Management: Write", "Alerts: Read"))
			w.run(name)
			require.NotEqual(t, blocked{}, w.blocked())
		})
	}
}

func TestAParkedGroupParksTheDomainsAndTheHashesGoOn(t *testing.T) {
	w := newWorld(t)
	w.lists(manyIOCs(4, 4)...)
	require.NoError(t, w.vendors.Deny(t.Context(), "/directory/", "/api/directory/"))
	_, err := w.attempt(settings.FlowImportIOCs)
	requireFailed(t, err, activities.VendorForbidden)
	require.Contains(t, w.told(settings.FlowImportIOCs).Parked, settings.PartOf(indicator.IOCDomains))
	require.Equal(t, blocked{Hashes: values(4, sha)}, w.blocked())
	require.NoError(t, w.vendors.Deny(t.Context()))
	w.reconnect()
	w.run(settings.FlowImportIOCs)
	require.Equal(t, blocked{Hashes: values(4, sha), Senders: values(4, bad)}, w.blocked())
}
