package ledger_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/ledger/pgtest"
)

// BenchmarkRecord1000 records 1,000 new entries.
func BenchmarkRecord1000(b *testing.B) {
	eachDatabase(b, func(b *testing.B, store *ledger.Store) {
		entries := shared("run-1", numbered(1000))
		round := 0
		for b.Loop() {
			round++
			for i := range entries {
				entries[i].Integration = fmt.Sprintf("round-%d", round)
			}
			require.NoError(b, store.Record(b.Context(), at(1), entries))
		}
	})
}

// BenchmarkLookup1000 looks up 1,000 keys among 20,000.
func BenchmarkLookup1000(b *testing.B) {
	eachDatabase(b, func(b *testing.B, store *ledger.Store) {
		keys := numbered(5_000)
		require.NoError(b, store.Record(b.Context(), at(1), shared("run-1", keys)))
		for b.Loop() {
			found, err := store.Lookup(b.Context(), acme, ledger.FalconIOCs, keys[:1000])
			require.NoError(b, err)
			require.Len(b, found, 1000)
		}
	})
}

func eachDatabase(b *testing.B, run func(b *testing.B, store *ledger.Store)) {
	b.Helper()
	b.Run("sqlite", func(b *testing.B) {
		run(b, openLedger(b, "sqlite:"+filepath.Join(b.TempDir(), "ledger.db")))
	})
	b.Run("postgres", func(b *testing.B) {
		run(b, openLedger(b, pgtest.Start(b).Database(b)))
	})
}
