//go:build e2e

package e2e_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/harness/scale"
	"github.com/threatshare/threatshare/internal/simulator/fault"
)

// spoilt are ten ways to spoil a call, each of which meets a tenth of the share of calls that are to be spoilt.
func spoilt(share float64) []fault.Rule {
	rules := []fault.Rule{
		{Kind: fault.ResetBefore},
		{Kind: fault.ResetAfter},
		{Kind: fault.Cut},
		{Kind: fault.HTML},
		// Not with 200, which may stand for success by the contract (members of a group).
		{Kind: fault.Empty, Status: http.StatusGatewayTimeout},
		{Kind: fault.Throttle, DelayMS: 300},
		{Kind: fault.Status, Status: http.StatusInternalServerError},
		{Kind: fault.Status, Status: http.StatusBadGateway},
		{Kind: fault.Status, Status: http.StatusServiceUnavailable},
		{Kind: fault.Status, Status: http.StatusInsufficientStorage},
	}
	for i := range rules {
		rules[i].Probability = share / float64(len(rules))
	}
	return rules
}

// faultyImport imports a crowd while a share of the calls is spoilt, and gives how many calls that took, and what it takes
// without.
func faultyImport(t *testing.T, of crowd, share float64) (calls, usual int) {
	t.Helper()
	usual, undisturbed := usualCalls(t, of)
	w := importing(t, of)
	require.NoError(t, w.vendors.AddFaults(w.patient(), spoilt(share)...))
	began := time.Now()
	w.begin()
	w.eventually("import everything", func() error { return w.unfinished(importIOCs) })
	took := time.Since(began)
	calls = w.calls()
	fired := 0
	faults, err := w.vendors.Faults(w.patient())
	require.NoError(t, err)
	for _, rule := range faults {
		fired += rule.Fired
	}
	require.NoError(t, w.vendors.ClearFaults(w.patient()))
	w.requireImported(of)
	w.requireNothingToDo(importIOCs)
	t.Logf("%d of %d calls were spoilt; %d calls without (x %.3f), %s instead of %s", fired, calls, usual,
		float64(calls)/float64(usual), took.Round(100*time.Millisecond), undisturbed)
	return calls, usual
}

// Few domains: after a lost answer the members of the group are read to their end, a hundred with each call, and of so many
// calls in a row one is sure to be spoilt.
func TestFault_N1_AFewSpoiltCallsLoseNothingDoubleNothingAndCostFewMore(t *testing.T) {
	calls, usual := faultyImport(t, scale.Of(crowd{3_000, 300}, crowd{98_500, 1_500}), 0.05)
	require.LessOrEqual(t, calls, scale.Of(usual*130, usual*110)/100, "of a short import the few calls say little")
}
