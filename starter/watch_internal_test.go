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
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/mocks"
)

const (
	halfRead = `{"state":"connected","flows":{"import-alerts":{"state":"disabled"},
"import-iocs":{"state":"running","shared":41,"held":3,"running":{"workflowId":"w","runId":"r"},"progress":{"done":500,"of":1000,"unit":"records"},
 "sources":{"iocHashes":{"read":400,"malicious":40},"iocDomains":{"read":100,"malicious":4,"quarantined":2}}},
"share-ttp-logs":{"state":"idle","sources":{"urlDomains":{"read":7}}}},
"checkpoints":{"share-ttp-logs":{"urlDomains":"2026-11-16T14:00:00Z","attachmentHashes":"2026-11-16T13:00:00Z","impersonationDomains":""}}}`
	allIdle = `{"state":"connected","flows":{"import-iocs":{"state":"idle","shared":41}}}`
)

// atOnce is a view whose every line stands at the same time.
func atOnce(out *strings.Builder, atTerminal bool) *view {
	v := newView(out, "acme")
	v.now = func() time.Time { return time.Date(2026, 11, 16, 14, 49, 18, 0, time.UTC) }
	v.atTerminal, v.width = atTerminal, func() int { return 200 }
	return v
}

func watching(t *testing.T, c *mocks.Client, v *view, untilIdle bool) error {
	t.Helper()
	return (&app{}).watch(t.Context(), c, "acme", watchOptions{every: time.Millisecond, untilIdle: untilIdle}, v)
}

// described makes Temporal tell how the run at work is.
func described(c *mocks.Client, status enums.WorkflowExecutionStatus) {
	c.On("DescribeWorkflowExecution", mock.Anything, "w", "r").Return(&workflowservice.DescribeWorkflowExecutionResponse{
		WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Status: status},
	}, nil)
}

func TestWatchSaysWhateverHasChangedOnce(t *testing.T) {
	c := &mocks.Client{}
	answersInTurn(t, c, halfRead, halfRead, strings.Replace(halfRead, `"done":500`, `"done":750`, 1), allIdle)
	described(c, enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
	var out strings.Builder
	require.NoError(t, watching(t, c, atOnce(&out, false), true))
	require.Equal(t, `2026-11-16T14:49:18Z  acme  connected
2026-11-16T14:49:18Z  share-ttp-logs  idle, read 7, malicious 0, shared 0, held 0, read up to 2026-11-16T13:00:00Z
2026-11-16T14:49:18Z  import-iocs     running, read 500, malicious 44, shared 41, held 3, refused 2, 500 of 1000 records
2026-11-16T14:49:18Z  import-iocs     running, read 500, malicious 44, shared 41, held 3, refused 2, 750 of 1000 records
2026-11-16T14:49:18Z  import-iocs     idle, read 0, malicious 0, shared 41, held 0
`, out.String())
}

func TestWatchDrawsABarForARunAndOverItself(t *testing.T) {
	c := &mocks.Client{}
	answersInTurn(t, c, halfRead, halfRead, allIdle)
	described(c, enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
	var out strings.Builder
	require.NoError(t, watching(t, c, atOnce(&out, true), true))
	require.Equal(t, "acme  connected\n"+
		"share-ttp-logs  idle, read 7, malicious 0, shared 0, held 0, read up to 2026-11-16T13:00:00Z\n"+
		"import-iocs     running, read 500, malicious 44, shared 41, held 3, refused 2\n"+
		"  50% |"+strings.Repeat("█", 15)+strings.Repeat(" ", 15)+"| (500/1000)\n"+
		"\x1b[4A\x1b[J"+
		"acme  connected\nimport-iocs     idle, read 0, malicious 0, shared 41, held 0\n", out.String())
}

func TestHowFarARunIsDependsOnWhatIsKnown(t *testing.T) {
	for _, example := range []struct{ progress, words, bar string }{
		{`{"done":0,"of":86400,"unit":"seconds"}`, "0 % of the time to read", "0% |"},
		{`{"done":21600,"of":86400,"unit":"seconds"}`, "25 % of the time to read", "25% |███████"},
		{`{"done":90000,"of":86400,"unit":"seconds"}`, "100 % of the time to read", "100% |"},
		{`{"done":1200,"of":0,"unit":"records"}`, "1200 records so far", "1200 records so far"},
		{`{"done":0,"of":0,"unit":"records"}`, "", ""},
		{`{"done":5,"of":0,"unit":"seconds"}`, "", ""},
		{`{"done":3,"of":4,"unit":"re\u001bcords"}`, `3 of 4 re\x1bcords`, "75% |"},
		{`null`, "", ""},
	} {
		var flow flowAnswer
		require.NoError(t, json.Unmarshal([]byte(`{"running":{"runId":"r"},"progress":`+example.progress+`}`), &flow))
		require.Equal(t, example.words, howFar(flow.Progress), example.progress)
		if example.words != "" {
			require.Contains(t, atOnce(&strings.Builder{}, true).bar("import-iocs", flow), example.bar)
		}
	}
}

func TestABarIsOfOneRunAndGrowsWithWhatThereIsToRead(t *testing.T) {
	v := atOnce(&strings.Builder{}, true)
	at := func(run string, done, of int) string {
		return v.bar("import-iocs", flowAnswer{Running: runAnswer{RunID: run}, Progress: &progressAnswer{Done: done, Of: of, Unit: "records"}})
	}
	require.Contains(t, at("one", 10, 10), "(10/10)")
	require.Contains(t, at("two", 5, 10), "(5/10)", "a full bar stays full")
	require.Contains(t, at("two", 5, 20), "(5/20)")
	require.Contains(t, at("two", 5, 8), "(5/8)")
}

func TestALineThatDoesNotFitIsCut(t *testing.T) {
	var out strings.Builder
	v := atOnce(&out, true)
	v.width = func() int { return 20 }
	v.show(statusAnswer{State: "degraded", Reason: strings.Repeat("slow ", 30)})
	require.Equal(t, "acme  degraded (slow\n", out.String())
}

func TestWatchGoesOnWhenNobodyAnswersAndSaysItOnce(t *testing.T) {
	for _, atTerminal := range []bool{false, true} {
		c := &mocks.Client{}
		running(c, integration, enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
		c.On("QueryWorkflow", mock.Anything, integration, "", "status").Return(nil, serviceerror.NewDeadlineExceeded("late")).Times(3)
		payloads, err := converter.GetDefaultDataConverter().ToPayloads(json.RawMessage(allIdle))
		require.NoError(t, err)
		c.On("QueryWorkflow", mock.Anything, integration, "", "status").Return(client.NewValue(payloads), nil)
		var out strings.Builder
		require.NoError(t, watching(t, c, atOnce(&out, atTerminal), true))
		require.Equal(t, 1, strings.Count(out.String(), `integration "acme" does not answer: is a worker running`))
		require.True(t, strings.HasSuffix(out.String(), "import-iocs     idle, read 0, malicious 0, shared 41, held 0\n"), out.String())
	}
}

func TestTheSameAnswerIsShownAgainAfterATroubleAndTheTroubleGoes(t *testing.T) {
	var out strings.Builder
	v := atOnce(&out, true)
	v.show(statusAnswer{State: "connected"})
	v.trouble(notDone("no answer\nsecond line"))
	out.Reset()
	v.show(statusAnswer{State: "connected"})
	require.Equal(t, "\x1b[2A\x1b[Jacme  connected\n", out.String())
}

func TestWatchEndsWithoutAFailureWhenItIsInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	c := &mocks.Client{}
	running(c, integration, enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
	asked := 0
	c.On("QueryWorkflow", mock.Anything, integration, "", "status").Run(func(mock.Arguments) {
		if asked++; asked == 2 {
			interrupt()
		}
	}).Return(nil, context.Canceled)
	var out strings.Builder
	require.NoError(t, (&app{}).watch(ctx, c, "acme", watchOptions{every: time.Millisecond}, atOnce(&out, false)))
	require.Equal(t, 2, asked)
}

func TestWatchEndsWithAnIntegrationThatIsNotThere(t *testing.T) {
	for _, told := range []func(c *mocks.Client){
		func(c *mocks.Client) { running(c, integration, enums.WORKFLOW_EXECUTION_STATUS_CANCELED) },
		func(c *mocks.Client) {
			c.On("DescribeWorkflowExecution", mock.Anything, integration, "").Return(nil, serviceerror.NewNotFound("no"))
		},
	} {
		c := &mocks.Client{}
		told(c)
		code, output, said := fake(t, c, "watch", "acme")
		require.Equal(t, 1, code)
		require.Empty(t, output)
		require.Contains(t, said, `no integration "acme" is running`)
	}
}

func TestWatchUntilIdleWaitsForWhatIsAboutToBegin(t *testing.T) {
	connects := `{"state":"connecting"}`
	more := `{"state":"connected","flows":{"import-iocs":{"state":"idle","more":true}}}`
	c := &mocks.Client{}
	answersInTurn(t, c, allIdle, allIdle, connects, more, allIdle, allIdle, halfRead, allIdle)
	described(c, enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
	require.NoError(t, watching(t, c, atOnce(&strings.Builder{}, false), true))
	c.AssertExpectations(t)
	c.AssertNumberOfCalls(t, "QueryWorkflow", 10)
}

func TestWatchUntilIdleDoesNotWaitForARunThatWasEndedFromOutside(t *testing.T) {
	c := &mocks.Client{}
	answersInTurn(t, c, halfRead)
	described(c, enums.WORKFLOW_EXECUTION_STATUS_TERMINATED)
	require.NoError(t, watching(t, c, atOnce(&strings.Builder{}, false), true))
}

func TestWatchUntilIdleFailsIfSomethingIsParkedOrHasFailed(t *testing.T) {
	for status, said := range map[string]string{
		`{"state":"permanent_error","flows":{"import-iocs":{"state":"parked","reason":"no sc\u001bope"}}}`:                           `import-iocs is parked, or a part of it: no sc\x1bope`,
		`{"state":"permanent_error","flows":{"import-iocs":{"state":"idle","parked":{"iocHashes":"full"}}}}`:                         "import-iocs is parked, or a part of it: iocHashes: full",
		`{"state":"degraded","flows":{"import-iocs":{"state":"idle","lastError":"made no sense"},"import-alerts":{"state":"idle"}}}`: "the last run of import-iocs failed: made no sense",
		`{"state":"permanent_error","reason":"check FALCON_CLIENT_ID","flows":{"import-iocs":{"state":"idle"}}}`:                     "permanent_error (check FALCON_CLIENT_ID)",
	} {
		c := &mocks.Client{}
		answersInTurn(t, c, status)
		err := watching(t, c, atOnce(&strings.Builder{}, false), true)
		require.ErrorContains(t, err, said)
		require.ErrorContains(t, err, "what it needs  starter check acme")
	}
	paused := &mocks.Client{}
	answersInTurn(t, paused, `{"state":"paused","flows":{"import-iocs":{"state":"paused","more":true}}}`)
	require.NoError(t, watching(t, paused, atOnce(&strings.Builder{}, false), true), "nothing runs, and that is wanted")
}

func TestWatchAsksNoFasterThanIsGoodForAWorker(t *testing.T) {
	code, _, said := fake(t, &mocks.Client{}, "watch", "acme", "--every", "10ms")
	require.Equal(t, 2, code)
	require.Contains(t, said, "--every 10ms: must be at least 200ms")
}

func TestOneQueryIsInFlightHoweverSlowTheAnswersAre(t *testing.T) {
	c := &mocks.Client{}
	running(c, integration, enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(json.RawMessage(allIdle))
	require.NoError(t, err)
	flying, most := make(chan struct{}, 10), 0
	c.On("QueryWorkflow", mock.Anything, integration, "", "status").Run(func(mock.Arguments) {
		flying <- struct{}{}
		most = max(most, len(flying))
		<-time.After(5 * time.Millisecond) // longer than the time between two questions
		<-flying
	}).Return(client.NewValue(payloads), nil)
	require.NoError(t, watching(t, c, atOnce(&strings.Builder{}, false), true))
	require.Equal(t, 1, most)
}
