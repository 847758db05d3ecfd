package activities_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
)

// breakDown makes a vendor answer 503 to everything.
func (w *world) breakDown(t *testing.T, vendor string) {
	t.Helper()
	require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{Vendor: vendor, Kind: fault.Status, Status: http.StatusServiceUnavailable}))
}

func TestFault_V8_AnAnswerLostAfterTheCommitIsFoundByTheRetry(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{
		Vendor: fault.Falcon, Method: http.MethodPost, Path: created, Kind: fault.ResetAfter, Count: 1,
	}))
	in := w.uploadInput(w.clicked("evil.top"), w.clicked("worse.top"))
	_, err := run[activities.UploadIOCsResult](w, w.UploadIOCs, in)
	refusedAs(t, err, activities.VendorUnavailable, true)
	require.Len(t, w.iocs(), 2, "made, and nobody knows")
	require.Empty(t, w.everything())
	require.Equal(t, 2, w.writes(fault.Falcon))

	result, err := run[activities.UploadIOCsResult](w, w.UploadIOCs, in)
	require.NoError(t, err)
	require.Equal(t, activities.Counts{AlreadyThere: 2}, result.Counts[indicator.URLDomains])
	require.Zero(t, w.writes(fault.Falcon))
	require.Equal(t, ledger.Shared, w.entry(indicator.Domain, "evil.top").State)
}

func TestFault_V25_ADuplicateThatSearchDoesNotListYetIsAskedForAgain(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.vendors.SetFalconModes(t.Context(), map[string]any{"lagMs": 60_000}))
	require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{
		Vendor: fault.Falcon, Method: http.MethodPost, Path: created, Kind: fault.ResetAfter, Count: 1,
	}))
	in := w.uploadInput(w.clicked("evil.top"))
	for range 2 { // the answer is lost; then Falcon calls it a duplicate that it does not list
		_, err := run[activities.UploadIOCsResult](w, w.UploadIOCs, in)
		refusedAs(t, err, activities.VendorUnavailable, true)
		require.Empty(t, w.everything(), "nothing is known of it yet")
	}
	w.clock.pass(time.Minute)
	result, err := run[activities.UploadIOCsResult](w, w.UploadIOCs, in)
	require.NoError(t, err)
	require.Equal(t, activities.Counts{AlreadyThere: 1}, result.Counts[indicator.URLDomains])
	require.Len(t, w.iocs(), 1)
	require.Equal(t, 1, w.writes(fault.Falcon))
}

// retried runs a step under a workflow that repeats it as Temporal would, and returns the failure that it ended with.
func retried(w *world, step, in any) error {
	w.t.Helper()
	return retriedInto(w, step, in, nil)
}

// retriedInto is retried for a step whose result matters.
func retriedInto(w *world, step, in, into any) error {
	w.t.Helper()
	_, err := retriedFor(w, step, in, into)
	return err
}

// retriedFor is retriedInto with the time that it took by Temporal's clock.
func retriedFor(w *world, step, in, into any) (took time.Duration, err error) {
	w.t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterActivity(w.Activities)
	flow := func(ctx workflow.Context) error {
		began := workflow.Now(ctx)
		defer func() { took = workflow.Now(ctx).Sub(began) }()
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			StartToCloseTimeout: time.Minute,
			RetryPolicy: &temporal.RetryPolicy{
				InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Second, MaximumAttempts: 200,
			},
		})
		return workflow.ExecuteActivity(ctx, step, in).Get(ctx, into)
	}
	env.ExecuteWorkflow(flow)
	require.True(w.t, env.IsWorkflowCompleted())
	return took, env.GetWorkflowError()
}

func TestADuplicateThatIsNotListedForLongStaysOpenAndStopsNothing(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.vendors.SetFalconModes(t.Context(), map[string]any{"lagMs": 3_600_000}))
	_, err := w.vendors.AddFalconIOCs(t.Context(), control.IOC{Type: "domain", Value: "evil.top"})
	require.NoError(t, err)
	require.NoError(t, retried(w, w.UploadIOCs, w.uploadInput(w.clicked("evil.top"), w.clicked("worse.top"))))
	key := indicator.Key{Kind: indicator.Domain, Value: "evil.top"}
	entries, err := w.store.Lookup(t.Context(), acme, ledger.FalconIOCs, []indicator.Key{key})
	require.NoError(t, err)
	require.Empty(t, entries, "whose it is cannot be known yet: it is asked for again when it is seen again")
	require.Equal(t, ledger.Shared, w.entry(indicator.Domain, "worse.top").State)
	stats, err := w.vendors.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, 6+2, stats.Calls[fault.Falcon]["POST "+created], "six tries, and two calls more to part the two values")
}

func TestOneBadEntryIsQuarantinedWithTheVendorsWordsAndTheRestIsShared(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{
		Vendor: fault.Falcon, Method: http.MethodPost, Path: created, Kind: fault.Status, Status: http.StatusBadRequest, Count: 1,
		Body: `{"errors":[{"code":400,"message":"bad indicator"}],"resources":[{"message_type":"error","message":"parked by our team","type":"domain","value":"bad.top"}]}`,
	}))
	var in []indicator.Indicator
	for i := range 20 {
		in = append(in, w.clicked(fmt.Sprintf("good-%d.top", i)))
	}
	counts := w.upload(append(in, w.clicked("bad.top"))...)
	require.Equal(t, activities.Counts{Shared: 20, Quarantined: 1}, counts[indicator.URLDomains])
	require.Len(t, w.iocs(), 20)
	bad := w.entry(indicator.Domain, "bad.top")
	require.Equal(t, ledger.Quarantined, bad.State)
	require.Contains(t, bad.Detail, "parked by our team")
	require.Equal(t, 20, w.writes(fault.Falcon))
	w.upload(w.clicked("bad.top"))
	stats, err := w.vendors.Stats(t.Context())
	require.NoError(t, err)
	require.Zero(t, stats.Total(fault.Falcon), "not tried again")
}

func TestAFaultOfTheSettingsIsNoReasonToQuarantineEverything(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{
		Vendor: fault.Falcon, Method: http.MethodPost, Path: created, Kind: fault.Status, Status: http.StatusBadRequest,
		Body: `{"errors":[{"code":400,"message":"host group not found"}]}`,
	}))
	var in []indicator.Indicator
	for i := range 12 {
		in = append(in, w.clicked(host(i)))
	}
	_, err := run[activities.UploadIOCsResult](w, w.UploadIOCs, w.uploadInput(in...))
	refusedAs(t, err, activities.VendorRejected, false)
	require.Empty(t, w.everything())
}

// Names that Falcon cannot list are a stranger's to choose. They are wrong by themselves, however many come at once.
func TestManyNamesThatFalconCannotListDoNotStopTheFlow(t *testing.T) {
	w := newWorld(t)
	label := strings.Repeat("a", 60) + "."
	var in []indicator.Indicator
	for i := range 12 {
		in = append(in, w.clicked(label+label+label+fmt.Sprintf("long-enough-to-be-refused-%02d.top", i)))
	}
	counts := w.upload(in...)
	require.Equal(t, activities.Counts{Quarantined: 12}, counts[indicator.URLDomains])
	require.Len(t, w.everything(), 12)
}

func TestFault_V15_AFullTenantEndsTheStepForGood(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.vendors.SetFalconModes(t.Context(), map[string]any{"cidLimit": 1}))
	w.upload(w.clicked("evil.top"))
	_, err := run[activities.UploadIOCsResult](w, w.UploadIOCs, w.uploadInput(w.clicked("worse.top")))
	failed := refusedAs(t, err, activities.VendorQuota, false)
	require.Equal(t, "falcon", activities.ProblemOf(failed).Vendor)
	require.Len(t, w.everything(), 1)
}

func TestWhatWasMadeBeforeAFailureIsRecorded(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{
		Vendor: fault.Falcon, Method: http.MethodPost, Path: created, Kind: fault.ResetBefore, After: 1, Count: 1,
	}))
	var in []indicator.Indicator
	for i := range 250 { // two batches
		in = append(in, w.clicked(host(i)))
	}
	_, err := run[activities.UploadIOCsResult](w, w.UploadIOCs, w.uploadInput(in...))
	refusedAs(t, err, activities.VendorUnavailable, true)
	require.Len(t, w.everything(), 200)
	require.Equal(t, 200, w.writes(fault.Falcon))
	w.upload(in...)
	require.Equal(t, 50, w.writes(fault.Falcon))
	require.Len(t, w.iocs(), 250)
}
