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

const importing = `{"integration":"acme","state":"connected","flows":{
"import-alerts":{"state":"idle","sources":{"alertDomains":{"read":9,"malicious":4,"shared":1,"urlsBlocked":1,"echo":2}}},
"import-iocs":{"state":"idle","waiting":{"due":312,"held":3000,"allowed":150},
 "parked":{"iocHashes":"the list is full","iocDomains.blockURLs":"permission \u001bmissing"},
 "sources":{"iocHashes":{"read":50,"malicious":40,"shared":30,"withdrawn":7},"iocDomains":{"read":20,"malicious":10,"shared":5,"wouldShare":4,"wouldBlockURLs":3,"wouldWithdraw":2}}}},
"byoti":{"used":81000,"limit":100000,"known":true},
"remediations":{"wanted":3,"started":1,"done":12,"nothingFound":4,"failed":1,"messages":{"identified":30,"successful":28,"failed":2}}}`

func TestStatusShowsTheWayBack(t *testing.T) {
	c := &mocks.Client{}
	running(c, "threatshare/acme", enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
	answer(t, c, "threatshare/acme", "status", importing)
	code, output, said := fake(t, c, "status", "acme")
	require.Zero(t, code, said)
	for _, line := range []string{
		"│ source       │ read │ malicious │             shared │       URLs blocked │ already there │ our own │ somebody else's │ held │ refused │          withdrawn │\n",
		"│ iocHashes    │   50 │        40 │                 30 │                    │             0 │         │               0 │    0 │       0 │                  7 │\n",
		"│ iocDomains   │   20 │        10 │ 5, would be 4 more │ 0, would be 3 more │             0 │         │               0 │    0 │       0 │ 0, would be 2 more │\n",
		"│ alertDomains │    9 │         4 │                  1 │                  1 │             0 │       2 │               0 │    0 │       0 │                    │\n",
		`iocDomains.blockURLs of import-iocs is parked: permission \x1bmissing`,
		"iocHashes of import-iocs is parked: the list is full",
		"withdrawal of import-iocs waits: 312 of the 3000 values that are shared are due, and a run withdraws at most 150 unasked\n" +
			"to let it  starter sync acme import-iocs --approve\n",
		"byoti        81000 of 100000 hashes used\n",
		"remediation  3 wanted, 1 started, 12 done, 4 with nothing found, 1 failed; messages: 30 identified, 28 successful, 2 failed\n",
	} {
		require.Contains(t, output, line)
	}
	require.NotContains(t, output, "\x1b")
}

func TestStatusShowsNothingOfWhatThereIsNot(t *testing.T) {
	c := &mocks.Client{}
	running(c, "threatshare/acme", enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
	answer(t, c, "threatshare/acme", "status", status)
	code, output, said := fake(t, c, "status", "acme")
	require.Zero(t, code, said)
	for _, words := range []string{"byoti", "remediation", "waits", "withdrawn", "URLs blocked", "our own"} {
		require.NotContains(t, output, words)
	}
}

func TestAQuotaThatTheVendorDoesNotTellIsOurOwnCount(t *testing.T) {
	c := &mocks.Client{}
	running(c, "threatshare/acme", enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
	answer(t, c, "threatshare/acme", "status", `{"state":"connected","byoti":{"used":5,"limit":10,"known":false}}`)
	_, output, _ := fake(t, c, "status", "acme")
	require.Contains(t, output, "byoti        5 of 10 hashes by our own count; Mimecast does not tell\n")
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
