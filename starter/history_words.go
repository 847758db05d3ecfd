package main

import (
	"fmt"
	"strings"

	"github.com/threatshare/threatshare/internal/explain"
	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
)

func vendorOf(list string) string {
	if explain.OnMimecast(list) {
		return "mimecast"
	}
	return "falcon"
}

// meaning says in a sentence what the state of an entry is and why.
func (e historyEntry) meaning() string {
	return explain.Entry{
		Kind: e.Kind, Value: e.Value, List: e.List, State: e.State, Action: e.Action, Severity: e.Severity,
		Reason: e.Reason, Source: e.Source, Tries: e.Tries, ChangedAt: e.ChangedAt,
	}.Meaning()
}

// remedy says how the decision is changed; empty if there is nothing to do about it.
func (e historyEntry) remedy(name string, protect protection) string {
	domain := e.Kind == string(indicator.Domain)
	switch {
	case e.State == "held" && e.Releasable:
		return "to release it   " + protect.with(name, "allow", e.Value)
	case e.State == "held" && e.Reason == guard.Protected:
		return "to release it   take it out of protect.domains"
	case e.State == "held":
		return "never shared    protect.allow does not override this"
	case e.State != "shared":
		return ""
	case !e.DueAt.IsZero():
		return "to be withdrawn since " + explain.At(e.DueAt) + ": " + explain.Reason(e.DueReason) +
			"\nif the deletion guard has stopped that  starter sync " + name + " --approve"
	case !explain.OnMimecast(e.List) && domain:
		return "to take it back delete it in Falcon, and keep it away: " + protect.with(name, "domains", e.Value)
	case !explain.OnMimecast(e.List):
		return "to take it back delete it in Falcon, under IOC Management"
	case domain:
		return "to unblock it   " + protect.with(name, "domains", e.Value)
	default:
		return "to unblock it   delete it in Falcon, or give it an action that blocks nothing (with sendToMimecast.withdraw on)"
	}
}

// longestProtection is how many values are named in a command.
const longestProtection = 20

// protection is what protect of the settings has now. A change replaces a list, so the command has to name what is on it.
type protection struct {
	known   bool
	domains []string
	allow   []string
}

// with is how a value is put on one of the lists.
func (p protection) with(name, list, value string) string {
	have := p.domains
	if list == "allow" {
		have = p.allow
	}
	switch {
	case !p.known:
		return "add it to protect." + list + " of the settings"
	case strings.Contains(","+strings.Join(have, ",")+",", ","+value+","):
		return "protect." + list + " has it already: the next run does so"
	case len(have) >= longestProtection || !pastes(append(have[:len(have):len(have)], value)):
		return fmt.Sprintf("add it to protect.%s in a file of the settings: starter settings %s > settings.yaml; starter change %s -f settings.yaml",
			list, name, name)
	default:
		return fmt.Sprintf("starter change %s --set protect.%s=%s", name, list, strings.Join(append(have[:len(have):len(have)], value), ","))
	}
}

// pastes says whether values can be pasted into a shell: canonical ones can.
func pastes(values []string) bool {
	for _, value := range values {
		if value == "" || strings.Trim(value, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" || value[0] == '-' {
			return false
		}
	}
	return true
}
