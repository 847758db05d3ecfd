package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"
)

// ends is a run that gives document, or fails.
func ends(document string, failure error) *mocks.WorkflowRun {
	run := &mocks.WorkflowRun{}
	run.On("Get", mock.Anything, mock.Anything).Run(func(args mock.Arguments) {
		if into, ok := args.Get(1).(*json.RawMessage); ok && failure == nil {
			*into = json.RawMessage(document)
		}
	}).Return(failure)
	return run
}

// previewed makes Temporal take the preview of a flow.
func previewed(t *testing.T, c *mocks.Client, flow string, run client.WorkflowRun) {
	t.Helper()
	c.On("ExecuteWorkflow", mock.Anything, mock.MatchedBy(func(o client.StartWorkflowOptions) bool {
		return o.ID == "threatshare/acme/preview/"+flow && o.TaskQueue == "threatshare" &&
			o.WorkflowIDConflictPolicy == enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING && !o.WorkflowExecutionErrorWhenAlreadyStarted
	}), "Preview", mock.MatchedBy(func(in previewInput) bool {
		text, err := json.Marshal(in)
		require.NoError(t, err)
		return string(text) == `{"integration":"acme","flow":"`+flow+`"}`
	})).Return(run, nil).Once()
}

const twoFlows = `{"state":"paused","flows":{"share-ttp-logs":{"state":"disabled"},"import-iocs":{"state":"paused"},"import-alerts":{"state":"idle"}}}`

const previewOfIOCs = `{"flow":"import-iocs","more":true,"digest":"00ff","total":1234,
"counts":{"iocDomains":{"read":2000,"malicious":1500,"shared":0,"wouldShare":900,"alreadyThere":0,"held":{"free-mail":34},"dropped":{"expired":500}}},
"items":[{"verdict":"block","list":"blocked-senders","source":"iocDomains","value":"evil.example","reason":"","detail":""},
{"verdict":"block","list":"blocked-senders","source":"iocDomains","value":"worse.example"},
{"verdict":"hold","list":"blocked-senders","source":"iocDomains","value":"mail\u001b.example","reason":"free-mail","detail":"on the list"}],
"waiting":{"due":312,"held":3000,"allowed":150}}`

func TestAPreviewShowsWhatWouldBeDoneAndWhy(t *testing.T) {
	c := &mocks.Client{}
	state(t, c, twoFlows)
	previewed(t, c, "import-iocs", ends(previewOfIOCs, nil))
	code, output, said := fake(t, c, "preview", "acme", "import-iocs")
	require.Zero(t, code, said)
	for _, words := range []string{
		"│ verdict │ source     │ value            │ why                    │\n",
		"│ block   │ iocDomains │ evil.example     │                        │\n",
		`│ hold    │ iocDomains │ mail\x1b.example │ free-mail: on the list │` + "\n",
		"the first 3: 2 block, 1 hold\nand 1231 more\n",
		"more is waiting at the vendor than one run takes",
		"│ iocDomains │ 2000 │      1500 │ 0, would be 900 more │",
		"held of iocDomains: 34 free-mail\ndropped of iocDomains: 500 expired\n",
		"the deletion guard would stop the withdrawal: 312 of the 3000 values that are shared are due, and a run withdraws at most 150 unasked",
		"starter sync acme import-iocs --approve",
		"nothing was written at either vendor",
	} {
		require.Contains(t, output, words)
	}
	require.NotContains(t, output, "\x1b")
}

func TestAPreviewWithoutAFlowIsOfEveryEnabledOne(t *testing.T) {
	c := &mocks.Client{}
	state(t, c, twoFlows)
	previewed(t, c, "import-iocs", ends(`{"flow":"import-iocs","total":0,"items":[],"counts":{}}`, nil))
	previewed(t, c, "import-alerts", ends(`{"flow":"import-alerts","total":1,"items":[{"verdict":"block","source":"alertDomains","value":"evil.example"}]}`, nil))
	code, output, said := fake(t, c, "preview", "acme")
	require.Zero(t, code, said)
	require.Contains(t, output, "import-iocs of acme would change nothing")
	require.Contains(t, output, "in all 1: 1 block\n")
	require.NotContains(t, output, "more")
	require.NotContains(t, output, "deletion guard")
	require.NotContains(t, output, "share-ttp-logs")
}

func TestAPreviewInJSONIsWhatItAnswers(t *testing.T) {
	one, all := &mocks.Client{}, &mocks.Client{}
	state(t, one, twoFlows)
	previewed(t, one, "import-iocs", ends(previewOfIOCs, nil))
	code, output, said := fake(t, one, "preview", "acme", "import-iocs", "--json")
	require.Zero(t, code, said)
	require.JSONEq(t, previewOfIOCs, output)

	state(t, all, twoFlows)
	previewed(t, all, "import-iocs", ends(previewOfIOCs, nil))
	previewed(t, all, "import-alerts", ends(`{"flow":"import-alerts"}`, nil))
	code, output, said = fake(t, all, "preview", "acme", "--json")
	require.Zero(t, code, said)
	require.JSONEq(t, `[`+previewOfIOCs+`,{"flow":"import-alerts"}]`, output)
}

func TestAPreviewThatFailsLeavesTheOthers(t *testing.T) {
	c := &mocks.Client{}
	state(t, c, twoFlows)
	previewed(t, c, "import-iocs", ends("", temporal.NewNonRetryableApplicationError("falcon: check \x1bFALCON_CLIENT_ID", "VendorAuth", nil)))
	previewed(t, c, "import-alerts", ends(`{"flow":"import-alerts","total":0}`, nil))
	code, output, said := fake(t, c, "preview", "acme", "--namespace", "prod")
	require.Equal(t, 1, code)
	require.Contains(t, output, "import-alerts of acme would change nothing")
	require.Contains(t, said, `the preview of import-iocs of acme failed: falcon: check \x1bFALCON_CLIENT_ID`)
	require.Contains(t, said, "temporal workflow show --workflow-id threatshare/acme/preview/import-iocs --namespace prod")
}

func TestAPreviewOfWhatIsSwitchedOffSaysSo(t *testing.T) {
	one, all := &mocks.Client{}, &mocks.Client{}
	state(t, one, twoFlows)
	code, output, said := fake(t, one, "preview", "acme", "share-ttp-logs")
	require.Equal(t, 1, code)
	require.Empty(t, output)
	require.Contains(t, said, "share-ttp-logs of acme does not run: the settings switch it off")

	state(t, all, `{"flows":{"share-ttp-logs":{"state":"disabled"},"import-iocs":{"state":"disabled"}}}`)
	code, output, said = fake(t, all, "preview", "acme")
	require.Equal(t, 1, code)
	require.Empty(t, output)
	require.Contains(t, said, "the settings of acme switch every flow off")
}

func TestAPreviewOfAnotherShapeIsShownAsItIs(t *testing.T) {
	c := &mocks.Client{}
	state(t, c, twoFlows)
	previewed(t, c, "import-iocs", ends(`{"total":"many"}`, nil))
	code, output, said := fake(t, c, "preview", "acme", "import-iocs")
	require.Zero(t, code, said)
	require.Contains(t, output, `"total": "many"`)
}

func TestAPreviewThatIsInterruptedGoesOn(t *testing.T) {
	c := &mocks.Client{}
	state(t, c, twoFlows)
	interrupted, interrupt := context.WithCancel(t.Context())
	run := &mocks.WorkflowRun{}
	run.On("Get", mock.Anything, mock.Anything).Run(func(mock.Arguments) { interrupt() }).Return(context.Canceled)
	previewed(t, c, "import-iocs", run)
	var out strings.Builder
	a := &app{out: &out}
	err := a.preview(interrupted, c, "acme", "import-iocs", true)
	require.ErrorContains(t, err, "the preview of import-iocs of acme goes on by itself\nto join it  starter preview acme import-iocs\n")
	require.Empty(t, out.String())
	c.AssertNotCalled(t, "CancelWorkflow", mock.Anything, mock.Anything, mock.Anything)
}
