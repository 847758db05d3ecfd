package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

const (
	postgresConnections = 8
	postgresIdle        = 2
	postgresIdleTime    = 5 * time.Minute
	postgresLifetime    = 30 * time.Minute // servers behind one name get their share after a fail-over
	postgresDial        = 10 * time.Second
)

func openPostgres(ctx context.Context, dsn string) (*Store, error) {
	config, err := postgresConfig(dsn)
	if err != nil {
		return nil, err
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(postgresConnections)
	db.SetMaxIdleConns(postgresIdle)
	db.SetConnMaxIdleTime(postgresIdleTime)
	db.SetConnMaxLifetime(postgresLifetime)
	if err := preparePostgres(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Store{
		writer: db, reader: db,
		// The default of the server could be one in which a transaction does not see what was written while it waited.
		begin:     &sql.TxOptions{Isolation: sql.LevelReadCommitted},
		bind:      numberParameters,
		serialise: lockScopes,
	}, nil
}

// postgresConfig reads the address. What the parsers say about a bad one is dropped, since they quote it, and a password
// with an unescaped character ends up in any part of it.
func postgresConfig(dsn string) (*pgx.ConnConfig, error) {
	unreadable := errors.New("the address is not of the form postgres://user:password@host:5432/name; " +
		"write special characters of the password as %40 for @, %2F for /, %23 for #, %3F for ?")
	address, err := url.Parse(dsn)
	if err != nil || address.Fragment != "" || address.User == nil && strings.Contains(address.Path+address.RawQuery, "@") {
		return nil, unreadable
	}
	config, err := pgx.ParseConfig(dsn)
	if missing, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, fmt.Errorf("read a file that the address names: %w", missing)
	}
	if err != nil {
		return nil, unreadable
	}
	// Statements have as many parameters as there are keys. Prepared ones would pile up in the server, and fail behind a
	// pooler.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = postgresDial
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "threatshare"
	}
	return config, nil
}

// preparePostgres migrates while it holds a lock, since workers start together. The lock is that of a transaction: it
// ends with the connection, however this process ends.
func preparePostgres(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := advisoryLock(ctx, tx, lockNumber("schema")); err != nil {
		return err
	}
	return migrate(ctx, db, goose.DialectPostgres)
}

// numberParameters writes $1, $2, … for each ?. SQLite reads these too, but as names, which it looks up one by one: with a
// few thousand of them a statement takes minutes.
func numberParameters(statement string) string {
	parts := strings.Split(statement, "?")
	var numbered strings.Builder
	for i, part := range parts[:len(parts)-1] {
		fmt.Fprintf(&numbered, "%s$%d", part, i+1)
	}
	numbered.WriteString(parts[len(parts)-1])
	return numbered.String()
}

// lockScopes takes the locks in the order of their numbers, so that two transactions never wait for each other.
func lockScopes(ctx context.Context, tx *sql.Tx, scopes []scope) error {
	numbers := make([]int64, 0, len(scopes))
	for _, s := range scopes {
		numbers = append(numbers, lockNumber("scope", s.integration, string(s.list)))
	}
	slices.Sort(numbers)
	for _, number := range numbers {
		if err := advisoryLock(ctx, tx, number); err != nil {
			return err
		}
	}
	return nil
}

func advisoryLock(ctx context.Context, tx *sql.Tx, number int64) error {
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", number); err != nil {
		return fmt.Errorf("wait for other workers: %w", err)
	}
	return nil
}

// lockNumber gives a lock its number. Two names with the same one only wait for each other more than they need.
func lockNumber(name ...string) int64 {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte("threatshare/ledger/" + strings.Join(name, "/")))
	return int64(sum.Sum32())
}
