package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
)

// DayCount is how many entries of a source came into a state on a day. One that comes into it again, such as a value that is
// shared anew after it was withdrawn, counts again; one that is recorded twice counts once.
type DayCount struct {
	Day    time.Time // midnight, UTC
	Source indicator.Source
	State  State
	N      int
}

// day is what DayCounts are counted by.
type day struct {
	integration, date string
	source            indicator.Source
	state             State
}

// keptDays is for how many days counts are kept: a year back from any day, and some more.
const keptDays = 400

// Daily gives the counts of an integration's days from that of since on, ordered by day, source and state. A day on which
// nothing changed has none, and one more than 400 days ago has none any more.
func (s *Store) Daily(ctx context.Context, integration string, since time.Time) ([]DayCount, error) {
	if !sorts(since.UTC()) {
		return nil, fmt.Errorf("read the ledger's days: %w: since is in the year %d", ErrInvalid, since.UTC().Year())
	}
	rows, err := s.reader.QueryContext(ctx, s.bind(dailyStatement), integration, since.UTC().Format(time.DateOnly))
	if err != nil {
		return nil, fmt.Errorf("read the ledger's days: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var counts []DayCount
	for rows.Next() {
		var count DayCount
		var date string
		if err := rows.Scan(&date, &count.Source, &count.State, &count.N); err != nil {
			return nil, fmt.Errorf("read the ledger's days: %w", err)
		}
		if count.Day, err = time.Parse(time.DateOnly, date); err != nil {
			return nil, fmt.Errorf("read the ledger's days: %w", err)
		}
		counts = append(counts, count)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the ledger's days: %w", err)
	}
	return counts, nil
}

const dailyStatement = "SELECT day, source, state, n FROM days WHERE integration = ? AND day >= ? ORDER BY day, source, state"

// CountState counts the entries in a state, but no more than one above atMost of them: what it costs is bounded. More than
// atMost says that there are more.
func (s *Store) CountState(ctx context.Context, integration string, state State, atMost int) (int, error) {
	n, err := s.number(ctx, countStatement, integration, string(state), max(atMost, 0)+1)
	if err != nil {
		return 0, fmt.Errorf("count entries of the ledger: %w", err)
	}
	return n, nil
}

const countStatement = "SELECT count(*) FROM (SELECT 1 FROM indicators WHERE integration = ? AND state = ? LIMIT ?) AS entry"

// countDays adds to the counts. All writers do it in the same order and at the end, so that none waits for another in a circle.
func (s *Store) countDays(ctx context.Context, tx *sql.Tx, counts map[day]int) error {
	days := slices.SortedFunc(maps.Keys(counts), func(a, b day) int {
		return cmp.Or(cmp.Compare(a.integration, b.integration), cmp.Compare(a.date, b.date),
			cmp.Compare(a.source, b.source), cmp.Compare(a.state, b.state))
	})
	begun := make(map[string]string)
	for chunk := range slices.Chunk(days, writeRows) {
		arguments := make([]any, 0, len(chunk)*dayColumns)
		for _, d := range chunk {
			arguments = append(arguments, d.integration, d.date, string(d.source), string(d.state), counts[d])
		}
		row := "(" + parameters(dayColumns) + ")"
		statement := "INSERT INTO days (integration, day, source, state, n) VALUES " + strings.Repeat(row+", ", len(chunk)-1) + row +
			" ON CONFLICT (integration, day, source, state) DO UPDATE SET n = days.n + excluded.n RETURNING integration, day, source, state, n"
		if err := s.newDays(ctx, tx, statement, arguments, counts, begun); err != nil {
			return err
		}
	}
	return s.forgetDays(ctx, tx, begun)
}

// newDays counts, and notes in begun from when on the days are kept of those integrations of which a row is new, which is so
// a few times a day: its count is what was added.
func (s *Store) newDays(ctx context.Context, tx *sql.Tx, statement string, arguments []any, counts map[day]int, begun map[string]string) error {
	rows, err := tx.QueryContext(ctx, s.bind(statement), arguments...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var d day
		var n int
		if err := rows.Scan(&d.integration, &d.date, &d.source, &d.state, &n); err != nil {
			return err
		}
		if n != counts[d] {
			continue
		}
		today, err := time.Parse(time.DateOnly, d.date)
		if err != nil {
			return err
		}
		begun[d.integration] = today.AddDate(0, 0, -keptDays).Format(time.DateOnly)
	}
	return rows.Err()
}

// forgetDays removes what is older. One writer at a time does so for an integration: the rows that a removal takes are in no
// certain order. No list is called "", so that nobody else has that lock.
func (s *Store) forgetDays(ctx context.Context, tx *sql.Tx, before map[string]string) error {
	if len(before) == 0 {
		return nil
	}
	integrations := slices.Sorted(maps.Keys(before))
	scopes := make([]scope, len(integrations))
	for i, integration := range integrations {
		scopes[i] = scope{integration: integration}
	}
	if err := s.serialise(ctx, tx, scopes); err != nil {
		return err
	}
	for _, integration := range integrations {
		if _, err := tx.ExecContext(ctx, s.bind(forgetStatement), integration, before[integration]); err != nil {
			return err
		}
	}
	return nil
}

const forgetStatement = "DELETE FROM days WHERE integration = ? AND day < ?"

const dayColumns = 5
