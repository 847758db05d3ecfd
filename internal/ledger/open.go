package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Open opens the ledger at dsn and brings its tables to the version this program knows, making them if there are none:
//
//	sqlite:threatshare.db                       a file, relative to the working directory; its directory must exist
//	sqlite::memory:                             nothing is kept after Close
//	postgres://user:password@host:5432/name     a PostgreSQL database, with the parameters that libpq knows
//
// The error says what to put right and never holds a password. A database that a newer version of this program has
// written is refused and left as it is.
func Open(ctx context.Context, dsn string) (*Store, error) {
	store, err := open(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	return store, nil
}

func open(ctx context.Context, dsn string) (*Store, error) {
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		return openSQLite(ctx, path)
	}
	if strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		return openPostgres(ctx, dsn)
	}
	// The address is not repeated: anything can be in it, a password too.
	return nil, errors.New(`the address must start with "sqlite:" or "postgres://"`)
}
