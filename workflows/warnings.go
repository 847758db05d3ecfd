package workflows

import (
	"fmt"

	"github.com/threatshare/threatshare/internal/settings"
)

// warnings are what the settings make worth saying, and which of them this version does not carry out yet.
func warnings(s settings.Settings) []string {
	all := s.Warnings()
	for _, flow := range settings.Flows() {
		if s.FlowEnabled(flow) && !isFlow(flow) {
			all = append(all, fmt.Sprintf("%s: switched on, and not carried out by this version", flow))
		}
	}
	return all
}
