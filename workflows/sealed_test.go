package workflows_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// sealed is an input under a key that the worker does not have.
func sealed(key string) converter.RawValue {
	return converter.NewRawValue(&commonpb.Payload{
		Metadata: map[string][]byte{converter.MetadataEncoding: []byte(wire.Encrypted), wire.EncryptionKeyID: []byte(key)},
		Data:     []byte(`{"reason": "whatever this says"}`),
	})
}

func TestWhatIsEncryptedWithAnUnknownKeyIsRefusedAndTheKeyNamed(t *testing.T) {
	d := newDesk(t)
	var refused error
	d.then(func() {
		d.steps()
		d.env.SignalWorkflow(wire.Pause, sealed("2025"))
		d.env.UpdateWorkflow(wire.Pause, "sealed", &testsuite.TestUpdateCallback{
			OnAccept: func() { t.Error("taken") }, OnReject: func(err error) { refused = err }, OnComplete: func(any, error) {},
		}, sealed("2025"))
	})
	d.then(func() {
		require.Equal(t, workflows.Connected, d.state().State)
		require.Equal(t, 1, d.status().Rejected)
		require.Equal(t, wire.Pause, d.status().LastRejected.Name)
		require.Contains(t, d.status().LastRejected.Problem, `the key "2025"`)
		require.ErrorContains(t, refused, `the key "2025"`)
		require.Empty(t, d.steps())
		d.env.SignalWorkflow(wire.Pause, sealed(strings.Repeat("<script>", 1000)))
		d.signal(wire.Pause, "")
	})
	d.then(func() {
		require.Equal(t, workflows.Paused, d.state().State, "the next signal is read")
		require.Less(t, len(d.status().LastRejected.Problem), 500)
	})
	d.run(document, nil)
}

func TestARemovalDoesNotShowItsValueWhereThingsAreEncrypted(t *testing.T) {
	for name, pseudonym := range map[string]func(string) string{
		"readable": nil, "encrypted": func(value string) string { return "pseudonym-" + strings.Repeat("x", len(value)) },
	} {
		t.Run(name, func(t *testing.T) {
			w := removing(t)
			w.Pseudonym = pseudonym
			r := w.prepared(workflows.ImportIOCs)
			var ids []string
			r.env.SetOnChildWorkflowStartedListener(func(info *workflow.Info, _ workflow.Context, _ converter.EncodedValues) {
				ids = append(ids, info.WorkflowExecution.ID)
			})
			require.NoError(t, r.execute(activities.FlowInput{Integration: integrationName}, &workflows.FlowResult{}))
			want := func(value string) string { return wire.RemediateID(integrationName, value) }
			if pseudonym != nil {
				want = func(value string) string { return wire.RemediateID(integrationName, pseudonym(value)) }
			}
			require.ElementsMatch(t, []string{want(sha(1)), want(bad(0))}, ids)
		})
	}
}
