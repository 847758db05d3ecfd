//go:build e2e

package e2e_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// maxStatus is what an answer to a query may have, in bytes, whatever the integration was told.
const maxStatus = 64 << 10

// payload is data as it goes over the wire, with an encoding that may be a lie.
func payload(encoding string, data []byte) *commonpb.Payload {
	if encoding == "" {
		return &commonpb.Payload{Data: data}
	}
	return &commonpb.Payload{Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encoding)}, Data: data}
}

// hostile are inputs that none of the signals and updates takes.
func hostile() map[string]*commonpb.Payload {
	text := func(text string) *commonpb.Payload { return payload(converter.MetadataEncodingJSON, []byte(text)) }
	return map[string]*commonpb.Payload{
		"a string":            text(`"text"`),
		"a number":            text(`7`),
		"a large number":      text(`1e999`),
		"an array":            text(`[{"dryRun":true}]`),
		"a truth value":       text(`true`),
		"an unknown field":    text(`{"nonsense":true}`),
		"another name":        text(`{"name":"other","flow":7,"reason":[]}`),
		"two documents":       text(`{"dryRun":true}{"dryRun":false}`),
		"half a document":     text(`{"dryRun":tr`),
		"a nested document":   text(`{"sendToFalcon":{"urlDomains":{"urlDomains":{"enabled":{"enabled":true}}}},"flow":{"flow":""},"reason":{}}`),
		"deep arrays":         text(strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)),
		"deep objects":        text(strings.Repeat(`{"sendToFalcon":`, 10_000) + "1" + strings.Repeat("}", 10_000)),
		"a megabyte":          text(`{"description":"` + strings.Repeat("x", 1<<20) + `"}`),
		"a megabyte of keys":  text("{" + strings.Repeat(`"a":1,`, 1<<20/6) + `"a":1}`),
		"bytes":               payload(converter.MetadataEncodingBinary, []byte{0, 1, 2, 0xff}),
		"null bytes":          text("\x00\x00\x00"),
		"a null byte in JSON": text("{\"description\":\"a\\u0000b\",\"flow\":\"\\u0000\",\"reason\":0}"),
		"invalid UTF-8":       text("{\"description\":\"\xff\xfe\xc0\xaf\",\"flow\":\"\xff\",\"reason\":0}"),
		"UTF-16":              text("\xff\xfe{\x00}\x00"),
		"another encoding":    payload("binary/encrypted", bytes.Repeat([]byte{0x5a, 0x00, 0x99}, 100)),
		"no encoding":         payload("", []byte("\x1b[31mred")),
		"an endless encoding": payload(strings.Repeat("json/plain", 10_000), []byte("{]")),
	}
}

// signal sends a signal exactly as given, which the SDK's own client would not.
func (w *world) signal(name string, inputs ...*commonpb.Payload) error {
	_, err := w.temporal.WorkflowService().SignalWorkflowExecution(w.patient(), &workflowservice.SignalWorkflowExecutionRequest{
		Namespace: client.DefaultNamespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: wire.IntegrationID(w.name)},
		SignalName: name, Input: &commonpb.Payloads{Payloads: inputs}, Identity: "somebody",
	})
	return err
}

// described is what the server knows of the integration's workflow.
func (w *world) described() *workflowpb.WorkflowExecutionInfo {
	w.t.Helper()
	described, err := w.temporal.DescribeWorkflowExecution(w.patient(), wire.IntegrationID(w.name), "")
	require.NoError(w.t, err)
	return described.GetWorkflowExecutionInfo()
}

// answer is the answer to a query, byte by byte.
func (w *world) answer(query string) string {
	w.t.Helper()
	var raw converter.RawValue
	w.eventually("an answer", func() error {
		answer, err := w.temporal.QueryWorkflow(w.patient(), wire.IntegrationID(w.name), "", query)
		if err != nil {
			return err
		}
		return answer.Get(&raw)
	})
	return string(raw.Payload().GetData())
}

// requireUnharmed makes sure that the integration is the one of before, with the same settings and little to remember, and that
// it does what it is asked to.
func (w *world) requireUnharmed(first, document string, before workflows.Status) {
	w.t.Helper()
	require.Equal(w.t, first, w.described().GetFirstRunId(), "the same chain of runs")
	require.Equal(w.t, document, w.answer(wire.Settings))
	after := w.status()
	require.Equal(w.t, before.State, after.State, after.Reason)
	require.Equal(w.t, before.Checkpoints, after.Checkpoints)
	for name, flow := range before.Flows {
		require.Equal(w.t, flow.FlowState, after.Flows[name].FlowState)
		require.Equal(w.t, flow.Sources, after.Flows[name].Sources)
	}
	for _, query := range []string{wire.Status, wire.ConnectionState} {
		require.Less(w.t, len(w.answer(query)), maxStatus, query)
	}
	w.sync(shareTTPLogs)
	w.requireSharedExactly()
	w.cli("workflow", "signal", "--workflow-id", wire.IntegrationID(w.name), "--name", wire.Pause)
	w.waitForState(workflows.Paused)
}

// waitForRejected waits until so many signals have been refused, and gives the last one.
func (w *world) waitForRejected(n int) workflows.Rejected {
	w.t.Helper()
	var last workflows.Rejected
	w.eventually(fmt.Sprintf("%d signals are refused", n), func() error {
		status := w.status()
		if status.Rejected != n {
			return fmt.Errorf("%d are, the last one %+v", status.Rejected, status.LastRejected)
		}
		last = *status.LastRejected
		return nil
	})
	return last
}

func TestFault_P15_HostileSignalsChangeNothingAndTheLastOneShows(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30")
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(nil))
	w.waitForRuns(shareTTPLogs, 1)
	before, document, first := w.waitForState(workflows.Connected), w.answer(wire.Settings), w.described().GetFirstRunId()

	inputs, sent := hostile(), 0
	// Those that take nothing at all take nothing of this either.
	names := []string{
		wire.ChangeSettings, wire.Pause, wire.Resume, wire.Reconnect, wire.SyncNow, wire.ForgetCheckpoint, wire.ApproveWithdrawal,
		wire.RunStarted, wire.RunReported, "change-setings", "PAUSE", "pause ", strings.Repeat("n", 1000), "line\nbreak", "\u202epause", "__stack_trace",
	}
	for _, name := range names {
		for _, what := range slices.Sorted(maps.Keys(inputs)) {
			// The server takes none while a run gives way to the next.
			w.eventually(name+": "+what, func() error { return w.signal(name, inputs[what]) })
			sent++
		}
		last := w.waitForRejected(sent)
		require.LessOrEqual(t, len([]rune(last.Name)), 60)
		require.LessOrEqual(t, len([]rune(last.Problem)), 2000)
		require.NotEmpty(t, last.Problem)
		require.Equal(t, last.Name, indicator.Printable(last.Name, 60))
		require.Equal(t, last.Problem, indicator.Printable(last.Problem, 2000))
	}
	w.requireUnharmed(first, document, before)
}

func TestFault_P15_HostileUpdatesAreRefusedAndLeaveNoTrace(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30")
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(nil))
	w.waitForRuns(shareTTPLogs, 1)
	before, document, first := w.waitForState(workflows.Connected), w.answer(wire.Settings), w.described().GetFirstRunId()
	length := w.described().GetHistoryLength()

	inputs := hostile()
	names := []string{
		wire.ChangeSettings, wire.Pause, wire.Resume, wire.Reconnect, wire.SyncNow, wire.ForgetCheckpoint, wire.ApproveWithdrawal,
		wire.RunStarted, wire.RunReported, "change-setings", "__temporal_reserved",
	}
	for _, name := range names {
		for _, what := range slices.Sorted(maps.Keys(inputs)) {
			handle, err := w.temporal.UpdateWorkflow(w.patient(), client.UpdateWorkflowOptions{
				WorkflowID: wire.IntegrationID(w.name), UpdateName: name, Args: []any{converter.NewRawValue(inputs[what])},
				WaitForStage: client.WorkflowUpdateStageCompleted,
			})
			if err == nil {
				err = handle.Get(w.patient(), nil)
			}
			require.Error(t, err, "%s: %s", name, what)
			require.LessOrEqual(t, len(err.Error()), 8<<10, "%s: %s", name, what)
		}
	}
	require.Equal(t, length, w.described().GetHistoryLength(), "what was refused is in no history")
	require.Zero(t, w.status().Rejected, "whoever sent it has been told")
	w.requireUnharmed(first, document, before)
}

// Temporal keeps these names for itself, and a workflow cannot even receive such a signal.
func TestFault_P15_ASignalWithAReservedNameHarmsNobody(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30")
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(nil))
	w.waitForRuns(shareTTPLogs, 1)
	before, document, first := w.waitForState(workflows.Connected), w.answer(wire.Settings), w.described().GetFirstRunId()
	for _, name := range []string{"__temporal_reserved", "__temporal_", "__temporal_workflow_stream_x"} {
		for _, input := range hostile() {
			require.NoError(t, w.signal(name, input))
		}
	}
	w.requireUnharmed(first, document, before)
}
