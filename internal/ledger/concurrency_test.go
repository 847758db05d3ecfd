package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

const processKeys = 100

func racingOpens(t *testing.T, dsn string) {
	stores := make([]*ledger.Store, 6)
	var workers errgroup.Group
	for i := range stores {
		workers.Go(func() error {
			var err error
			stores[i], err = ledger.Open(t.Context(), dsn)
			return err
		})
	}
	require.NoError(t, workers.Wait())
	for i, store := range stores {
		record(t, store, at(i), entry(ledger.Shared, "run-1", domain("same.example")))
	}
	for _, store := range stores {
		require.Equal(t, at(0), find(t, store, domain("same.example")).ChangedAt)
		require.NoError(t, store.Close())
	}
}

// Only at the first start of several processes do both of the waits meet that SQLite leaves to its users, and not each time.
func TestWorkersMayMakeTheSQLiteFileAtTheSameTime(t *testing.T) {
	for range 4 {
		dsn := "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")
		var workers errgroup.Group
		for range 8 {
			workers.Go(func() error {
				store, err := ledger.Open(t.Context(), dsn)
				if err != nil {
					return err
				}
				return store.Close()
			})
		}
		require.NoError(t, workers.Wait())
	}
}

func concurrentStores(t *testing.T, dsn string) {
	stores := []*ledger.Store{openLedger(t, dsn), openLedger(t, dsn)}
	keys := numbered(400)
	var workers errgroup.Group
	for worker := range 8 {
		workers.Go(func() error {
			shuffled := slices.Clone(keys)
			rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			state := ledger.Held
			if worker%2 == 0 {
				state = ledger.Shared
			}
			for chunk := range slices.Chunk(shuffled, 100) {
				var entries []ledger.Entry
				for _, key := range chunk {
					// Two lists, so that a transaction takes two locks.
					e := entry(state, fmt.Sprintf("run-%d", worker), key)
					back := e
					back.List = ledger.BYOTI
					entries = append(entries, e, back)
				}
				if err := stores[worker%2].Record(t.Context(), at(worker), entries); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, workers.Wait())

	for _, list := range []ledger.List{ledger.FalconIOCs, ledger.BYOTI} {
		found, err := stores[0].Lookup(t.Context(), acme, list, keys)
		require.NoError(t, err)
		require.Len(t, found, len(keys))
		for _, e := range found {
			require.Equal(t, ledger.Shared, e.State, "a held one that came later replaced it")
		}
		counted := 0
		for worker := range 8 {
			counts, err := stores[1].Summary(t.Context(), acme, fmt.Sprintf("run-%d", worker))
			require.NoError(t, err)
			for _, c := range counts {
				if c.List == list {
					counted += c.N
				}
			}
		}
		require.Equal(t, len(keys), counted, "every entry counts for exactly one run")
	}
}

// A recording writes whole rows: what was marked between its reading and its writing would be lost.
func concurrentMarks(t *testing.T, dsn string) {
	stores := []*ledger.Store{openLedger(t, dsn), openLedger(t, dsn)}
	keys := numbered(120)
	record(t, stores[0], at(0), shared("run-0", keys)...)
	var workers errgroup.Group
	workers.Go(func() error {
		for minute := 1; minute <= 6; minute++ {
			entries := shared("run-1", keys)
			for i := range entries {
				entries[i].VendorID = fmt.Sprintf("id-%d", minute)
			}
			if err := stores[0].Record(t.Context(), at(minute), entries); err != nil {
				return err
			}
		}
		return nil
	})
	marked := make([]int, 2)
	for worker := range marked {
		workers.Go(func() error {
			for chunk := range slices.Chunk(keys, 15) {
				why := make(map[indicator.Key]indicator.Reason)
				for i, key := range chunk {
					why[key] = indicator.Reason(fmt.Sprintf("reason-%d", i%3))
				}
				n, err := stores[1].MarkDue(t.Context(), at(worker), acme, ledger.FalconIOCs, why)
				if err != nil {
					return err
				}
				marked[worker] += n
			}
			return nil
		})
	}
	require.NoError(t, workers.Wait())
	require.Equal(t, len(keys), marked[0]+marked[1], "each is marked by one")
	due, total, err := stores[0].Due(t.Context(), acme, []ledger.List{ledger.FalconIOCs}, at(0), len(keys))
	require.NoError(t, err)
	require.Equal(t, len(keys), total)
	for _, e := range due {
		require.Equal(t, "id-6", e.VendorID)
	}
}

func otherProcesses(t *testing.T, dsn string) {
	program, err := os.Executable()
	require.NoError(t, err)
	var processes errgroup.Group
	for range 2 {
		processes.Go(func() error {
			command := exec.CommandContext(t.Context(), program)
			command.Env = append(os.Environ(), writerAddress+"="+dsn)
			if output, err := command.CombinedOutput(); err != nil {
				return fmt.Errorf("%w: %s", err, output)
			}
			return nil
		})
	}
	store := openLedger(t, dsn)
	for _, key := range numbered(processKeys) {
		record(t, store, at(1), shared("this-process", []indicator.Key{key})...)
	}
	require.NoError(t, processes.Wait())
	found, err := store.Lookup(t.Context(), acme, ledger.FalconIOCs, numbered(processKeys))
	require.NoError(t, err)
	require.Len(t, found, processKeys)
}
