//go:build e2e

package e2e_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/workflows"
)

// killWhen kills the worker once both directions have done so much, and starts it again.
func (w *world) killWhen(shared, hashes, members, urls int) {
	w.t.Helper()
	least := map[string]int{"IOCs in Falcon": shared, "hashes": hashes, "members": members, "managed URLs": urls}
	w.eventually(fmt.Sprintf("wait for %v", least), func() error {
		own, _ := w.split(w.mimecast())
		iocs, _ := w.falconIOCs()
		done := map[string]int{"IOCs in Falcon": len(iocs), "hashes": len(own.BYOTI), "managed URLs": len(own.ManagedURLs)}
		for _, group := range own.Groups {
			done["members"] += len(group.Members)
		}
		for what, n := range least {
			if done[what] < n {
				return fmt.Errorf("%v so far", done)
			}
		}
		w.t.Logf("killed after %v", done)
		return nil
	})
	w.worker.Kill()
	w.startWorker()
}

func TestFault_P1_AWorkerKilledInTheMiddleOfBothDirectionsLosesNothingAndDoublesNothing(t *testing.T) {
	w := newWorld(t, "--records", "8000", "--indicators", "5000", "--latency", "20ms")
	hashes, domains := hashes(4000), domains(2000)
	w.list(hashes, domains)
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(func(document map[string]any) {
		document["sendToMimecast"] = map[string]any{"iocHashes": on(), "iocDomains": on("blockURLs")}
	}))
	w.killWhen(100, 1000, 0, 0)
	w.killWhen(500, 4000, 200, 0)
	w.killWhen(900, 4000, 2000, 200)
	w.waitForState(workflows.Connected)
	w.waitForRuns(shareTTPLogs, 1)
	flow := w.waitForRuns(importIOCs, 1)
	w.requireBlocked(blocked{hashes: hashes, members: domains, urls: domains})
	w.requireSharedExactly()
	require.LessOrEqual(t, flow.Shared, len(hashes)+len(domains), "what was repeated is not counted twice")

	require.NoError(t, w.vendors.Reset(w.patient()))
	w.sync(shareTTPLogs)
	w.sync(importIOCs)
	require.Equal(t, map[string]int{"mimecast": 0, "falcon": 0}, w.stats().Writes)
}

func TestFault_V8_FaultsAtBothVendorsDuringAnImportLoseNothingAndDoubleNothing(t *testing.T) {
	const (
		falconIOCs, falconAlerts = "/iocs/combined/indicator/v1", "/alerts/combined/alerts/v1"
		byoti, managedURLs       = "/api/byo-threat-intelligence/create-batch", "/api/ttp/url/create-managed-url"
		groups, policies         = "/directory/cloud-gateway/v1/groups", "/policy-management/cloud-gateway/v1/blocked-senders/policies"
	)
	w := newWorld(t)
	hashes, domains := hashes(2500), domains(300)
	w.list(hashes, domains)
	alerts := []string{"alert-0.top", "alert-1.top", "alert-2.top", "alert-3.top"}
	for _, domain := range alerts {
		w.raise(control.DomainAlert(domain))
	}
	// A create that was or may have been carried out is found by looking; one that surely was not is waited for a minute.
	rules := []fault.Rule{
		{Vendor: fault.Falcon, Path: "/oauth2/token", Kind: fault.Status, Status: 503},
		{Vendor: fault.Falcon, Path: falconIOCs, Kind: fault.ResetBefore},
		{Vendor: fault.Falcon, Path: falconIOCs, Kind: fault.HTML, After: 2},
		{Vendor: fault.Falcon, Path: falconAlerts, Kind: fault.Cut},
		{Vendor: fault.Falcon, Path: falconAlerts, Kind: fault.Throttle, DelayMS: 300},
		{Vendor: fault.Mimecast, Path: byoti, Kind: fault.ResetAfter},
		{Vendor: fault.Mimecast, Path: byoti, Kind: fault.Status, Status: 500, After: 2},
		{Vendor: fault.Mimecast, Method: http.MethodPost, Path: groups, Kind: fault.ResetAfter},
		{Vendor: fault.Mimecast, Method: http.MethodPost, Path: groups + "/", Kind: fault.ResetAfter, After: 2},
		{Vendor: fault.Mimecast, Method: http.MethodPost, Path: groups + "/", Kind: fault.HTML, After: 10},
		{Vendor: fault.Mimecast, Method: http.MethodPost, Path: policies, Kind: fault.ResetAfter, Count: 2},
		{Vendor: fault.Mimecast, Method: http.MethodGet, Path: policies, Kind: fault.Status, Status: 503},
		{Vendor: fault.Mimecast, Path: managedURLs, Kind: fault.ResetAfter},
		{Vendor: fault.Mimecast, Path: managedURLs, Kind: fault.Cut, After: 5},
		{Vendor: fault.Mimecast, Path: managedURLs, Kind: fault.Throttle, DelayMS: 300, After: 8},
	}
	for i := range rules {
		rules[i].Count = max(rules[i].Count, 1)
	}
	require.NoError(t, w.vendors.AddFaults(w.patient(), rules...))
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(sendToMimecast(map[string]any{
		"iocHashes": on(), "iocDomains": on("blockURLs"), "alertDomains": on("blockURLs"),
	})))
	w.waitForRuns(importIOCs, 1)
	w.waitForRuns(importAlerts, 1)
	fired, err := w.vendors.Faults(w.patient())
	require.NoError(t, err)
	for _, rule := range fired {
		require.Equal(t, rule.Count, rule.Fired, "%+v", rule)
	}
	want := blocked{hashes: hashes, members: domains, policies: alerts, urls: append(domains, alerts...)}
	w.requireBlocked(want)
	w.requireGoodManners()

	require.NoError(t, w.vendors.Reset(w.patient()))
	w.sync(importIOCs)
	w.sync(importAlerts)
	require.Zero(t, w.stats().Writes["mimecast"])
	w.requireBlocked(want)
}
