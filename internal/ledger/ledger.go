// Package ledger keeps what became of each indicator: the audit trail, and the memory that saves asking a vendor again.
// It knows SQLite and PostgreSQL and the rules by which an entry changes. What to share, and what a vendor says about it,
// is decided elsewhere.
package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
)

// State is what became of an indicator.
type State string

// The states.
const (
	Shared      State = "shared"      // listed at the other vendor by us
	Held        State = "held"        // kept back by the guard; a person may release it
	Quarantined State = "quarantined" // refused by the vendor
	Withdrawn   State = "withdrawn"   // was shared and was taken back
	Foreign     State = "foreign"     // listed there by somebody else, left alone
)

// States gives all of them, in an order that stays the same.
func States() []State { return []State{Shared, Held, Quarantined, Withdrawn, Foreign} }

// ErrInvalid is in the chain of errors about arguments that the ledger can never keep, such as a value that is too long.
// Trying again does not help; every other error of a Store may pass.
var ErrInvalid = errors.New("invalid ledger entry")

// Entry is what the ledger knows of one indicator of an integration on one list; these three identify it. All text is
// printable and bounded, all times are UTC and exact to the microsecond.
type Entry struct {
	Integration string
	List        List
	indicator.Key

	Source indicator.Source // the source that first told of it, or that brought it back after it was withdrawn
	State  State
	Reason indicator.Reason // why it is held, quarantined or foreign; "found" for a shared one that was there before
	Detail string           // the reason in full, at most 500 characters

	VendorID string // id of the entry at the vendor
	Action   string
	Severity string
	Record   string // record of that source
	Run      string // run that brought it into its state; for a quarantined one, the run that tried it last

	SeenAt    time.Time // when the source recorded it; zero: not known
	ExpiresAt time.Time // when it ends at the vendor; zero: never

	// Set by Record, whatever the caller puts there.
	RecordedAt time.Time // first written
	ChangedAt  time.Time // state last changed; for a quarantined one, last refused
	Tries      int       // how many runs the vendor refused a quarantined one in; 0 in other states

	// Set by MarkDue: the source took a shared one back, and it is to be withdrawn.
	DueAt     time.Time // zero: not due
	DueReason indicator.Reason
}

// Position is where the entry stands in what Search returns.
func (e Entry) Position() Position {
	return Position{ChangedAt: e.ChangedAt, List: e.List, Key: e.Key}
}

// Store is a ledger in a database. It is safe for concurrent use, also by several processes on the same database.
type Store struct {
	// Apart from the reader because SQLite has one writer at a time: waiting for a turn is cheaper here than in the file.
	// On PostgreSQL, and for SQLite in memory, both are the same pool.
	writer *sql.DB
	reader *sql.DB

	begin *sql.TxOptions
	// bind turns the ? for each parameter of a statement into what the database reads.
	bind func(statement string) string
	// serialise makes the transaction wait until no other one writes to the scopes. Without it two writers could both
	// find a value missing, and the later one would overwrite what the earlier one knows.
	serialise func(ctx context.Context, tx *sql.Tx, scopes []scope) error
}

// scope is the part of the ledger in which a key is unique.
type scope struct {
	integration string
	list        List
}

// Close ends all connections. The Store cannot be used afterwards.
func (s *Store) Close() error {
	if s.reader == s.writer {
		return s.writer.Close()
	}
	return errors.Join(s.reader.Close(), s.writer.Close())
}

// Ping says whether the ledger answers and its tables are there.
func (s *Store) Ping(ctx context.Context) error {
	var entries int
	if err := s.reader.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM indicators LIMIT 1) AS entry`).Scan(&entries); err != nil {
		return fmt.Errorf("ping ledger: %w", err)
	}
	return nil
}
