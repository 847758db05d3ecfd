package ledger_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

// The ledger as the version before this one left it; that of earlier ones is tried on both databases in the suite.
func TestFault_S8_ALedgerOfTheSchemaBeforeIsReadAndWrittenAsItIs(t *testing.T) {
	t.Parallel()
	migrations, err := filepath.Glob("migrations/*.sql")
	require.NoError(t, err)
	before := int64(len(migrations) - 1)
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")
	db := ofVersion(t, dsn, before)
	states := []ledger.State{ledger.Shared, ledger.Held, ledger.Quarantined, ledger.Withdrawn, ledger.Foreign}
	for _, state := range states {
		_, err := db.ExecContext(t.Context(), "INSERT INTO indicators (integration, list, kind, value, direction, source, state, reason, detail, vendor_id, action, "+
			"severity, record, run, tries, due_reason, recorded_at, changed_at) VALUES ('acme', 'iocs', 'domain', '"+string(state)+".example', 'to-falcon', 'urlDomains', '"+
			string(state)+"', 'why', 'detail', 'id-1', 'detect', 'low', 'record-1', 'run-1', 2, '', '2026-11-16T20:01:00.000000Z', '2026-11-16T20:02:00.000000Z')")
		require.NoError(t, err)
	}
	_, err = db.ExecContext(t.Context(), "INSERT INTO days (integration, day, source, state, n) VALUES ('acme', '2026-11-16', 'urlDomains', 'shared', 41)")
	require.NoError(t, err)

	store := openLedger(t, dsn)
	for _, state := range states {
		key := domain(string(state) + ".example")
		require.Equal(t, ledger.Entry{
			Integration: acme, List: ledger.FalconIOCs, Key: key, Source: indicator.URLDomains, State: state, Reason: "why", Detail: "detail", VendorID: "id-1",
			Action: "detect", Severity: "low", Record: "record-1", Run: "run-1", Tries: 2, RecordedAt: at(1), ChangedAt: at(2),
		}, lookup(t, store, ledger.FalconIOCs, key))
	}
	record(t, store, at(3), entry(ledger.Shared, "run-2", domain("held.example")), entry(ledger.Shared, "run-2", domain("new.example")))
	all, err := store.Search(t.Context(), ledger.Query{Integration: acme})
	require.NoError(t, err)
	require.Len(t, all, len(states)+1)
	counted := 0
	for _, count := range daily(t, store, acme) {
		if count.State == ledger.Shared {
			counted += count.N
		}
	}
	require.Equal(t, 41+2, counted)
}
