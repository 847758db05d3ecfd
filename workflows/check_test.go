package workflows_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/access"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/workflows"
)

// checks runs a Check over the real steps and both vendors.
func (w *world) checks(document string) (activities.CheckConnectionsResult, error) {
	w.t.Helper()
	r := w.prepared(workflows.Check)
	r.env.RegisterWorkflow(workflows.Check)
	var result activities.CheckConnectionsResult
	err := r.execute(json.RawMessage(document), &result)
	return result, err
}

func TestACheckFindsNothingWrongWhereNothingIs(t *testing.T) {
	w := newWorld(t)
	result, err := w.checks(document)
	require.NoError(t, err)
	require.Empty(t, result.Mimecast)
	require.Empty(t, result.Falcon)
	require.Empty(t, result.Parts)
	require.Zero(t, w.writes())
}

func TestACheckTellsWhatIsMissing(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.vendors.SetCredentials(t.Context(), fault.Falcon, "other", "other"))
	result, err := w.checks(document)
	require.NoError(t, err)
	require.Empty(t, result.Mimecast)
	require.NotEmpty(t, result.Falcon.Reason)
}

func TestACheckRefusesSettingsAsAnIntegrationDoes(t *testing.T) {
	for _, bad := range []string{`{"name":"acme","fetchDuration":"0s"}`, `{}`, `"acme"`, `null`} {
		w := newWorld(t)
		_, err := w.checks(bad)
		requireFailed(t, err, activities.InvalidSettings)
	}
}

// checked runs a Check whose only step is answer.
func checked(t *testing.T, answer func() (activities.CheckConnectionsResult, error)) (*fakeSteps, activities.CheckConnectionsResult, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	steps := &fakeSteps{checked: answer}
	env.RegisterWorkflow(workflows.Check)
	env.RegisterActivity(steps)
	env.ExecuteWorkflow(workflows.Check, json.RawMessage(document))
	require.True(t, env.IsWorkflowCompleted())
	if err := env.GetWorkflowError(); err != nil {
		return steps, activities.CheckConnectionsResult{}, err
	}
	var result activities.CheckConnectionsResult
	require.NoError(t, env.GetWorkflowResult(&result))
	return steps, result, nil
}

func TestACheckHandsOnTheFindings(t *testing.T) {
	want := activities.CheckConnectionsResult{
		Falcon: activities.Problem{Type: activities.VendorForbidden, Vendor: "falcon", Reason: "add the scope Alerts: Read"},
		Findings: []access.Finding{
			{Where: "falcon", Check: "Alerts: Read", Outcome: access.Failed, Detail: "add the scope Alerts: Read", Parts: nil},
			{Where: "worker", Check: "clock", Outcome: access.Unknown},
		},
	}
	steps, result, err := checked(t, func() (activities.CheckConnectionsResult, error) { return want, nil })
	require.NoError(t, err)
	require.Equal(t, want, result)
	require.Len(t, steps.checks, 1)
	require.Equal(t, "acme", steps.checks[0].Name)
	require.True(t, steps.checks[0].SendToFalcon.URLDomains.Enabled)
	require.NotEmpty(t, steps.checks[0].Schedule.ShareTTPLogs, "defaults are filled in")
}

func TestACheckThatNobodyAnswersIsGivenUpAfterThreeTries(t *testing.T) {
	steps, _, err := checked(t, func() (activities.CheckConnectionsResult, error) {
		return activities.CheckConnectionsResult{}, errors.New("nobody there")
	})
	require.ErrorContains(t, err, "nobody there")
	require.Equal(t, []string{"check", "check", "check"}, steps.steps())
}
