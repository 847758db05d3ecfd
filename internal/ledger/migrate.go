package ledger

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// versionTable is named so that another program may keep its own tables, and its own goose, in the same database.
const versionTable = "ledger_schema"

// migrate brings the tables to the newest version. Where another process does the same and is faster, a step fails
// because it is already done: as long as the version rises, the next attempt goes on from there.
func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	reached := int64(-1)
	for {
		provider, err := goose.NewProvider(dialect, db, files,
			goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true))
		if err != nil {
			return fmt.Errorf("read migrations: %w", err)
		}
		current, newest, err := provider.GetVersions(ctx)
		if err != nil {
			return fmt.Errorf("read schema version: %w", err)
		}
		if current > newest {
			return fmt.Errorf("the database has schema version %d, and this program knows up to %d: "+
				"a newer version of it has been here; run that one", current, newest)
		}
		_, failed := provider.Up(ctx)
		if failed == nil {
			return checkWritable(ctx, db)
		}
		if current == reached {
			return fmt.Errorf("migrate from schema version %d: %w", current, failed)
		}
		reached = current
	}
}

// checkWritable writes nothing, but needs all that writing needs. A file that may only be read, a PostgreSQL standby or a
// role without rights would else be noticed at the first Record.
func checkWritable(ctx context.Context, db *sql.DB) error {
	for _, statement := range []string{
		"INSERT INTO indicators SELECT * FROM indicators WHERE 1 = 0",
		"INSERT INTO remediations SELECT * FROM remediations WHERE 1 = 0",
		"INSERT INTO days SELECT * FROM days WHERE 1 = 0",
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("the ledger can be read but not written to: %w", err)
		}
	}
	return nil
}
