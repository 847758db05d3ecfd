package mimecast

import (
	"regexp"
	"time"
)

// wireDate is how the vendor writes a date: no milliseconds, the zone without a colon (contract section 2.2).
const wireDate = "2006-01-02T15:04:05-0700"

// The forms that are accepted: the documented one, and the two that clients were seen to use.
var dateForm = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:?\d{2})$`)

func formatDate(at time.Time) string { return at.UTC().Format(wireDate) }

func parseDate(text string) (time.Time, bool) {
	if !dateForm.MatchString(text) {
		return time.Time{}, false
	}
	for _, layout := range []string{wireDate, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// window is the time range of a request. From and To keep to it at both ends.
type window struct{ from, to time.Time }

// readWindow reads the two dates of a request, with what holds when they are left out.
func readWindow(fromField, from, toField, to string, w window) (window, *problem) {
	for _, end := range []struct {
		field, text string
		at          *time.Time
	}{{fromField, from, &w.from}, {toField, to, &w.to}} {
		if end.text == "" {
			continue
		}
		at, ok := parseDate(end.text)
		if !ok {
			return w, invalid(end.field, "err_validation_date", "The date must be of the form yyyy-MM-dd'T'HH:mm:ssZ")
		}
		*end.at = at
	}
	if w.from.After(w.to) {
		return w, invalid(fromField, "err_validation_date_range", "The start lies after the end")
	}
	return w, nil
}
