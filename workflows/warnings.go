package workflows

import (
	"fmt"

	"github.com/threatshare/threatshare/internal/settings"
)

// From how full the list of hashes is on, in percent, it is worth saying.
const (
	filling    = 80
	almostFull = 95
)

// warnings are what is accepted and goes on but is worth a look: in the settings, and in what the imports have met.
func (in *integration) warnings() []string {
	all := in.settings.Warnings()
	if quota := in.memory.BYOTI; quota != nil && quota.Limit > 0 {
		switch percent := 100 * quota.Used / quota.Limit; {
		case percent >= almostFull:
			all = append(all, fmt.Sprintf("Mimecast's list of own threat intelligence (BYOTI) is almost full: %d of %d hashes (%d %%); remove what is not needed",
				quota.Used, quota.Limit, percent))
		case percent >= filling:
			all = append(all, fmt.Sprintf("Mimecast's list of own threat intelligence (BYOTI) is filling up: %d of %d hashes (%d %%)", quota.Used, quota.Limit, percent))
		}
	}
	if group := in.memory.SenderGroup; group.Warning != "" && in.settings.FlowEnabled(settings.FlowImportIOCs) {
		all = append(all, group.Warning)
	}
	for _, flow := range in.enabledFlows() {
		switch waiting := in.memory.flow(flow).Waiting; {
		case waiting == nil:
		case waiting.Refused != "":
			all = append(all, fmt.Sprintf("%s: %d values are still blocked although they should not be, since Mimecast refuses to remove them: %s",
				flow, waiting.Due, waiting.Refused))
		default:
			all = append(all, fmt.Sprintf("%s: %d of %d blocked values are not to be blocked any more, more than the %d that one run withdraws without approval; "+
				"if that is right: starter sync %s %s --approve", flow, waiting.Due, waiting.Held, waiting.Allowed, in.settings.Name, flow))
		}
	}
	return all
}
