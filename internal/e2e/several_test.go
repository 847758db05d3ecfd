//go:build e2e

package e2e_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/samber/lo"
	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/harness"
	sim "github.com/threatshare/threatshare/internal/simulator"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// traffic is what each tenant's simulator holds: the same for all of them.
func traffic() []string { return []string{"--records", "600", "--indicators", "60"} }

// neighbour is another customer of the same worker, which is still to be started: with vendors and a credential set of its own.
// Everything that can be done with a world can be done with it.
func (w *world) neighbour() *world {
	w.t.Helper()
	other := *w
	other.name, other.dir = w.name+"-sick", w.t.TempDir()
	var err error
	other.simulator, err = harness.StartSimulator(w.patient(), binaries.Simulator, other.dir, traffic()...)
	require.NoError(w.t, err)
	w.t.Cleanup(other.simulator.Kill)
	other.vendors = control.New(other.simulator.Admin)
	other.foreign = other.mimecast()
	w.env = append(w.env, credentialSet("sick", other.simulator.Mimecast, other.simulator.Falcon)...)
	return &other
}

// credentialSet are the variables of a credential set whose vendors are simulated at these addresses.
func credentialSet(name, mimecast, falcon string) []string {
	prefix := strings.ToUpper(name) + "_"
	return []string{
		prefix + "MIMECAST_BASE_URL=" + mimecast, prefix + "MIMECAST_CLIENT_ID=" + sim.DemoClientID, prefix + "MIMECAST_CLIENT_SECRET=" + sim.DemoMimecastSecret,
		prefix + "FALCON_BASE_URL=" + falcon, prefix + "FALCON_CLIENT_ID=" + sim.DemoClientID, prefix + "FALCON_CLIENT_SECRET=" + sim.DemoFalconSecret,
	}
}

// both switches all three flows on.
func both(document map[string]any) {
	document["sendToMimecast"] = map[string]any{"iocHashes": on(), "iocDomains": on("blockURLs"), "alertDomains": on()}
}

func allFlows() []string { return []string{shareTTPLogs, importIOCs, importAlerts} }

// fill gives a tenant what its people have listed and seen.
func (w *world) fill() {
	w.t.Helper()
	w.list(hashes(30), domains(20))
	w.raise(control.DomainAlert("alert-0.top"))
}

// live takes an integration through its first runs and some more, and gives the calls that this took.
func (w *world) live() map[string]map[string]int {
	w.t.Helper()
	w.starter("start", "-f", w.settingsFile(both), "--wait")
	for _, flow := range allFlows() {
		w.waitForRuns(flow, 1)
	}
	for range 3 {
		for _, flow := range allFlows() {
			w.sync(flow)
		}
	}
	calls := w.stats().Calls
	// Known for a while, and asked for once or by each of the flows that begin at the same moment.
	delete(calls[fault.Mimecast], "GET /domain/cloud-gateway/v1/internal-domains")
	return calls
}

// requireOwn makes sure that a tenant's vendors hold what they have to, and that all of it is this integration's.
func (w *world) requireOwn() {
	w.t.Helper()
	w.requireSharedExactly()
	w.requireBlocked(blocked{hashes: hashes(30), members: domains(20), urls: domains(20), policies: []string{"alert-0.top"}})
	own, others := w.falconIOCs()
	for _, ioc := range own {
		require.Contains(w.t, ioc.Tags, "threatshare:"+w.name)
	}
	for _, ioc := range others {
		require.Equal(w.t, byHandOf, ioc.CreatedBy)
	}
}

func TestATenantInTroubleCostsTheOthersNothing(t *testing.T) {
	alone := newWorld(t, traffic()...)
	alone.fill()
	alone.startWorker()
	usual := alone.live()
	require.NoError(t, alone.worker.Stop())

	troubles := map[string]struct {
		begins, ends func(*world)
	}{
		"whose secret is wrong": {
			begins: func(sick *world) {
				require.NoError(t, sick.vendors.SetCredentials(sick.patient(), fault.Falcon, sim.DemoClientID, "rotated"))
			},
			ends: func(sick *world) {
				require.NoError(t, sick.vendors.SetCredentials(sick.patient(), fault.Falcon, sim.DemoClientID, sim.DemoFalconSecret))
			},
		},
		"who is throttled at every call": {
			begins: func(sick *world) {
				require.NoError(t, sick.vendors.AddFaults(sick.patient(), fault.Rule{Kind: fault.Throttle, DelayMS: 5000}))
			},
			ends: func(sick *world) { require.NoError(t, sick.vendors.ClearFaults(sick.patient())) },
		},
		"whose vendors stall": {
			begins: func(sick *world) {
				require.NoError(t, sick.vendors.AddFaults(sick.patient(), fault.Rule{Kind: fault.Delay, DelayMS: 20_000}))
			},
			ends: func(sick *world) { require.NoError(t, sick.vendors.ClearFaults(sick.patient())) },
		},
	}
	for trouble, it := range troubles {
		t.Run(trouble, func(t *testing.T) {
			w := newWorld(t, traffic()...)
			sick := w.neighbour()
			w.fill()
			sick.fill()
			it.begins(sick)
			w.startWorker()
			sick.starter("start", "-f", sick.settingsFile(func(document map[string]any) {
				both(document)
				document["credentials"] = "sick"
			}))
			sick.eventually("it has called", func() error {
				if stats := sick.stats(); stats.Total(fault.Falcon)+stats.Total(fault.Mimecast) == 0 {
					return errors.New("no call yet")
				}
				return nil
			})

			require.Equal(t, usual, w.live(), "calls of the healthy one")
			w.requireOwn()
			for _, flow := range allFlows() {
				require.Zero(t, sick.flow(flow).GoodRuns, "it was in trouble all the time")
			}
			require.NotEqual(t, workflows.Connected, sick.status().State)

			it.ends(sick)
			sick.cli("workflow", "signal", "--workflow-id", wire.IntegrationID(sick.name), "--name", wire.Reconnect)
			sick.waitForState(workflows.Connected)
			for _, flow := range allFlows() {
				sick.waitForRuns(flow, 1)
			}
			sick.requireOwn()
			w.requireOwn()
			logs := w.worker.Tail(1000)
			for _, secret := range []string{sim.DemoFalconSecret, sim.DemoMimecastSecret} {
				require.NotContains(t, logs, secret)
			}
		})
	}
}

// A step that waits for its vendor takes up room at the worker. There is enough of it for many.
func TestManyTenantsWhoseVendorsStallLeaveRoomForTheOthers(t *testing.T) {
	const many = 20
	w := newWorld(t, traffic()...)
	sick := w.neighbour()
	w.fill()
	w.startWorker()
	all := lo.Times(many, func(i int) *world {
		one := *sick
		one.name = fmt.Sprintf("%s-%d", sick.name, i)
		one.starter("start", "-f", one.settingsFile(func(document map[string]any) {
			both(document)
			document["credentials"], document["dryRun"] = "sick", true
		}))
		return &one
	})
	for _, one := range all {
		for _, flow := range allFlows() {
			one.waitForRuns(flow, 1)
		}
	}
	require.NoError(t, sick.vendors.AddFaults(w.patient(), fault.Rule{Kind: fault.Delay, DelayMS: 60_000}))
	require.NoError(t, sick.vendors.Reset(w.patient()))
	for _, one := range all {
		one.starter("sync", one.name)
	}
	// The flow to Falcon reads three logs side by side, the others a list each.
	w.eventually("all of them wait for their vendors", func() error {
		stats := sick.stats()
		if calls := stats.Total(fault.Falcon) + stats.Total(fault.Mimecast); calls < 5*many {
			return fmt.Errorf("%d calls", calls)
		}
		return nil
	})
	before := sick.stats().Calls
	w.live()
	w.requireOwn()
	for _, one := range all {
		for _, flow := range allFlows() {
			require.Equal(t, 1, one.flow(flow).GoodRuns, "it waited all the time")
		}
	}
	require.Equal(t, before, sick.stats().Calls, "nobody had to give up first")
}
