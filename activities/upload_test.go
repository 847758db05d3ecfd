package activities_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
)

const created = "/iocs/entities/indicators/v1"

func TestIndicatorsAreListedWithTheSettingsOfTheirSourceAndAMark(t *testing.T) {
	w := newWorld(t)
	w.settings.SendToFalcon.AttachmentHashes.Action = "prevent"
	found := indicator.Indicator{Key: indicator.Key{Kind: indicator.SHA256, Value: hash(1)}, Source: indicator.AttachmentHashes, SeenAt: w.clock.now()}
	counts := w.upload(found, w.clicked("evil.top"), w.impersonated("boss.top"))
	require.Equal(t, map[indicator.Source]activities.Counts{
		indicator.AttachmentHashes: {Shared: 1}, indicator.URLDomains: {Shared: 1}, indicator.ImpersonationDomains: {Shared: 1},
	}, counts)
	iocs := w.iocs()
	require.Len(t, iocs, 3)
	for value, want := range map[string]control.IOC{
		hash(1): {Type: "sha256", Action: "prevent", Severity: "high"}, "evil.top": {Type: "domain", Action: "detect", Severity: "medium"},
		"boss.top": {Type: "domain", Action: "detect", Severity: "high"},
	} {
		ioc := iocs[value]
		require.Equal(t, want, control.IOC{Type: ioc.Type, Action: ioc.Action, Severity: ioc.Severity}, value)
		require.Equal(t, "Mimecast Threat Share: acme", ioc.Source)
		require.Equal(t, []string{"threatshare:acme"}, ioc.Tags)
		require.Equal(t, []string{"windows", "mac", "linux"}, ioc.Platforms)
		require.True(t, ioc.AppliedGlobally)
		require.Empty(t, ioc.Expiration)
		require.Equal(t, ioc.ID, w.entry(indicator.Kind(ioc.Type), value).VendorID)
	}
	require.Equal(t, 3, w.writes(fault.Falcon))
}

func TestARepeatedUploadWritesNothing(t *testing.T) {
	w := newWorld(t)
	in := []indicator.Indicator{w.clicked("evil.top"), w.impersonated("boss.top")}
	w.upload(in...)
	require.Equal(t, 2, w.writes(fault.Falcon))
	before := w.everything()
	counts := w.upload(in...)
	require.Equal(t, 1, counts[indicator.URLDomains].AlreadyThere)
	require.Equal(t, 1, counts[indicator.ImpersonationDomains].AlreadyThere)
	require.Zero(t, w.writes(fault.Falcon))
	require.Equal(t, before, w.everything())
}

func TestALostLedgerCostsLookUpsAndMakesNoDuplicates(t *testing.T) {
	w := newWorld(t)
	w.upload(w.clicked("evil.top"), w.clicked("worse.top"))
	w.forgetLedger()
	require.Equal(t, 2, w.writes(fault.Falcon))
	counts := w.upload(w.clicked("evil.top"), w.clicked("worse.top"))
	require.Equal(t, activities.Counts{AlreadyThere: 2}, counts[indicator.URLDomains])
	require.Zero(t, w.writes(fault.Falcon))
	require.Len(t, w.iocs(), 2)
	require.Equal(t, ledger.Shared, w.entry(indicator.Domain, "evil.top").State)
	require.Equal(t, indicator.Reason("found"), w.entry(indicator.Domain, "evil.top").Reason)
	require.Equal(t, w.iocs()["evil.top"].ID, w.entry(indicator.Domain, "evil.top").VendorID)
}

func TestFault_V14_WhatOthersListIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	_, err := w.vendors.AddFalconIOCs(t.Context(),
		control.IOC{Type: "domain", Value: "evil.top", Action: "no_action"},
		control.IOC{Type: "domain", Value: "worse.top", Action: "detect", Severity: "low", Source: "Mimecast Threat Share: other"})
	require.NoError(t, err)
	before := w.iocs()
	for range 2 {
		w.upload(w.clicked("evil.top"), w.impersonated("worse.top"))
	}
	require.Zero(t, w.writes(fault.Falcon))
	require.Equal(t, before, w.iocs())
	require.Equal(t, ledger.Foreign, w.entry(indicator.Domain, "evil.top").State)
	require.Equal(t, ledger.Foreign, w.entry(indicator.Domain, "worse.top").State)
}

func TestAStrongerSourceRaisesTheSeverityAndAWeakerOneNeverLowersIt(t *testing.T) {
	w := newWorld(t)
	w.upload(w.clicked("evil.top"))
	id := w.iocs()["evil.top"].ID
	require.Equal(t, "medium", w.iocs()["evil.top"].Severity)
	w.upload(w.impersonated("evil.top"))
	require.Equal(t, "high", w.iocs()["evil.top"].Severity)
	require.Equal(t, id, w.iocs()["evil.top"].ID)
	require.Equal(t, 2, w.writes(fault.Falcon), "made, then changed")
	w.upload(w.clicked("evil.top"))
	require.Equal(t, "high", w.iocs()["evil.top"].Severity)
	require.Zero(t, w.writes(fault.Falcon))
}

func TestFault_D15_OneValueFromTwoSourcesIsListedOnceAsTheStrongerSays(t *testing.T) {
	w := newWorld(t)
	counts := w.upload(w.clicked("evil.top"), w.impersonated("evil.top"))
	require.Equal(t, 1, counts[indicator.ImpersonationDomains].Shared)
	require.Zero(t, counts[indicator.URLDomains].Shared)
	require.Equal(t, "high", w.iocs()["evil.top"].Severity)
	require.Equal(t, 1, w.writes(fault.Falcon))
}

// edit changes an entry at Falcon as a person would.
func (w *world) edit(id string, set map[string]any) {
	w.t.Helper()
	body := map[string]any{"id": id, "set": set}
	require.NoError(w.t, w.vendors.Do(w.t.Context(), http.MethodPatch, "/falcon/iocs", body, nil))
}

func TestWhatAPersonChangedOrDeletedStaysSo(t *testing.T) {
	w := newWorld(t)
	w.upload(w.clicked("lowered.top"), w.clicked("deleted.top"))
	require.Equal(t, 2, w.writes(fault.Falcon))
	w.edit(w.iocs()["lowered.top"].ID, map[string]any{"severity": "low"})
	require.NoError(t, w.vendors.DeleteFalconIOC(t.Context(), "deleted.top"))
	for range 2 {
		w.upload(w.impersonated("lowered.top"), w.impersonated("deleted.top")) // stronger, so Falcon is asked
	}
	require.Zero(t, w.writes(fault.Falcon))
	require.Equal(t, "low", w.iocs()["lowered.top"].Severity)
	require.NotContains(t, w.iocs(), "deleted.top")
}

func TestAnExpiredEntryIsRenewedWhenItsValueIsMetAgain(t *testing.T) {
	w := newWorld(t)
	w.settings.SendToFalcon.ExpireAfter = settings.Duration(2 * time.Hour)
	w.upload(w.clicked("evil.top"))
	first := w.iocs()["evil.top"]
	require.Equal(t, w.clock.now().Add(2*time.Hour).Format(time.RFC3339), first.Expiration)
	w.clock.pass(3 * time.Hour)
	require.True(t, w.iocs()["evil.top"].Expired)
	w.upload(w.clicked("evil.top"))
	second := w.iocs()["evil.top"]
	require.Equal(t, first.ID, second.ID)
	require.False(t, second.Expired)
	require.Equal(t, "detect", second.Action)
	require.Equal(t, w.clock.now().Add(2*time.Hour).Format(time.RFC3339), second.Expiration)
	require.Equal(t, 2, w.writes(fault.Falcon))
	w.upload(w.clicked("evil.top"))
	require.Zero(t, w.writes(fault.Falcon))
}

// An entry that never expires any more must not be taken for an expired one, and put back when a person deletes it.
func TestAnEntryRenewedForEverIsNotExpiredAnyMore(t *testing.T) {
	w := newWorld(t)
	w.settings.SendToFalcon.ExpireAfter = settings.Duration(time.Hour)
	w.upload(w.clicked("evil.top"))
	w.clock.pass(2 * time.Hour)
	w.settings.SendToFalcon.ExpireAfter = 0
	w.upload(w.clicked("evil.top"))
	require.False(t, w.iocs()["evil.top"].Expired)
	require.Equal(t, 2, w.writes(fault.Falcon))
	require.NoError(t, w.vendors.DeleteFalconIOC(t.Context(), "evil.top"))
	w.upload(w.clicked("evil.top"))
	require.Zero(t, w.writes(fault.Falcon))
	require.Zero(t, w.entry(indicator.Domain, "evil.top").ExpiresAt)
}

func TestAnEntryWithoutActionNeedsNoSeverityAndIsNotChangedForEver(t *testing.T) {
	w := newWorld(t)
	w.settings.SendToFalcon.URLDomains.Action = "no_action"
	for range 2 {
		w.upload(w.clicked("evil.top"))
	}
	require.Equal(t, "no_action", w.iocs()["evil.top"].Action)
	require.Equal(t, 1, w.writes(fault.Falcon))
}
