package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/threatshare/threatshare/internal/indicator"
)

// lookupValues is how many values one query asks for.
const lookupValues = 500

// Lookup gives those of keys that the ledger knows for the integration and direction. Any number of keys will do; 500 of
// a kind take one query.
func (s *Store) Lookup(ctx context.Context, integration string, direction Direction, keys []indicator.Key) (map[indicator.Key]Entry, error) {
	found, err := s.lookup(ctx, s.reader, scope{integration, direction}, keys)
	if err != nil {
		return nil, fmt.Errorf("look up %d indicators in the ledger: %w", len(keys), err)
	}
	return found, nil
}

// querier is a pool or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (s *Store) lookup(ctx context.Context, db querier, where scope, keys []indicator.Key) (map[indicator.Key]Entry, error) {
	// PostgreSQL refuses a whole query for one value with a zero byte. Record keeps no such value, so it is not there.
	wanted := slices.DeleteFunc(slices.Clone(keys), func(key indicator.Key) bool {
		return !fits(string(key.Kind), maxKind) || !fits(key.Value, maxValue)
	})
	slices.SortFunc(wanted, compareKeys)
	wanted = slices.Compact(wanted)
	found := make(map[indicator.Key]Entry)
	for len(wanted) > 0 {
		kind := wanted[0].Kind
		end := slices.IndexFunc(wanted, func(key indicator.Key) bool { return key.Kind != kind })
		if end < 0 {
			end = len(wanted)
		}
		end = min(end, lookupValues)
		if err := s.lookupKind(ctx, db, where, wanted[:end], found); err != nil {
			return nil, err
		}
		wanted = wanted[end:]
	}
	return found, nil
}

// lookupKind asks for keys that are all of one kind and adds to found.
func (s *Store) lookupKind(ctx context.Context, db querier, where scope, keys []indicator.Key, found map[indicator.Key]Entry) error {
	arguments := []any{where.integration, string(where.direction), string(keys[0].Kind)}
	query := "SELECT " + columns + " FROM indicators WHERE integration = ? AND direction = ? AND kind = ? AND value IN (" +
		parameters(len(keys)) + ")"
	for _, key := range keys {
		arguments = append(arguments, key.Value)
	}
	rows, err := db.QueryContext(ctx, s.bind(query), arguments...)
	if err != nil {
		return err
	}
	entries, err := scanEntries(rows)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		found[entry.Key] = entry
	}
	return nil
}

func compareKeys(a, b indicator.Key) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Value, b.Value))
}
