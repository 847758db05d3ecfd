package activities_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/config"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// brokenMimecast answers every page with the next of its errors, the last one for ever.
type brokenMimecast struct {
	activities.Mimecast

	errors []error
	asked  int
}

func (b *brokenMimecast) TTPLogs(context.Context, indicator.Query) (indicator.Page, error) {
	b.asked++
	return indicator.Page{}, b.errors[min(b.asked, len(b.errors))-1]
}

func refusal(class vendorapi.Class, wait time.Duration) error {
	return &vendorapi.Error{Class: class, Vendor: "mimecast", Operation: "POST /log", Message: "words of the vendor", RetryAfter: wait}
}

func (w *world) breakMimecast(failures ...error) *brokenMimecast {
	broken := &brokenMimecast{errors: failures}
	w.Vendors = &clients{mimecast: broken}
	return broken
}

func TestEveryClassOfRefusalBecomesOneTypeOfFailure(t *testing.T) {
	w := newWorld(t)
	for class, want := range map[vendorapi.Class]struct {
		kind    string
		retried bool
		wait    time.Duration
	}{
		vendorapi.Credentials:           {activities.VendorAuth, false, 0},
		vendorapi.Forbidden:             {activities.VendorForbidden, false, 0},
		vendorapi.Rejected:              {activities.VendorRejected, false, 0},
		vendorapi.Quota:                 {activities.VendorQuota, false, 0},
		vendorapi.Contract:              {activities.VendorContract, true, time.Second},
		vendorapi.Throttled:             {activities.VendorThrottled, true, 90 * time.Second},
		vendorapi.Unavailable:           {activities.VendorUnavailable, true, 90 * time.Second},
		vendorapi.Class("of next year"): {activities.VendorUnavailable, true, time.Second},
	} {
		t.Run(string(class), func(t *testing.T) {
			w.breakMimecast(refusal(class, 90*time.Second))
			_, err := run[activities.FetchTTPLogsResult](w, w.FetchTTPLogs, w.fetchInput(indicator.URLDomains, activities.Cursor{}))
			failed := refusedAs(t, err, want.kind, want.retried)
			require.Equal(t, want.wait, failed.NextRetryDelay())
			problem := activities.ProblemOf(err)
			require.Equal(t, want.kind, problem.Type)
			require.Contains(t, problem.Reason, "words of the vendor")
			if !want.retried {
				require.Equal(t, "mimecast", problem.Vendor)
			}
		})
	}
}

func TestFault_V10_AnAnswerOutsideTheContractIsFinalAfterThreeTries(t *testing.T) {
	w := newWorld(t)
	broken := w.breakMimecast(refusal(vendorapi.Contract, 0))
	err := retried(w, w.FetchTTPLogs, w.fetchInput(indicator.URLDomains, activities.Cursor{}))
	failed := refusedAs(t, err, activities.VendorContract, false)
	require.Equal(t, 3, broken.asked)
	require.Equal(t, "mimecast", activities.ProblemOf(failed).Vendor)
}

func TestAWaitThatAVendorAsksForIsTheNextRetryDelay(t *testing.T) {
	w := newWorld(t)
	broken := w.breakMimecast(refusal(vendorapi.Throttled, time.Minute), refusal(vendorapi.Quota, 0))
	refusedAs(t, retried(w, w.FetchTTPLogs, w.fetchInput(indicator.URLDomains, activities.Cursor{})), activities.VendorQuota, false)
	require.Equal(t, 2, broken.asked)
}

func TestMissingAndUnusableCredentialsAreFinalAndNameTheVariables(t *testing.T) {
	for name, tc := range map[string]struct {
		environ []string
		named   string
	}{
		"missing":  {nil, "FALCON_CLIENT_SECRET"},
		"unusable": {[]string{"MIMECAST_BASE_URL=http://mimecast.example"}, "MIMECAST_BASE_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			cfg, err := config.Read(tc.environ)
			require.NoError(t, err)
			_, err = cfg.Credentials("")
			require.Error(t, err)
			w.Vendors = &clients{err: err}
			_, fetched := run[activities.FetchTTPLogsResult](w, w.FetchTTPLogs, w.fetchInput(indicator.URLDomains, activities.Cursor{}))
			_, uploaded := run[activities.UploadIOCsResult](w, w.UploadIOCs, w.uploadInput(w.clicked("evil.top")))
			for _, failed := range []error{fetched, uploaded} {
				refusedAs(t, failed, activities.VendorAuth, false)
				require.Contains(t, activities.ProblemOf(failed).Reason, tc.named)
				require.Empty(t, activities.ProblemOf(failed).Vendor, "it concerns both")
			}
			checked, err := run[activities.CheckConnectionsResult](w, w.CheckConnections, settings.Settings{})
			require.NoError(t, err)
			require.Equal(t, activities.VendorAuth, checked.Mimecast.Type)
			require.Equal(t, activities.VendorAuth, checked.Falcon.Type)
		})
	}
}

// brokenLedger fails when it is asked to write.
type brokenLedger struct {
	activities.Ledger

	failure error
}

func (b brokenLedger) Record(context.Context, time.Time, []ledger.Entry) error { return b.failure }

func TestALedgerThatDoesNotAnswerIsTriedAgainAndCostsNoDuplicate(t *testing.T) {
	w := newWorld(t)
	w.Ledger = brokenLedger{w.store, errors.New("disk full")}
	in := w.uploadInput(w.clicked("evil.top"))
	_, err := run[activities.UploadIOCsResult](w, w.UploadIOCs, in)
	refusedAs(t, err, activities.StoreUnavailable, true)
	w.Ledger = w.store
	_, err = run[activities.UploadIOCsResult](w, w.UploadIOCs, in)
	require.NoError(t, err)
	require.Len(t, w.iocs(), 1)
}

func TestAnErrorOfOurOwnHasAProblemToo(t *testing.T) {
	require.Equal(t, activities.Problem{Type: "Failed", Reason: "boom"}, activities.ProblemOf(errors.New("boom")))
}
