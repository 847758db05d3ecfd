package ledger_test

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/ledger/pgtest"
)

// connect opens the database behind the ledger's back.
func connect(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	driver, address := "pgx", dsn
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		driver, address = "sqlite", path
	}
	db, err := sql.Open(driver, address)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func reopeningKeeps(t *testing.T, dsn string) {
	store, err := ledger.Open(t.Context(), dsn)
	require.NoError(t, err)
	record(t, store, at(1), entry(ledger.Shared, "run-1", domain("kept.example")))
	require.NoError(t, store.Close())

	again := openLedger(t, dsn)
	require.NoError(t, again.Ping(t.Context()))
	require.Equal(t, "run-1", find(t, again, domain("kept.example")).Run)
}

func newerSchema(t *testing.T, dsn string) {
	store, err := ledger.Open(t.Context(), dsn)
	require.NoError(t, err)
	record(t, store, at(1), entry(ledger.Shared, "run-1", domain("kept.example")))
	require.NoError(t, store.Close())
	db := connect(t, dsn)
	_, err = db.ExecContext(t.Context(), "INSERT INTO ledger_schema (version_id, is_applied) VALUES (99, '1')")
	require.NoError(t, err)

	_, err = ledger.Open(t.Context(), dsn)
	require.ErrorContains(t, err, "schema version 99")
	require.ErrorContains(t, err, "newer version")
	var entries int
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM indicators").Scan(&entries))
	require.Equal(t, 1, entries)
}

func closedLedger(t *testing.T, dsn string) {
	store, err := ledger.Open(t.Context(), dsn)
	require.NoError(t, err)
	require.NoError(t, store.Ping(t.Context()))
	require.NoError(t, store.Close())
	require.Error(t, store.Ping(t.Context()))
	require.ErrorContains(t, store.Record(t.Context(), at(1), shared("run-1", numbered(3))), "record 3 entries in the ledger")
	_, err = store.Lookup(t.Context(), acme, ledger.FalconIOCs, numbered(2))
	require.ErrorContains(t, err, "look up 2 indicators")
	_, err = store.Summary(t.Context(), acme, "run-1")
	require.ErrorContains(t, err, "count the entries of a run")
	_, err = store.Search(t.Context(), ledger.Query{Integration: acme})
	require.ErrorContains(t, err, "search the ledger")
	_, err = store.MarkDue(t.Context(), at(1), acme, ledger.BYOTI, map[indicator.Key]indicator.Reason{domain("a.example"): "deleted"})
	require.ErrorContains(t, err, "mark 1 indicators")
	require.ErrorContains(t, store.ClearDue(t.Context(), acme, ledger.BYOTI, numbered(2)), "clear 2 due indicators")
	_, _, err = store.Due(t.Context(), acme, ledger.Lists(), at(1), 10)
	require.ErrorContains(t, err, "count what is due")
	_, err = store.Counts(t.Context(), acme, ledger.Lists())
	require.ErrorContains(t, err, "count what is shared")
	_, err = store.Retry(t.Context(), acme, ledger.BYOTI, 3, 10)
	require.ErrorContains(t, err, "read what to try again")
	_, err = store.Missing(t.Context(), acme, ledger.BlockedSenders, ledger.ManagedURLs, indicator.IOCDomains, 10)
	require.ErrorContains(t, err, "compare two lists")
	wanted := remediation(today, domain("a.example"))
	require.ErrorContains(t, store.WantRemediations(t.Context(), at(1), []ledger.Remediation{wanted}), "want 1 remediations")
	wanted.State = ledger.Done
	require.ErrorContains(t, store.RecordRemediation(t.Context(), at(1), wanted), "record a remediation")
	_, err = store.WantedRemediations(t.Context(), acme, indicator.IOCDomains, 10)
	require.ErrorContains(t, err, "read the wanted remediations")
	_, err = store.RemediationCounts(t.Context(), acme)
	require.ErrorContains(t, err, "count the remediations")
}

func TestALedgerInMemoryWorksUntilItIsClosed(t *testing.T) {
	store := openLedger(t, "sqlite::memory:")
	other := openLedger(t, "sqlite::memory:")
	record(t, store, at(1), shared("run-1", numbered(600))...)
	require.Equal(t, "run-1", find(t, store, numbered(600)[599]).Run)
	found, err := other.Lookup(t.Context(), acme, ledger.FalconIOCs, numbered(600))
	require.NoError(t, err)
	require.Empty(t, found, "each has its own")
}

func TestARelativePathIsInTheWorkingDirectoryOfTheOpening(t *testing.T) {
	directory := t.TempDir()
	t.Chdir(directory)
	store := openLedger(t, "sqlite:relative.db")
	t.Chdir(t.TempDir())
	record(t, store, at(1), shared("run-1", numbered(10))...)
	found, err := store.Lookup(t.Context(), acme, ledger.FalconIOCs, numbered(10))
	require.NoError(t, err)
	require.Len(t, found, 10)
	require.FileExists(t, filepath.Join(directory, "relative.db"))
}

func TestAFileNameMayHoldAnyCharacter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b#c%20d?mode=ro&ä.db")
	store := openLedger(t, "sqlite:"+path)
	record(t, store, at(1), shared("run-1", numbered(10))...)
	require.FileExists(t, path)
}

func TestSQLiteReadersGoOnBesideAWriter(t *testing.T) {
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")
	store := openLedger(t, dsn)
	record(t, store, at(1), entry(ledger.Shared, "run-1", domain("kept.example")))
	tx, err := connect(t, dsn).BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), "UPDATE indicators SET run = 'unfinished'")
	require.NoError(t, err)

	require.Equal(t, "run-1", find(t, store, domain("kept.example")).Run)
	require.NoError(t, tx.Rollback())
}

func TestOpenSaysWhatIsWrongWithAFile(t *testing.T) {
	directory := t.TempDir()
	plain := filepath.Join(directory, "plain.txt")
	require.NoError(t, os.WriteFile(plain, []byte(strings.Repeat("this is no database. ", 100)), 0o600))
	for dsn, want := range map[string]string{
		"sqlite:":                                 "must hold a path",
		"sqlite://threatshare.db":                 "must hold a path",
		"sqlite:" + directory + "/missing/l.db":   "directory " + directory + "/missing does not exist",
		"sqlite:" + directory:                     "is a directory, not a file",
		"sqlite:" + plain:                         plain + ": file is not a database",
		"sqlite:" + plain + "/ledger.db":          "is not a directory",
		"sqlite:" + readOnlyDatabase(t):           "readonly database",
		"mysql://root:canary@192.0.2.1/ledger":    `must start with "sqlite:" or "postgres://"`,
		"host=192.0.2.1 user=app password=canary": `must start with "sqlite:" or "postgres://"`,
		"threatshare.db":                          `must start with "sqlite:" or "postgres://"`,
		"":                                        `must start with "sqlite:" or "postgres://"`,
	} {
		_, err := ledger.Open(t.Context(), dsn)
		require.ErrorContains(t, err, want, dsn)
		require.ErrorContains(t, err, "open ledger: ")
		require.NotContains(t, err.Error(), "canary")
	}
	require.NoFileExists(t, filepath.Join(directory, "missing"))
}

// readOnlyDatabase makes a ledger that cannot be written to, whoever runs the test: its header asks for a newer SQLite to
// write to it (byte 18), and allows this one to read it.
func readOnlyDatabase(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger.db")
	store, err := ledger.Open(t.Context(), "sqlite:"+path)
	require.NoError(t, err)
	require.NoError(t, store.Close())
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = file.WriteAt([]byte{3}, 18)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	return path
}

func TestNoErrorOfOpenHoldsAPartOfThePassword(t *testing.T) {
	for _, dsn := range []string{
		"postgres://app:canary@127.0.0.1:1/ledger?connect_timeout=2",
		"postgres://app@127.0.0.1:1/ledger?password=canary&connect_timeout=2",
		"postgres://app:canary@127.0.0.1:port/ledger",
		"postgres://app:canary@127.0.0.1:99999/ledger",
		"postgres://app:canary%zz@127.0.0.1:1/ledger",
		"postgres://app:can#canary@127.0.0.1:1/ledger",
		"postgres://app:12#canary@127.0.0.1:1/ledger",
		"postgres://app:can/canary@127.0.0.1:1/ledger",
		"postgres://app:12/canary@127.0.0.1:1/ledger",
		"postgres://app:12?canary@127.0.0.1:1/ledger",
		"postgres://app:canary 1@127.0.0.1:1/ledger",
		"postgres://app:canary@127.0.0.1:1/ledger?sslmode=sometimes",
		"postgres://app:canary@127.0.0.1:1/ledger?sslmode=verify-ca&sslrootcert=/missing/root.pem",
		"postgresql://app:canary@127.0.0.1:1,127.0.0.1:2/ledger?connect_timeout=2",
	} {
		_, err := ledger.Open(t.Context(), dsn)
		require.ErrorContains(t, err, "open ledger: ", dsn)
		require.NotContains(t, err.Error(), "can", dsn)
	}
	_, err := ledger.Open(t.Context(), "postgres://app:canary@127.0.0.1:1/ledger?sslmode=verify-ca&sslrootcert=/missing/root.pem")
	require.ErrorContains(t, err, "/missing/root.pem")
}

func TestAPasswordThatPostgreSQLRefusesIsNotInTheError(t *testing.T) {
	address := strings.Replace(pgtest.Start(t).Database(t), "canary-of-pgtest", "canary-of-nobody", 1)
	_, err := ledger.Open(t.Context(), address)
	require.ErrorContains(t, err, "password authentication failed")
	require.NotContains(t, err.Error(), "canary")
}

func TestAPostgreSQLRoleWithoutRightsIsToldAtTheStart(t *testing.T) {
	dsn := pgtest.Start(t).Database(t)
	store, err := ledger.Open(t.Context(), dsn)
	require.NoError(t, err)
	require.NoError(t, store.Close())
	for _, statement := range []string{
		"CREATE ROLE reader LOGIN PASSWORD 'canary'",
		"GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
		"GRANT INSERT ON indicators TO reader", // not enough
	} {
		_, err := connect(t, dsn).ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	address, err := url.Parse(dsn)
	require.NoError(t, err)
	address.User = url.UserPassword("reader", "canary")

	_, err = ledger.Open(t.Context(), address.String())
	require.ErrorContains(t, err, "can be read but not written to")
	require.NotContains(t, err.Error(), "canary")
}
