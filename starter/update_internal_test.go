package main

import (
	"context"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/internal/settings"
)

func updated(t *testing.T, c *mocks.Client, name, input, document string, refusal error) {
	t.Helper()
	handle := &mocks.WorkflowUpdateHandle{}
	handle.On("Get", mock.Anything, mock.Anything).Run(func(args mock.Arguments) {
		if into := args.Get(1); into != nil {
			require.NoError(t, json.Unmarshal([]byte(document), into))
		}
	}).Return(refusal)
	c.On("UpdateWorkflow", mock.Anything, mock.MatchedBy(func(o client.UpdateWorkflowOptions) bool {
		text, err := json.Marshal(o.Args)
		require.NoError(t, err)
		var sent, want any
		require.NoError(t, json.Unmarshal(text, &sent))
		require.NoError(t, json.Unmarshal([]byte(input), &want))
		return o.WorkflowID == "threatshare/acme" && o.UpdateName == name && reflect.DeepEqual(want, sent)
	})).Return(handle, nil)
}

func TestChangePutsFileAndAssignmentsTogetherAndTheLastOneWins(t *testing.T) {
	c := &mocks.Client{}
	updated(t, c, "change-settings", `[{"description":null,"dryRun":true,"sendToFalcon":{"platforms":["linux"],"urlDomains":{"enabled":false}}}]`,
		`{"applied":"from the next run","warnings":["mind the gap"]}`, nil)
	patch := t.TempDir() + "/patch.yaml"
	require.NoError(t, os.WriteFile(patch, []byte("dryRun: false\nsendToFalcon: {platforms: [mac]}\n"), 0o600))
	code, output, said := fake(t, c, "change", "acme", "-f", patch, "--set", "dryRun=true", "--set", "description=null",
		"--set", "sendToFalcon.platforms=linux", "--set", "sendToFalcon.urlDomains.enabled=false")
	require.Zero(t, code, said)
	require.Contains(t, output, "apply from the next run")
	require.Contains(t, output, "warning: mind the gap")
}

func TestAChangeThatTheIntegrationRefusesIsBadInput(t *testing.T) {
	c := &mocks.Client{}
	updated(t, c, "change-settings", `[{"credentials":"other"}]`, `{}`,
		temporal.NewApplicationError("change-settings: credentials: is immutable\nname: is immutable", "", nil))
	patch := t.TempDir() + "/patch.json"
	require.NoError(t, os.WriteFile(patch, []byte(`{"credentials":"other"}`), 0o600))
	code, output, said := fake(t, c, "change", "acme", "-f", patch)
	require.Equal(t, 2, code)
	require.Empty(t, output)
	require.Contains(t, said, "credentials: is immutable\nname: is immutable")
}

func TestSyncNamesTheFlowOrNone(t *testing.T) {
	all, one := &mocks.Client{}, &mocks.Client{}
	updated(t, all, "sync-now", `[]`, `{"state":"connected","flows":{"share-ttp-logs":{"state":"idle"}}}`, nil)
	code, output, _ := fake(t, all, "sync", "acme")
	require.Zero(t, code)
	require.Contains(t, output, "every enabled flow of acme runs now")
	updated(t, one, "sync-now", `["share-ttp-logs"]`, `{"state":"degraded","flows":{"share-ttp-logs":{"state":"running"}}}`, nil)
	code, output, _ = fake(t, one, "sync", "acme", "share-ttp-logs")
	require.Zero(t, code)
	require.Contains(t, output, "share-ttp-logs of acme runs now")
}

func TestSyncOfWhatIsStoppedIsNotDoneAndSaysHowToGoOn(t *testing.T) {
	const reconnect = "temporal workflow signal --workflow-id threatshare/acme --name reconnect"
	const resume = "temporal workflow signal --workflow-id threatshare/acme --name resume"
	for _, example := range []struct {
		state      string
		said, left []string
	}{
		{
			`{"state":"paused","reason":"maintenance","flows":{"share-ttp-logs":{"state":"paused"}}}`,
			[]string{"is paused", "maintenance", resume},
			[]string{reconnect},
		},
		{
			`{"state":"permanent_error","reason":"falcon: check FALCON_CLIENT_ID","flows":{"share-ttp-logs":{"state":"parked"}}}`,
			[]string{"permanent error", "check FALCON_CLIENT_ID", reconnect},
			[]string{resume},
		},
		{
			`{"state":"permanent_error","reason":"no scope","flows":{"share-ttp-logs":{"state":"paused"}}}`,
			[]string{"permanent error", "no scope", reconnect, resume},
			nil,
		},
		{
			`{"state":"connected","flows":{"share-ttp-logs":{"state":"disabled"}}}`,
			[]string{"the settings switch it off"},
			[]string{reconnect, resume},
		},
	} {
		c := &mocks.Client{}
		updated(t, c, "sync-now", `["share-ttp-logs"]`, example.state, nil)
		code, output, said := fake(t, c, "sync", "acme", "share-ttp-logs")
		require.Equal(t, 1, code, example.state)
		require.Empty(t, output)
		for _, words := range example.said {
			require.Contains(t, said, words)
		}
		for _, words := range example.left {
			require.NotContains(t, said, words)
		}
	}
}

func TestAnUpdateThatNobodyAnswersMayStillBeDone(t *testing.T) {
	c := &mocks.Client{}
	c.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(nil, context.DeadlineExceeded)
	code, _, said := fake(t, c, "sync", "acme")
	require.Equal(t, 1, code)
	require.Contains(t, said, "is a worker running")
	require.Contains(t, said, "may still be done")
}

func TestStopSaysWhatIsRemovedAndWhatStays(t *testing.T) {
	c := &mocks.Client{}
	describe := func(status enums.WorkflowExecutionStatus) {
		c.On("DescribeWorkflowExecution", mock.Anything, "threatshare/acme", "").Return(&workflowservice.DescribeWorkflowExecutionResponse{
			WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Status: status, Type: &commonpb.WorkflowType{Name: "Integration"}},
		}, nil).Once()
	}
	describe(enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
	c.On("CancelWorkflow", mock.Anything, "threatshare/acme", "").Return(nil)
	describe(enums.WORKFLOW_EXECUTION_STATUS_CANCELED)
	code, output, said := fake(t, c, "stop", "acme")
	require.Zero(t, code, said)
	require.Contains(t, output, "integration acme is stopped")
	require.Contains(t, output, "removed  its Schedules")
	require.Contains(t, output, "stays    IOCs in Falcon")
}

func TestShownSettingsAreAFileThatStartTakes(t *testing.T) {
	c := &mocks.Client{}
	running(c, "threatshare/acme", enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
	want := settings.Default()
	want.Name, want.Description, want.SendToFalcon.URLDomains.Enabled = "acme", `yes: "no" # 😀`, true
	document, err := json.Marshal(want)
	require.NoError(t, err)
	answer(t, c, "threatshare/acme", "settings", string(document))
	code, output, _ := fake(t, c, "settings", "acme")
	require.Zero(t, code)
	require.True(t, strings.HasPrefix(output, "name: acme\n"), output)
	parsed, err := settings.Parse([]byte(output))
	require.NoError(t, err)
	require.Equal(t, want, parsed)
}

// state is what the integration answers to the query "status".
func state(t *testing.T, c *mocks.Client, document string) {
	t.Helper()
	running(c, "threatshare/acme", enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
	answer(t, c, "threatshare/acme", "status", document)
}

func TestApprovingLetsTheNextRunWithdrawExactlyWhatWaits(t *testing.T) {
	c := &mocks.Client{}
	state(t, c, importing)
	updated(t, c, "approve-withdrawal", `[{"flow":"import-iocs","values":312}]`, `{}`, nil)
	updated(t, c, "sync-now", `["import-iocs"]`, `{"state":"connected","flows":{"import-iocs":{"state":"running"}}}`, nil)
	code, output, said := fake(t, c, "sync", "acme", "import-iocs", "--approve")
	require.Zero(t, code, said)
	require.Contains(t, output, "approved: the next run of import-iocs of acme may withdraw up to 312 values\n")
	require.Contains(t, output, "import-iocs of acme runs now")
}

func TestApprovingWithoutAFlowIsForEveryFlowThatWaits(t *testing.T) {
	c := &mocks.Client{}
	state(t, c, `{"flows":{"import-alerts":{"waiting":{"due":20,"held":30,"allowed":10}},"import-iocs":{"waiting":{"due":12,"held":30,"allowed":10}},
		"share-ttp-logs":{"state":"idle"}}}`)
	updated(t, c, "approve-withdrawal", `[{"flow":"import-iocs","values":12}]`, `{}`, nil)
	updated(t, c, "approve-withdrawal", `[{"flow":"import-alerts","values":20}]`, `{}`, nil)
	updated(t, c, "sync-now", `[]`, `{"state":"connected"}`, nil)
	code, output, said := fake(t, c, "sync", "acme", "--approve")
	require.Zero(t, code, said)
	require.Contains(t, output, "every enabled flow of acme runs now")
}

func TestApprovingWithNothingWaitingDoesNothing(t *testing.T) {
	for _, example := range []struct{ line, status string }{
		{"sync acme --approve", status},
		{"sync acme import-alerts --approve", importing}, // where another flow waits
	} {
		c := &mocks.Client{}
		state(t, c, example.status)
		code, output, said := fake(t, c, strings.Fields(example.line)...) // an update would be a call that nobody expects
		require.Equal(t, 1, code)
		require.Empty(t, output)
		require.Contains(t, said, "waits to be approved, and nothing runs")
	}
}

func TestAnApprovalThatIsRefusedRunsNothing(t *testing.T) {
	c := &mocks.Client{}
	state(t, c, importing)
	updated(t, c, "approve-withdrawal", `[{"flow":"import-iocs","values":312}]`, `{}`,
		temporal.NewApplicationError("approve-withdrawal: nothing waits", "", nil))
	code, output, said := fake(t, c, "sync", "acme", "--approve")
	require.Equal(t, 2, code)
	require.Empty(t, output)
	require.Contains(t, said, "nothing waits")
}
