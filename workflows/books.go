package workflows

import (
	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
)

// started takes over that a run has begun.
func (m *Memory) started(run activities.Run) {
	flow := m.flow(run.Flow)
	if flow.Current.RunID == run.RunID {
		return
	}
	if flow.Counted != nil { // of a run that was ended from outside and could not say so
		flow.addUp(run.Flow, flow.Counted)
	}
	flow.Current, flow.LastRun, flow.Counted = run, run.StartedAt, nil
}

// reported takes over what a run says of itself. Reports of any other than the current run are old news.
func (m *Memory) reported(report activities.Report) {
	flow := m.flow(report.Flow)
	if flow.Current.RunID == "" || flow.Current.RunID != report.RunID {
		return
	}
	if report.Trouble != "" {
		flow.Trouble = report.Trouble
		return
	}
	flow.Trouble = ""
	if !report.DryRun {
		flow.Counted = report.Counts
	}
	if flow.Cursors == nil {
		flow.Cursors = map[indicator.Source]activities.Cursor{}
	}
	for _, source := range settings.SourcesOf(report.Flow) {
		if cursor, found := report.Cursors[source]; found {
			flow.Cursors[source] = cursor
		}
	}
	for _, part := range settings.Parts(report.Flow) {
		if problem, found := report.Parked[part]; found {
			m.park(flow, part, problem)
		}
	}
	for _, source := range settings.SourcesOf(report.Flow) {
		if gap, missed := report.Gaps[source]; missed {
			flow.remember(source, gap)
		}
	}
	flow.takeUnread(report)
	flow.Expected = report.Expected
	if report.SenderGroup.ID != "" {
		m.SenderGroup = report.SenderGroup
	}
	if report.Quota != nil && !report.DryRun {
		m.BYOTI = report.Quota
	}
	if report.Finished {
		m.finished(flow, report)
	}
	m.reached(report)
}

func (f *FlowMemory) remember(source indicator.Source, gap activities.Gap) {
	if f.Gaps == nil {
		f.Gaps = map[indicator.Source]activities.Gap{}
	}
	f.Gaps[source] = gap
}

func (f *FlowMemory) addUp(flow string, counts map[indicator.Source]activities.Counts) {
	totals := map[indicator.Source]activities.Counts{}
	for _, source := range settings.SourcesOf(flow) {
		totals[source] = f.Totals[source].Plus(counts[source])
	}
	f.Totals = totals
}

// finished closes the books of a run.
func (m *Memory) finished(flow *FlowMemory, report activities.Report) {
	if !report.DryRun {
		flow.addUp(report.Flow, report.Counts)
		if report.Failed.Type == "" && !report.Canceled { // else it may not have come to the withdrawal
			flow.Waiting = report.Waiting
			if flow.Approved == report.Approved { // one that was given meanwhile is for the next run
				flow.Approved = 0
			}
		}
	}
	if report.Remediations != nil {
		m.Remediations = report.Remediations
	}
	flow.LastCounts, flow.Counted = report.Counts, nil
	flow.Current, flow.More = activities.Run{}, report.More
	flow.LastError = ""
	for _, part := range settings.Parts(report.Flow) {
		if problem, found := report.Parked[part]; found {
			flow.LastError = problem.Reason
		}
	}
	switch {
	case report.Failed.Type != "":
		flow.LastError = report.Failed.Reason
		if lasting(report.Failed) {
			flow.Failed = report.Failed
			m.blame(report.Failed)
		} else {
			flow.Trouble = report.Failed.Reason
		}
	case flow.LastError == "" && !report.Canceled:
		flow.LastSuccess = report.At
		flow.GoodRuns++
	}
}
