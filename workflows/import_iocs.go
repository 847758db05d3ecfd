package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
)

// ImportIOCs blocks in Mimecast what somebody else lists in Falcon's IOC management: it reads on in the list, blocks hashes and
// domains, then the domains' URLs, unblocks what Falcon has taken back, and has mail removed that was delivered before.
func ImportIOCs(ctx workflow.Context, in activities.FlowInput) (FlowResult, error) {
	run, err := begin(ctx, in.Integration, settings.FlowImportIOCs)
	if err != nil || run.idle() {
		return FlowResult{Idle: run.plan.Idle}, err
	}
	run.importIOCs(ctx)
	return run.finish(ctx)
}

func (r *flowRun) importIOCs(ctx workflow.Context) {
	r.readIOCs()
	for r.hasMore() && !r.failed() && roomForARound(ctx) {
		r.report(ctx)
		r.fetchIOCs(ctx)
		r.block(ctx, fullSteps)
	}
	r.block(ctx, everything)
	r.blockURLs(ctx, indicator.IOCDomains)
	r.withdraw(ctx)
	r.remediate(ctx)
}

// readIOCs sets up one reader for both sources, since they stand in one list. It begins with the source that is further behind,
// such as one that was switched on later; what the other one has read already costs nothing.
func (r *flowRun) readIOCs() {
	list := &reader{sources: r.sources(), more: true}
	for i, source := range list.sources {
		cursor := r.plan.Cursors[source]
		r.settled[source] = cursor
		switch {
		case i == 0:
			list.cursor = cursor
		case cursor != list.cursor:
			behind := slices.MinFunc([]activities.Cursor{cursor, list.cursor}, func(a, b activities.Cursor) int { return a.Newest.Compare(b.Newest) })
			list.cursor = activities.Cursor{Newest: behind.Newest, SweptAt: behind.SweptAt}
		}
	}
	r.readers = append(r.readers, list)
}

// fetchIOCs reads on in the list.
func (r *flowRun) fetchIOCs(ctx workflow.Context) {
	var a *activities.Activities
	list := r.readers[0]
	var read activities.FetchIOCsResult
	err := workflow.ExecuteActivity(reading(ctx, "Falcon's IOC list"), a.FetchIOCs, activities.FetchIOCsInput{
		Integration: r.integration, Credentials: r.plan.Settings.Credentials, Sources: list.sources, Cursor: list.cursor,
		Since: r.plan.Since, Protect: r.plan.Settings.Protect, Withdraw: r.plan.Settings.SendToMimecast.Withdraw, DryRun: r.dryRun(),
		Again: r.plan.Again,
	}).Get(ctx, &read)
	if err != nil {
		r.fail(err)
		return
	}
	r.plan.Again = nil // offered once in a run
	list.cursor, list.more = read.Cursor, read.More
	r.expected = max(r.expected, read.Expected)
	r.count(read.Counts)
	r.items = append(r.items, read.Items...)
	r.blocking.due = append(r.blocking.due, read.Due...)
	for _, source := range list.sources {
		r.queue(source, read.Found[source])
	}
	if read.Part { // the same page comes again, and must find these in the ledger
		r.block(ctx, everything)
	}
}
