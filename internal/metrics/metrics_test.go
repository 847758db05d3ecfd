package metrics_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/metrics"
	"github.com/threatshare/threatshare/internal/notify"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestARunIsCountedByWhatBecameOfItsRecords(t *testing.T) {
	m := newMetrics(t)
	m.RunFinished("acme", activities.Report{
		Run: activities.Run{Flow: settings.FlowShareTTPLogs, RunID: "1"}, At: noon, Finished: true,
		Counts: map[indicator.Source]activities.Counts{
			indicator.URLDomains: {
				Read: 90, Malicious: 60, Dropped: map[string]int{"clean": 25, "no-host": 5}, Shared: 40, AlreadyThere: 9, Foreign: 1,
				Held: map[indicator.Reason]int{"own-domain": 2, "popular": 3}, Echo: 4, Quarantined: 6,
			},
			indicator.AttachmentHashes: {Read: 10, Malicious: 10, Shared: 10, Withdrawn: 7, URLsBlocked: 8},
		},
	})
	of := `threatshare_indicators_total{flow="share-ttp-logs",integration="acme",outcome=`
	m.shows(
		of+`"read"} 100`, of+`"malicious"} 70`, of+`"dropped"} 30`, of+`"shared"} 50`, of+`"already_there"} 9`, of+`"foreign"} 1`,
		of+`"held"} 5`, of+`"echo"} 4`, of+`"quarantined"} 6`, of+`"withdrawn"} 7`, of+`"urls_blocked"} 8`,
		`threatshare_runs_total{flow="share-ttp-logs",integration="acme",result="good"} 1`,
		`threatshare_runs_total{flow="share-ttp-logs",integration="acme",result="failed"} 0`,
	)
}

func TestARunThatIsToldTwiceCountsOnce(t *testing.T) {
	m := newMetrics(t)
	for _, run := range []string{"1", "1", "2", "2"} {
		report := goodRun(settings.FlowImportAlerts, run)
		report.Counts = map[indicator.Source]activities.Counts{indicator.AlertDomains: {Read: 5}}
		m.RunFinished("acme", report)
	}
	m.shows(
		`threatshare_runs_total{flow="import-alerts",integration="acme",result="good"} 2`,
		`threatshare_indicators_total{flow="import-alerts",integration="acme",outcome="read"} 10`,
	)
}

func TestADryRunIsARunButItsIndicatorsAreNotCounted(t *testing.T) {
	m := newMetrics(t)
	report := goodRun(settings.FlowImportAlerts, "1")
	report.DryRun = true
	report.Counts = map[indicator.Source]activities.Counts{indicator.AlertDomains: {Read: 5, WouldShare: 5}}
	m.RunFinished("acme", report)
	m.shows(
		`threatshare_runs_total{flow="import-alerts",integration="acme",result="good"} 1`,
		`threatshare_indicators_total{flow="import-alerts",integration="acme",outcome="read"} 0`,
	)
}

func TestAFailedRunIsCountedByItsProblemsAndIsNoGoodOne(t *testing.T) {
	m := newMetrics(t)
	m.RunFinished("acme", goodRun(settings.FlowImportIOCs, "1"))

	later := goodRun(settings.FlowImportIOCs, "2")
	later.At = noon.Add(time.Hour)
	later.Parked = map[settings.Part]activities.Problem{
		settings.PartOf(indicator.IOCHashes):  {Type: activities.VendorForbidden, Reason: "canary-reason"},
		settings.PartOf(indicator.IOCDomains): {Type: "canary-type"},
	}
	m.RunFinished("acme", later)
	later.RunID, later.Parked, later.Failed = "3", nil, activities.Problem{Type: activities.VendorAuth}
	m.RunFinished("acme", later)
	later.RunID, later.Failed, later.Canceled = "4", activities.Problem{}, true
	m.RunFinished("acme", later)

	m.shows(
		`threatshare_runs_total{flow="import-iocs",integration="acme",result="good"} 1`,
		`threatshare_runs_total{flow="import-iocs",integration="acme",result="failed"} 2`,
		`threatshare_runs_total{flow="import-iocs",integration="acme",result="canceled"} 1`,
		`threatshare_problems_total{integration="acme",type="VendorForbidden"} 1`,
		`threatshare_problems_total{integration="acme",type="VendorAuth"} 1`,
		`threatshare_problems_total{integration="acme",type="_other"} 1`,
		`threatshare_last_good_run_timestamp_seconds{flow="import-iocs",integration="acme"} 1.7723664e+09`,
	)
	require.NotContains(t, m.page(), "canary")
}

func TestAFlowWithoutAGoodRunShowsNeverSoThatAnAlertRings(t *testing.T) {
	m := newMetrics(t)
	report := goodRun(settings.FlowImportAlerts, "1")
	report.Failed = activities.Problem{Type: activities.VendorAuth}
	m.RunFinished("acme", report)
	m.shows(`threatshare_last_good_run_timestamp_seconds{flow="import-alerts",integration="acme"} 0`)
}

func TestTheLagGrowsUntilTheNextReport(t *testing.T) {
	m := newMetrics(t)
	report := goodRun(settings.FlowShareTTPLogs, "1")
	report.Cursors = map[indicator.Source]activities.Cursor{
		indicator.URLDomains:           {Newest: noon.Add(-48 * time.Hour), ReadTo: noon.Add(-time.Minute)}, // quiet, and read
		indicator.AttachmentHashes:     {Newest: noon.Add(-2 * time.Minute), Page: "more"},
		indicator.ImpersonationDomains: {},
	}
	report.More = true
	m.RunFinished("acme", report)
	lag := `threatshare_checkpoint_lag_seconds{flow="share-ttp-logs",integration="acme"} `
	m.shows(lag + "120")
	*m.clock = noon.Add(8 * time.Minute)
	m.shows(lag + "600")

	failing := goodRun(settings.FlowShareTTPLogs, "2")
	failing.Failed = activities.Problem{Type: activities.VendorAuth} // and so without cursors
	m.RunFinished("acme", failing)
	m.shows(lag + "600")
}

func TestAListThatIsReadToItsEndHasNoLag(t *testing.T) {
	m := newMetrics(t)
	report := goodRun(settings.FlowImportIOCs, "1")
	report.Cursors = map[indicator.Source]activities.Cursor{indicator.IOCHashes: {Newest: noon.Add(-48 * time.Hour)}}
	m.RunFinished("acme", report)
	*m.clock = noon.Add(time.Minute)
	m.shows(`threatshare_checkpoint_lag_seconds{flow="import-iocs",integration="acme"} 60`)

	report.RunID, report.More = "2", true // the run ended before the list did
	m.RunFinished("acme", report)
	m.shows(`threatshare_checkpoint_lag_seconds{flow="import-iocs",integration="acme"} 172860`)
}

func TestQuotaRemediationsAndLostTimeAreShown(t *testing.T) {
	m := newMetrics(t)
	report := goodRun(settings.FlowImportIOCs, "1")
	report.Quota = &indicator.Quota{Used: 4_000, Limit: 10_000, Known: true}
	report.Remediations = &activities.Remediations{Wanted: 1, Started: 2, Done: 3, NothingFound: 4, Failed: 5}
	m.RunFinished("acme", report)
	unclear := goodRun(settings.FlowImportIOCs, "2")
	unclear.Quota = &indicator.Quota{}
	m.RunFinished("acme", unclear)
	logs := goodRun(settings.FlowShareTTPLogs, "3")
	logs.Gaps = map[indicator.Source]activities.Gap{indicator.URLDomains: {From: noon.Add(-time.Hour), To: noon}}
	m.RunFinished("acme", logs)
	m.shows(
		`threatshare_byoti_hashes{integration="acme"} 4000`,
		`threatshare_byoti_hashes_limit{integration="acme"} 10000`,
		`threatshare_remediations{integration="acme",state="wanted"} 1`,
		`threatshare_remediations{integration="acme",state="started"} 2`,
		`threatshare_remediations{integration="acme",state="done"} 3`,
		`threatshare_remediations{integration="acme",state="nothing_found"} 4`,
		`threatshare_remediations{integration="acme",state="failed"} 5`,
		`threatshare_missed_seconds_total{flow="share-ttp-logs",integration="acme"} 3600`,
		`threatshare_missed_seconds_total{flow="import-iocs",integration="acme"} 0`,
	)
}

func TestAFlowThatIsRemovedNoLongerLooksLikeOneThatFails(t *testing.T) {
	m := newMetrics(t)
	report := goodRun(settings.FlowImportIOCs, "1")
	report.Quota = &indicator.Quota{Used: 1, Limit: 2, Known: true}
	report.Cursors = map[indicator.Source]activities.Cursor{indicator.IOCHashes: {Newest: noon}}
	m.RunFinished("acme", report)
	m.FlowRemoved("acme", settings.FlowImportIOCs)
	m.FlowRemoved("acme", settings.FlowImportAlerts)
	m.FlowRemoved("nobody", settings.FlowImportIOCs)
	page := m.page()
	require.NotContains(t, page, "threatshare_last_good_run_timestamp_seconds{")
	require.NotContains(t, page, "threatshare_checkpoint_lag_seconds{")
	require.NotContains(t, page, "threatshare_byoti_hashes{")
	m.shows(`threatshare_runs_total{flow="import-iocs",integration="acme",result="good"} 1`)

	m.RunFinished("acme", report) // told once more, late
	require.NotContains(t, m.page(), "threatshare_last_good_run_timestamp_seconds{")
	report.RunID = "2"
	m.RunFinished("acme", report)
	m.shows(
		`threatshare_runs_total{flow="import-iocs",integration="acme",result="good"} 2`,
		`threatshare_last_good_run_timestamp_seconds{flow="import-iocs",integration="acme"} 1.7723664e+09`,
	)
}

func TestCallsAreCountedByVendorOperationAndStatus(t *testing.T) {
	m := newMetrics(t)
	const logs = "POST /api/ttp/url/get-logs"
	for _, call := range []vendorapi.Call{
		{Vendor: "mimecast", Operation: logs, Status: 200, Took: 250 * time.Millisecond},
		{Vendor: "mimecast", Operation: logs, Status: 429, Took: 250 * time.Millisecond},
		{Vendor: "mimecast", Operation: logs, Status: 503, Took: 3 * time.Second},
		{Vendor: "mimecast", Operation: logs, Took: 30 * time.Second},
		{Vendor: "falcon", Operation: "GET /iocs/combined/indicator/v1", Status: 404, Took: time.Second},
		{Vendor: "falcon", Operation: "GET /iocs/combined/indicator/v1", Status: 302, Took: time.Second},
	} {
		m.ObserveCall(call)
	}
	m.shows(
		`threatshare_vendor_requests_total{operation="`+logs+`",status="2xx",vendor="mimecast"} 1`,
		`threatshare_vendor_requests_total{operation="`+logs+`",status="429",vendor="mimecast"} 1`,
		`threatshare_vendor_requests_total{operation="`+logs+`",status="5xx",vendor="mimecast"} 1`,
		`threatshare_vendor_requests_total{operation="`+logs+`",status="none",vendor="mimecast"} 1`,
		`threatshare_vendor_requests_total{operation="GET /iocs/combined/indicator/v1",status="4xx",vendor="falcon"} 1`,
		`threatshare_vendor_requests_total{operation="GET /iocs/combined/indicator/v1",status="3xx",vendor="falcon"} 1`,
		`threatshare_vendor_request_time_seconds_total{operation="`+logs+`",vendor="mimecast"} 33.5`,
		`threatshare_vendor_request_duration_seconds_bucket{status="2xx",vendor="mimecast",le="0.1"} 0`,
		`threatshare_vendor_request_duration_seconds_bucket{status="2xx",vendor="mimecast",le="0.5"} 1`,
		`threatshare_vendor_throttled_total{vendor="mimecast"} 1`,
		`threatshare_vendor_throttled_total{vendor="falcon"} 0`,
	)
}

func TestMailsAreCountedByWhatBecameOfThem(t *testing.T) {
	m := newMetrics(t)
	var answer error
	counted := m.Mailer(sender(func() error { return answer }))
	for _, answer = range []error{nil, nil, errors.New("refused canary@acme.example"), notify.ErrNoServer} {
		require.ErrorIs(t, counted.Send(t.Context(), []string{"canary@acme.example"}, notify.Mail{Subject: "canary"}), answer)
	}
	require.NoError(t, counted.Check(t.Context()))
	m.shows(
		`threatshare_mails_total{result="sent"} 2`,
		`threatshare_mails_total{result="failed"} 1`,
		`threatshare_mails_total{result="skipped"} 1`,
	)
	require.NotContains(t, m.page(), "canary")
}

func TestTwoInOneProcessShareNothing(t *testing.T) {
	one, other := newMetrics(t), newMetrics(t)
	one.RunFinished("acme", goodRun(settings.FlowImportIOCs, "1"))
	require.Contains(t, one.page(), `integration="acme"`)
	require.NotContains(t, other.page(), `integration="acme"`)
}

// sender answers each mail.
type sender func() error

func (s sender) Send(context.Context, []string, notify.Mail) error { return s() }
func (s sender) Check(context.Context) error                       { return nil }

func goodRun(flow, id string) activities.Report {
	return activities.Report{Run: activities.Run{Flow: flow, RunID: id}, At: noon, Finished: true}
}

type shown struct {
	*metrics.Metrics

	t     *testing.T
	clock *time.Time
}

func newMetrics(t *testing.T) shown {
	t.Helper()
	clock := noon
	m, err := metrics.New(slog.New(slog.DiscardHandler), func() time.Time { return clock })
	require.NoError(t, err)
	return shown{m, t, &clock}
}

// page is what Prometheus gets.
func (s shown) page() string {
	s.t.Helper()
	answer := httptest.NewRecorder()
	s.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	require.Equal(s.t, http.StatusOK, answer.Code)
	body, err := io.ReadAll(answer.Body)
	require.NoError(s.t, err)
	return string(body)
}

// series are the lines that are no comments.
func (s shown) series() []string {
	s.t.Helper()
	var series []string
	for line := range strings.Lines(s.page()) {
		if !strings.HasPrefix(line, "#") {
			series = append(series, strings.TrimSpace(line))
		}
	}
	return series
}

func (s shown) shows(lines ...string) {
	s.t.Helper()
	series := s.series()
	for _, line := range lines {
		require.Contains(s.t, series, line)
	}
}
