package console_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/threatshare/threatshare/internal/config"
	"github.com/threatshare/threatshare/internal/console"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/integrations"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

const acme = "acme"

// now is the time in these tests.
func now() time.Time { return time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC) }

// fakeTemporal is a Temporal in which the integration acme runs, with the errands that the test says.
type fakeTemporal struct {
	settingsTemporal

	status   workflows.Status
	others   map[string]workflows.Status // of integrations beside acme, by name
	silence  error                       // instead of an answer to a query
	silences map[string]error            // the same for one workflow, by its id
	down     error                       // instead of an answer of the server
	refusal  error                       // instead of doing what an update says
	errands  map[string]errand           // by workflow id
	schedule error                       // instead of when a flow runs next
	asked    []asked                     // updates
	began    []string                    // workflows that were started
}

type asked struct {
	Name string
	Args []string
}

// errand is the last run of a workflow.
type errand struct {
	run      string
	began    time.Time
	ended    time.Time
	result   any
	failed   error
	progress any
}

func (f *fakeTemporal) ListWorkflow(context.Context, *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	running := []*workflowpb.WorkflowExecutionInfo{{Execution: &commonpb.WorkflowExecution{WorkflowId: wire.PreviewID(acme, settings.FlowImportIOCs)}}}
	names := slices.Collect(maps.Keys(f.others))
	if f.inForce.Name != "" {
		names = append(names, f.inForce.Name)
	}
	for _, name := range names {
		running = append(running, &workflowpb.WorkflowExecutionInfo{Execution: &commonpb.WorkflowExecution{WorkflowId: wire.IntegrationID(name)}})
	}
	return &workflowservice.ListWorkflowExecutionsResponse{Executions: running}, f.down
}

func (f *fakeTemporal) DescribeWorkflowExecution(ctx context.Context, id, run string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	if f.down != nil {
		return nil, f.down
	}
	one, is := f.errands[id]
	if !is {
		return f.settingsTemporal.DescribeWorkflowExecution(ctx, id, run)
	}
	info := &workflowpb.WorkflowExecutionInfo{
		Execution: &commonpb.WorkflowExecution{RunId: one.run}, StartTime: timestamppb.New(one.began), Status: enums.WORKFLOW_EXECUTION_STATUS_RUNNING,
	}
	if !one.ended.IsZero() {
		info.Status, info.CloseTime = enums.WORKFLOW_EXECUTION_STATUS_COMPLETED, timestamppb.New(one.ended)
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: info}, nil
}

func (f *fakeTemporal) QueryWorkflow(ctx context.Context, id, run, query string, args ...any) (converter.EncodedValue, error) {
	switch {
	case f.silence != nil:
		return nil, f.silence
	case f.silences[id] != nil:
		return nil, f.silences[id]
	case query == wire.Progress:
		return settingsAnswer{f.errands[id].progress}, nil
	case query == wire.Status && id == wire.IntegrationID(f.inForce.Name):
		return settingsAnswer{f.status}, nil
	case query == wire.Status:
		return settingsAnswer{f.others[strings.TrimPrefix(id, wire.IntegrationID(""))]}, nil
	default:
		return f.settingsTemporal.QueryWorkflow(ctx, id, run, query, args...)
	}
}

func (f *fakeTemporal) UpdateWorkflow(ctx context.Context, o client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	sent := asked{Name: o.UpdateName}
	for i, argument := range o.Args {
		text, err := json.Marshal(argument)
		if err != nil {
			return nil, err
		}
		sent.Args = append(sent.Args, string(text))
		o.Args[i] = json.RawMessage(text)
	}
	f.asked = append(f.asked, sent)
	if f.refusal != nil || f.silent != nil {
		return settingsHandle{refusal: f.refusal}, f.silent
	}
	if o.UpdateName == wire.ChangeSettings {
		return f.settingsTemporal.UpdateWorkflow(ctx, o)
	}
	return settingsHandle{}, nil
}

func (f *fakeTemporal) ExecuteWorkflow(_ context.Context, o client.StartWorkflowOptions, _ any, args ...any) (client.WorkflowRun, error) {
	if one := f.errands[o.ID]; one.run != "" && one.ended.IsZero() && o.WorkflowIDConflictPolicy == enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL {
		return nil, serviceerror.NewWorkflowExecutionAlreadyStarted("runs", "", one.run)
	}
	text, err := json.Marshal(args[0])
	f.began = append(f.began, o.ID+" "+string(text))
	return fakeRun{run: "run-of-" + o.ID}, err
}

func (f *fakeTemporal) GetWorkflow(_ context.Context, id, run string) client.WorkflowRun {
	one := f.errands[id]
	return fakeRun{run: run, result: one.result, failed: one.failed}
}

func (f *fakeTemporal) ScheduleClient() client.ScheduleClient {
	return fakeSchedules{failing: f.schedule}
}

type fakeRun struct {
	client.WorkflowRun
	run    string
	result any
	failed error
}

func (r fakeRun) GetRunID() string { return r.run }

func (r fakeRun) Get(_ context.Context, into any) error {
	if r.failed != nil {
		return r.failed
	}
	return settingsAnswer{r.result}.Get(into)
}

// fakeSchedules are Schedules that start their flows in a minute.
type fakeSchedules struct {
	client.ScheduleClient
	failing error
}

func (f fakeSchedules) GetHandle(context.Context, string) client.ScheduleHandle {
	return fakeSchedule{failing: f.failing}
}

type fakeSchedule struct {
	client.ScheduleHandle
	failing error
}

func (f fakeSchedule) Describe(context.Context) (*client.ScheduleDescription, error) {
	return &client.ScheduleDescription{
		Schedule: client.Schedule{State: &client.ScheduleState{}},
		Info:     client.ScheduleInfo{NextActionTimes: []time.Time{now().Add(time.Minute)}},
	}, f.failing
}

// world is somebody at the console of a worker with a ledger.
type world struct {
	settingsBrowser

	temporal *fakeTemporal
	store    *ledger.Store
	log      *bytes.Buffer
	clock    time.Time
}

func newWorld(t testing.TB, change ...func(*console.Options)) *world {
	t.Helper()
	store, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "ledger.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	w := &world{store: store, log: &bytes.Buffer{}, clock: now()}
	w.temporal = &fakeTemporal{settingsTemporal: settingsTemporal{inForce: allOn()}, status: idle(), errands: map[string]errand{}}
	w.t = t
	w.pages = w.console(change...)
	return w
}

// console gives another console of the same worker.
func (w *world) console(change ...func(*console.Options)) http.Handler {
	options := console.Options{
		Desk: integrations.Desk{Temporal: w.temporal, Queue: "q"}, Ledger: w.store, CredentialSets: func() []string { return []string{""} },
		Listen: "127.0.0.1:8080", Log: slog.New(slog.NewTextHandler(w.log, nil)), Now: func() time.Time { return w.clock },
	}
	for _, one := range change {
		one(&options)
	}
	made, err := console.New(options)
	require.NoError(w.t, err)
	return made
}

func withPassword(o *console.Options) { o.Password = config.NewSecret(secret) }

const secret = "canary: open, sesame"

// idle is the status of an integration with which all is well.
func idle() workflows.Status {
	status := workflows.Status{
		Integration: acme, State: workflows.Connected, Since: "2026-11-20T08:00:00Z",
		Mimecast: workflows.VendorState{State: workflows.Connected}, Falcon: workflows.VendorState{State: workflows.Connected},
		Flows: map[string]workflows.FlowStatus{},
	}
	for _, flow := range settings.Flows() {
		status.Flows[flow] = workflows.FlowStatus{FlowState: workflows.FlowState{State: workflows.FlowIdle, LastRun: "2026-11-24T09:25:00Z"}}
	}
	return status
}

// paused makes a status that of a paused integration.
func paused(status workflows.Status) workflows.Status {
	status.State, status.Reason = workflows.Paused, "maintenance"
	for name, flow := range status.Flows {
		flow.State = workflows.Paused
		status.Flows[name] = flow
	}
	return status
}

func (w *world) get(path string) *httptest.ResponseRecorder { return w.ask(http.MethodGet, path, nil) }

func (w *world) post(path string, form ...string) *httptest.ResponseRecorder {
	values := url.Values{}
	for i := 0; i < len(form); i += 2 {
		values.Add(form[i], form[i+1])
	}
	return w.ask(http.MethodPost, path, values)
}

// says makes sure that a page has this status and says all of it.
func (w *world) says(answer *httptest.ResponseRecorder, status int, words ...string) {
	text := w.text(answer)
	require.Equal(w.t, status, answer.Code, text)
	for _, word := range words {
		require.Contains(w.t, text, word)
	}
}

// text is what a person reads of a page.
func (w *world) text(answer *httptest.ResponseRecorder) string { return textOf(w.t, answer, "main") }

// held records values that the guard keeps back, the last one newest.
func (w *world) held(reason indicator.Reason, values ...string) {
	w.record(ledger.Held, reason, values...)
}

func (w *world) record(state ledger.State, reason indicator.Reason, values ...string) {
	entries := make([]ledger.Entry, 0, len(values))
	for _, value := range values {
		entries = append(entries, ledger.Entry{
			Integration: acme, List: ledger.FalconIOCs, Key: indicator.Key{Kind: indicator.Domain, Value: value},
			Source: indicator.URLDomains, State: state, Reason: reason, Run: "run-1", Detail: "because " + value,
		})
	}
	require.NoError(w.t, w.store.Record(context.Background(), w.clock, entries))
}

// header asks for a page with headers, each "Name: value".
func (w *world) header(method, path string, headers ...string) *httptest.ResponseRecorder {
	return w.send(w.request(method, path, nil, headers...))
}

func (w *world) request(method, path string, body io.Reader, headers ...string) *http.Request {
	request := httptest.NewRequest(method, "http://127.0.0.1:8080"+path, body)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if name == "Host" {
			request.Host = value
		}
		request.Header.Add(name, value)
	}
	return request
}

func (w *world) send(request *http.Request) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	w.pages.ServeHTTP(answer, request)
	return answer
}

// values are those in the table of a page.
func (w *world) values(page *httptest.ResponseRecorder) []string {
	var found []string
	for _, node := range settingsNodes(w.t, page) {
		if node.Data == "a" && attribute(node, "class") == "value" {
			found = append(found, node.FirstChild.Data)
		}
	}
	return found
}

// older is where a page of a list leads for the next one; empty if it is the last.
func (w *world) older(page *httptest.ResponseRecorder) string {
	for _, node := range settingsNodes(w.t, page) {
		if node.Data == "a" && node.FirstChild != nil && node.FirstChild.Data == "Older" {
			where, err := url.Parse(attribute(node, "href"))
			require.NoError(w.t, err)
			return where.String()
		}
	}
	return ""
}
