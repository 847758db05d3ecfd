package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/internal/settings"
)

// These tests are inside the package to give the commands a Temporal client that answers as the server would.

func fake(t *testing.T, c *mocks.Client, args ...string) (code int, output, said string) {
	t.Helper()
	c.On("Close").Maybe()
	var out, errOut strings.Builder
	a := &app{in: strings.NewReader(""), out: &out, dial: func(context.Context, string, string) (client.Client, error) { return c, nil }}
	code = run(t.Context(), args, a, &errOut)
	c.AssertExpectations(t)
	return code, out.String(), errOut.String()
}

func running(c *mocks.Client, id string, status enums.WorkflowExecutionStatus) {
	c.On("DescribeWorkflowExecution", mock.Anything, id, "").Return(&workflowservice.DescribeWorkflowExecutionResponse{
		WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Status: status, Type: &commonpb.WorkflowType{Name: "Integration"}},
	}, nil)
}

func answer(t *testing.T, c *mocks.Client, id, query, document string) {
	t.Helper()
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(json.RawMessage(document))
	require.NoError(t, err)
	c.On("QueryWorkflow", mock.Anything, id, "", query).Return(client.NewValue(payloads), nil)
}

func TestAnIntegrationThatIsNotRunningIsUnknownAndTheListIsNamed(t *testing.T) {
	for _, args := range [][]string{{"status", "acme"}, {"settings", "acme"}, {"stop", "acme"}} {
		ended, never := &mocks.Client{}, &mocks.Client{}
		running(ended, "threatshare/acme", enums.WORKFLOW_EXECUTION_STATUS_CANCELED)
		never.On("DescribeWorkflowExecution", mock.Anything, "threatshare/acme", "").Return(nil, serviceerror.NewNotFound("no"))
		for _, c := range []*mocks.Client{ended, never} {
			code, output, said := fake(t, c, args...)
			require.Equal(t, 1, code)
			require.Empty(t, output)
			require.Contains(t, said, `no integration "acme" is running`)
			require.Contains(t, said, "starter status")
		}
	}
	for _, args := range [][]string{{"change", "acme", "--set", "dryRun=true"}, {"sync", "acme"}} {
		c := &mocks.Client{}
		c.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(nil, serviceerror.NewNotFound("no"))
		code, _, said := fake(t, c, args...)
		require.Equal(t, 1, code)
		require.Contains(t, said, `no integration "acme" is running`)
	}
}

func TestStartSendsTheWholeSettingsUnderTheIntegrationsId(t *testing.T) {
	t.Setenv("THREATSHARE_TASK_QUEUE", "other-queue")
	run := &mocks.WorkflowRun{}
	run.On("GetRunID").Return("run-1")
	c := &mocks.Client{}
	var sent json.RawMessage
	c.On("ExecuteWorkflow", mock.Anything, mock.MatchedBy(func(o client.StartWorkflowOptions) bool {
		return o.ID == "threatshare/acme" && o.TaskQueue == "other-queue" && o.CronSchedule == "" && o.WorkflowExecutionErrorWhenAlreadyStarted
	}), "Integration", mock.MatchedBy(func(document json.RawMessage) bool {
		sent = document
		return true
	})).Return(run, nil)
	code, output, said := fake(t, c, "start", "-f", "../examples/acme.yaml", "--json")
	require.Zero(t, code, said)
	require.JSONEq(t, `{"integration":"acme","workflowId":"threatshare/acme","runId":"run-1","taskQueue":"other-queue","warnings":[]}`, output)
	parsed, err := settings.Parse(sent)
	require.NoError(t, err)
	require.Equal(t, "acme", parsed.Name)
	require.Equal(t, []string{"acme.example"}, parsed.Protect.Domains)
}

func TestStartLeavesARunningIntegrationAloneAndNamesChange(t *testing.T) {
	c := &mocks.Client{}
	c.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).
		Return(nil, serviceerror.NewWorkflowExecutionAlreadyStarted("already", "", "run-0"))
	running(c, "threatshare/acme", enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
	code, output, said := fake(t, c, "start", "-f", "../examples/acme.yaml")
	require.Equal(t, 1, code)
	require.Empty(t, output)
	require.Contains(t, said, `integration "acme" is running already`)
	require.Contains(t, said, "starter change acme")
}

func TestStartWaitsForAStateThatStays(t *testing.T) {
	for _, example := range []struct {
		answers []string
		code    int
		said    string
	}{
		{[]string{`{"state":"connecting"}`, `{"state":"connected"}`}, 0, ""},
		{[]string{`{"state":"degraded","mimecast":{"state":"connected"},"falcon":{"state":"connected"}}`}, 0, ""}, // both are there
		{[]string{`{"state":"degraded","mimecast":{"state":"degraded"},"falcon":{"state":"connected"}}`, `{"state":"connected"}`}, 0, ""},
		{
			[]string{`{"state":"permanent_error","reason":"` + strings.Repeat("refused ", 20) + `check FALCON_CLIENT_SECRET"}`},
			1,
			"check FALCON_CLIENT_SECRET", // what to do stands at the end of a long reason
		},
	} {
		run := &mocks.WorkflowRun{}
		run.On("GetRunID").Return("run-1")
		c := &mocks.Client{}
		c.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(run, nil)
		for _, document := range example.answers {
			payloads, err := converter.GetDefaultDataConverter().ToPayloads(json.RawMessage(document))
			require.NoError(t, err)
			c.On("QueryWorkflow", mock.Anything, "threatshare/acme", "", "connection-state").Return(client.NewValue(payloads), nil).Once()
		}
		code, output, said := fake(t, c, "start", "-f", "../examples/acme.yaml", "--wait")
		require.Equal(t, example.code, code)
		require.Contains(t, said, example.said)
		require.Contains(t, output, "integration acme is started")
	}
}

func TestStartWaitsNoLongerForAnIntegrationThatHasEnded(t *testing.T) {
	run := &mocks.WorkflowRun{}
	run.On("GetRunID").Return("run-1")
	run.On("Get", mock.Anything, nil).Return(temporal.NewNonRetryableApplicationError("settings refused: by an older worker", "InvalidSettings", nil))
	c := &mocks.Client{}
	c.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(run, nil)
	c.On("QueryWorkflow", mock.Anything, "threatshare/acme", "", "connection-state").Return(nil, serviceerror.NewQueryFailed("ended"))
	running(c, "threatshare/acme", enums.WORKFLOW_EXECUTION_STATUS_FAILED)
	c.On("GetWorkflow", mock.Anything, "threatshare/acme", "").Return(run)
	code, _, said := fake(t, c, "start", "-f", "../examples/acme.yaml", "--wait")
	require.Equal(t, 1, code)
	require.Contains(t, said, "settings refused: by an older worker")
}
