//go:build e2e

package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/samber/lo"
	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/internal/simulator/seed"
	"github.com/threatshare/threatshare/workflows"
)

// everyImport switches everything of the way back on.
func everyImport() map[string]any {
	return map[string]any{
		"iocHashes": on("remediate"), "iocDomains": on("blockURLs", "remediate"), "alertDomains": on("blockURLs", "remediate"),
	}
}

// seenByPeople fills Falcon with what is to be blocked and with what is not, and gives what is.
func (w *world) seenByPeople() blocked {
	w.t.Helper()
	listed := blocked{hashes: hashes(400), members: append(domains(100), "permitted.top", "url-known.top")}
	w.list(listed.hashes, listed.members)
	other := byHand("domain", "of-another-threat-share.top")
	other.Source, other.Tags = "Mimecast Threat Share: other", []string{"threatshare:other"}
	w.add(other, byHand("md5", fmt.Sprintf("%032x", 7)), byHand("ipv4", "192.0.2.7"),
		byHand("domain", "acme-corp-internal.com"), byHand("domain", "mail.acme-corp-mail.net"), byHand("domain", "partner.top"))
	w.list(nil, []string{"deleted.top", "expired.top", "allowed.top", "without-action.top"})
	w.deleteIOCs("deleted.top")
	require.NoError(w.t, w.vendors.ExpireFalconIOCs(w.patient(), "expired.top"))
	require.NoError(w.t, w.vendors.SetFalconAction(w.patient(), "allow", "allowed.top"))
	require.NoError(w.t, w.vendors.SetFalconAction(w.patient(), "no_action", "without-action.top"))

	w.raise(
		control.DomainAlert("alert-0.top, alert-1.top"), control.ContextAlert(hashes(500)[499], "alert-2.top", "evil-3.top"),
		control.DomainAlert("exempt.top,policy-known.top"), control.DomainAlert("acme-corp-internal.com"),
		control.DomainAlert("false-alarm.top").SetAside("false_positive"), control.DomainAlert("ignored.top").SetAside("ignored"),
		control.DomainAlert("of-another-threat-share.top").OfCustomIOC(),
	)
	listed.policies = []string{"alert-0.top", "alert-1.top", "alert-2.top", "evil-3.top"}
	listed.urls = append(domains(100), "alert-0.top", "alert-1.top", "alert-2.top")
	return listed
}

// raise raises alerts, a minute ago: those of the very second in which a run starts are left to the next one.
func (w *world) raise(alerts ...control.Alert) {
	w.t.Helper()
	at := time.Now().Add(-time.Minute)
	raised := lo.Map(alerts, func(alert control.Alert, _ int) control.Alert { return alert.At(at) })
	require.NoError(w.t, w.vendors.AddFalconAlerts(w.patient(), raised))
}

// madeByPeople fills Mimecast with what others made, some of it about the same values.
func (w *world) madeByPeople() {
	w.t.Helper()
	w.analyst(ownHash("BLOCK", hashes(501)[500]), ownHash("ALLOW", hashes(502)[501]), groupWith("Partners", "evil-3.top"),
		managedURL("permit", "permitted.top"), managedURL("block", "url-known.top"),
		senderPolicy("no_action", "exempt.top"), senderPolicy("block_sender", "policy-known.top"))
}

// preview asks the starter what the next run of a flow would do.
func (w *world) preview(flow string) workflows.Plan {
	w.t.Helper()
	var plan workflows.Plan
	require.NoError(w.t, json.Unmarshal([]byte(w.starter("preview", w.name, flow, "--json")), &plan))
	return plan
}

// values are those of a plan that a verdict and a list are about.
func values(plan workflows.Plan, verdict activities.Verdict, list ledger.List) []string {
	return lo.FilterMap(plan.Items, func(item activities.Item, _ int) (string, bool) {
		return item.Value, item.Verdict == verdict && item.List == list
	})
}

// requirePlanned makes sure that the previews of both imports name exactly what is to be blocked.
func (w *world) requirePlanned(want blocked) {
	w.t.Helper()
	iocs, alerts := w.preview(importIOCs), w.preview(importAlerts)
	for _, plan := range []workflows.Plan{iocs, alerts} {
		require.Len(w.t, plan.Items, plan.Total)
	}
	w.requireSame("planned hashes", want.hashes, values(iocs, activities.VerdictBlock, ledger.BYOTI))
	w.requireSame("planned members", want.members, values(iocs, activities.VerdictBlock, ledger.BlockedSenders))
	w.requireSame("planned policies", want.policies, values(alerts, activities.VerdictBlock, ledger.SenderPolicies))
	// Of a domain that is listed and in an alert, both flows would block the URLs: who comes first is not known.
	w.requireSame("planned URLs", want.urls, lo.Uniq(append(
		values(iocs, activities.VerdictBlockURLs, ledger.ManagedURLs), values(alerts, activities.VerdictBlockURLs, ledger.ManagedURLs)...)))
}

func TestFault_N14_EveryOptionOfBothDirectionsAtOnceBlocksExactlyWhatThePreviewNamed(t *testing.T) {
	w := newWorld(t, "--records", "600", "--indicators", "60")
	w.madeByPeople()
	want := w.seenByPeople()
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(func(document map[string]any) {
		document["sendToMimecast"], document["dryRun"] = everyImport(), true
		document["protect"] = map[string]any{"domains": []string{"partner.top"}}
	}))
	flows := []string{shareTTPLogs, importIOCs, importAlerts}
	for _, flow := range flows {
		w.waitForRuns(flow, 1)
	}
	w.requirePlanned(want)
	expected, err := w.vendors.Expected(w.patient())
	require.NoError(t, err)
	w.requireSame("planned IOCs", lo.Map(expected, func(key seed.Expected, _ int) string { return key.Value }),
		values(w.preview(shareTTPLogs), activities.VerdictShare, ledger.FalconIOCs))
	require.Equal(t, map[string]int{"mimecast": 0, "falcon": 0}, w.stats().Writes, "dry runs and previews write nothing")

	w.starter("change", w.name, "--set", "dryRun=false")
	for _, flow := range flows {
		w.waitForRuns(flow, 2)
	}
	w.requireBlocked(want)
	w.requireSharedExactly()
	iocs, alerts := w.flow(importIOCs).Sources, w.flow(importAlerts).Sources[indicator.AlertDomains]
	require.Equal(t, len(want.hashes), iocs[indicator.IOCHashes].Shared)
	require.Equal(t, len(want.members), iocs[indicator.IOCDomains].Shared)
	require.Equal(t, 2, iocs[indicator.IOCDomains].Foreign, "URLs that others permit, or block already")
	require.Equal(t, 3, iocs[indicator.IOCDomains].HeldInAll(), "two of the tenant's own, and one that is protected")
	require.Equal(t, len(want.policies), alerts.Shared)
	require.Equal(t, 2, alerts.Foreign, "senders that others exempt, or block already")
	require.Equal(t, 1, alerts.Echo, "an alert that a Threat Share's IOC has raised")
	require.Equal(t, len(want.urls), iocs[indicator.IOCDomains].URLsBlocked+alerts.URLsBlocked)

	// What one direction has written is no news for the other.
	shared := expected[slices.IndexFunc(expected, func(key seed.Expected) bool { return key.Kind == "domain" })].Value
	w.raise(control.DomainAlert(shared).OfCustomIOC())
	require.NoError(t, w.vendors.AddLogs(w.patient(), mimecast.Impersonation, []map[string]any{impersonation("eve@evil-1.top")}, 0))
	require.NoError(t, w.vendors.Reset(w.patient()))
	for _, flow := range flows {
		w.sync(flow)
	}
	require.Equal(t, map[string]int{"mimecast": 0, "falcon": 0}, w.stats().Writes)
	require.Equal(t, 2, w.flow(importAlerts).Sources[indicator.AlertDomains].Echo-alerts.Echo, "both of them are read again, and left")
	require.Equal(t, 1, w.flow(shareTTPLogs).Sources[indicator.ImpersonationDomains].Echo, "found since this integration blocks it")
	w.requireBlocked(want)
	w.requireSharedExactly()
}

// A tenant that has none of the newer functions for groups and policies ends up with the same.
func TestWithoutTheRESTFunctionsTheClassicOnesBlockTheSame(t *testing.T) {
	w := newWorld(t)
	w.madeByPeople()
	require.NoError(t, w.vendors.Deny(w.patient(), "/directory/cloud-gateway/", "/policy-management/"))
	quirks := mimecast.DefaultQuirks()
	quirks.ClassicPolicyWrites = true
	require.NoError(t, w.vendors.SetQuirks(w.patient(), quirks))
	want := w.seenByPeople()
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(func(document map[string]any) {
		sendToMimecast(everyImport())(document)
		document["protect"] = map[string]any{"domains": []string{"partner.top"}}
	}))
	w.waitForRuns(importIOCs, 1)
	w.waitForRuns(importAlerts, 1)
	w.requireBlocked(want)
	require.Positive(t, w.stats().Calls["mimecast"]["POST /api/directory/add-group-member"])

	require.NoError(t, w.vendors.Reset(w.patient()))
	w.sync(importIOCs)
	w.sync(importAlerts)
	require.Zero(t, w.stats().Writes["mimecast"])

	w.deleteIOCs("evil-1.top")
	w.sync(importIOCs)
	want.members, want.urls = lo.Without(want.members, "evil-1.top"), lo.Without(want.urls, "evil-1.top")
	w.requireBlocked(want)
	w.starter("withdraw", w.name, "--yes")
	w.requireBlocked(blocked{})
	w.requireGoodManners()
}
