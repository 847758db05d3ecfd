package console

import (
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/threatshare/threatshare/activities"
)

// said is what a page says was done, by the word that its address has for it; empty for a word that there is not.
func said(done string) string {
	switch done {
	case "paused":
		return "Paused. A run at work ends by itself; nothing new starts until you resume."
	case "resumed":
		return "Resumed. The flows run again as scheduled."
	case "reconnecting":
		return "Checking both connections. The flows run at once when they are good."
	case "started":
		return "Started. The flow's run shows below as soon as it begins."
	case "changed":
		return "Changed. It applies from the next run."
	case "allowed":
		return "Allowed. It is shared with the next run, unless a hard stop keeps it back."
	case "created":
		return "Created. Both connections are being checked."
	case "approved":
		return "Approved. The next run withdraws them."
	case "unchanged":
		return "Nothing changed: these are the settings in force."
	default:
		return ""
	}
}

// verdict is what a plan would do to a value.
func verdict(of activities.Verdict) string {
	switch of {
	case activities.VerdictShare:
		return "would be shared"
	case activities.VerdictUpdate:
		return "would be changed"
	case activities.VerdictBlock:
		return "would be blocked"
	case activities.VerdictBlockURLs:
		return "links would be blocked"
	case activities.VerdictHold:
		return "would be held"
	case activities.VerdictWithdraw:
		return "would be unblocked"
	default:
		return string(of)
	}
}

// mend is what a person has to mend, without the command that tells the integration of it: here that is a button.
func mend(reason string) string {
	what, _, _ := strings.Cut(reason, "; then: temporal ")
	return what
}

// when gives a time as people read it, or a dash; it takes RFC 3339 too.
func when(at any) string {
	moment, known := moment(at)
	if !known {
		return "–"
	}
	return moment.UTC().Format("2006-01-02 15:04:05 UTC")
}

// ago gives how long a time is away from now, or "never".
func ago(now time.Time, at any) string {
	moment, known := moment(at)
	if !known {
		return "never"
	}
	return humanize.RelTime(moment, now, "ago", "from now")
}

func moment(at any) (time.Time, bool) {
	switch at := at.(type) {
	case time.Time:
		return at, !at.IsZero()
	case string:
		parsed, err := time.Parse(time.RFC3339, at)
		return parsed, err == nil
	default:
		return time.Time{}, false
	}
}

// word is a state as the style sheet knows it: what is more than a word in small letters it cannot know.
func word(state string) string {
	if state == "" || strings.Trim(state, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return "unknown"
	}
	return state
}

// count gives a whole number with its thousands apart.
func count(n int) string { return humanize.Comma(int64(n)) }
