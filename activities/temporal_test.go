package activities_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/wire"
)

// encoded is the answer to a query.
type encoded struct{ payloads *commonpb.Payloads }

func (e encoded) HasValue() bool { return e.payloads != nil }
func (e encoded) Get(into any) error {
	return converter.GetDefaultDataConverter().FromPayloads(e.payloads, into)
}

func TestAnIntegrationThatDoesNotRunFailsTheRunForGood(t *testing.T) {
	for name, prepare := range map[string]func(*world){
		"never started": func(w *world) {
			w.temporal.On("QueryWorkflow", anyCalls(5)...).Return(nil, serviceerror.NewNotFound("none"))
		},
		"ended, and still answering queries": func(w *world) {
			w.planned(activities.RunPlan{Settings: w.settings})
			w.temporal.ExpectedCalls[1].Return(serviceerror.NewNotFound("completed"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			prepare(w)
			_, err := run[activities.LoadIntegrationResult](w, w.LoadIntegration, activities.LoadIntegrationInput{Integration: acme})
			refusedAs(t, err, activities.UnknownIntegration, false)
		})
	}
}

func TestTemporalOutOfReachIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.temporal.On("QueryWorkflow", anyCalls(5)...).Return(nil, serviceerror.NewUnavailable("down"))
	_, err := run[activities.LoadIntegrationResult](w, w.LoadIntegration, activities.LoadIntegrationInput{Integration: acme})
	refusedAs(t, err, activities.StoreUnavailable, true)
}

func TestASecondRunStaysIdleWhileTheFirstIsAtWork(t *testing.T) {
	for status, idle := range map[enumspb.WorkflowExecutionStatus]bool{
		enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:    true,
		enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED: false,
	} {
		w := newWorld(t)
		w.planned(activities.RunPlan{Settings: w.settings, Running: activities.Run{WorkflowID: "other", RunID: "other-run"}})
		w.temporal.On("DescribeWorkflowExecution", mock.Anything, "other", "other-run").Return(
			&workflowservice.DescribeWorkflowExecutionResponse{
				WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Status: status},
			}, nil)
		require.Equal(t, idle, w.load().Idle != "", status)
		if idle {
			w.temporal.AssertNotCalled(t, "SignalWorkflow", anyCalls(5)...)
		}
	}
}

func TestAnIdlePlanStartsNoRun(t *testing.T) {
	w := newWorld(t)
	w.planned(activities.RunPlan{Settings: w.settings, Idle: "paused: by hand"})
	require.Equal(t, "paused: by hand", w.load().Idle)
	w.temporal.AssertNotCalled(t, "SignalWorkflow", anyCalls(5)...)
}

// reports are what the Integration was told.
func (w *world) reports() []activities.Report {
	var told []activities.Report
	for _, call := range w.temporal.Calls {
		if report, ok := call.Arguments.Get(4).(activities.Report); ok && call.Arguments.String(3) == wire.RunReported {
			told = append(told, report)
		}
	}
	return told
}

func TestAReportCountsWhatTheLedgerHasBookedHoweverOftenAStepWasRepeated(t *testing.T) {
	w := newWorld(t)
	w.temporal.On("SignalWorkflow", anyCalls(5)...).Return(nil)
	w.upload(w.clicked("evil.top"), w.clicked("worse.top"), w.impersonated("third.top"))
	w.holds("https://" + unheard)
	in := activities.ReportRunInput{Integration: acme, Report: activities.Report{
		// The activity environment's run, by which the ledger has booked.
		Run: activities.Run{RunID: "default-test-run-id"},
		Counts: map[indicator.Source]activities.Counts{
			indicator.URLDomains:           {Read: 9, Malicious: 9, Shared: 7, AlreadyThere: 1, Held: map[indicator.Reason]int{"unknown-tld": 5}},
			indicator.ImpersonationDomains: {Read: 1, Malicious: 1},
		},
	}}
	for range 2 {
		booked, err := run[map[indicator.Source]activities.Counts](w, w.ReportRun, in)
		require.NoError(t, err)
		require.Equal(t, map[indicator.Source]activities.Counts{
			indicator.URLDomains:           {Read: 9, Malicious: 9, Shared: 2, AlreadyThere: 1, Held: map[indicator.Reason]int{"unknown-tld": 1}},
			indicator.ImpersonationDomains: {Read: 1, Malicious: 1, Shared: 1},
		}, booked)
		w.upload(w.clicked("evil.top"), w.clicked("worse.top")) // repeated
	}
	told := w.reports()
	require.Len(t, told, 2)
	require.Equal(t, told[0], told[1], "told twice, the same")
	require.Equal(t, w.clock.now(), told[0].At)
	require.Equal(t, 2, told[0].Counts[indicator.URLDomains].Shared)
}

func TestADryRunReportsWhatItCounted(t *testing.T) {
	w := newWorld(t)
	w.temporal.On("SignalWorkflow", anyCalls(5)...).Return(nil)
	counts := map[indicator.Source]activities.Counts{indicator.URLDomains: {Read: 3, Malicious: 3, WouldShare: 2, Held: map[indicator.Reason]int{"free-mail": 1}}}
	booked, err := run[map[indicator.Source]activities.Counts](w, w.ReportRun,
		activities.ReportRunInput{Integration: acme, Report: activities.Report{DryRun: true, Counts: counts}})
	require.NoError(t, err)
	require.Equal(t, counts, booked)
}

func TestAReportToAnIntegrationThatHasEndedIsNoFailure(t *testing.T) {
	w := newWorld(t)
	w.temporal.On("SignalWorkflow", anyCalls(5)...).Return(serviceerror.NewNotFound("ended")).Once()
	w.temporal.On("SignalWorkflow", anyCalls(5)...).Return(errors.New("no route")).Once()
	in := activities.ReportRunInput{Integration: acme}
	_, err := run[map[indicator.Source]activities.Counts](w, w.ReportRun, in)
	require.NoError(t, err)
	_, err = run[map[indicator.Source]activities.Counts](w, w.ReportRun, in)
	refusedAs(t, err, activities.StoreUnavailable, true)
}

func TestTheIntegrationIsToldOfTroubleAfterTenMinutes(t *testing.T) {
	for waited, told := range map[time.Duration]bool{9 * time.Minute: false, 11 * time.Minute: true} {
		w := newWorld(t)
		w.temporal.On("SignalWorkflow", anyCalls(5)...).Return(errors.New("not reached")) // telling is worth one try
		w.clock.pass(time.Until(w.clock.now()) + waited)                                  // steps are scheduled in the test environment's time
		w.breakDown(t, "mimecast")
		_, err := run[activities.FetchTTPLogsResult](w, w.FetchTTPLogs, w.fetchInput(indicator.URLDomains, activities.Cursor{}))
		refusedAs(t, err, activities.VendorUnavailable, true)
		w.breakDown(t, "falcon")
		_, err = run[activities.UploadIOCsResult](w, w.UploadIOCs, w.uploadInput(w.clicked("evil.top")))
		refusedAs(t, err, activities.VendorUnavailable, true)
		if !told {
			require.Empty(t, w.reports())
			continue
		}
		require.Len(t, w.reports(), 2)
		for _, report := range w.reports() {
			require.NotEmpty(t, report.Trouble)
			require.Equal(t, "share-ttp-logs", report.Flow)
			require.Equal(t, "default-test-run-id", report.RunID)
			require.False(t, report.Finished)
		}
		w.temporal.AssertCalled(t, "SignalWorkflow", mock.Anything, wire.IntegrationID(acme), "", wire.RunReported, mock.Anything)
	}
}

func TestAPermanentErrorIsNoTrouble(t *testing.T) {
	w := newWorld(t)
	w.clock.pass(time.Hour)
	require.NoError(t, w.vendors.Deny(t.Context(), clickLogs))
	_, err := run[activities.FetchTTPLogsResult](w, w.FetchTTPLogs, w.fetchInput(indicator.URLDomains, activities.Cursor{}))
	refusedAs(t, err, activities.VendorForbidden, false)
	require.Empty(t, w.reports())
}
