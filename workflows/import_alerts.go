package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
)

// ImportAlerts blocks in Mimecast the domains that Falcon's alerts of since the last run are about: a policy for each of them,
// then their URLs, and has mail removed that was delivered before.
func ImportAlerts(ctx workflow.Context, in activities.FlowInput) (FlowResult, error) {
	run, err := begin(ctx, in.Integration, settings.FlowImportAlerts)
	if err != nil || run.idle() {
		return FlowResult{Idle: run.plan.Idle}, err
	}
	run.importAlerts(ctx)
	return run.finish(ctx)
}

func (r *flowRun) importAlerts(ctx workflow.Context) {
	r.read()
	for r.hasMore() && !r.failed() && roomForARound(ctx) {
		r.report(ctx)
		r.fetchAlerts(ctx)
		r.block(ctx, everything)
	}
	r.blockURLs(ctx, indicator.AlertDomains)
	r.withdraw(ctx)
	r.remediate(ctx)
}

// fetchAlerts reads on in the alerts.
func (r *flowRun) fetchAlerts(ctx workflow.Context) {
	var a *activities.Activities
	alerts := r.readers[0]
	var read activities.FetchAlertsResult
	err := workflow.ExecuteActivity(reading(ctx, "Falcon's alerts"), a.FetchAlerts, activities.FetchAlertsInput{
		Integration: r.integration, Credentials: r.plan.Settings.Credentials, Cursor: alerts.cursor, Since: r.plan.Since,
		Protect: r.plan.Settings.Protect, DryRun: r.dryRun(), Again: r.plan.Again[indicator.AlertDomains],
	}).Get(ctx, &read)
	if err != nil {
		r.fail(err)
		return
	}
	r.plan.Again = nil // offered once in a run
	alerts.cursor, alerts.more = read.Cursor, read.More
	r.countOf(indicator.AlertDomains, read.Counts)
	r.items = append(r.items, read.Items...)
	r.queue(indicator.AlertDomains, read.Found)
}
