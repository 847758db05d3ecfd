package workflows_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
)

// counted counts how often the next runs take a step.
func (w *world) counted(step string) *atomic.Int64 {
	w.t.Helper()
	times := &atomic.Int64{}
	w.before = func(_ *runtime, name string, _ int) error {
		if name == step {
			times.Add(1)
		}
		return nil
	}
	return times
}

func TestARemovalThatMimecastForbidsStartsOnceThatIsMended(t *testing.T) {
	w := removing(t)
	require.NoError(t, w.vendors.Deny(t.Context(), "/api/ttp/remediation/create", "/api/ttp/remediation/v2/"))
	w.run(settings.FlowImportIOCs) // a removal that fails is not the failure of the run
	require.Empty(t, w.incidents())
	require.Equal(t, 2, w.removals()[ledger.Wanted].N)
	require.NoError(t, w.vendors.Deny(t.Context()))
	w.reconnect()
	w.run(settings.FlowImportIOCs)
	require.Len(t, w.incidents(), 2)
	require.Equal(t, 2, w.removals()[ledger.Done].N)
}

func TestARunStartsTwentyRemovalsOverAllItsSources(t *testing.T) {
	w := newWorld(t)
	w.settings.SendToMimecast.IOCHashes.Remediate = true
	w.settings.SendToMimecast.IOCDomains.Remediate = true
	w.lists(manyIOCs(12, 12)...)
	w.delivers(1, "ceo@evil.top", values(12, sha)...)
	for n := range 12 {
		w.delivers(1, "ceo@"+bad(n))
	}
	for _, want := range []int{20, 24, 24} {
		w.run(settings.FlowImportIOCs)
		require.Len(t, w.incidents(), want)
	}
}

func TestManyRefusedHashesDoNotParkTheirSourceWhenTheyAreTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.lists(manyIOCs(100, 3)...)
	require.NoError(t, w.vendors.SetLimits(t.Context(), mimecast.Limits{RefusedHashes: values(12, sha)}))
	for range 4 {
		w.run(settings.FlowImportIOCs)
		require.Empty(t, w.told(settings.FlowImportIOCs).Parked)
		w.clock.pass(5 * time.Minute)
	}
	require.Len(t, w.blocked().Hashes, 88)
	require.Len(t, w.blocked().Senders, 3)
}

// All that a dry run has read does not fit into the input of one step.
func TestAPlanOfManyDomainsAsksForTheirURLsInSlices(t *testing.T) {
	w := newWorld(t)
	w.settings.SendToMimecast.IOCDomains.BlockURLs = true
	w.lists(manyIOCs(0, 1_200)...)
	times := w.counted("BlockURLs")
	plan := w.preview(settings.FlowImportIOCs)
	require.Equal(t, 2_400, plan.Total, "each domain and its URLs")
	require.EqualValues(t, 3, times.Load())
}

func TestAPlanOfAMassDeletionNamesSomeAndCountsAll(t *testing.T) {
	w := newWorld(t)
	w.lists(manyIOCs(1_300, 0)...)
	w.untilDone(settings.FlowImportIOCs)
	require.NoError(t, w.vendors.EditFalconIOCs(t.Context(), map[string]any{"deleted": true}, values(1_200, sha)...))
	w.clock.pass(5 * time.Minute)
	plan := w.preview(settings.FlowImportIOCs)
	require.NotNil(t, plan.Waiting)
	require.Equal(t, 1_200, plan.Waiting.Due)
	require.Equal(t, 1_300, plan.Waiting.Held)
	require.Len(t, plan.Waiting.First, 20)
	require.Empty(t, plan.Items)
}
