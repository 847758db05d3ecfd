//go:build e2e

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/samber/lo"
	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/harness/scale"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/internal/wire"
)

// write is a call by which something is made at a vendor: the beginning of its path, after POST.
type write string

// The writes of the product, each of which a gate can hold.
const (
	makeIOCs     write = "/iocs/entities/indicators/v1"
	addHashes    write = "/api/byo-threat-intelligence/create-batch"
	addMembers   write = "/directory/cloud-gateway/v1/groups/"
	makePolicies write = "/policy-management/cloud-gateway/v1/blocked-senders/policies"
	makeURLs     write = "/api/ttp/url/create-managed-url"
)

func writes() []write { return []write{makeIOCs, addHashes, addMembers, makePolicies, makeURLs} }

// gate stands before a vendor and can keep the answer to a write from whoever asked for it: the vendor has done it, and the
// worker will never know.
type gate struct {
	url string

	mu    sync.Mutex
	holds write
	held  chan struct{} // closed once an answer is held
}

var errHeld = errors.New("the answer is held")

func newGate(t *testing.T, vendor string) *gate {
	t.Helper()
	at, err := url.Parse(vendor)
	require.NoError(t, err)
	g := &gate{}
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(at) },
		ModifyResponse: g.answered,
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	served := httptest.NewServer(proxy)
	t.Cleanup(served.Close)
	g.url = served.URL
	return g
}

// hold keeps the next answer to a write, and gives what is closed when that has happened.
func (g *gate) hold(what write) <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.holds, g.held = what, make(chan struct{})
	return g.held
}

// answered hears of every answer of the vendor, before its caller does.
func (g *gate) answered(answer *http.Response) error {
	request := answer.Request
	g.mu.Lock()
	holds := g.holds != "" && request.Method == http.MethodPost && strings.HasPrefix(request.URL.Path, string(g.holds))
	if holds {
		g.holds = ""
		close(g.held)
	}
	g.mu.Unlock()
	if !holds {
		return nil
	}
	<-request.Context().Done() // until the caller is dead
	return errHeld
}

// tenant is a customer whose vendors stand behind gates.
type tenant struct {
	*world
	gates map[write]*gate
	sha   []string
	list  []string
	alert []string
	sent  []string // domains of senders that Mimecast found to be impersonations
}

// gated gives the worker, which is still to be started, another customer. Their vendors hold nothing yet.
func (w *world) gated(number int) *tenant {
	w.t.Helper()
	other := *w
	set := fmt.Sprintf("t%d", number)
	other.name, other.dir = w.name+"-"+set, w.t.TempDir()
	var err error
	other.simulator, err = harness.StartSimulator(w.patient(), binaries.Simulator, other.dir)
	require.NoError(w.t, err)
	w.t.Cleanup(other.simulator.Kill)
	other.vendors = control.New(other.simulator.Admin)
	other.foreign = other.mimecast()
	atMimecast, atFalcon := newGate(w.t, other.simulator.Mimecast), newGate(w.t, other.simulator.Falcon)
	tenant := &tenant{world: &other, gates: map[write]*gate{}}
	for _, what := range writes() {
		tenant.gates[what] = atMimecast
	}
	tenant.gates[makeIOCs] = atFalcon
	w.env = append(w.env, credentialSet(set, atMimecast.url, atFalcon.url)...)
	return tenant
}

// more gives every flow of the tenant something new to do.
func (c *tenant) more(round int) {
	c.t.Helper()
	value := func(kind string) string { return fmt.Sprintf("%s-%d.top", kind, round) }
	hash := fmt.Sprintf("%064x", 0xdef0000+round)
	c.world.list([]string{hash}, []string{value("listed")})
	c.raise(control.DomainAlert(value("alert")))
	record := impersonation("eve@" + value("sender"))
	record["id"] = fmt.Sprintf("MTOKEN:%d", round)
	require.NoError(c.t, c.vendors.AddLogs(c.patient(), mimecast.Impersonation, []map[string]any{record}, 0))
	c.sha, c.list = append(c.sha, hash), append(c.list, value("listed"))
	c.alert, c.sent = append(c.alert, value("alert")), append(c.sent, value("sender"))
}

// requireOnce makes sure that the tenant's vendors hold what they have to, each value once.
func (c *tenant) requireOnce() {
	c.t.Helper()
	c.requireBlocked(blocked{hashes: c.sha, members: c.list, policies: c.alert, urls: append(append([]string{}, c.list...), c.alert...)})
	own, _ := c.falconIOCs()
	var shared []string
	for _, ioc := range own {
		shared = append(shared, ioc.Value)
	}
	c.requireSame("IOCs in Falcon", c.sent, shared)
	require.Empty(c.t, c.stats().Violations)
}

// runFlows has every flow of every tenant run once more. Between the asking and the waiting, meanwhile happens.
func runFlows(t *testing.T, all []*tenant, meanwhile func()) {
	t.Helper()
	before := make([]map[string]int, len(all))
	for i, c := range all {
		before[i] = map[string]int{}
		for name, flow := range c.status().Flows {
			before[i][name] = flow.GoodRuns
		}
		require.NoError(t, c.temporal.SignalWorkflow(c.patient(), wire.IntegrationID(c.name), "", wire.SyncNow, nil))
	}
	meanwhile()
	for i, c := range all {
		for _, flow := range allFlows() {
			c.waitForRuns(flow, before[i][flow]+1)
		}
	}
}

// A round kills the worker of all tenants at once, when each of their vendors has made something and not yet said so.
func TestFault_P3_AKillBetweenTheVendorsCommitAndOurReadingOfItsAnswerDoublesNothing(t *testing.T) {
	tenants, rounds := scale.Of(5, 20), scale.Of(1, 10)
	w := newWorld(t)
	all := lo.Times(tenants, w.gated)
	w.startWorker()
	for i, c := range all {
		c.starter("start", "-f", c.settingsFile(func(document map[string]any) {
			document["credentials"] = fmt.Sprintf("t%d", i)
			document["sendToMimecast"] = map[string]any{"iocHashes": on(), "iocDomains": on("blockURLs"), "alertDomains": on("blockURLs")}
		}))
	}
	for _, c := range all {
		for _, flow := range allFlows() {
			c.waitForRuns(flow, 1)
		}
	}
	for round := range rounds {
		began := time.Now()
		held := lo.Map(all, func(c *tenant, i int) <-chan struct{} {
			c.more(round)
			what := writes()[(i+round)%len(writes())]
			return c.gates[what].hold(what)
		})
		runFlows(t, all, func() {
			for _, answer := range held {
				waitForHeld(w.patient(), t, answer)
			}
			w.worker.Kill()
			w.startWorker()
		})
		for _, c := range all {
			c.requireOnce()
		}
		t.Logf("round %d: %d answers lost, all well %s later", round, tenants, time.Since(began).Round(time.Second))
	}
	for _, c := range all {
		require.NoError(t, c.vendors.Reset(c.patient()))
	}
	runFlows(t, all, func() {})
	for _, c := range all {
		require.Equal(t, map[string]int{fault.Mimecast: 0, fault.Falcon: 0}, c.stats().Writes)
		c.requireOnce()
	}
	t.Logf("%d repetitions", tenants*rounds)
}

func waitForHeld(ctx context.Context, t *testing.T, held <-chan struct{}) {
	t.Helper()
	select {
	case <-held:
	case <-ctx.Done():
		t.Fatal("no such write was made")
	}
}
