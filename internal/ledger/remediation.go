package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
)

// RemediationState is how far the removal of delivered mail has come.
type RemediationState string

// The states of a remediation.
const (
	Wanted            RemediationState = "wanted"        // nobody has asked the vendor yet
	Started           RemediationState = "started"       // the vendor is at it
	Done              RemediationState = "done"          // the vendor has ended; some messages may have failed
	NothingFound      RemediationState = "nothing-found" // no such mail was delivered
	RemediationFailed RemediationState = "failed"        // it was given up
)

// Remediation is the removal of the mail that was delivered with an indicator in it. There is one for a value and day.
type Remediation struct {
	Integration string
	indicator.Key
	Day string // UTC, such as "2026-11-24"

	Source   indicator.Source // the source that told of the value
	State    RemediationState
	Incident string // id of the incident at the vendor
	Code     string // what people know the incident by
	Detail   string // what the vendor said, at most 500 characters

	// Messages, by the vendor's count.
	Identified int
	Successful int
	Failed     int

	Run string // run that wanted it

	// Set by the Store, whatever the caller puts there.
	WantedAt  time.Time // first written
	ChangedAt time.Time // state last changed
}

// RemediationCount is how many remediations are in a state, and their messages together.
type RemediationCount struct {
	State RemediationState
	N     int

	Identified int
	Successful int
	Failed     int
}

// remediationColumns in the order in which remediationValues gives them.
const remediationColumns = "integration, kind, value, day, source, state, incident, code, detail, identified, successful, failed, run, " +
	"wanted_at, changed_at"

// WantRemediations notes that mail with these indicators is to be removed, all of them or, with an error, none. Of each only
// integration, key, day, source and run count. What is known of a value and day already stays as it is, so that nothing is
// wanted twice.
func (s *Store) WantRemediations(ctx context.Context, now time.Time, wanted []Remediation) error {
	if err := s.wantRemediations(ctx, keptTime(now), wanted); err != nil {
		return fmt.Errorf("want %d remediations in the ledger: %w", len(wanted), err)
	}
	return nil
}

func (s *Store) wantRemediations(ctx context.Context, now time.Time, wanted []Remediation) error {
	fit := make([]Remediation, 0, len(wanted))
	for i, r := range wanted {
		kept, err := keptRemediation(Remediation{
			Integration: r.Integration, Key: r.Key, Day: r.Day, Source: r.Source, State: Wanted, Run: r.Run, WantedAt: now, ChangedAt: now,
		})
		if err != nil {
			return fmt.Errorf("remediation %d: %w", i+1, err)
		}
		fit = append(fit, kept)
	}
	if len(fit) == 0 {
		return nil
	}
	// In one order: two writers that insert the same rows wait for each other's.
	slices.SortFunc(fit, compareRemediations)
	return s.change(ctx, nil, func(tx *sql.Tx) error {
		for chunk := range slices.Chunk(fit, writeRows) {
			if err := s.insertRemediations(ctx, tx, chunk, "DO NOTHING"); err != nil {
				return err
			}
		}
		return nil
	})
}

// RecordRemediation writes what became of a remediation over what is known of that value and day: its state, code and detail, and
// the incident with its figures where one is given. The source, run and time it was wanted with stay. One that is not known is
// added, and wanted now.
func (s *Store) RecordRemediation(ctx context.Context, now time.Time, r Remediation) error {
	now = keptTime(now)
	r.WantedAt, r.ChangedAt = now, now
	fit, err := keptRemediation(r)
	if err == nil {
		err = s.change(ctx, nil, func(tx *sql.Tx) error {
			return s.insertRemediations(ctx, tx, []Remediation{fit}, writeOver)
		})
	}
	if err != nil {
		return fmt.Errorf("record a remediation in the ledger: %w", err)
	}
	return nil
}

const writeOver = "DO UPDATE SET state = excluded.state, code = excluded.code, detail = excluded.detail, " +
	"identified = CASE WHEN excluded.incident = '' THEN remediations.identified ELSE excluded.identified END, " +
	"successful = CASE WHEN excluded.incident = '' THEN remediations.successful ELSE excluded.successful END, " +
	"failed = CASE WHEN excluded.incident = '' THEN remediations.failed ELSE excluded.failed END, " +
	"incident = CASE WHEN excluded.incident = '' THEN remediations.incident ELSE excluded.incident END, " +
	"changed_at = CASE WHEN excluded.state = remediations.state THEN remediations.changed_at ELSE excluded.changed_at END"

func (s *Store) insertRemediations(ctx context.Context, tx *sql.Tx, rows []Remediation, conflict string) error {
	var arguments []any
	for _, r := range rows {
		arguments = append(arguments, remediationValues(r)...)
	}
	row := "(" + parameters(len(arguments)/len(rows)) + ")"
	_, err := tx.ExecContext(ctx, s.bind("INSERT INTO remediations ("+remediationColumns+") VALUES "+
		strings.Repeat(row+", ", len(rows)-1)+row+" ON CONFLICT (integration, kind, value, day) "+conflict), arguments...)
	return err
}

// WantedRemediations gives at most limit of the remediations of a source that nobody has started, the oldest first.
func (s *Store) WantedRemediations(ctx context.Context, integration string, source indicator.Source, limit int) ([]Remediation, error) {
	rows, err := s.reader.QueryContext(ctx, s.bind(wantedStatement), integration, string(source), max(limit, 0))
	if err != nil {
		return nil, fmt.Errorf("read the wanted remediations in the ledger: %w", err)
	}
	wanted, err := scanRemediations(rows)
	if err != nil {
		return nil, fmt.Errorf("read the wanted remediations in the ledger: %w", err)
	}
	return wanted, nil
}

const wantedStatement = "SELECT " + remediationColumns + " FROM remediations " +
	"WHERE integration = ? AND source = ? AND state = 'wanted' ORDER BY wanted_at, value, day LIMIT ?"

// RemediationsOf gives at most limit of the remediations of one value, the newest day first.
func (s *Store) RemediationsOf(ctx context.Context, integration string, key indicator.Key, limit int) ([]Remediation, error) {
	if err := checkIdentity(integration, key); err != nil {
		return nil, fmt.Errorf("read the remediations of a value in the ledger: %w", err)
	}
	rows, err := s.reader.QueryContext(ctx, s.bind(remediationsOfStatement), integration, string(key.Kind), key.Value, max(limit, 0))
	if err != nil {
		return nil, fmt.Errorf("read the remediations of a value in the ledger: %w", err)
	}
	found, err := scanRemediations(rows)
	if err != nil {
		return nil, fmt.Errorf("read the remediations of a value in the ledger: %w", err)
	}
	return found, nil
}

const remediationsOfStatement = "SELECT " + remediationColumns + " FROM remediations " +
	"WHERE integration = ? AND kind = ? AND value = ? ORDER BY day DESC LIMIT ?"

// RemediationCounts counts the remediations of the integration and adds up their messages, by state and in its order. A state
// with none is left out.
func (s *Store) RemediationCounts(ctx context.Context, integration string) ([]RemediationCount, error) {
	counts, err := s.remediationCounts(ctx, integration)
	if err != nil {
		return nil, fmt.Errorf("count the remediations in the ledger: %w", err)
	}
	return counts, nil
}

// The sums of PostgreSQL are of a wider type than what they add up.
const remediationCountStatement = "SELECT state, count(*), CAST(sum(identified) AS BIGINT), CAST(sum(successful) AS BIGINT), " +
	"CAST(sum(failed) AS BIGINT) FROM remediations WHERE integration = ? GROUP BY state ORDER BY state"

func (s *Store) remediationCounts(ctx context.Context, integration string) ([]RemediationCount, error) {
	rows, err := s.reader.QueryContext(ctx, s.bind(remediationCountStatement), integration)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var counts []RemediationCount
	for rows.Next() {
		var c RemediationCount
		if err := rows.Scan(&c.State, &c.N, &c.Identified, &c.Successful, &c.Failed); err != nil {
			return nil, err
		}
		counts = append(counts, c)
	}
	return counts, rows.Err()
}
