package main

import (
	"strconv"
	"strings"
	"time"
)

// longestAgo is how many days ago a time can be asked for.
const longestAgo = 100 * 365

// readSince reads a time, or how long ago it was.
func readSince(text string, now time.Time) (time.Time, error) {
	since, known := parseSince(text, now)
	switch {
	case !known:
		return time.Time{}, badInput(`--since %q: must be a time such as "2026-11-01" or "2026-11-01T08:00:00Z", or how long ago: "24h", "7d"`, text)
	case since.After(now):
		return time.Time{}, badInput("--since %s: lies in the future", text)
	default:
		return since.UTC(), nil
	}
}

func parseSince(text string, now time.Time) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, true
		}
	}
	if days, found := strings.CutSuffix(text, "d"); found { // which ParseDuration does not know
		n, err := strconv.Atoi(days)
		return now.AddDate(0, 0, -n), err == nil && n >= -longestAgo && n <= longestAgo
	}
	ago, err := time.ParseDuration(text)
	return now.Add(-ago), err == nil
}
