package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/ledger"
)

func statesAreCounted(t *testing.T, dsn string) {
	store := openLedger(t, dsn)
	keys := numbered(7)
	record(t, store, at(1), shared("run-1", keys[:4])...)
	record(t, store, at(2), entry(ledger.Held, "run-1", keys[4]), entry(ledger.Held, "run-1", keys[5]))
	for state, want := range map[ledger.State]int{ledger.Shared: 4, ledger.Held: 2, ledger.Foreign: 0} {
		for atMost := range 6 {
			n, err := store.CountState(t.Context(), acme, state, atMost)
			require.NoError(t, err)
			require.Equal(t, min(want, atMost+1), n)
		}
	}
	n, err := store.CountState(t.Context(), "other", ledger.Shared, 10)
	require.NoError(t, err)
	require.Zero(t, n)
}
