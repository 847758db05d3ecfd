package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
)

// writeRows is how many entries one statement writes; with their columns they stay below the parameters that either
// database takes.
const writeRows = 200

// Record writes what became of the indicators, all of them or, with an error, none. Any number will do; now is when it
// became so.
//
// What the ledger knows already decides what a new entry changes. One in the same state takes newer values (vendor id,
// action, severity, end) where they are given and keeps the rest, so recording twice is recording once. One in another
// state takes state, reason, detail and run of the new one, and now as its change, and is no longer due. Held replaces
// neither shared nor foreign. One that another run finds refused again counts a try more and takes the newer words, run and
// time. The source, record and time it was first seen with stay, except when one that was withdrawn is shared again: that is
// a new sharing, and nothing but the time it was first recorded stays. Several entries with one key count as if recorded one
// after the other.
//
// An entry that cannot be kept is an error with ErrInvalid in its chain that names the field; text that only describes
// is cut.
func (s *Store) Record(ctx context.Context, now time.Time, entries []Entry) error {
	if err := s.record(ctx, keptTime(now), entries); err != nil {
		return fmt.Errorf("record %d entries in the ledger: %w", len(entries), err)
	}
	return nil
}

func (s *Store) record(ctx context.Context, now time.Time, entries []Entry) error {
	groups := make(map[scope][]Entry)
	for i, entry := range entries {
		fit, err := kept(entry)
		if err != nil {
			return fmt.Errorf("entry %d: %w", i+1, err)
		}
		where := scope{fit.Integration, fit.List}
		groups[where] = append(groups[where], fit)
	}
	if len(groups) == 0 {
		return nil
	}
	scopes := slices.Collect(maps.Keys(groups))
	return s.change(ctx, scopes, func(tx *sql.Tx) error {
		counts := map[day]int{}
		for _, where := range scopes {
			known, err := s.lookup(ctx, tx, where, keys(groups[where]))
			if err != nil {
				return err
			}
			if err := s.write(ctx, tx, changes(known, groups[where], now, counts)); err != nil {
				return err
			}
		}
		return s.countDays(ctx, tx, counts)
	})
}

// change does the work in one transaction, while nobody else writes to the scopes.
func (s *Store) change(ctx context.Context, scopes []scope, work func(tx *sql.Tx) error) error {
	tx, err := s.writer.BeginTx(ctx, s.begin)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := s.serialise(ctx, tx, scopes); err != nil {
		return err
	}
	if err := work(tx); err != nil {
		return err
	}
	return tx.Commit()
}

func keys(entries []Entry) []indicator.Key {
	list := make([]indicator.Key, 0, len(entries))
	for _, e := range entries {
		list = append(list, e.Key)
	}
	return list
}

// changes gives the entries that are to be written, in the order of their keys. It changes known, and adds to counts what comes
// into another state.
func changes(known map[indicator.Key]Entry, next []Entry, now time.Time, counts map[day]int) []Entry {
	changed := make(map[indicator.Key]bool)
	date := now.Format(time.DateOnly)
	for _, entry := range next {
		before, ok := known[entry.Key]
		after := first(entry, now)
		if ok {
			after = merge(before, entry, now)
		}
		if !ok || after != before {
			known[entry.Key] = after
			changed[entry.Key] = true
		}
		if !ok || after.State != before.State {
			counts[day{after.Integration, date, after.Source, after.State}]++
		}
	}
	list := make([]Entry, 0, len(changed))
	for key := range changed {
		list = append(list, known[key])
	}
	slices.SortFunc(list, func(a, b Entry) int { return compareKeys(a.Key, b.Key) })
	return list
}

func (s *Store) write(ctx context.Context, tx *sql.Tx, entries []Entry) error {
	names := strings.Split(writtenColumns, ", ")
	updates := make([]string, 0, len(names))
	for _, name := range names[keyColumns:] {
		updates = append(updates, name+" = excluded."+name)
	}
	row := "(" + parameters(len(names)) + ")"
	for chunk := range slices.Chunk(entries, writeRows) {
		arguments := make([]any, 0, len(chunk)*len(names))
		for _, entry := range chunk {
			arguments = append(arguments, values(entry)...)
		}
		statement := "INSERT INTO indicators (" + writtenColumns + ") VALUES " + strings.Repeat(row+", ", len(chunk)-1) + row +
			" ON CONFLICT (integration, list, kind, value) DO UPDATE SET " + strings.Join(updates, ", ")
		if _, err := tx.ExecContext(ctx, s.bind(statement), arguments...); err != nil {
			return err
		}
	}
	return nil
}
