package ledger

import (
	"context"
	"fmt"

	"github.com/threatshare/threatshare/internal/indicator"
)

// Counts gives how many entries are shared on each of the lists, those that are due too. A list with none is left out.
func (s *Store) Counts(ctx context.Context, integration string, lists []List) (map[List]int, error) {
	counts := make(map[List]int)
	for _, list := range inOrder(lists) {
		n, err := s.number(ctx, countShared, integration, string(list), integration, string(list))
		if err != nil {
			return nil, fmt.Errorf("count what is shared in the ledger: %w", err)
		}
		if n > 0 {
			counts[list] = n
		}
	}
	return counts, nil
}

// countShared adds up two indexes, each of which is read alone.
const countShared = "SELECT (SELECT count(*) FROM indicators WHERE integration = ? AND list = ? AND state = 'shared' AND due_at IS NULL) + " +
	"(SELECT count(*) " + markedRows + ")"

// Retry gives at most limit of the quarantined entries of the list that the vendor refused in fewer runs than tries, those
// first that it refused longest ago.
func (s *Store) Retry(ctx context.Context, integration string, list List, tries, limit int) ([]Entry, error) {
	entries, err := s.entries(ctx, retryStatement, integration, string(list), tries, max(limit, 0))
	if err != nil {
		return nil, fmt.Errorf("read what to try again in the ledger: %w", err)
	}
	return entries, nil
}

const retryStatement = "SELECT " + columns + " FROM indicators " +
	"WHERE integration = ? AND list = ? AND state = 'quarantined' AND tries < ? ORDER BY changed_at, kind, value LIMIT ?"

// Missing gives at most limit of the entries of the source that are shared on one list and are not on the other in any state but
// withdrawn, ordered by kind and value as the database sorts text. Those that MarkDue marked are left out; those that have ended
// since are not, since it knows no time.
func (s *Store) Missing(ctx context.Context, integration string, on, notOn List, source indicator.Source, limit int) ([]Entry, error) {
	entries, err := s.entries(ctx, missingStatement,
		integration, string(on), string(source), integration, string(notOn), max(limit, 0), integration, string(on))
	if err != nil {
		return nil, fmt.Errorf("compare two lists in the ledger: %w", err)
	}
	return entries, nil
}

// missingStatement compares keys in two indexes, in the order in which they stand there; only what is given is read in full.
// A cross join is one that SQLite does from left to right.
const missingStatement = "SELECT " + columns + " FROM (" +
	"SELECT kind AS missing_kind, value AS missing_value FROM indicators " +
	"WHERE integration = ? AND list = ? AND source = ? AND state = 'shared' AND due_at IS NULL " +
	"EXCEPT SELECT kind, value FROM indicators WHERE integration = ? AND list = ? AND state <> 'withdrawn' " +
	"ORDER BY missing_kind, missing_value LIMIT ?) AS missing " +
	"CROSS JOIN indicators WHERE integration = ? AND list = ? AND kind = missing_kind AND value = missing_value ORDER BY kind, value"
