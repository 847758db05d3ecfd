package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
)

// onMimecast says whether a list is one that Mimecast blocks by.
func onMimecast(list string) bool { return list != "iocs" }

func vendorOf(list string) string {
	if onMimecast(list) {
		return "mimecast"
	}
	return "falcon"
}

// meaning says in a sentence what the state of an entry is and why.
func (e historyEntry) meaning() string {
	since := " since " + inSeconds(e.ChangedAt)
	switch e.State {
	case "shared":
		said := e.effect() + since + ": " + because(e.Source)
		if e.Reason != "" {
			said += "; " + reasonWords(e.Reason)
		}
		return said
	case "held":
		return "kept back by the guard" + since + ": " + reasonWords(e.Reason)
	case "quarantined":
		return fmt.Sprintf("refused by %s in %d runs, last at %s; after the third refusal it is not offered any more",
			vendorName(e.List), max(e.Tries, 1), inSeconds(e.ChangedAt))
	case "foreign":
		return "left alone" + since + ": " + reasonWords(e.Reason)
	case "withdrawn":
		return "taken back at " + inSeconds(e.ChangedAt) + ": " + reasonWords(e.Reason)
	default:
		return shown(e.State) + since
	}
}

// effect is what a list does to a value on it.
func (e historyEntry) effect() string {
	switch e.List {
	case "iocs":
		if e.Severity != "" {
			return fmt.Sprintf("an IOC in Falcon (%s, %s)", shown(e.Action), shown(e.Severity))
		}
		return "an IOC in Falcon"
	case "byoti":
		return "mail with this file is blocked in Mimecast"
	case "blocked-senders", "sender-policies":
		return "mail from this domain is blocked in Mimecast"
	case "managed-urls":
		return "links to this domain are blocked in Mimecast"
	default:
		return "on the list " + shown(e.List)
	}
}

func vendorName(list string) string {
	if onMimecast(list) {
		return "Mimecast"
	}
	return "Falcon"
}

// because is what the source had told.
func because(source indicator.Source) string {
	switch source {
	case indicator.AttachmentHashes:
		return "Mimecast found a malicious attachment"
	case indicator.URLDomains:
		return "Mimecast found a malicious URL"
	case indicator.ImpersonationDomains:
		return "Mimecast found impersonation mail"
	case indicator.IOCHashes, indicator.IOCDomains:
		return "Falcon's IOC list has it"
	case indicator.AlertDomains:
		return "a Falcon alert has it as its indicator"
	default:
		return "told by " + shown(string(source))
	}
}

// reasonWords says what a reason means. docs/guard.md has them at length.
func reasonWords(reason indicator.Reason) string {
	switch reason {
	case guard.PublicSuffix:
		return "strangers register names beneath it"
	case guard.SpecialUse:
		return "it is no name of the public DNS"
	case guard.InternalDomain:
		return "one of your own domains by Mimecast, or one beneath or above it"
	case guard.Protected:
		return "protect.domains has it, or one beneath or above it"
	case guard.VendorHost:
		return "a host of Mimecast's or CrowdStrike's"
	case guard.EmptyFile:
		return "the empty file"
	case guard.KnownGood:
		return "a file that is known to be harmless"
	case guard.NotCanonical, guard.NoRules:
		return "the worker could not judge it"
	case guard.UnknownTLD:
		return "its top-level domain is not known"
	case guard.Homograph:
		return "letters that look like others, so that another name may be meant"
	case guard.FreeMail:
		return "a free-mail provider"
	case guard.PopularSite:
		return "a site too big to block"
	case guard.SharedHosting:
		return "strangers share it: a link shortener, file host or dynamic DNS"
	case guard.Warninglist:
		return "one of the operator's own warning lists has it"
	case "found":
		return "it was there before and is this integration's"
	case "made-by-others":
		return "somebody else has put it on the list already"
	case "permitted-by-others":
		return "somebody permits it there"
	case "vendor-refused":
		return "the vendor refuses it"
	case "deleted":
		return "Falcon's IOC list has it no more"
	case "expired":
		return "it has expired in Falcon's IOC list"
	case "not-blocking":
		return "its action in Falcon's IOC list blocks nothing any more"
	case "undone":
		return "by starter withdraw"
	case "":
		return "no reason given"
	default:
		return "no value that could be shared (" + shown(string(reason)) + ")"
	}
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
		return "to be withdrawn since " + inSeconds(e.DueAt) + ": " + reasonWords(e.DueReason) +
			"\nif the deletion guard has stopped that  starter sync " + name + " --approve"
	case !onMimecast(e.List) && domain:
		return "to take it back delete it in Falcon, and keep it away: " + protect.with(name, "domains", e.Value)
	case !onMimecast(e.List):
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

// inSeconds is a time for people.
func inSeconds(at time.Time) string {
	if at.IsZero() {
		return "an unknown time"
	}
	return at.UTC().Format(time.RFC3339)
}
