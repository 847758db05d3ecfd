package workflows

import (
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
	run.shareTTPLogs(ctx)
	return run.finish(ctx)
}

func (r *flowRun) shareTTPLogs(ctx workflow.Context) {
	r.read()
	r.upload(ctx, r.again())
	for r.hasMore() && !r.failed() && roomForARound(ctx) {
		r.report(ctx)
		found := r.fetchTTPLogs(ctx)
		r.upload(ctx, found)
	}
}

// again are the indicators that a person has released, or that Falcon is offered once more.
func (r *flowRun) again() []indicator.Indicator {
	var again []indicator.Indicator
	for _, source := range r.sources() {
		for _, finding := range r.plan.Again[source] {
			again = append(again, indicator.Indicator{
				Key:    indicator.Key{Kind: source.Kind(), Value: finding.Value},
				Source: source, SeenAt: finding.SeenAt, Record: finding.Record,
			})
		}
	}
	return again
}

// fetchTTPLogs reads on in each log that is switched on and has more. A log that meets a permanent error is parked; the
// others go on.
func (r *flowRun) fetchTTPLogs(ctx workflow.Context) []indicator.Indicator {
	var a *activities.Activities
	waiting := lo.Filter(r.readers, func(log *reader, _ int) bool { return log.more && len(log.sources) > 0 })
	sources := lo.Map(waiting, func(log *reader, _ int) indicator.Source { return log.sources[0] })
	steps := lo.Map(waiting, func(log *reader, i int) workflow.Future {
		return workflow.ExecuteActivity(reading(ctx, string(sources[i])), a.FetchTTPLogs, activities.FetchTTPLogsInput{
			Integration: r.integration, Credentials: r.plan.Settings.Credentials, Source: sources[i], Cursor: log.cursor,
			Since: r.plan.Since, SendToFalcon: r.plan.Settings.SendToFalcon, Protect: r.plan.Settings.Protect,
			DryRun: r.dryRun(),
		})
	})
	var found []indicator.Indicator
	for i, step := range steps {
		var read activities.FetchTTPLogsResult
		if err := step.Get(ctx, &read); err != nil {
			r.park(settings.PartOf(sources[i]), err)
			continue
		}
		waiting[i].cursor, waiting[i].more = read.Cursor, read.More
		r.countOf(sources[i], read.Counts)
		if read.Gap != nil {
			r.gaps[sources[i]] = *read.Gap
		}
		r.items = append(r.items, read.Items...)
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
		err := workflow.ExecuteActivity(writing(ctx, counted(len(part), "indicators")), a.UploadIOCs, activities.UploadIOCsInput{
			Integration: r.integration, Credentials: r.plan.Settings.Credentials,
			SendToFalcon: r.plan.Settings.SendToFalcon, Indicators: part, DryRun: r.dryRun(),
		}).Get(ctx, &uploaded)
		if err != nil {
			r.fail(err)
			return
		}
		r.count(uploaded.Counts)
		r.items = append(r.items, uploaded.Items...)
	}
	r.settle()
}

// shareKey tells the same value from two logs apart: UploadIOCs decides which of them counts.
type shareKey struct {
	indicator.Key
	indicator.Source
}
