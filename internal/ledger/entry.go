package ledger

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/threatshare/threatshare/internal/indicator"
)

// The longest texts kept, in characters. What identifies an entry is refused when it is longer, in bytes; the rest is
// cut.
const (
	maxIntegration = 40
	maxKind        = 40
	maxValue       = 2048
	maxWord        = 100 // source, reason, action, severity
	maxDetail      = 500
	maxRun         = 200
	maxVendorID    = 4000 // opaque; Mimecast's are long and have no documented limit
)

// timeLayout makes times that sort as text.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// columns in the order in which values gives them and scanEntry takes them. The first four are the primary key.
const columns = "integration, list, kind, value, source, state, reason, detail, vendor_id, action, severity, record, run, " +
	"tries, due_reason, seen_at, expires_at, due_at, recorded_at, changed_at"

const keyColumns = 4

// writtenColumns adds what follows from the list, for people who read the table.
const writtenColumns = columns + ", direction"

// kept gives the entry as the database returns it: text printable and bounded, times in UTC and whole microseconds.
func kept(e Entry) (Entry, error) {
	if err := checkKey(e); err != nil {
		return Entry{}, err
	}
	e.Source = indicator.Source(indicator.Printable(string(e.Source), maxWord))
	e.Reason = keptReason(e.Reason)
	e.Detail = indicator.Printable(e.Detail, maxDetail)
	e.VendorID = indicator.Printable(e.VendorID, maxVendorID)
	e.Action = indicator.Printable(e.Action, maxWord)
	e.Severity = indicator.Printable(e.Severity, maxWord)
	e.Record = indicator.Printable(e.Record, indicator.MaxRecord)
	e.Run = keptRun(e.Run)
	e.SeenAt, e.ExpiresAt = keptTime(e.SeenAt), keptTime(e.ExpiresAt)
	if !sorts(e.SeenAt) {
		return Entry{}, fmt.Errorf("%w: the time it was seen is in the year %d", ErrInvalid, e.SeenAt.Year())
	}
	if !sorts(e.ExpiresAt) {
		return Entry{}, fmt.Errorf("%w: the time it expires is in the year %d", ErrInvalid, e.ExpiresAt.Year())
	}
	return e, nil
}

// sorts says whether the year has the four digits of timeLayout.
func sorts(t time.Time) bool { return t.Year() >= 0 && t.Year() <= 9999 }

func keptReason(reason indicator.Reason) indicator.Reason {
	return indicator.Reason(indicator.Printable(string(reason), maxWord))
}

func keptRun(run string) string { return indicator.Printable(run, maxRun) }

func keptTime(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func checkKey(e Entry) error {
	if e.List.Direction() == "" {
		return fmt.Errorf("%w: list must be one of %s, %s, %s, %s, %s", ErrInvalid,
			FalconIOCs, BYOTI, BlockedSenders, SenderPolicies, ManagedURLs)
	}
	if !slices.Contains(States(), e.State) {
		return fmt.Errorf("%w: state must be one of %s, %s, %s, %s, %s", ErrInvalid, Shared, Held, Quarantined, Withdrawn, Foreign)
	}
	return checkIdentity(e.Integration, e.Key)
}

func checkIdentity(integration string, key indicator.Key) error {
	if !fits(integration, maxIntegration) {
		return unfit("integration", maxIntegration)
	}
	if !fits(string(key.Kind), maxKind) {
		return unfit("kind", maxKind)
	}
	if !fits(key.Value, maxValue) {
		return unfit("value", maxValue)
	}
	return nil
}

// fits says whether a text that identifies something can be kept as it is, in either database.
func fits(text string, limit int) bool {
	return text != "" && len(text) <= limit && utf8.ValidString(text) && !strings.ContainsRune(text, 0)
}

// unfit does not repeat the text: it may be long and hostile.
func unfit(field string, limit int) error {
	return fmt.Errorf("%w: %s must be text of 1 to %d bytes", ErrInvalid, field, limit)
}

// values are in the order of writtenColumns.
func values(e Entry) []any {
	return []any{
		e.Integration, string(e.List), string(e.Kind), e.Value,
		string(e.Source), string(e.State), string(e.Reason), e.Detail,
		e.VendorID, e.Action, e.Severity, e.Record, e.Run,
		e.Tries, string(e.DueReason),
		timeText(e.SeenAt), timeText(e.ExpiresAt), timeText(e.DueAt), timeText(e.RecordedAt), timeText(e.ChangedAt),
		string(e.List.Direction()),
	}
}

func timeText(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(timeLayout)
}

// scanEntries reads all rows and closes them.
func scanEntries(rows *sql.Rows) ([]Entry, error) {
	defer func() { _ = rows.Close() }()
	var entries []Entry
	for rows.Next() {
		entry, err := scanEntry(rows)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry)
	}
	return entries, rows.Err()
}

func scanEntry(rows *sql.Rows) (Entry, error) {
	var e Entry
	var seen, expires, due, recorded, changed sql.NullString
	if err := rows.Scan(
		&e.Integration, &e.List, &e.Kind, &e.Value,
		&e.Source, &e.State, &e.Reason, &e.Detail,
		&e.VendorID, &e.Action, &e.Severity, &e.Record, &e.Run,
		&e.Tries, &e.DueReason,
		&seen, &expires, &due, &recorded, &changed,
	); err != nil {
		return Entry{}, err
	}
	for _, column := range []struct {
		text sql.NullString
		time *time.Time
	}{{seen, &e.SeenAt}, {expires, &e.ExpiresAt}, {due, &e.DueAt}, {recorded, &e.RecordedAt}, {changed, &e.ChangedAt}} {
		if !column.text.Valid {
			continue
		}
		t, err := time.Parse(timeLayout, column.text.String)
		if err != nil {
			return Entry{}, fmt.Errorf("read a time: %w", err)
		}
		*column.time = t
	}
	return e, nil
}

// parameters gives the places of n parameters in a list.
func parameters(n int) string { return strings.Repeat("?, ", n-1) + "?" }
