package ledger

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
)

// Limits of Search.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// Count is how many entries of one source became what on one list for one reason.
type Count struct {
	List   List
	Source indicator.Source
	State  State
	Reason indicator.Reason // "" where there is none
	N      int
}

// Query says which entries to give. What is left out is not asked for; only Integration is needed.
type Query struct {
	Integration string
	Direction   Direction // the lists of one vendor
	List        List
	Kind        indicator.Kind
	Value       string // the whole value, in canonical form
	State       State
	Source      indicator.Source
	Since       time.Time // only those whose state changed then or later; zero: all

	Limit int      // 0: DefaultLimit; at most MaxLimit are given
	After Position // of the last entry of the page before; zero: the first page
}

// Position is a place in the order of Search.
type Position struct {
	ChangedAt time.Time
	List      List
	indicator.Key
}

// Summary counts the entries on all lists that run brought into their state, ordered by list, source, state and reason. An
// entry that a later run brought into another state counts for that one, and so does one that a later run had refused again.
func (s *Store) Summary(ctx context.Context, integration, run string) ([]Count, error) {
	rows, err := s.reader.QueryContext(ctx, s.bind(summaryStatement), integration, keptRun(run))
	if err != nil {
		return nil, fmt.Errorf("count the entries of a run in the ledger: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var counts []Count
	for rows.Next() {
		var c Count
		if err := rows.Scan(&c.List, &c.Source, &c.State, &c.Reason, &c.N); err != nil {
			return nil, fmt.Errorf("count the entries of a run in the ledger: %w", err)
		}
		counts = append(counts, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("count the entries of a run in the ledger: %w", err)
	}
	return counts, nil
}

const summaryStatement = "SELECT list, source, state, reason, count(*) FROM indicators WHERE integration = ? AND run = ? " +
	"GROUP BY list, source, state, reason ORDER BY list, source, state, reason"

// Search gives a page of entries, those first whose state changed last. A text that no entry can have is an error with
// ErrInvalid in its chain.
func (s *Store) Search(ctx context.Context, q Query) ([]Entry, error) {
	statement, arguments, err := searchStatement(q, Position{}, q.limit(), 0)
	if err != nil {
		return nil, fmt.Errorf("search the ledger: %w", err)
	}
	rows, err := s.reader.QueryContext(ctx, s.bind(statement), arguments...)
	if err != nil {
		return nil, fmt.Errorf("search the ledger: %w", err)
	}
	entries, err := scanEntries(rows)
	if err != nil {
		return nil, fmt.Errorf("search the ledger: %w", err)
	}
	return entries, nil
}

func (q Query) limit() int {
	if q.Limit <= 0 {
		return DefaultLimit
	}
	return min(q.Limit, MaxLimit)
}

// searchStatement orders by the columns of an index and compares positions as one row, so that a page costs the same
// wherever it is. It ends with the entry at end, unless that is zero, and leaves out the first skip.
func searchStatement(q Query, end Position, limit, skip int) (string, []any, error) {
	if q.Integration == "" {
		return "", nil, unfit("integration", maxIntegration)
	}
	var conditions []string
	var arguments []any
	for _, filter := range []struct {
		column, text string
		limit        int
	}{
		{"integration", q.Integration, maxIntegration},
		{"direction", string(q.Direction), maxWord},
		{"list", string(q.List), maxWord},
		{"kind", string(q.Kind), maxKind},
		{"value", q.Value, maxValue},
		{"state", string(q.State), maxWord},
		{"source", string(q.Source), maxWord},
	} {
		if filter.text == "" {
			continue
		}
		if !fits(filter.text, filter.limit) {
			return "", nil, unfit(filter.column, filter.limit)
		}
		arguments = append(arguments, filter.text)
		if q.Value == "" && (filter.column == "list" || filter.column == "kind") {
			// SQLite leaves a column that is the same in all rows out of the order, and then sorts by the rest what the index
			// holds in order already: all of a run's entries, which have one time of change.
			filter.column += " || ''"
		}
		conditions = append(conditions, filter.column+" = ?")
	}
	if !q.Since.IsZero() {
		if !sorts(q.Since.UTC()) {
			return "", nil, fmt.Errorf("%w: since is in the year %d", ErrInvalid, q.Since.UTC().Year())
		}
		conditions = append(conditions, "changed_at >= ?")
		arguments = append(arguments, timeText(q.Since))
	}
	for _, bound := range []struct {
		position Position
		operator string
	}{{q.After, "<"}, {end, ">="}} {
		if bound.position == (Position{}) {
			continue
		}
		if !isKey(bound.position.Key) {
			return "", nil, unfit("position", maxValue)
		}
		conditions = append(conditions, "(changed_at, list, kind, value) "+bound.operator+" ("+parameters(4)+")")
		arguments = append(arguments, timeText(bound.position.ChangedAt), string(bound.position.List),
			string(bound.position.Kind), bound.position.Value)
	}
	arguments = append(arguments, limit, skip)
	return "SELECT " + columns + " FROM indicators WHERE " + strings.Join(conditions, " AND ") +
		" ORDER BY changed_at DESC, list DESC, kind DESC, value DESC LIMIT ? OFFSET ?", arguments, nil
}
