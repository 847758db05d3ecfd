package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
)

// MarkDue notes that the source took these indicators back, each for its reason, so that they are to be withdrawn from the
// list. Only what is shared and not yet due is marked, so that the first reason and time stay; it gives how many that were.
// It is all of them or, with an error, none. The mark goes with ClearDue, or when the state changes.
func (s *Store) MarkDue(ctx context.Context, at time.Time, integration string, list List, why map[indicator.Key]indicator.Reason) (int, error) {
	marked, err := s.markDue(ctx, keptTime(at), scope{integration, list}, why)
	if err != nil {
		return 0, fmt.Errorf("mark %d indicators in the ledger as due: %w", len(why), err)
	}
	return marked, nil
}

func (s *Store) markDue(ctx context.Context, at time.Time, where scope, why map[indicator.Key]indicator.Reason) (int, error) {
	if at.IsZero() || !sorts(at) {
		return 0, fmt.Errorf("%w: the time it became due is in the year %d", ErrInvalid, at.Year())
	}
	byReason := make(map[indicator.Reason][]indicator.Key)
	for key, reason := range why {
		fit := keptReason(reason)
		byReason[fit] = append(byReason[fit], key)
	}
	if len(byReason) == 0 {
		return 0, nil
	}
	marked := 0
	err := s.change(ctx, []scope{where}, func(tx *sql.Tx) error {
		for _, reason := range slices.Sorted(maps.Keys(byReason)) {
			for _, batch := range batches(byReason[reason]) {
				n, err := s.setDue(ctx, tx, where, batch, at, reason, isNotDue)
				if err != nil {
					return err
				}
				marked += n
			}
		}
		return nil
	})
	return marked, err
}

// ClearDue takes the mark of MarkDue from those of keys that have it: the source has them again. An end that has passed
// stays; that goes when the new one is recorded.
func (s *Store) ClearDue(ctx context.Context, integration string, list List, keys []indicator.Key) error {
	parts := batches(keys)
	if len(parts) == 0 {
		return nil
	}
	where := scope{integration, list}
	if err := s.change(ctx, []scope{where}, func(tx *sql.Tx) error {
		for _, batch := range parts {
			if _, err := s.setDue(ctx, tx, where, batch, time.Time{}, "", isDue); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return fmt.Errorf("clear %d due indicators in the ledger: %w", len(keys), err)
	}
	return nil
}

const (
	setDueStatement = "UPDATE indicators SET due_at = ?, due_reason = ? WHERE "
	isNotDue        = "state = 'shared' AND due_at IS NULL"
	isDue           = "due_at IS NOT NULL"
)

// setDue writes to those of the batch for which the condition holds, and gives how many that were.
func (s *Store) setDue(
	ctx context.Context, tx *sql.Tx, where scope, batch []indicator.Key, at time.Time, reason indicator.Reason, condition string,
) (int, error) {
	found, arguments := inBatch(where, batch)
	arguments = append([]any{timeText(at), string(reason)}, arguments...)
	result, err := tx.ExecContext(ctx, s.bind(setDueStatement+found+" AND "+condition), arguments...)
	if err != nil {
		return 0, err
	}
	changed, err := result.RowsAffected()
	return int(changed), err
}

// What is due is marked or has ended; each half is all of a small index. The conditions are written out and hold for one
// list, since an index on a part of the table is read only where a statement repeats what the part is, and SQLite takes
// another one where it is asked for several lists.
const (
	markedRows = "FROM indicators WHERE integration = ? AND list = ? AND state = 'shared' AND due_at IS NOT NULL"
	endedRows  = "FROM indicators WHERE integration = ? AND list = ? AND state = 'shared' AND due_at IS NULL AND expires_at <= ?"

	countDue = "SELECT (SELECT count(*) " + markedRows + ") + (SELECT count(*) " + endedRows + ")"
	readDue  = "SELECT " + columns + " " + markedRows + " UNION ALL SELECT " + columns + " " + endedRows + " ORDER BY kind, value LIMIT ?"
)

// Due gives what is to be withdrawn from the lists: the shared entries that MarkDue marked and those that have ended by now.
// There are at most limit entries, ordered by list, kind and value as the database sorts text; total counts all.
func (s *Store) Due(ctx context.Context, integration string, lists []List, now time.Time, limit int) (entries []Entry, total int, err error) {
	for _, list := range inOrder(lists) {
		arguments := []any{integration, string(list), integration, string(list), timeText(keptTime(now))}
		n, err := s.number(ctx, countDue, arguments...)
		if err != nil {
			return nil, 0, fmt.Errorf("count what is due in the ledger: %w", err)
		}
		total += n
		if n == 0 || len(entries) >= limit {
			continue
		}
		due, err := s.entries(ctx, readDue, append(arguments, limit-len(entries))...)
		if err != nil {
			return nil, 0, fmt.Errorf("read what is due in the ledger: %w", err)
		}
		entries = append(entries, due...)
	}
	return entries, max(total, len(entries)), nil // somebody may have marked more in between
}

// inOrder gives each list once.
func inOrder(lists []List) []List { return slices.Compact(slices.Sorted(slices.Values(lists))) }

func (s *Store) number(ctx context.Context, statement string, arguments ...any) (int, error) {
	var n int
	err := s.reader.QueryRowContext(ctx, s.bind(statement), arguments...).Scan(&n)
	return n, err
}

func (s *Store) entries(ctx context.Context, statement string, arguments ...any) ([]Entry, error) {
	rows, err := s.reader.QueryContext(ctx, s.bind(statement), arguments...)
	if err != nil {
		return nil, err
	}
	return scanEntries(rows)
}
