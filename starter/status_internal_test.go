package main

import (
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/mocks"
)

const status = `{"integration":"acme","state":"degraded","since":"2026-11-16T14:49:18Z","reason":"falcon: \u001b[31mslow","unknown":{"field":1},
"mimecast":{"state":"connected","reason":""},"falcon":{"state":"degraded","reason":"answered 503"},
"flows":{"share-ttp-logs":{"state":"idle","lastRun":"2026-11-16T14:50:00Z","lastSuccess":"","lastError":"","shared":41,"held":3,"more":true,
 "parked":{"urlDomains":"permission missing"},
 "sources":{"attachmentHashes":{"read":100,"malicious":44,"shared":41,"alreadyThere":2,"held":{"free-mail":2,"top-site":1},"dropped":{"not-malicious":56},"quarantined":1}}},
 "import-iocs":{"state":"disabled","lastRun":"","lastSuccess":"","shared":0,"held":0}},
"checkpoints":{"share-ttp-logs":{"attachmentHashes":"2026-11-16T14:48:00Z"}},
"lastRejected":{"at":"2026-11-16T15:00:00Z","name":"change-settings","problem":"name: is immutable"},
"warnings":["dryRun is on"],"dryRun":true}`

func TestStatusShowsEverythingAPersonNeeds(t *testing.T) {
	c := &mocks.Client{}
	running(c, "threatshare/acme", enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
	answer(t, c, "threatshare/acme", "status", status)
	code, output, said := fake(t, c, "status", "acme", "--namespace", "prod")
	require.Zero(t, code, said)
	for _, line := range []string{
		`state        degraded (falcon: \x1b[31mslow) since 2026-11-16T14:49:18Z`,
		"falcon       degraded (answered 503)",
		"│ share-ttp-logs │ idle, more is waiting │ 2026-11-16T14:50:00Z │ never         │     41 │    3 │",
		"│ import-iocs    │ disabled              │ never                │ never         │      0 │    0 │",
		"│ attachmentHashes │  100 │        44 │     41 │             2 │               0 │    3 │       1 │ 2026-11-16T14:48:00Z │",
		"held of attachmentHashes: 2 free-mail, 1 top-site",
		"dropped of attachmentHashes: 56 not-malicious",
		"urlDomains of share-ttp-logs is parked: permission missing",
		"last refused input: change-settings at 2026-11-16T15:00:00Z: name: is immutable",
		"warning: dryRun is on",
		"temporal workflow show --workflow-id threatshare/acme --namespace prod",
	} {
		require.Contains(t, output, line)
	}
	require.NotContains(t, output, "\x1b")
}

func TestStatusOfAPermanentErrorSaysHowToGoOn(t *testing.T) {
	c := &mocks.Client{}
	running(c, "threatshare/acme", enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
	answer(t, c, "threatshare/acme", "status", `{"integration":"acme","state":"permanent_error","reason":"check FALCON_CLIENT_ID",
		"flows":{"share-ttp-logs":{"state":"parked"}}}`)
	code, output, said := fake(t, c, "status", "acme")
	require.Zero(t, code, said)
	require.Contains(t, output, "state        permanent_error (check FALCON_CLIENT_ID)")
	require.Contains(t, output, "when it is mended  temporal workflow signal --workflow-id threatshare/acme --name reconnect")
	require.NotContains(t, output, "resume")
}

func TestStatusInJSONIsWhatTheIntegrationAnswers(t *testing.T) {
	c := &mocks.Client{}
	running(c, "threatshare/acme", enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
	answer(t, c, "threatshare/acme", "status", status)
	code, output, _ := fake(t, c, "status", "acme", "--json")
	require.Zero(t, code)
	require.JSONEq(t, status, output)
}

func TestAStatusOfAnotherShapeIsShownAsItIs(t *testing.T) {
	c := &mocks.Client{}
	running(c, "threatshare/acme", enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
	answer(t, c, "threatshare/acme", "status", `{"state":7}`)
	code, output, _ := fake(t, c, "status", "acme")
	require.Zero(t, code)
	require.JSONEq(t, `{"state":7}`, output)
}

func TestStatusListsAllAndSaysWhoDidNotAnswer(t *testing.T) {
	executions := func(ids ...string) []*workflowpb.WorkflowExecutionInfo {
		var infos []*workflowpb.WorkflowExecutionInfo
		for _, id := range ids {
			infos = append(infos, &workflowpb.WorkflowExecutionInfo{Execution: &commonpb.WorkflowExecution{WorkflowId: id}})
		}
		return infos
	}
	c := &mocks.Client{}
	c.On("ListWorkflow", mock.Anything, mock.Anything).Return(&workflowservice.ListWorkflowExecutionsResponse{
		Executions: executions("threatshare/beta", "somebody/else"), NextPageToken: []byte("2"),
	}, nil).Once()
	c.On("ListWorkflow", mock.Anything, mock.Anything).Return(&workflowservice.ListWorkflowExecutionsResponse{
		Executions: executions("threatshare/acme"),
	}, nil).Once()
	answer(t, c, "threatshare/acme", "status", status)
	c.On("QueryWorkflow", mock.Anything, "threatshare/beta", "", "status").Return(nil, serviceerror.NewFailedPrecondition("no poller seen"))
	code, output, said := fake(t, c, "status")
	require.Equal(t, 1, code)
	require.Contains(t, output, "│ acme        │ degraded  │ 2026-11-16T14:49:18Z │ connected │ degraded │     41 │    3 │")
	require.Contains(t, output, "│ beta        │ no answer │")
	require.NotContains(t, output, "somebody")
	require.Contains(t, said, `integration "beta" does not answer: is a worker running`)
}
