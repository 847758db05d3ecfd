package ledger

import (
	"cmp"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
)

// keptRemediation gives it as the database returns it.
func keptRemediation(r Remediation) (Remediation, error) {
	if !slices.Contains([]RemediationState{Wanted, Started, Done, NothingFound, RemediationFailed}, r.State) {
		return Remediation{}, fmt.Errorf("%w: state must be one of %s, %s, %s, %s, %s", ErrInvalid,
			Wanted, Started, Done, NothingFound, RemediationFailed)
	}
	if err := checkIdentity(r.Integration, r.Key); err != nil {
		return Remediation{}, err
	}
	if _, err := time.Parse(time.DateOnly, r.Day); err != nil {
		return Remediation{}, fmt.Errorf("%w: day must be a date such as 2026-11-24", ErrInvalid)
	}
	if min(r.Identified, r.Successful, r.Failed) < 0 {
		return Remediation{}, fmt.Errorf("%w: a count of messages is below zero", ErrInvalid)
	}
	r.Source = indicator.Source(indicator.Printable(string(r.Source), maxWord))
	r.Incident = indicator.Printable(r.Incident, maxVendorID)
	r.Code = indicator.Printable(r.Code, maxWord)
	r.Detail = indicator.Printable(r.Detail, maxDetail)
	r.Run = keptRun(r.Run)
	return r, nil
}

func compareRemediations(a, b Remediation) int {
	return cmp.Or(cmp.Compare(a.Integration, b.Integration), compareKeys(a.Key, b.Key), cmp.Compare(a.Day, b.Day))
}

func remediationValues(r Remediation) []any {
	return []any{
		r.Integration, string(r.Kind), r.Value, r.Day,
		string(r.Source), string(r.State), r.Incident, r.Code, r.Detail,
		r.Identified, r.Successful, r.Failed, r.Run,
		timeText(r.WantedAt), timeText(r.ChangedAt),
	}
}

// scanRemediations reads all rows and closes them.
func scanRemediations(rows *sql.Rows) ([]Remediation, error) {
	defer func() { _ = rows.Close() }()
	var all []Remediation
	for rows.Next() {
		var r Remediation
		var wanted, changed string
		if err := rows.Scan(
			&r.Integration, &r.Kind, &r.Value, &r.Day,
			&r.Source, &r.State, &r.Incident, &r.Code, &r.Detail,
			&r.Identified, &r.Successful, &r.Failed, &r.Run,
			&wanted, &changed,
		); err != nil {
			return nil, err
		}
		var err error
		if r.WantedAt, err = time.Parse(timeLayout, wanted); err != nil {
			return nil, fmt.Errorf("read a time: %w", err)
		}
		if r.ChangedAt, err = time.Parse(timeLayout, changed); err != nil {
			return nil, fmt.Errorf("read a time: %w", err)
		}
		all = append(all, r)
	}
	return all, rows.Err()
}
