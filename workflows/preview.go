package workflows

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
)

// shownItems is how many items a plan shows; the others are only counted.
const shownItems = 1_000

// PreviewInput names the flow whose next run is to be shown.
type PreviewInput struct {
	Integration string `json:"integration"`
	Flow        string `json:"flow"`
}

// Plan is what a run would do. Its JSON is an outside name.
type Plan struct {
	Flow   string                                 `json:"flow"`
	Idle   string                                 `json:"idle,omitempty"` // why there is nothing to show
	More   bool                                   `json:"more"`           // there is more than one run would do
	Counts map[indicator.Source]activities.Counts `json:"counts"`
	Items  []activities.Item                      `json:"items"` // the first 1,000
	Total  int                                    `json:"total"`
	Digest string                                 `json:"digest"` // SHA-256 over all items: the same for the same plan
	// Waiting is a withdrawal that would not be made without approval.
	Waiting *activities.Waiting `json:"waiting,omitempty"`
	// Full says why not all hashes would be blocked: the list has no room for them.
	Full string `json:"full,omitempty"`
}

// Preview shows what the next run of a flow would do: it runs the flow as a dry run, beside whatever else is running, and tells
// nobody but who asked.
func Preview(ctx workflow.Context, in PreviewInput) (Plan, error) {
	if !isFlow(in.Flow) {
		return Plan{}, temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("flow %q: must be one of %q", indicator.Printable(in.Flow, maxName), flowNames()), activities.InvalidInput, nil)
	}
	run, err := load(ctx, activities.LoadIntegrationInput{Integration: in.Integration, Flow: in.Flow, Preview: true})
	switch {
	case err != nil:
		return Plan{}, err
	case run.idle():
		return Plan{Flow: in.Flow, Idle: run.plan.Idle}, nil
	case in.Flow == settings.FlowImportIOCs:
		run.importIOCs(ctx)
	case in.Flow == settings.FlowImportAlerts:
		run.importAlerts(ctx)
	default:
		run.shareTTPLogs(ctx)
	}
	return *run.rehearsal(), run.err()
}

// rehearsal is what a dry run has found, in an order that does not depend on which step was first.
func (r *flowRun) rehearsal() *Plan {
	slices.SortFunc(r.items, func(a, b activities.Item) int {
		return cmp.Or(cmp.Compare(a.Verdict, b.Verdict), cmp.Compare(a.List, b.List), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Value, b.Value))
	})
	items := append([]activities.Item{}, slices.Compact(r.items)...) // never null
	digest := sha256.New()
	for _, item := range items {
		_, _ = fmt.Fprintf(digest, "%q %q %q %q %q\n", item.Verdict, item.List, item.Source, item.Value, item.Reason)
	}
	return &Plan{
		Flow: r.run.Flow, More: r.hasMore(), Counts: r.counts, Items: items[:min(len(items), shownItems)], Total: len(items),
		Digest: hex.EncodeToString(digest.Sum(nil)), Waiting: r.blocking.waiting, Full: r.blocking.full,
	}
}
