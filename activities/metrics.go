package activities

// Metrics is told what steps have done, for graphs and alerts. What it keeps is of this worker since its start. Telling it
// cannot fail and takes no time.
type Metrics interface {
	// RunFinished is told of each run that has ended, with what came of it. It may be told twice of the same one: a step is
	// repeated whose end Temporal did not hear of.
	RunFinished(integration string, report Report)
	// FlowRemoved is told of a flow that is not to run any more, whether or not it ever did.
	FlowRemoved(integration, flow string)
}

// countRun counts a run once its Integration has its last report.
func (a *Activities) countRun(integration string, report Report) {
	if a.Metrics != nil && report.Finished {
		a.Metrics.RunFinished(integration, report)
	}
}

func (a *Activities) forgetFlow(integration, flow string) {
	if a.Metrics != nil {
		a.Metrics.FlowRemoved(integration, flow)
	}
}
