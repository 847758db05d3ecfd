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

// Lookup gives those of keys that the ledger knows on the list of the integration. Any number of keys will do; 500 of
// a kind take one query.
func (s *Store) Lookup(ctx context.Context, integration string, list List, keys []indicator.Key) (map[indicator.Key]Entry, error) {
	found, err := s.lookup(ctx, s.reader, scope{integration, list}, keys)
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
	found := make(map[indicator.Key]Entry)
	for _, batch := range batches(keys) {
		if err := s.lookupBatch(ctx, db, where, batch, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// lookupBatch adds to found.
func (s *Store) lookupBatch(ctx context.Context, db querier, where scope, batch []indicator.Key, found map[indicator.Key]Entry) error {
	condition, arguments := inBatch(where, batch)
	rows, err := db.QueryContext(ctx, s.bind("SELECT "+columns+" FROM indicators WHERE "+condition), arguments...)
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

// batches gives the keys in order, each once, in parts of one kind that one statement can ask for. Those that Record would
// not keep are left out: they are not there, and PostgreSQL refuses a whole query for one value with a zero byte.
func batches(keys []indicator.Key) [][]indicator.Key {
	wanted := slices.DeleteFunc(slices.Clone(keys), func(key indicator.Key) bool { return !isKey(key) })
	slices.SortFunc(wanted, compareKeys)
	wanted = slices.Compact(wanted)
	var all [][]indicator.Key
	for len(wanted) > 0 {
		kind := wanted[0].Kind
		end := slices.IndexFunc(wanted, func(key indicator.Key) bool { return key.Kind != kind })
		if end < 0 {
			end = len(wanted)
		}
		end = min(end, lookupValues)
		all = append(all, wanted[:end])
		wanted = wanted[end:]
	}
	return all
}

// inBatch gives the condition that a row has one of the keys, which are all of one kind, and its arguments.
func inBatch(where scope, batch []indicator.Key) (string, []any) {
	arguments := []any{where.integration, string(where.list), string(batch[0].Kind)}
	for _, key := range batch {
		arguments = append(arguments, key.Value)
	}
	return "integration = ? AND list = ? AND kind = ? AND value IN (" + parameters(len(batch)) + ")", arguments
}

func isKey(key indicator.Key) bool {
	return fits(string(key.Kind), maxKind) && fits(key.Value, maxValue)
}

func compareKeys(a, b indicator.Key) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Value, b.Value))
}
