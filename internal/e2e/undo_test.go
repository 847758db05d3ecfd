//go:build e2e

package e2e_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/samber/lo"
	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/workflows"
)

// own are the IOCs that the integration lists in Falcon, and foreign those that others do.
func (w *world) falconIOCs() (own, foreign []control.IOC) {
	w.t.Helper()
	listed, err := w.vendors.FalconIOCs(w.patient())
	require.NoError(w.t, err)
	listed = lo.Filter(listed, func(ioc control.IOC, _ int) bool { return !ioc.Deleted })
	return lo.FilterReject(listed, func(ioc control.IOC, _ int) bool { return ioc.Source == w.ownName() })
}

// unblocking says whether Mimecast holds some of what the integration made and not all of it any more.
func (w *world) unblocking(all int) error {
	own, _ := w.split(w.mimecast())
	switch {
	case len(own.Groups) == 0 || len(own.Groups[0].Members) == 0:
		return nil // too late to be in the middle: what follows says so
	case len(own.Groups[0].Members) == all:
		return errors.New("no member is out yet")
	default:
		return nil
	}
}

func TestEverythingIsTakenBackThoughTheWorkerIsKilledAndWhatOthersMadeStays(t *testing.T) {
	w := newWorld(t, "--records", "600", "--indicators", "60", "--latency", "20ms")
	w.madeByPeople()
	hashes, domains := hashes(300), domains(400)
	w.list(hashes, domains)
	alerts := []string{"alert-0.top", "alert-1.top", "alert-2.top"}
	w.raise(control.DomainAlert("alert-0.top,alert-1.top,alert-2.top"))
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(func(document map[string]any) {
		document["sendToMimecast"] = map[string]any{"iocHashes": on(), "iocDomains": on(), "alertDomains": on("blockURLs")}
	}))
	for _, flow := range []string{shareTTPLogs, importIOCs, importAlerts} {
		w.waitForRuns(flow, 1)
	}
	w.requireBlocked(blocked{hashes: hashes, members: domains, policies: alerts, urls: alerts})
	w.requireSharedExactly()
	_, foreign := w.falconIOCs()
	w.signIn().memberOf(w.ownName(), "added-by-hand.top")

	require.NoError(t, w.vendors.Reset(w.patient()))
	var listed workflows.Progress
	require.NoError(t, json.Unmarshal([]byte(w.starter("withdraw", w.name, "--json")), &listed))
	require.Equal(t, map[ledger.List]int{"iocs": 60, "byoti": 300, "blocked-senders": 400, "sender-policies": 3, "managed-urls": 3}, found(listed))
	require.Contains(t, w.starter("withdraw", w.name), "nothing was removed\nto remove all 766")
	require.Equal(t, map[string]int{"mimecast": 0, "falcon": 0}, w.stats().Writes)

	type end struct {
		output string
		code   int
	}
	ended := make(chan end, 1)
	go func() {
		output, code := w.run(binaries.Starter, "withdraw", w.name, "--yes")
		ended <- end{output, code}
	}()
	w.eventually("some members are out", func() error { return w.unblocking(len(domains) + 1) })
	w.worker.Kill()
	own, _ := w.split(w.mimecast())
	require.Greater(t, len(own.Groups[0].Members), 1, "killed in the middle")
	w.startWorker()
	withdrawal := <-ended
	require.Zero(t, withdrawal.code, withdrawal.output)

	own, others := w.split(w.mimecast())
	require.Equal(t, w.foreign, others)
	require.Empty(t, own.BYOTI)
	require.Empty(t, own.ManagedURLs)
	require.Len(t, own.Groups, 1, "the group stays for the member that a person has added")
	require.Equal(t, []mimecast.MemberState{{Domain: "added-by-hand.top", Note: "by hand"}}, own.Groups[0].Members)
	require.Len(t, own.Policies, 1)
	require.Equal(t, "profile_group", own.Policies[0].FromType)
	left, still := w.falconIOCs()
	require.Empty(t, left)
	require.Equal(t, foreign, still)
	require.Equal(t, workflows.Paused, w.status().State, "or its flows would share everything again")
	require.Contains(t, w.starter("withdraw", w.name), "has nothing at either vendor")
	w.requireGoodManners()
}
