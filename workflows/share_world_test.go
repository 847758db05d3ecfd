package workflows_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/testsuite"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/config"
	"github.com/threatshare/threatshare/internal/falcon"
	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/mimecast"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// share is one run of ShareTTPLogs with the real steps over both simulated vendors. Each step is noted, and a test may put
// something before it. The Integration is faked at Temporal's client.
type share struct {
	*activities.Activities // promoted: the steps that no method of share stands for

	t       *testing.T
	env     *testsuite.TestWorkflowEnvironment
	vendors *control.Client
	store   *ledger.Store
	plan    activities.RunPlan

	mu    sync.Mutex
	noted []event
	// beforeFetch and beforeUpload may answer in a step's place: with true.
	beforeFetch  func(in activities.FetchTTPLogsInput) (activities.FetchTTPLogsResult, bool, error)
	beforeUpload func(in activities.UploadIOCsInput) error
}

// event is a step, or a report to the Integration.
type event struct {
	step   string
	source indicator.Source
	values []string
	report activities.Report
}

type vendors struct {
	*mimecast.Client

	falcon *falcon.Client
}

func (v vendors) Mimecast(string) (activities.Mimecast, error) { return v.Client, nil }
func (v vendors) Falcon(string) (activities.Falcon, error)     { return v.falcon, nil }

func newShare(t *testing.T) *share {
	t.Helper()
	sim, err := simulator.Start(t.Context(), simulator.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sim.Close(context.WithoutCancel(t.Context()))) })
	// A page of one record: a step ends after 20 of them.
	m, err := mimecast.New(mimecast.Config{
		BaseURL: sim.URLs.Mimecast, ClientID: simulator.DemoClientID, ClientSecret: config.NewSecret(simulator.DemoMimecastSecret), PageSize: 1,
	})
	require.NoError(t, err)
	f, err := falcon.New(falcon.Config{
		BaseURL: sim.URLs.Falcon, ClientID: simulator.DemoClientID, ClientSecret: config.NewSecret(simulator.DemoFalconSecret),
	})
	require.NoError(t, err)
	store, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "ledger.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	lists, err := guard.Embedded()
	require.NoError(t, err)

	temporal := &mocks.Client{}
	s := &share{
		Activities: &activities.Activities{Vendors: vendors{m, f}, Ledger: store, Guard: lists, Temporal: temporal, Now: time.Now},
		t:          t, vendors: control.New(sim.URLs.Admin), store: store,
	}
	s.plan.Settings = settings.Default()
	s.plan.Settings.Name = "acme"
	s.plan.Settings.SendToFalcon.AttachmentHashes.Enabled = true
	s.plan.Settings.SendToFalcon.URLDomains.Enabled = true
	s.plan.Settings.SendToFalcon.ImpersonationDomains.Enabled = true
	s.plan.Since = time.Now().Add(-24 * time.Hour)
	s.fakeIntegration(temporal)
	s.nextRun(nil)
	return s
}

// nextRun prepares a run that starts where another one ended.
func (s *share) nextRun(cursors map[indicator.Source]activities.Cursor) {
	s.plan.Cursors, s.noted = cursors, nil
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	s.env = suite.NewTestWorkflowEnvironment()
	s.env.RegisterActivity(s)
	s.env.RegisterWorkflow(workflows.ShareTTPLogs)
	s.env.SetTestTimeout(30 * time.Second)
}

// answered is a query's answer, made when it is read.
type answered struct{ value func() any }

func (a answered) HasValue() bool { return true }
func (a answered) Get(into any) error {
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(a.value())
	if err != nil {
		return err
	}
	return converter.GetDefaultDataConverter().FromPayloads(payloads, into)
}

func (s *share) fakeIntegration(temporal *mocks.Client) {
	all := []any{mock.Anything, wire.IntegrationID("acme"), "", mock.Anything, mock.Anything}
	temporal.On("QueryWorkflow", all...).Return(answered{func() any { return s.plan }}, nil)
	temporal.On("SignalWorkflow", all...).Run(func(args mock.Arguments) {
		report, _ := args.Get(4).(activities.Report)
		s.note(event{step: args.String(3), report: report})
	}).Return(nil)
}

func (s *share) note(e event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noted = append(s.noted, e)
}

// FetchTTPLogs stands for the real step.
func (s *share) FetchTTPLogs(ctx context.Context, in activities.FetchTTPLogsInput) (activities.FetchTTPLogsResult, error) {
	if s.beforeFetch != nil {
		if result, done, err := s.beforeFetch(in); done || err != nil {
			s.note(event{step: "fetch", source: in.Source})
			return result, err
		}
	}
	result, err := s.Activities.FetchTTPLogs(ctx, in)
	s.note(event{step: "fetch", source: in.Source})
	return result, err
}

// UploadIOCs stands for the real step.
func (s *share) UploadIOCs(ctx context.Context, in activities.UploadIOCsInput) (activities.UploadIOCsResult, error) {
	if s.beforeUpload != nil {
		if err := s.beforeUpload(in); err != nil {
			return activities.UploadIOCsResult{}, err
		}
	}
	result, err := s.Activities.UploadIOCs(ctx, in)
	e := event{step: "upload"}
	for _, found := range in.Indicators {
		e.values = append(e.values, found.Value)
	}
	s.note(e)
	return result, err
}

// run runs the flow to its end.
func (s *share) run() (workflows.FlowResult, error) {
	s.t.Helper()
	s.env.ExecuteWorkflow(workflows.ShareTTPLogs, activities.FlowInput{Integration: "acme"})
	require.True(s.t, s.env.IsWorkflowCompleted())
	var result workflows.FlowResult
	if err := s.env.GetWorkflowError(); err != nil {
		return result, err
	}
	require.NoError(s.t, s.env.GetWorkflowResult(&result))
	return result, nil
}

// last is the last report of the run.
func (s *share) last() activities.Report {
	s.t.Helper()
	require.NotEmpty(s.t, s.noted)
	last := s.noted[len(s.noted)-1]
	require.Equal(s.t, wire.RunReported, last.step)
	require.True(s.t, last.report.Finished)
	return last.report
}

func (s *share) count(step string) int {
	n := 0
	for _, e := range s.noted {
		if e.step == step {
			n++
		}
	}
	return n
}

func (s *share) shared() map[string]bool {
	s.t.Helper()
	iocs, err := s.vendors.FalconIOCs(s.t.Context())
	require.NoError(s.t, err)
	listed := map[string]bool{}
	for _, ioc := range iocs {
		require.False(s.t, listed[ioc.Value], "twice: %s", ioc.Value)
		listed[ioc.Value] = true
	}
	return listed
}

// clicks puts n malicious links into the URL log, a second apart, the newest now less a minute.
func (s *share) clicks(n int) (newest time.Time) {
	s.t.Helper()
	newest = time.Now().UTC().Add(-time.Minute).Truncate(time.Second)
	records := make([]map[string]any, 0, n)
	for i := range n {
		at := newest.Add(time.Duration(i-n+1) * time.Second)
		records = append(records, map[string]any{
			"url": "https://" + host(i), "action": "block", "adminOverride": "N/A", "userOverride": "None", "scanResult": "malicious",
			"category": "Phishing", "date": at.Format("2006-01-02T15:04:05-0700"), "messageId": fmt.Sprintf("<%d@mail.example>", i),
			"userEmailAddress": "j.doe@acme.example",
		})
	}
	require.NoError(s.t, s.vendors.AddLogs(s.t.Context(), "url", records, 0))
	return newest
}

func host(n int) string { return fmt.Sprintf("evil-%d.top", n) }
