package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/internal/settings"
)

const somethingMissing = `{"findings":[
{"where":"mimecast","check":"credentials","outcome":"ok"},
{"where":"worker","check":"clock","outcome":"unknown","detail":"no vendor has told the time"},
{"where":"mimecast","check":"BYOTI","outcome":"warning","detail":"81000 of 100000 hashes"},
{"where":"falcon","check":"Alerts: Read","outcome":"failed","parts":["alertDomains","alertDomains.blockURLs"],
 "detail":"Falcon answers 403: the API client lacks the scope \u001b[31mAlerts: Read; add it in the Falcon console under Support and resources, API clients and keys"},
{"where":"falcon","check":"region","outcome":"ok","detail":"us-1"}]}`

// checking makes Temporal take a check of those settings.
func checking(t *testing.T, c *mocks.Client, document string, run client.WorkflowRun) {
	t.Helper()
	c.On("ExecuteWorkflow", mock.Anything, mock.MatchedBy(func(o client.StartWorkflowOptions) bool {
		return o.ID == "threatshare/acme/check" && o.TaskQueue == "threatshare" && o.WorkflowExecutionTimeout > 0 &&
			o.WorkflowIDConflictPolicy == enums.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
	}), "Check", mock.MatchedBy(func(sent json.RawMessage) bool {
		return string(sent) == document
	})).Return(run, nil).Once()
}

// ofAcme is an integration that runs with these settings.
func ofAcme(t *testing.T, c *mocks.Client, document string) {
	t.Helper()
	running(c, integration, enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
	answer(t, c, integration, "settings", document)
}

func TestACheckShowsWhatFailedFirstAndWhatToDo(t *testing.T) {
	c := &mocks.Client{}
	ofAcme(t, c, `{"name":"acme"}`)
	checking(t, c, `{"name":"acme"}`, ends(somethingMissing, nil))
	code, output, said := fake(t, c, "check", "acme")
	require.Equal(t, 1, code)
	require.Regexp(t, `(?s)failed.*unknown.*warning.*│ ok`, output)
	for _, words := range []string{
		"│ where    │ what         │ outcome │ what was found ",
		`│ falcon   │ Alerts: Read │ failed  │ Falcon answers 403: the API client lacks the scope \x1b[31mAlerts:     │ alertDomains           │`,
		"clients and keys ", "│ alertDomains.blockURLs │\n",
		"checked 5: 1 failed, 1 unknown, 1 warning, 2 ok\n",
	} {
		require.Contains(t, output, words)
	}
	require.NotContains(t, output, "\x1b")
	require.Equal(t, "acme cannot do all that its settings want: falcon: Alerts: Read\n"+
		"to check again     starter check acme\nwhen it is mended  starter reconnect acme --wait\n", said)
}

func TestACheckOfAFileNeedsNoIntegration(t *testing.T) {
	parsed, err := (&app{}).readSettings("../examples/acme.yaml")
	require.NoError(t, err)
	document, err := json.Marshal(parsed)
	require.NoError(t, err)
	c := &mocks.Client{} // a query would be a call that nobody expects
	checking(t, c, string(document), ends(`{"findings":[{"where":"falcon","check":"region","outcome":"ok"}]}`, nil))
	code, output, said := fake(t, c, "check", "-f", "../examples/acme.yaml")
	require.Zero(t, code, said)
	require.Contains(t, output, "checked 1: 1 ok\n")
	again, err := settings.Parse(document)
	require.NoError(t, err)
	require.Equal(t, parsed, again)
}

func TestWhatCouldNotBeToldIsNoFailure(t *testing.T) {
	c := &mocks.Client{}
	ofAcme(t, c, `{}`)
	checking(t, c, `{}`, ends(`{"findings":[{"where":"mail","check":"server","outcome":"unknown","detail":"no answer"},{"where":"mail","check":"x","outcome":"warning"}]}`, nil))
	code, output, said := fake(t, c, "check", "acme")
	require.Zero(t, code, said)
	require.Empty(t, said)
	require.Contains(t, output, "checked 2: 1 unknown, 1 warning\n")
}

func TestACheckInJSONIsWhatTheWorkerAnswers(t *testing.T) {
	for document, want := range map[string]int{
		somethingMissing:      1,
		`{"findings":"many"}`: 1,
		`{}`:                  1, // nothing was checked
		`{"findings":[{"outcome":"ok","new":1}],"mimecast":{"type":"VendorAuth"}}`: 0,
	} {
		c := &mocks.Client{}
		ofAcme(t, c, `{}`)
		checking(t, c, `{}`, ends(document, nil))
		code, output, _ := fake(t, c, "check", "acme", "--json")
		require.Equal(t, want, code, document)
		require.JSONEq(t, document, output)
	}
}

func TestAWordThatIsNewStandsFirstAndFailsNothing(t *testing.T) {
	c := &mocks.Client{}
	ofAcme(t, c, `{}`)
	checking(t, c, `{}`, ends(`{"findings":[{"where":"a","check":"b","outcome":"warning"},{"where":"c","check":"d","outcome":"skipped"}]}`, nil))
	code, output, said := fake(t, c, "check", "acme")
	require.Zero(t, code, said)
	require.Regexp(t, `(?s)skipped.*warning`, output)
	require.Contains(t, output, "checked 2: 1 warning, 1 skipped\n")
}

func TestACheckThatANewerOneHasEndedSaysSo(t *testing.T) {
	c := &mocks.Client{}
	ofAcme(t, c, `{}`)
	run := &mocks.WorkflowRun{}
	run.On("Get", mock.Anything, mock.Anything).Return(&temporal.TerminatedError{})
	checking(t, c, `{}`, run)
	code, _, said := fake(t, c, "check", "acme")
	require.Equal(t, 1, code)
	require.Contains(t, said, "the check of acme was ended from outside, such as by a newer one\nto do it again  starter check acme\n")
}

func TestACheckOfWhatIsNotRunningNamesThoseThatAre(t *testing.T) {
	c := &mocks.Client{}
	running(c, integration, enums.WORKFLOW_EXECUTION_STATUS_CANCELED)
	code, output, said := fake(t, c, "check", "acme")
	require.Equal(t, 1, code)
	require.Empty(t, output)
	require.Contains(t, said, `no integration "acme" is running`)
}

// waiting is a run that ends when looked says so, and the description that is given of it meanwhile.
func waiting(c *mocks.Client, length int64, attempt int32, looked func(release func())) *mocks.WorkflowRun {
	released, release := context.WithCancel(context.Background())
	run := &mocks.WorkflowRun{}
	run.On("GetRunID").Return("run-1")
	run.On("Get", mock.Anything, mock.Anything).Run(func(mock.Arguments) { <-released.Done() }).Return(nil)
	described := &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{HistoryLength: length}}
	if attempt > 0 {
		described.PendingWorkflowTask = &workflowpb.PendingWorkflowTaskInfo{Attempt: attempt}
	}
	c.On("DescribeWorkflowExecution", mock.Anything, "threatshare/acme/check", "run-1").Run(func(mock.Arguments) { looked(release) }).
		Return(described, nil)
	return run
}

func TestWhatNoWorkerTakesUpIsNotWaitedFor(t *testing.T) {
	e := errand{id: "threatshare/acme/check", what: "the check of acme"}
	for _, example := range []struct {
		length  int64
		attempt int32
		said    string
	}{
		{2, 1, `the check of acme has not begun: is a worker running, and on the task queue "threatshare"?`},
		{4, 3, "the check of acme has not begun: no worker can do it so far; are they older than this starter?"},
	} {
		c := &mocks.Client{}
		var end func()
		run := waiting(c, example.length, example.attempt, func(release func()) { end = release })
		err := (&app{out: &strings.Builder{}}).attend(t.Context(), c, e, run, time.Millisecond, nil)
		require.ErrorContains(t, err, example.said)
		require.ErrorContains(t, err, "temporal workflow show --workflow-id threatshare/acme/check")
		end()
	}
}

func TestWhatHasBegunIsWaitedFor(t *testing.T) {
	c := &mocks.Client{}
	looks := 0
	run := waiting(c, 5, 0, func(release func()) {
		if looks++; looks == 3 {
			release()
		}
	})
	require.NoError(t, (&app{}).attend(t.Context(), c, errand{id: "threatshare/acme/check"}, run, time.Millisecond, nil))
	require.GreaterOrEqual(t, looks, 3)

	unknown := &mocks.Client{}
	unknown.On("DescribeWorkflowExecution", mock.Anything, mock.Anything, mock.Anything).Return(nil, serviceerror.NewUnavailable("busy"))
	require.Empty(t, notBegun(t.Context(), unknown, "a", "b"))
}
