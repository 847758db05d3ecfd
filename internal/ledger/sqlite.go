package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlitecodes "modernc.org/sqlite/lib"
)

const (
	sqliteMemory  = ":memory:"
	sqliteReaders = 4
	// sqliteWait is how long a writer waits for the writer of another process.
	sqliteWait = 10 * time.Second
	// sqliteAgain is how long to wait before asking once more where SQLite itself does not wait.
	sqliteAgain = 20 * time.Millisecond
)

func openSQLite(ctx context.Context, path string) (*Store, error) {
	if path == sqliteMemory {
		// Every connection to :memory: is a database of its own, so there is one for everything.
		store, err := sqliteStore(sqliteMemory, 0)
		if err != nil {
			return nil, err
		}
		return prepared(ctx, store, "in memory")
	}
	file, err := sqliteFile(path)
	if err != nil {
		return nil, err
	}
	store, err := sqliteStore(file, sqliteReaders)
	if err != nil {
		return nil, err
	}
	return prepared(ctx, store, file)
}

// sqliteFile checks what SQLite would only call "unable to open database file". The path it gives is absolute, so that a
// later change of the working directory does not make another file.
func sqliteFile(path string) (string, error) {
	if rest, slashes := strings.CutPrefix(path, "//"); path == "" || slashes && !strings.HasPrefix(rest, "/") {
		return "", errors.New("the address must hold a path, such as sqlite:threatshare.db or sqlite:/var/lib/threatshare/ledger.db")
	}
	file, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find the working directory: %w", err)
	}
	directory := filepath.Dir(file)
	switch info, err := os.Stat(directory); {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("the directory %s does not exist", directory)
	case err != nil:
		return "", fmt.Errorf("look at the directory of the ledger: %w", err)
	case !info.IsDir():
		return "", fmt.Errorf("%s is not a directory", directory)
	}
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return "", fmt.Errorf("%s is a directory, not a file", file)
	}
	return file, nil
}

// sqliteStore connects lazily: nothing is opened yet. Without readers the writer reads too.
func sqliteStore(file string, readers int) (*Store, error) {
	writer, err := sql.Open("sqlite", sqliteAddress(file, url.Values{"_txlock": {"immediate"}}))
	if err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	// A transaction has the only writer's place from its beginning, so there is nothing more to serialise.
	store := &Store{
		writer: writer, reader: writer,
		bind:      func(statement string) string { return statement },
		serialise: func(context.Context, *sql.Tx, []scope) error { return nil },
	}
	if readers == 0 {
		return store, nil
	}
	reader, err := sql.Open("sqlite", sqliteAddress(file, url.Values{"_query_only": {"1"}}))
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	reader.SetMaxOpenConns(readers)
	reader.SetMaxIdleConns(readers)
	store.reader = reader
	return store, nil
}

// sqliteAddress writes the file as a URI, in which a ?, # or % of its name means nothing special.
func sqliteAddress(file string, options url.Values) string {
	options.Set("_busy_timeout", fmt.Sprint(sqliteWait.Milliseconds()))
	options.Set("_error_rc", "1")
	if file == sqliteMemory {
		return "file::memory:?" + options.Encode()
	}
	path := filepath.ToSlash(file)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive letter
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: options.Encode()}).String()
}

func prepared(ctx context.Context, store *Store, place string) (*Store, error) {
	if err := prepareSQLite(ctx, store.writer); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", place, err), store.Close())
	}
	return store, nil
}

func prepareSQLite(ctx context.Context, db *sql.DB) error {
	if err := writeAheadLog(ctx, db); err != nil {
		return err
	}
	return migrate(ctx, db, goose.DialectSQLite3)
}

// writeAheadLog lets readers go on while somebody writes. The switch is stored in the file; SQLite does not wait for it
// as it does for other locks, so that of two processes at their first start one would fail.
func writeAheadLog(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, sqliteWait)
	defer cancel()
	for {
		_, err := db.ExecContext(ctx, "PRAGMA journal_mode = WAL")
		if refusal, ok := errors.AsType[*sqlite.Error](err); !ok || refusal.Code()&0xff != sqlitecodes.SQLITE_BUSY {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(sqliteAgain):
		}
	}
}
