package workflows

import (
	"fmt"

	"github.com/samber/lo"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
)

// ShareTTPLogs gives Falcon what Mimecast's targeted threat protection found since the last run: it reads the three logs side
// by side, some pages a round, lists what is malicious at Falcon, and reports how far it came.
func ShareTTPLogs(ctx workflow.Context, in activities.FlowInput) (FlowResult, error) {
	run, err := begin(ctx, in.Integration, settings.FlowShareTTPLogs)
	if err != nil || run.idle() {
		return FlowResult{Idle: run.plan.Idle}, err
	}
	run.upload(ctx, run.plan.Released)
	for run.hasMore() && !run.failed() && roomForARound(ctx) {
		run.report(ctx)
		found := run.fetchTTPLogs(ctx)
		run.upload(ctx, found)
	}
	return run.finish(ctx)
}

// fetchTTPLogs reads on in each log that is switched on and has more. A log that meets a permanent error is parked; the
// others go on.
func (r *flowRun) fetchTTPLogs(ctx workflow.Context) []indicator.Indicator {
	var a *activities.Activities
	waiting := lo.Filter(r.logs, func(log *logProgress, _ int) bool { return log.more })
	steps := lo.Map(waiting, func(log *logProgress, _ int) workflow.Future {
		return workflow.ExecuteActivity(reading(ctx, string(log.source)), a.FetchTTPLogs, activities.FetchTTPLogsInput{
			Integration: r.integration, Credentials: r.plan.Settings.Credentials, Source: log.source, Cursor: log.cursor,
			Since: r.plan.Since, SendToFalcon: r.plan.Settings.SendToFalcon, Protect: r.plan.Settings.Protect,
			DryRun: r.plan.Settings.DryRun,
		})
	})
	var found []indicator.Indicator
	for i, step := range steps {
		var read activities.FetchTTPLogsResult
		if err := step.Get(ctx, &read); err != nil {
			r.park(waiting[i], err)
			continue
		}
		waiting[i].read(read)
		found = append(found, read.Indicators...)
	}
	return found
}

// upload lists indicators at Falcon and only then takes over how far the logs were read: what was read and not written is
// read again.
func (r *flowRun) upload(ctx workflow.Context, found []indicator.Indicator) {
	var a *activities.Activities
	found = lo.UniqBy(found, func(in indicator.Indicator) shareKey { return shareKey{in.Key, in.Source} })
	for _, part := range lo.Chunk(found, activities.UploadSize) {
		var uploaded activities.UploadIOCsResult
		summary := fmt.Sprintf("%d indicators", len(part))
		err := workflow.ExecuteActivity(writing(ctx, summary), a.UploadIOCs, activities.UploadIOCsInput{
			Integration: r.integration, Credentials: r.plan.Settings.Credentials,
			SendToFalcon: r.plan.Settings.SendToFalcon, Indicators: part, DryRun: r.plan.Settings.DryRun,
		}).Get(ctx, &uploaded)
		if err != nil {
			r.fail(err)
			return
		}
		r.count(uploaded.Counts)
	}
	for _, log := range r.logs {
		log.settle()
	}
}

// shareKey tells the same value from two logs apart: UploadIOCs decides which of them counts.
type shareKey struct {
	indicator.Key
	indicator.Source
}
