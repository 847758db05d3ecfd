package activities_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// A bad network makes every kind of failure. That the third try of a step happens to meet a portal's page is no drift of the
// contract.
func TestFault_V10_OnlyAnswersOutsideTheContractInARowAreFinal(t *testing.T) {
	w := newWorld(t)
	contract, gone := refusal(vendorapi.Contract, 0), refusal(vendorapi.Unavailable, 0)
	broken := w.breakMimecast(gone, contract, contract, gone, contract, gone, contract, contract, contract)
	err := retried(w, w.FetchTTPLogs, w.fetchInput(indicator.URLDomains, activities.Cursor{}))
	refusedAs(t, err, activities.VendorContract, false)
	require.Equal(t, 9, broken.asked)
}

// Also N8. The retry policy alone would ask every five seconds.
func TestFault_V7_ADayOfOutageCostsAStepAHundredTriesAtMost(t *testing.T) {
	w := newWorld(t)
	tries := make([]error, 100)
	for i := range tries {
		tries[i] = refusal(vendorapi.Unavailable, 0)
	}
	broken := w.breakMimecast(append(tries, refusal(vendorapi.Quota, 0))...)
	took, err := retriedFor(w, w.FetchTTPLogs, w.fetchInput(indicator.URLDomains, activities.Cursor{}), nil)
	refusedAs(t, err, activities.VendorQuota, false)
	require.Equal(t, 101, broken.asked)
	require.Greater(t, took, 24*time.Hour)
}

// A ledger that is gone for long is asked as rarely, and with it the vendors, whose calls come first.
func TestTheWaitsOfAStepGrowWhateverItFailsFor(t *testing.T) {
	w := newWorld(t)
	w.Ledger = brokenLedger{w.store, errors.New("disk full")}
	took, err := retriedFor(w, w.UploadIOCs, w.uploadInput(w.clicked("evil.top")), nil)
	refusedAs(t, err, activities.StoreUnavailable, true)
	require.Greater(t, took, 48*time.Hour, "two hundred tries")
}

// A step of many calls is repeated often where every few calls fail. As long as it gets on it does not wait as in an outage.
func TestAStepThatGetsOnIsRepeatedSoonHoweverOftenItFails(t *testing.T) {
	w := newImports(t)
	in := w.sendersInput(findings(hosts(100)...)...) // ten calls
	const members = "/directory/cloud-gateway/v1/groups/"
	for i := range 9 {
		require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{
			Method: http.MethodPost, Path: members, Kind: fault.ResetBefore, After: i + 1, Count: 1,
		}))
	}
	took, err := retriedFor(w, w.BlockSenderDomains, in, nil)
	require.NoError(t, err)
	require.Less(t, took, time.Minute, "nine waits that double take eight")
	faults, err := w.vendors.Faults(t.Context())
	require.NoError(t, err)
	for _, rule := range faults {
		require.Equal(t, 1, rule.Fired)
	}
	require.ElementsMatch(t, hosts(100), w.members(ownName))
	require.Equal(t, ledger.Shared, w.on(ledger.BlockedSenders, host(99)).State)
}

func hosts(n int) []string {
	list := make([]string, 0, n)
	for i := range n {
		list = append(list, host(i))
	}
	return list
}
