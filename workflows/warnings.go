package workflows

import (
	"fmt"

	"github.com/threatshare/threatshare/internal/access"
	"github.com/threatshare/threatshare/internal/settings"
)

// From how full the list of hashes is on, in percent, it is worth saying.
const (
	filling    = 80
	almostFull = 95
)

// warnings are what is accepted and goes on but is worth a look: first what has been met, then what the settings say.
func (in *integration) warnings() []string {
	var all []string
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for _, flow := range in.enabledFlows() {
		in.warnOfFlow(flow, add)
	}
	if quota := in.memory.BYOTI; quota != nil && quota.Limit > 0 {
		switch percent := 100 * quota.Used / quota.Limit; {
		case percent >= almostFull:
			add("Mimecast's list of own threat intelligence (BYOTI) is almost full: %d of %d hashes (%d %%); remove what is not needed",
				quota.Used, quota.Limit, percent)
		case percent >= filling:
			add("Mimecast's list of own threat intelligence (BYOTI) is filling up: %d of %d hashes (%d %%)", quota.Used, quota.Limit, percent)
		}
	}
	if group := in.memory.SenderGroup; group.Warning != "" && in.settings.FlowEnabled(settings.FlowImportIOCs) {
		add("%s", group.Warning)
	}
	for _, finding := range in.memory.Findings {
		if finding.Outcome == access.Warning || finding.Outcome == access.Failed && len(finding.Parts) == 0 {
			add("%s: %s: %s", finding.Where, finding.Check, finding.Detail)
		}
	}
	if last := in.memory.Told.Last; last != nil && last.Problem != "" {
		add("the last notice to people was not mailed, or not to all: %s", last.Problem)
	}
	return append(all, in.settings.Warnings()...)
}

func (in *integration) warnOfFlow(flow string, add func(format string, args ...any)) {
	memory := in.memory.flow(flow)
	for _, source := range settings.SourcesOf(flow) {
		if gap, missed := memory.Gaps[source]; missed {
			add("%s: %s", source, missedBetween(gap))
		}
	}
	for _, problem := range in.unread(flow, func(Unread) bool { return true }) {
		add("%s: %s", problem.What, problem.Reason)
	}
	switch waiting := memory.Waiting; {
	case waiting == nil:
	case waiting.Refused != "":
		add("%s: %d values are still blocked although they should not be, since Mimecast refuses to remove them: %s", flow, waiting.Due, waiting.Refused)
	default:
		add("%s: %d of %d blocked values are not to be blocked any more, more than the %d that one run withdraws without approval; "+
			"if that is right: starter sync %s %s --approve", flow, waiting.Due, waiting.Held, waiting.Allowed, in.settings.Name, flow)
	}
}
