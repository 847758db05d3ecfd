package metrics_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/vendorapi"
	"github.com/threatshare/threatshare/internal/wire"
)

const (
	mostSeries = 500 // with one integration
	ofEachMore = 70  // with each further one
	named      = 200 // integrations that have series of their own
)

func TestFault_S2_OneIntegrationHasAtMost500SeriesWhateverHappens(t *testing.T) {
	m := newMetrics(t)
	everyCall(m)
	everythingOfTemporal(m.Temporal())
	for run := range 100 {
		everyRun(m, "acme", run, 1_000)
	}
	series := m.series()
	require.LessOrEqual(t, len(series), mostSeries)
	require.Contains(t, series, `threatshare_indicators_total{flow="import-iocs",integration="acme",outcome="read"} 200000`)

	everyRun(m, "acme", 100, 1_000)
	everyCall(m)
	everythingOfTemporal(m.Temporal())
	require.Len(t, m.series(), len(series), "more of the same makes no more series")
}

func TestFault_S2_SeriesAreBoundedWithAnyNumberOfIntegrations(t *testing.T) {
	m := newMetrics(t)
	everyCall(m)
	everythingOfTemporal(m.Temporal())
	for n := range named {
		everyRun(m, fmt.Sprintf("tenant-%d", n), 1, 10)
	}
	series := m.series()
	require.LessOrEqual(t, len(series), mostSeries+(named-1)*ofEachMore)

	for n := range named {
		everyRun(m, fmt.Sprintf("later-%d", n), 1, 10)
		everyRun(m, hostile(n), 1, 10)
	}
	all := m.series()
	require.LessOrEqual(t, len(all), len(series)+ofEachMore, "all that is beyond shares one set of series")
	require.NotContains(t, m.page(), "later-")
	require.NotContains(t, m.page(), "canary")
	// Nothing is lost: the others are added up.
	require.Contains(t, all, `threatshare_runs_total{flow="import-iocs",integration="_other",result="good"} 400`)
	require.Contains(t, all, `threatshare_indicators_total{flow="import-alerts",integration="_other",outcome="read"} 4000`)
}

func TestAnAlertOnWhatIsBeyondTheBoundRingsForTheWorstOfThem(t *testing.T) {
	m := newMetrics(t)
	for n := range named {
		everyRun(m, fmt.Sprintf("tenant-%d", n), 1, 1)
	}
	for n, at := range []time.Time{noon.Add(-time.Minute), noon.Add(-time.Hour), noon} {
		report := goodRun(settings.FlowImportAlerts, "1")
		report.At = at
		report.Cursors = map[indicator.Source]activities.Cursor{indicator.AlertDomains: {ReadTo: at}}
		report.Quota = &indicator.Quota{Used: 10 * n, Limit: 50, Known: true}
		m.RunFinished(fmt.Sprintf("later-%d", n), report)
	}
	m.shows(
		fmt.Sprintf(`threatshare_last_good_run_timestamp_seconds{flow="import-alerts",integration="_other"} %g`,
			float64(noon.Add(-time.Hour).Unix())),
		`threatshare_checkpoint_lag_seconds{flow="import-alerts",integration="_other"} 3600`,
		`threatshare_byoti_hashes{integration="_other"} 20`,
	)
}

func TestAnOperationThatIsNotOfTheExpectedFormIsNoLabel(t *testing.T) {
	m := newMetrics(t)
	for n := range 1_000 {
		m.ObserveCall(vendorapi.Call{Vendor: "mimecast", Operation: hostile(n), Status: 200})
		m.ObserveCall(vendorapi.Call{Vendor: hostile(n), Operation: "GET /identity/whoami", Status: n})
	}
	page := m.page()
	require.NotContains(t, page, "canary")
	require.Contains(t, page, `threatshare_vendor_requests_total{operation="_other",status="2xx",vendor="mimecast"} 1000`)
}

func TestOperationsBeyondTheBoundAreAddedUp(t *testing.T) {
	m := newMetrics(t)
	for _, a := range "abcdefghijklmnopqrstuvwxyz" {
		for _, b := range "abcdefghij" {
			m.ObserveCall(vendorapi.Call{Vendor: "falcon", Operation: fmt.Sprintf("GET /%c/%c", a, b), Status: 200})
		}
	}
	of, counted := 0, 0
	for _, line := range m.series() {
		if strings.HasPrefix(line, "threatshare_vendor_requests_total{") {
			n := 0
			_, err := fmt.Sscan(line[strings.LastIndex(line, " "):], &n)
			require.NoError(t, err)
			of, counted = of+1, counted+n
		}
	}
	require.Equal(t, 80, of)
	require.Equal(t, 260, counted)
	require.Contains(t, m.page(), `threatshare_vendor_requests_total{otel_metric_overflow="true"} 181`)
}

// hostile is what could only get here by a mistake, and must not be shown.
func hostile(n int) string {
	return []string{
		"canary-%d.evil.example", "https://canary.example/?token=%d", "POST /v1/groups/canary-%d/members", "canary\n%d{}\"",
		"GET /canary%d9/x", "threatshare/acme/canary%d", "../canary/%d",
	}[n%7] + fmt.Sprint(n)
}

// everyCall is each operation with each status that it may be answered with.
func everyCall(m shown) {
	for _, operation := range strings.Fields(`
		/api/byo-threat-intelligence/create-batch /api/byo-threat-intelligence/get-quota /api/directory/add-group-member
		/api/directory/create-group /api/directory/delete-group /api/directory/find-groups /api/directory/get-group-members
		/api/directory/remove-group-member /api/domain/get-internal-domain /api/message-finder/get-message-info
		/api/message-finder/search /api/policy/blockedsenders/create-policy /api/policy/blockedsenders/delete-policy
		/api/policy/blockedsenders/get-policy /api/ttp/attachment/get-logs /api/ttp/impersonation/get-logs
		/api/ttp/remediation/create /api/ttp/remediation/find-incidents /api/ttp/remediation/get-incident
		/api/ttp/remediation/search-hash /api/ttp/remediation/v2/create /api/ttp/url/create-managed-url
		/api/ttp/url/decode-url /api/ttp/url/delete-managed-url /api/ttp/url/get-all-managed-urls /api/ttp/url/get-logs
		/directory/cloud-gateway/v1/groups /directory/cloud-gateway/v1/groups/{id} /directory/cloud-gateway/v1/groups/{id}/members
		/directory/cloud-gateway/v1/groups/{id}/remove-members /domain/cloud-gateway/v1/internal-domains /identity/whoami
		/oauth/token /policy-management/cloud-gateway/v1/blocked-senders/policies
		/policy-management/cloud-gateway/v1/blocked-senders/policies/{id}
		/iocs/entities/indicators/v1 /iocs/combined/indicator/v1 /alerts/combined/alerts/v1 /iocs/queries/actions/v1
		/iocs/entities/actions/v1 /oauth2/token`) {
		vendor := "mimecast"
		if strings.HasPrefix(operation, "/iocs") || strings.HasPrefix(operation, "/alerts") || operation == "/oauth2/token" {
			vendor = "falcon"
		}
		for _, method := range []string{"GET", "POST", "DELETE"} {
			for _, status := range []int{200, 0, 429, 500, 503, 400, 401, 403, 404, 302} {
				m.ObserveCall(vendorapi.Call{Vendor: vendor, Operation: method + " " + operation, Status: status, Took: time.Second})
			}
		}
	}
}

// everyRun is a run of each flow with each ending, n of all that can be counted, and all that a report can tell.
func everyRun(m shown, integration string, run, n int) {
	for _, flow := range settings.Flows() {
		report := goodRun(flow, fmt.Sprint(run))
		report.Counts = map[indicator.Source]activities.Counts{}
		report.Cursors = map[indicator.Source]activities.Cursor{}
		report.Gaps = map[indicator.Source]activities.Gap{}
		report.Quota = &indicator.Quota{Used: n, Limit: 10_000, Known: true}
		report.Remediations = &activities.Remediations{Wanted: n, Started: n, Done: n, NothingFound: n, Failed: n}
		for _, source := range settings.SourcesOf(flow) {
			report.Counts[source] = activities.Counts{
				Read: n, Malicious: n, Shared: n, AlreadyThere: n, Foreign: n, Echo: n, Quarantined: n, Withdrawn: n, URLsBlocked: n,
				Dropped: map[string]int{"clean": n, fmt.Sprintf("canary-%d", run): n},
				Held:    map[indicator.Reason]int{"popular": n, indicator.Reason(fmt.Sprintf("canary-%d", run)): n},
			}
			report.Cursors[source] = activities.Cursor{Newest: noon, ReadTo: noon}
			report.Gaps[source] = activities.Gap{From: noon.Add(-time.Hour), To: noon}
		}
		m.RunFinished(integration, report)
		report.RunID, report.Canceled = report.RunID+"-canceled", true
		report.Counts = nil
		m.RunFinished(integration, report)
		for _, kind := range []string{
			activities.VendorAuth, activities.VendorForbidden, activities.VendorRejected, activities.VendorQuota,
			activities.VendorContract, "Failed", "canary-" + integration,
		} {
			report.RunID, report.Canceled, report.Failed = report.RunID+"-"+kind, false, activities.Problem{Type: kind}
			m.RunFinished(integration, report)
		}
	}
}

// everythingOfTemporal is what the SDK counts, with all of its labels: each instrument of its version 1.50 and some to come.
func everythingOfTemporal(handler client.MetricsHandler) {
	var steps []string
	for method := range reflect.TypeFor[*activities.Activities]().Methods() {
		steps = append(steps, method.Name)
	}
	operations := strings.Fields(`PollWorkflowTaskQueue PollActivityTaskQueue RespondWorkflowTaskCompleted RespondActivityTaskCompleted
		RespondActivityTaskFailed RespondQueryTaskCompleted RecordActivityTaskHeartbeat SignalWorkflowExecution QueryWorkflow
		DescribeWorkflowExecution CreateSchedule UpdateSchedule DeleteSchedule PatchSchedule DescribeSchedule GetSystemInfo
		DescribeNamespace GetWorkflowExecutionHistory StartWorkflowExecution ShutdownWorker`)
	workflows := []string{
		wire.Integration, wire.ShareTTPLogs, wire.ImportIOCs, wire.ImportAlerts, wire.Remediate, wire.Preview, wire.Withdraw,
		wire.Check, wire.History, "canary-workflow",
	}
	for _, name := range strings.Fields(`workflow_completed workflow_canceled workflow_failed workflow_continue_as_new
		workflow_endtoend_latency workflow_task_replay_latency workflow_task_queue_poll_empty workflow_task_queue_poll_succeed
		workflow_task_schedule_to_start_latency workflow_task_execution_latency workflow_task_execution_failed
		workflow_task_no_completion activity_poll_no_task activity_schedule_to_start_latency activity_execution_failed
		unregistered_activity_invocation activity_execution_latency activity_succeed_endtoend_latency activity_task_error
		local_activity_total local_activity_canceled local_activity_execution_cancelled local_activity_failed
		local_activity_execution_failed local_activity_error local_activity_execution_latency
		local_activity_succeed_endtoend_latency corrupted_signals worker_start poller_start request request_attempt
		request_failure request_failure_attempt request_latency request_latency_attempt long_request long_request_attempt
		long_request_failure long_request_failure_attempt long_request_latency long_request_latency_attempt
		request_resource_exhausted long_request_resource_exhausted sticky_cache_hit sticky_cache_miss
		sticky_cache_total_forced_eviction worker_task_slots_available worker_task_slots_used num_pollers sticky_cache_size
		workflow_active_thread_count nexus_poll_no_task nexus_task_schedule_to_start_latency nexus_task_execution_failed
		nexus_task_execution_latency nexus_task_endtoend_latency something_new something_new_latency`) {
		name = "temporal_" + name
		tell := func(tags map[string]string) {
			tagged := handler.WithTags(map[string]string{
				"namespace": "canary-namespace", "client_name": "temporal_go", "task_queue": "canary-queue",
			}).WithTags(tags)
			switch {
			case strings.Contains(name, "_latency"):
				tagged.Timer(name).Record(time.Second)
			case strings.Contains(name, "slots") || strings.HasSuffix(name, "_size") || strings.HasSuffix(name, "_count") ||
				strings.HasSuffix(name, "num_pollers"):
				tagged.Gauge(name).Update(3)
			default:
				tagged.Counter(name).Inc(1)
			}
		}
		for _, workflow := range workflows {
			for _, step := range steps {
				tell(map[string]string{"workflow_type": workflow, "activity_type": step})
			}
		}
		for n, operation := range operations {
			tell(map[string]string{"operation": operation, "status_code": fmt.Sprintf("CODE(%d)", n)})
			tell(map[string]string{"cause": fmt.Sprintf("Cause%d", n)})
		}
		for _, kind := range []string{"WorkflowWorker", "ActivityWorker", "LocalActivityWorker", "NexusWorker", "SessionWorker", "none"} {
			tell(map[string]string{"worker_type": kind})
		}
		for _, kind := range []string{"workflow_task", "workflow_sticky_task", "activity_task", "nexus_task"} {
			tell(map[string]string{"poller_type": kind})
		}
		for _, reason := range []string{
			"WorkflowError", "ActivityError", "NonDeterminismError", "PayloadsTooLarge", "GrpcMessageTooLarge", "RequestTooLarge",
		} {
			tell(map[string]string{"failure_reason": reason})
		}
	}
}
