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

// Also the share of calls that this costs: 1.10 of the usual ones is what N1 allows, and what the log of a long run says.
func TestFault_N1_AFewSpoiltCallsLoseNothingDoubleNothingAndCostFewMore(t *testing.T) {
	of := scale.Of(crowd{2_000, 100}, crowd{95_000, 5_000})
	usual, undisturbed := usualCalls(t, of)
	w := importing(t, of)
	require.NoError(t, w.vendors.AddFaults(w.patient(), spoilt(0.05)...))
	began := time.Now()
	w.begin()
	w.eventually("import everything", func() error { return w.unfinished(importIOCs) })
	took := time.Since(began)
	calls := w.calls()
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
	// It is made once more; and what it may have done is found out, for ten domains with one call more.
	require.LessOrEqual(t, calls-usual, fired*10, "what a spoilt call costs")
}
