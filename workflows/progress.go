package workflows

import (
	"github.com/samber/lo"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
)

// progress is how far the run at work is; nil if none is.
func (in *integration) progress(flow string) *RunProgress {
	memory := in.memory.flow(flow)
	switch {
	case memory.Current.RunID == "":
		return nil
	case flow == settings.FlowImportIOCs:
		read := lo.SumBy(settings.SourcesOf(flow), func(source indicator.Source) int { return memory.Counted[source].Read })
		return &RunProgress{Done: min(read, max(read, memory.Expected)), Of: memory.Expected, Unit: "records"}
	default:
		return in.progressInTime(flow)
	}
}

// progressInTime is how much of the time before the run's start has been read, in the source that is furthest behind.
func (in *integration) progressInTime(flow string) *RunProgress {
	memory := in.memory.flow(flow)
	from := in.readFrom(flow)
	end := memory.Current.StartedAt
	progress := &RunProgress{Unit: "seconds", Of: max(0, int(end.Sub(from).Seconds()))}
	progress.Done = progress.Of
	for _, source := range settings.SourcesOf(flow) {
		if !in.settings.SourceEnabled(source) {
			continue
		}
		read := memory.Cursors[source]
		upTo := read.Newest
		if read.ReadTo.After(upTo) {
			upTo = read.ReadTo
		}
		progress.Done = min(progress.Done, max(0, int(upTo.Sub(from).Seconds())))
	}
	return progress
}
