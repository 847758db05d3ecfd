package ledger_test

import (
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

// ofVersion makes a ledger as that version left it, without rows.
func ofVersion(t *testing.T, dsn string, version int64) *sql.DB {
	t.Helper()
	dialect := goose.DialectPostgres
	if strings.HasPrefix(dsn, "sqlite:") {
		dialect = goose.DialectSQLite3
	}
	db := connect(t, dsn)
	provider, err := goose.NewProvider(dialect, db, os.DirFS("migrations"),
		goose.WithTableName("ledger_schema"), goose.WithDisableGlobalRegistry(true))
	require.NoError(t, err)
	_, err = provider.UpTo(t.Context(), version)
	require.NoError(t, err)
	return db
}

// ofVersion1 makes a ledger as version 1 left it, with one row for each of states in each direction and kind.
func ofVersion1(t *testing.T, dsn string, states ...ledger.State) {
	t.Helper()
	db := ofVersion(t, dsn, 1)
	for _, state := range states {
		for _, direction := range []string{"to-falcon", "to-mimecast"} {
			for _, kind := range []string{"domain", "sha256"} {
				_, err := db.ExecContext(t.Context(), "INSERT INTO indicators (integration, direction, kind, value, source, state, reason, detail, "+
					"vendor_id, action, severity, record, run, seen_at, expires_at, recorded_at, changed_at) VALUES ('acme', '"+
					direction+"', '"+kind+"', '"+string(state)+".example', 'urlDomains', '"+string(state)+"', 'why', 'it''s so', 'id-1', 'detect', 'low', "+
					"'record-1', 'run-1', NULL, '2026-11-16T20:40:00.000000Z', '2026-11-16T20:01:00.000000Z', '2026-11-16T20:02:00.000000Z')")
				require.NoError(t, err)
			}
		}
	}
}

func version1IsKept(t *testing.T, dsn string) {
	states := []ledger.State{ledger.Shared, ledger.Held, ledger.Quarantined, ledger.Withdrawn, ledger.Foreign}
	ofVersion1(t, dsn, states...)
	store := openLedger(t, dsn)
	for _, state := range states {
		for _, where := range []struct {
			list ledger.List
			kind indicator.Kind
		}{
			{ledger.FalconIOCs, indicator.Domain},
			{ledger.FalconIOCs, indicator.SHA256},
			{ledger.BYOTI, indicator.SHA256},
			{ledger.BlockedSenders, indicator.Domain},
		} {
			e := ledger.Entry{
				Integration: acme, List: where.list, Key: indicator.Key{Kind: where.kind, Value: string(state) + ".example"},
				Source: indicator.URLDomains, State: state, Reason: "why", Detail: "it's so",
				VendorID: "id-1", Action: "detect", Severity: "low", Record: "record-1", Run: "run-1",
				ExpiresAt: at(40), RecordedAt: at(1), ChangedAt: at(2),
			}
			if state == ledger.Quarantined {
				e.Tries = 1
			}
			require.Equal(t, e, lookup(t, store, where.list, e.Key))
		}
	}
	all, err := store.Search(t.Context(), ledger.Query{Integration: acme})
	require.NoError(t, err)
	require.Len(t, all, 4*len(states))
	for direction, want := range map[ledger.Direction]int{ledger.ToFalcon: 2 * len(states), ledger.ToMimecast: 2 * len(states)} {
		found, err := store.Search(t.Context(), ledger.Query{Integration: acme, Direction: direction})
		require.NoError(t, err)
		require.Len(t, found, want)
	}
	counts := daily(t, store, acme)
	require.Len(t, counts, len(states))
	for _, count := range counts {
		require.Equal(t, ledger.DayCount{Day: at(0).Truncate(24 * time.Hour), Source: indicator.URLDomains, State: count.State, N: 4}, count)
	}
	_, total := dueOf(t, store, at(41), 0, ledger.BYOTI)
	require.Equal(t, 1, total)
	want(t, store, at(3), remediation(today, domain("new.example")))
}

// Version 2 kept no days: what is told is the present state, on the day it came.
func version2IsCounted(t *testing.T, dsn string) {
	db := ofVersion(t, dsn, 2)
	for i, row := range []string{
		"'urlDomains', 'shared', '2026-11-15T23:59:59.999999Z'", "'urlDomains', 'shared', '2026-11-16T00:00:00.000000Z'",
		"'urlDomains', 'shared', '2026-11-16T12:00:00.000000Z'", "'iocDomains', 'withdrawn', '2026-11-16T12:00:00.000000Z'",
	} {
		_, err := db.ExecContext(t.Context(), fmt.Sprintf("INSERT INTO indicators (integration, list, kind, value, direction, reason, detail, vendor_id, "+
			"action, severity, record, run, tries, due_reason, recorded_at, source, state, changed_at) VALUES ('acme', 'iocs', 'domain', '%d.example', "+
			"'to-falcon', '', '', '', '', '', '', 'run-1', 0, '', '2026-11-01T00:00:00.000000Z', %s)", i, row))
		require.NoError(t, err)
	}
	store := openLedger(t, dsn)
	record(t, store, at(1), entry(ledger.Shared, "run-2", domain("0.example")), entry(ledger.Withdrawn, "run-2", domain("1.example")))
	require.Equal(t, []ledger.DayCount{
		{Day: midnight(-1), Source: indicator.URLDomains, State: ledger.Shared, N: 1},
		{Day: midnight(0), Source: indicator.IOCDomains, State: ledger.Withdrawn, N: 1},
		{Day: midnight(0), Source: indicator.URLDomains, State: ledger.Shared, N: 2},
		{Day: midnight(0), Source: indicator.URLDomains, State: ledger.Withdrawn, N: 1},
	}, daily(t, store, acme))
}

// Of two processes that upgrade one file, the slower one begins when the table is the new one already.
func upgradeDoneTwice(t *testing.T, dsn string) {
	ofVersion1(t, dsn, ledger.Shared)
	store, err := ledger.Open(t.Context(), dsn)
	require.NoError(t, err)
	key := domain("policy.example")
	record(t, store, at(1), on(ledger.SenderPolicies, ledger.Shared, "run-1", key))
	markDue(t, store, at(2), ledger.SenderPolicies, "deleted", key)
	before := lookup(t, store, ledger.SenderPolicies, key)

	db := connect(t, dsn)
	for version := 4; version >= 2; version-- {
		_, err = db.ExecContext(t.Context(), fmt.Sprintf("DELETE FROM ledger_schema WHERE version_id >= %d", version))
		require.NoError(t, err)
		_, err = ledger.Open(t.Context(), dsn)
		require.ErrorContains(t, err, fmt.Sprintf("migrate from schema version %d", version-1))
		require.Equal(t, before, lookup(t, store, ledger.SenderPolicies, key))
		require.Len(t, daily(t, store, acme), 2)
	}
	require.NoError(t, store.Close())
}

func racingUpgrades(t *testing.T, dsn string) {
	ofVersion1(t, dsn, ledger.Shared, ledger.Held)
	var workers errgroup.Group
	for range 6 {
		workers.Go(func() error {
			store, err := ledger.Open(t.Context(), dsn)
			if err != nil {
				return err
			}
			return store.Close()
		})
	}
	require.NoError(t, workers.Wait())
	all, err := openLedger(t, dsn).Search(t.Context(), ledger.Query{Integration: acme})
	require.NoError(t, err)
	require.Len(t, all, 8)
	var versions int
	require.NoError(t, connect(t, dsn).QueryRowContext(t.Context(), "SELECT count(*) FROM ledger_schema WHERE version_id >= 2").Scan(&versions))
	require.Equal(t, 3, versions, "each once")
}
