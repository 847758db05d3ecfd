package console_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

const (
	acmePreview = "/i/acme/preview"
	ofIOCs      = acmePreview + "?flow=" + settings.FlowImportIOCs
)

// previewed makes the last preview of import-iocs one with this plan.
func (w *world) previewed(plan workflows.Plan) {
	w.temporal.errands[wire.PreviewID(acme, settings.FlowImportIOCs)] = errand{
		run: "r", began: now().Add(-2 * time.Minute), ended: now().Add(-time.Minute), result: plan,
	}
}

func TestAPreviewIsStartedByAButtonAndLeadsToItsResult(t *testing.T) {
	w := newWorld(t)
	w.says(w.get(acmePreview), http.StatusOK, "writes nothing at either vendor", "Preview Falcon's IOC list to Mimecast")
	w.says(w.get(ofIOCs), http.StatusOK, "There is no preview of it yet.")
	answer := w.post(acmePreview, "flow", settings.FlowImportIOCs)
	require.Equal(t, ofIOCs, answer.Header().Get("Location"))
	require.Equal(t, []string{wire.PreviewID(acme, settings.FlowImportIOCs) + ` {"flow":"import-iocs","integration":"acme"}`}, w.temporal.began)

	w.temporal.errands[wire.PreviewID(acme, settings.FlowImportIOCs)] = errand{run: "r", began: now()}
	page := w.get(ofIOCs)
	w.says(page, http.StatusOK, "Being read and compared since 2026-11-24 09:30:00 UTC")
	require.Equal(t, "3", page.Header().Get("Refresh"), "the page waits for the result without a script too")
	w.previewed(workflows.Plan{})
	require.Empty(t, w.get(ofIOCs).Header().Get("Refresh"))
}

func TestAPreviewShowsWhatTheNextRunWouldDoAndWhy(t *testing.T) {
	w := newWorld(t)
	w.previewed(workflows.Plan{
		Items: []activities.Item{
			{Verdict: activities.VerdictBlock, List: ledger.BlockedSenders, Source: indicator.IOCDomains, Value: "new.example"},
			{Verdict: activities.VerdictHold, List: ledger.BlockedSenders, Source: indicator.IOCDomains, Value: "big.example", Reason: guard.PopularSite, Detail: "rank 7"},
		},
		Total: 1502, More: true, Full: "1 of 3 fit",
		Counts: map[indicator.Source]activities.Counts{indicator.IOCDomains: {
			Read: 2000, WouldShare: 1500, AlreadyThere: 3, Held: map[indicator.Reason]int{guard.PopularSite: 4, guard.FreeMail: 1}, WouldWithdraw: 60,
		}},
		Waiting: &activities.Waiting{Due: 60, Held: 1000, Allowed: 50},
	})
	w.says(w.get(ofIOCs), http.StatusOK, "As of 2026-11-24 09:29:00 UTC (1 minute ago)",
		"1 would be blocked. 1 would be held. These are",
		"would be blocked new.example iocDomains blocked-senders", "would be held big.example iocDomains blocked-senders a site too big to block (rank 7)",
		"These are the first; 1,500 more are not shown", "More is waiting at the vendor than one run takes",
		"Not all hashes would be blocked: 1 of 3 fit", "iocDomains 2,000 1,500 3 5 60",
		"The deletion guard would stop the withdrawal: 60 of 1,000 blocked values are not to be blocked any more, and at most 50")
	w.previewed(workflows.Plan{})
	w.says(w.get(ofIOCs), http.StatusOK, "The next run would change nothing.")
	w.previewed(workflows.Plan{Idle: "the flow is parked", Waiting: &activities.Waiting{Due: 3, Refused: "policy is locked"}})
	w.says(w.get(ofIOCs), http.StatusOK, "the flow is parked", "Mimecast did not take 3 values off its lists: policy is locked")
	require.NotContains(t, w.text(w.get(ofIOCs)), "would change nothing")
}

func TestAPreviewThatFailedSaysWhy(t *testing.T) {
	w := newWorld(t)
	w.temporal.errands[wire.PreviewID(acme, settings.FlowImportIOCs)] = errand{
		run: "r", began: now(), ended: now(), failed: temporal.NewNonRetryableApplicationError("Falcon refuses the secret", activities.VendorAuth, nil),
	}
	w.says(w.get(ofIOCs), http.StatusOK, "The preview of 2026-11-24 09:30:00 UTC failed: Falcon refuses the secret")
}

func TestAFlowThatIsOffHasNoPreview(t *testing.T) {
	w := newWorld(t)
	w.change(settings.FlowImportIOCs, func(f *workflows.FlowStatus) { f.State = workflows.FlowDisabled })
	require.Nil(t, nodeOf(t, w.get(acmePreview), "preview-"+settings.FlowImportIOCs))
	w.says(w.get(ofIOCs), http.StatusNotFound, "There is no such flow, or the settings switch it off")
	w.says(w.post(acmePreview, "flow", settings.FlowImportIOCs), http.StatusUnprocessableEntity, "There is no such flow")
	w.says(w.post(acmePreview, "flow", `"><script>`), http.StatusUnprocessableEntity, "There is no such flow")
	w.says(w.post("/i/other/preview", "flow", settings.FlowImportIOCs), http.StatusNotFound, "is running")
	require.Empty(t, w.temporal.began)
	for _, flow := range settings.Flows() {
		w.change(flow, func(f *workflows.FlowStatus) { f.State = workflows.FlowDisabled })
	}
	w.says(w.get(acmePreview), http.StatusOK, "The settings switch every flow off")
}
