package explain

import (
	"fmt"
	"time"

	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
)

// longestWord bounds a word from outside, in characters.
const longestWord = 120

// Entry is what is explained of an entry of the ledger. Its words are those of the ledger; one that is not known, such as of a
// newer worker, is repeated as it is.
type Entry struct {
	Kind, Value, List, State, Action, Severity string

	Reason    indicator.Reason
	Source    indicator.Source
	Tries     int // in how many runs the vendor has refused it
	ChangedAt time.Time
}

// OnMimecast says whether a list is one that Mimecast blocks by.
func OnMimecast(list string) bool { return list != "iocs" }

// Meaning says in a sentence what the state of an entry is and why.
func (e Entry) Meaning() string {
	since := " since " + At(e.ChangedAt)
	switch e.State {
	case "shared":
		said := e.effect() + since + ": " + because(e.Source)
		if e.Reason != "" {
			said += "; " + Reason(e.Reason)
		}
		return said
	case "held":
		return "kept back by the guard" + since + ": " + Reason(e.Reason)
	case "quarantined":
		return fmt.Sprintf("refused by %s in %d runs, last at %s; after the third refusal it is not offered any more",
			vendorName(e.List), max(e.Tries, 1), At(e.ChangedAt))
	case "foreign":
		return "left alone" + since + ": " + Reason(e.Reason)
	case "withdrawn":
		return "taken back at " + At(e.ChangedAt) + ": " + Reason(e.Reason)
	default:
		return shown(e.State) + since
	}
}

// effect is what a list does to a value on it.
func (e Entry) effect() string {
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
	if OnMimecast(list) {
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

// Reason says what a reason means. docs/guard.md has them at length.
func Reason(reason indicator.Reason) string {
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
		return "everything was withdrawn"
	case "":
		return "no reason given"
	default:
		return "no value that could be shared (" + shown(string(reason)) + ")"
	}
}

// At is a time for people.
func At(at time.Time) string {
	if at.IsZero() {
		return "an unknown time"
	}
	return at.UTC().Format(time.RFC3339)
}

// shown makes a word from outside fit to show.
func shown(text string) string { return indicator.Printable(text, longestWord) }
