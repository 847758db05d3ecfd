package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"
)

const (
	integration = "threatshare/acme"
	withdrawing = "threatshare/acme/withdraw"
	removeAll   = `{"integration":"acme","credentials":"tenant","dryRun":false}`
	dryRun      = `{"integration":"acme","credentials":"tenant","dryRun":true}`
	pausing     = `[{"reason":"starter withdraw takes back everything that was shared; after resume what is new, or an hour old at most, is shared again"}]`

	found = `{"done":true,"dryRun":true,"lists":[{"list":"iocs","vendor":"falcon","found":7},{"list":"byoti","vendor":"mimecast","found":0},
{"list":"blocked-senders","vendor":"mimecast","found":1}],
"items":[{"list":"iocs","kind":"domain","value":"a.example"},{"list":"iocs","kind":"domain","value":"b.example"},{"list":"iocs","kind":"domain","value":"c.example"},
{"list":"iocs","kind":"domain","value":"d.example"},{"list":"iocs","kind":"domain","value":"e.example"},{"list":"iocs","kind":"domain","value":"f.example"},
{"list":"blocked-senders","kind":"domain","value":"z\u001b.example"}]}`
	removed = `{"done":true,"dryRun":false,"lists":[{"list":"iocs","vendor":"falcon","found":12,"removed":11,"missing":1,"left":0},{"list":"byoti","vendor":"mimecast","found":0}]}`
	stuck   = `{"done":true,"dryRun":false,"lists":[{"list":"iocs","vendor":"falcon","found":12,"removed":9,"missing":1,"left":2,"detail":"no \u001bwrite scope"}]}`
)

// starts makes Temporal take a withdrawal with that input, or refuse it once.
func starts(t *testing.T, c *mocks.Client, input string, run client.WorkflowRun, refusal error) {
	t.Helper()
	c.On("ExecuteWorkflow", mock.Anything, mock.MatchedBy(func(o client.StartWorkflowOptions) bool {
		return o.ID == withdrawing && o.TaskQueue == "threatshare" && o.WorkflowExecutionErrorWhenAlreadyStarted
	}), "Withdraw", mock.MatchedBy(func(in withdrawInput) bool {
		text, err := json.Marshal(in)
		require.NoError(t, err)
		return string(text) == input
	})).Return(run, refusal).Once()
}

// ended makes the integration one that is not running any more and still tells its settings.
func ended(t *testing.T, c *mocks.Client) {
	t.Helper()
	running(c, integration, enums.WORKFLOW_EXECUTION_STATUS_CANCELED)
	answer(t, c, integration, "settings", `{"name":"acme","credentials":"tenant"}`)
}

func TestWithoutYesNothingIsRemovedAndWhatWouldBeIsShown(t *testing.T) {
	c := &mocks.Client{}
	running(c, integration, enums.WORKFLOW_EXECUTION_STATUS_RUNNING) // and is not paused: nothing is written
	answer(t, c, integration, "settings", `{"credentials":"tenant"}`)
	starts(t, c, dryRun, ends(found, nil), nil)
	code, output, said := fake(t, c, "withdraw", "acme")
	require.Zero(t, code, said)
	for _, words := range []string{
		"│ list            │ at       │ found │ first values  │\n",
		"│ iocs            │ falcon   │     7 │ a.example     │\n",
		"│                 │          │       │ and 2 more    │\n",
		`│ blocked-senders │ mimecast │     1 │ z\x1b.example │` + "\n",
		"nothing was removed\nto remove all 8  starter withdraw acme --yes\n",
	} {
		require.Contains(t, output, words)
	}
	require.NotContains(t, output, "f.example")
	require.NotContains(t, output, "byoti")
	require.NotContains(t, output, "\x1b")
}

func TestAnIntegrationThatMadeNothingHasNothingToRemove(t *testing.T) {
	for _, args := range [][]string{{"withdraw", "acme"}, {"withdraw", "acme", "--yes"}} {
		c := &mocks.Client{}
		ended(t, c)
		dry := len(args) == 2
		starts(t, c, map[bool]string{true: dryRun, false: removeAll}[dry], ends(fmt.Sprintf(`{"done":true,"dryRun":%t,"lists":[]}`, dry), nil), nil)
		code, output, said := fake(t, c, args...)
		require.Zero(t, code, said)
		require.Contains(t, output, "acme has nothing at either vendor")
		require.NotContains(t, output, "to remove")
	}
}

func TestARunningIntegrationIsPausedAndItsRunsEndBeforeAnythingIsRemoved(t *testing.T) {
	c := &mocks.Client{}
	running(c, integration, enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
	answer(t, c, integration, "settings", `{"credentials":"tenant"}`)
	answer(t, c, integration, "status", `{"state":"connected","flows":{"import-iocs":{"state":"running","running":{"workflowId":"w","runId":"r"}}}}`)
	updated(t, c, "pause", pausing, `{}`, nil)
	atWork := func(status enums.WorkflowExecutionStatus) {
		c.On("DescribeWorkflowExecution", mock.Anything, "w", "r").Return(&workflowservice.DescribeWorkflowExecutionResponse{
			WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Status: status},
		}, nil).Once()
	}
	atWork(enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
	atWork(enums.WORKFLOW_EXECUTION_STATUS_COMPLETED)
	starts(t, c, removeAll, ends(removed, nil), nil)
	code, output, said := fake(t, c, "withdraw", "acme", "--yes")
	require.Zero(t, code, said)
	require.Regexp(t, `(?s)is paused, or its flows would share everything again.*waiting for the run of import-iocs.*removed`, output)
	for _, words := range []string{
		"│ iocs │ falcon │    12 │      11 │       1 │    0 │\n",
		"missing: somebody had removed it already\n",
		"stays      what others made, and the ledger with what it knows of acme\n",
		"temporal workflow signal --workflow-id threatshare/acme --name resume",
		"starter stop acme",
	} {
		require.Contains(t, output, words)
	}
	require.NotContains(t, output, "byoti")
}

func TestAPausedIntegrationKeepsTheReasonOfItsPause(t *testing.T) {
	c := &mocks.Client{}
	running(c, integration, enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
	answer(t, c, integration, "settings", `{"credentials":"tenant"}`)
	answer(t, c, integration, "status", `{"state":"paused","flows":{"import-iocs":{"state":"paused"}}}`)
	starts(t, c, removeAll, ends(removed, nil), nil)
	code, _, said := fake(t, c, "withdraw", "acme", "--yes") // an update would be a call that nobody expects
	require.Zero(t, code, said)
}

func TestNothingIsRemovedIfTheIntegrationIsNotToBePaused(t *testing.T) {
	c := &mocks.Client{}
	running(c, integration, enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
	answer(t, c, integration, "settings", `{"credentials":"tenant"}`)
	answer(t, c, integration, "status", `{"state":"connected"}`)
	updated(t, c, "pause", pausing, `{}`, temporal.NewApplicationError("no", "", nil))
	code, output, said := fake(t, c, "withdraw", "acme", "--yes")
	require.Equal(t, 2, code)
	require.Empty(t, output)
	require.Contains(t, said, `integration "acme" refuses: no`)
}

func TestWhatAVendorRefusesToRemoveIsLeftWithItsWords(t *testing.T) {
	for _, flag := range []string{"--yes", "--json"} {
		c := &mocks.Client{}
		ended(t, c)
		starts(t, c, removeAll, ends(stuck, nil), nil)
		code, output, said := fake(t, c, "withdraw", "acme", "--yes", flag)
		require.Equal(t, 1, code)
		require.Equal(t, "2 of what acme made could not be removed\nto try again  starter withdraw acme --yes\n", said)
		if flag == "--json" {
			require.JSONEq(t, stuck, output)
			continue
		}
		require.Contains(t, output, `2 left on iocs at falcon: no \x1bwrite scope`)
		require.NotContains(t, output, "resume", "it is not running")
	}
}

func TestAWithdrawalThatFailsSaysWhy(t *testing.T) {
	c := &mocks.Client{}
	ended(t, c)
	starts(t, c, removeAll, ends("", temporal.NewNonRetryableApplicationError("mimecast: check MIMECAST_CLIENT_ID", "VendorAuth", nil)), nil)
	code, _, said := fake(t, c, "withdraw", "acme", "--yes")
	require.Equal(t, 1, code)
	require.Contains(t, said, "the withdrawal of acme failed: mimecast: check MIMECAST_CLIENT_ID")
	require.Contains(t, said, "temporal workflow show --workflow-id threatshare/acme/withdraw")
}

func TestAWithdrawalThatIsAtWorkIsJoined(t *testing.T) {
	c := &mocks.Client{}
	ended(t, c)
	starts(t, c, removeAll, nil, serviceerror.NewWorkflowExecutionAlreadyStarted("already", "", "run-0"))
	answer(t, c, withdrawing, "progress", `{"dryRun":false,"lists":[]}`)
	c.On("GetWorkflow", mock.Anything, withdrawing, "").Return(ends(removed, nil))
	code, output, said := fake(t, c, "withdraw", "acme", "--yes")
	require.Zero(t, code, said)
	require.Contains(t, output, "│ iocs │ falcon │    12 │")
}

func TestADryRunInTheWayIsWaitedForAndNotTakenForARemoval(t *testing.T) {
	c := &mocks.Client{}
	ended(t, c)
	starts(t, c, removeAll, nil, serviceerror.NewWorkflowExecutionAlreadyStarted("already", "", "run-0"))
	starts(t, c, removeAll, ends(removed, nil), nil)
	answer(t, c, withdrawing, "progress", `{"dryRun":true,"lists":[]}`)
	c.On("GetWorkflow", mock.Anything, withdrawing, "").Return(ends(found, nil)).Once()
	code, output, said := fake(t, c, "withdraw", "acme", "--yes")
	require.Zero(t, code, said)
	require.Contains(t, output, "│ iocs │ falcon │    12 │      11 │")
}

func TestAListOfWhatIsBeingRemovedIsNotToBeHad(t *testing.T) {
	c := &mocks.Client{}
	ended(t, c)
	starts(t, c, dryRun, nil, serviceerror.NewWorkflowExecutionAlreadyStarted("already", "", "run-0"))
	answer(t, c, withdrawing, "progress", `{"dryRun":false,"lists":[]}`)
	code, output, said := fake(t, c, "withdraw", "acme")
	require.Equal(t, 1, code)
	require.Empty(t, output)
	require.Equal(t, "a withdrawal of acme is at work; to follow it  starter withdraw acme --yes\n", said)
}

func TestTheResultOfAnotherSortOfWithdrawalIsNotShownAsThisOnes(t *testing.T) {
	c := &mocks.Client{}
	ended(t, c)
	starts(t, c, removeAll, ends(found, nil), nil)
	code, _, said := fake(t, c, "withdraw", "acme", "--yes")
	require.Equal(t, 1, code)
	require.Contains(t, said, "another withdrawal of acme came first; try again: starter withdraw acme --yes")
}

func TestACredentialSetIsAskedForOnceTemporalHasForgottenTheIntegration(t *testing.T) {
	forgotten := func() *mocks.Client {
		c := &mocks.Client{}
		c.On("DescribeWorkflowExecution", mock.Anything, integration, "").Return(nil, serviceerror.NewNotFound("gone"))
		c.On("QueryWorkflow", mock.Anything, integration, "", "settings").Return(nil, serviceerror.NewNotFound("gone"))
		return c
	}
	code, output, said := fake(t, forgotten(), "withdraw", "acme")
	require.Equal(t, 1, code)
	require.Empty(t, output)
	require.Contains(t, said, "starter withdraw acme --credentials ''\n")

	c := forgotten()
	starts(t, c, dryRun, ends(found, nil), nil)
	code, output, said = fake(t, c, "withdraw", "acme", "--credentials", "tenant")
	require.Zero(t, code, said)
	require.Contains(t, output, "to remove all 8  starter withdraw acme --yes --credentials 'tenant'\n")

	c = forgotten()
	starts(t, c, strings.ReplaceAll(dryRun, "tenant", ""), ends(found, nil), nil)
	code, _, said = fake(t, c, "withdraw", "acme", "--credentials", "", "--json")
	require.Zero(t, code, said)
}

func TestAnotherCredentialSetThanTheIntegrationsIsRefused(t *testing.T) {
	c := &mocks.Client{}
	ended(t, c)
	code, output, said := fake(t, c, "withdraw", "acme", "--yes", "--credentials", "other")
	require.Equal(t, 2, code)
	require.Empty(t, output)
	require.Equal(t, "--credentials: integration \"acme\" uses the credential set \"tenant\", not \"other\"\n", said)
}

func TestProgressIsALineWhenTheCountsChange(t *testing.T) {
	c := &mocks.Client{}
	ended(t, c)
	asked := make(chan struct{})
	run := &mocks.WorkflowRun{}
	run.On("Get", mock.Anything, mock.Anything).Run(func(args mock.Arguments) {
		<-asked
		*args.Get(1).(*json.RawMessage) = json.RawMessage(removed)
	}).Return(nil)
	starts(t, c, removeAll, run, nil)
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(json.RawMessage(
		`{"lists":[{"list":"iocs","found":12,"removed":3,"missing":1,"left":1},{"list":"byoti","found":0},{"list":"managed-urls","found":8}]}`))
	require.NoError(t, err)
	times := 0
	c.On("QueryWorkflow", mock.Anything, withdrawing, "", "progress").Run(func(mock.Arguments) {
		if times++; times == 2 {
			close(asked)
		}
	}).Return(client.NewValue(payloads), nil)
	code, output, said := fake(t, c, "withdraw", "acme", "--yes")
	require.Zero(t, code, said)
	require.Equal(t, 1, strings.Count(output, "withdrawing: 5 of 20 (iocs 5 of 12, managed-urls 0 of 8)\n"))
}

func TestAWithdrawalThatDoesNotAnswerIsToldOnce(t *testing.T) {
	var out strings.Builder
	p := &progress{out: &out}
	for range 3 {
		p.trouble(serviceerror.NewDeadlineExceeded("late"))
	}
	p.trouble(serviceerror.NewQueryFailed("not yet"))
	require.Equal(t, "the withdrawal does not answer: is a worker running? It goes on as soon as there is one\n", out.String())
}

func TestTheBarGrowsWithWhatIsFound(t *testing.T) {
	var out strings.Builder
	p := &progress{out: &out, atTerminal: true}
	p.show(withdrawAnswer{})
	require.Nil(t, p.bar, "nothing is found yet")
	p.show(withdrawAnswer{Lists: []listAnswer{{Found: 10, Removed: 4}}})
	p.show(withdrawAnswer{Lists: []listAnswer{{Found: 10, Removed: 4}, {Found: 5, Removed: 6}}})
	require.Equal(t, 15, p.bar.GetMax())
	require.InDelta(t, 10, p.bar.State().CurrentNum, 0)
	p.end()
	require.Contains(t, out.String(), "withdrawing")
}
