//go:build e2e

package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/harness/network"
	"github.com/threatshare/threatshare/internal/harness/scale"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/workflows"
)

// load is how much there is to share in both directions.
type load struct {
	records, hashes, domains, alerts int
}

func (l load) values() int { return l.records + l.hashes + l.domains + l.alerts }

// outcome is what it took to share a load.
type outcome struct {
	calls  int
	took   time.Duration
	fired  map[string]int
	memory int64
}

// randomFaults hit about a share of the calls for data, each kind as often as the others. A group or policy whose creation may have
// been carried out is looked for only a minute later, which is for the long form.
func randomFaults(share float64) []fault.Rule {
	kinds := []fault.Rule{
		{Kind: fault.ResetBefore},
		{Kind: fault.ResetAfter},
		{Kind: fault.Status, Status: http.StatusInternalServerError},
		{Kind: fault.Status, Status: http.StatusBadGateway},
		{Kind: fault.Status, Status: http.StatusGatewayTimeout},
		{Kind: fault.Throttle, DelayMS: 1000},
		{Kind: fault.Cut},
		{Kind: fault.Truncate},
		{Kind: fault.HTML, Status: http.StatusOK},
		{Kind: fault.Stall, DelayMS: 500},
		{Kind: fault.GzipBomb, MiB: 500},
		{Kind: fault.Empty},
	}
	var rules []fault.Rule
	for _, kind := range kinds {
		for vendor, paths := range map[string][]string{
			fault.Mimecast: scale.Of([]string{"/api/", "/domain/"}, []string{"/api/", "/domain/", "/directory/", "/policy-management/"}),
			fault.Falcon:   {"/iocs/", "/alerts/"},
		} {
			for _, path := range paths {
				rule := kind
				rule.Vendor, rule.Path, rule.Probability = vendor, path, share/float64(len(kinds))
				rules = append(rules, rule)
			}
		}
	}
	return rules
}

// rareFaults are those that are too slow to come at random: each holds everything up for a minute or more.
func rareFaults() []fault.Rule {
	mimecast, falcon := fault.Rule{Vendor: fault.Mimecast, Path: "/api/ttp/", Count: 1}, fault.Rule{Vendor: fault.Falcon, Path: "/iocs/", Count: 1}
	with := func(rule fault.Rule, kind fault.Kind, after int, headers map[string]string) fault.Rule {
		rule.Kind, rule.After, rule.Headers = kind, after, headers
		return rule
	}
	stall := with(falcon, fault.Stall, 40, nil)
	stall.DelayMS = 90_000 // longer than any request may take
	return []fault.Rule{
		{Path: "/oauth", Kind: fault.Status, Status: http.StatusServiceUnavailable, Count: 2}, // both vendors' token endpoints
		with(mimecast, fault.Throttle, 30, map[string]string{}),
		with(mimecast, fault.Throttle, 90, map[string]string{"X-RateLimit-Reset": "NaN", "Retry-After": "-5"}),
		with(falcon, fault.Throttle, 30, map[string]string{"X-RateLimit-RetryAfter": "-1"}),
		stall,
	}
}

// revocations take the tokens back in the middle of the run.
func revocations() []fault.Rule {
	var rules []fault.Rule
	for _, after := range []int{20, 200} {
		rules = append(rules, fault.Rule{Vendor: fault.Falcon, Path: "/iocs/", Kind: fault.Revoke, After: after, Count: 1},
			fault.Rule{Vendor: fault.Mimecast, Path: "/api/", Kind: fault.Revoke, After: after, Count: 1})
	}
	return rules
}

// badNetwork puts a proxy before each vendor that slices every answer, slows some connections and cuts each after some data.
func (w *world) badNetwork() (env []string) {
	w.t.Helper()
	for variable, vendor := range map[string]string{"MIMECAST_BASE_URL": w.simulator.Mimecast, "FALCON_BASE_URL": w.simulator.Falcon} {
		path, err := network.To(vendor)
		require.NoError(w.t, err)
		w.t.Cleanup(path.Close)
		for _, suffering := range []network.Fault{
			{Kind: "slicer", Stream: "downstream", Share: 1, Attributes: map[string]any{"average_size": 8192, "size_variation": 4096, "delay": 10}},
			{Kind: "latency", Stream: "downstream", Share: 0.3, Attributes: map[string]any{"latency": 2, "jitter": 2}},
			{Kind: "bandwidth", Stream: "downstream", Share: 0.1, Attributes: map[string]any{"rate": 2000}},
			{Kind: "limit_data", Stream: "downstream", Share: 1, Attributes: map[string]any{"bytes": 8 << 20}},
		} {
			require.NoError(w.t, path.Suffer(suffering))
		}
		env = append(env, variable+"="+path.URL)
	}
	return env
}

// directly is the way to the vendors without anything between.
func (w *world) directly() (env []string) { return nil }

// shareAll shares a load in both directions, each flow as often as it takes, and makes sure that nothing is lost or there twice.
func shareAll(t *testing.T, l load, way func(*world) []string, rules []fault.Rule, seed uint64, allowed time.Duration) outcome {
	t.Helper()
	w := newWorld(t, "--records", strconv.Itoa(l.records), "--indicators", strconv.Itoa(l.records), "--plain", "--seed", strconv.FormatUint(seed, 10))
	hashes, domains := hashes(l.hashes), domains(l.domains)
	w.list(hashes, domains)
	var alerted []string
	for i := range l.alerts {
		alerted = append(alerted, fmt.Sprintf("alert-%d.top", i))
		w.raise(control.DomainAlert(alerted[i]))
	}
	require.NoError(t, w.vendors.Reset(w.patient()))
	require.NoError(t, w.vendors.AddFaults(w.patient(), rules...))
	w.startWorker(way(w)...)
	began := time.Now()
	w.starter("start", "-f", w.settingsFile(both))
	w.shareToTheEnd(allowed)
	out := outcome{took: time.Since(began), fired: map[string]int{}}
	stats := w.stats()
	out.calls = stats.Total(fault.Mimecast) + stats.Total(fault.Falcon)
	states, err := w.vendors.Faults(w.patient())
	require.NoError(t, err)
	for _, state := range states {
		if state.Fired > 0 {
			kind := string(state.Kind)
			if state.Status != 0 {
				kind += " " + strconv.Itoa(state.Status)
			}
			out.fired[kind] += state.Fired
		}
	}
	out.memory, err = w.worker.PeakMemory()
	require.NoError(t, err)

	require.NoError(t, w.vendors.ClearFaults(w.patient()))
	w.requireSharedExactly()
	want := blocked{hashes: hashes, members: domains, policies: alerted, urls: domains}
	w.requireBlocked(want)
	require.NoError(t, w.vendors.Reset(w.patient()))
	for _, flow := range allFlows() {
		w.sync(flow)
	}
	require.Equal(t, map[string]int{fault.Mimecast: 0, fault.Falcon: 0}, w.stats().Writes, "nothing was left to write")
	return out
}

// shareToTheEnd lets the flows run until each has ended well once, and lets one that failed run again as its Schedule would.
func (w *world) shareToTheEnd(allowed time.Duration) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), allowed)
	defer cancel()
	failed := map[string]string{}
	require.NoError(w.t, harness.Until(ctx, "share everything", func() error {
		status := w.status()
		var open []string
		for _, name := range allFlows() {
			flow := status.Flows[name]
			require.NotEqual(w.t, workflows.FlowParked, flow.State, "%s: %s", name, flow.LastError)
			if flow.GoodRuns > 0 && flow.State == workflows.FlowIdle && !flow.More {
				continue
			}
			open = append(open, fmt.Sprintf("%s is %s: %s %s", name, flow.State, flow.Reason, flow.LastError))
			if flow.Running.RunID == "" && flow.LastRun != failed[name] && flow.LastError != "" {
				failed[name] = flow.LastRun
				w.t.Logf("%s failed and runs again: %s", name, flow.LastError)
				w.starter("sync", w.name, name)
			}
		}
		if len(open) > 0 {
			return fmt.Errorf("open: %s", strings.Join(open, "; "))
		}
		return nil
	}))
}

func (o outcome) log(t *testing.T, what string, l load, calm outcome) {
	t.Helper()
	t.Logf("%s: %d values in %s, %d calls, faults %v, %d MiB at most", what, l.values(), o.took.Round(time.Second), o.calls, o.fired, o.memory>>20)
	if calm.calls > 0 {
		t.Logf("%.3f of the calls and %.1f of the time without faults", float64(o.calls)/float64(calm.calls), o.took.Seconds()/calm.took.Seconds())
	}
}

// maxMemory is what a worker may need at most (N9).
const maxMemory = 256 << 20

// Also N1: faults of a dozen kinds at both vendors, beside tokens that are taken back, a bad network, and, in the long form,
// token endpoints that fail and waits that nobody means.
func TestFault_V8_RandomFaultsAtBothVendorsLoseNothingDoubleNothingAndCostFewCalls(t *testing.T) {
	l := scale.Of(load{1200, 1500, 100, 4}, load{100_000, 20_000, 1_000, 20})
	seed := scale.Of(1, uint64(time.Now().UnixNano()))
	t.Log("seed", seed)
	calm := shareAll(t, l, (*world).directly, nil, seed, scale.Of(patience, 20*time.Minute))
	calm.log(t, "without faults", l, calm)
	rules := append(randomFaults(0.045), revocations()...) // the others make it one in twenty
	rules = append(scale.Of(nil, rareFaults()), rules...)
	out := shareAll(t, l, (*world).badNetwork, rules, seed, scale.Of(patience, time.Hour))
	out.log(t, "5 % faults", l, calm)
	all := 0
	for _, fired := range out.fired {
		all += fired
	}
	t.Logf("%.1f %% of the calls were hit, beside those that the network cut", 100*float64(all)/float64(out.calls))
	require.Positive(t, all)
	// A fault costs the call again and those before it in its step, of which there are three at most that are not remembered.
	require.LessOrEqual(t, out.calls, calm.calls+5*all)
	require.LessOrEqual(t, out.memory, int64(maxMemory))
	require.GreaterOrEqual(t, len(out.fired), scale.Of(1, 10), "kinds of faults that were met")
	require.LessOrEqual(t, float64(out.calls), scale.Of(2.0, 1.10)*float64(calm.calls))
}

// With every fourth call failing it takes longer, and that is all.
func TestFault_N3_AQuarterOfAllCallsFailingOnlyTakesTime(t *testing.T) {
	l := scale.Of(load{300, 200, 20, 2}, load{10_000, 4_000, 500, 10})
	seed := scale.Of(2, uint64(time.Now().UnixNano()))
	t.Log("seed", seed)
	var calm outcome
	if long := scale.Of(false, true); long {
		calm = shareAll(t, l, (*world).directly, nil, seed, 20*time.Minute)
	}
	out := shareAll(t, l, (*world).badNetwork, append(randomFaults(0.25), revocations()...), seed, scale.Of(patience, 2*time.Hour))
	out.log(t, "25 % faults", l, calm)
	require.LessOrEqual(t, out.memory, int64(maxMemory))
}

// Also N9: both vendors answer with pages of fifty megabytes now and then, and with such as are just not too large. Not over the bad
// network, which would cut either.
func TestFault_V20_PagesOfFiftyMegabytesNeedNoMoreMemory(t *testing.T) {
	l := scale.Of(load{300, 200, 20, 0}, load{20_000, 4_000, 500, 0})
	var rules []fault.Rule
	for _, path := range []string{"/api/ttp/", "/iocs/combined/", "/alerts/"} {
		rules = append(rules, fault.Rule{Path: path, Kind: fault.Bloat, MiB: 50, Count: scale.Of(1, 20), Probability: 0.5},
			fault.Rule{Path: path, Kind: fault.Bloat, MiB: 15, Count: scale.Of(3, 0), Probability: 0.5})
	}
	out := shareAll(t, l, (*world).directly, rules, 3, scale.Of(patience, 30*time.Minute))
	out.log(t, "large pages", l, outcome{})
	require.Positive(t, out.fired[string(fault.Bloat)])
	require.LessOrEqual(t, out.memory, int64(maxMemory))
}
