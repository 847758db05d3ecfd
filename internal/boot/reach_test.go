package boot_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/boot"
)

var errRefused = errors.New("connection refused")

// These tests run on synctest's clock, where half an hour takes no time.

func TestFault_P5_AnUnreachableServerIsLoggedAtOnceAndThenEvery30Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged strings.Builder
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
		defer cancel()
		var reasons []string
		err := boot.Reach(ctx, slog.New(slog.NewTextHandler(&logged, nil)), "temporal at temporal.example:7233",
			func(reason string) { reasons = append(reasons, reason) },
			func(context.Context) (bool, error) { return false, errRefused })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, errRefused)

		lines := strings.Split(strings.TrimSpace(logged.String()), "\n")
		// An attempt every 5 seconds and a line with the first one 30 seconds after the last.
		require.InDelta(t, 60, len(lines), 10)
		for _, line := range lines {
			require.Contains(t, line, `server="temporal at temporal.example:7233"`)
			require.Contains(t, line, `cause="connection refused"`)
		}
		require.Greater(t, len(reasons), len(lines))
		require.Equal(t, "temporal at temporal.example:7233 is not reached: connection refused", reasons[0])
	})
}

func TestAttemptsSlowDownToOneIn5Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		start := time.Now()
		var at []time.Duration
		err := boot.Reach(ctx, slog.New(slog.DiscardHandler), "the ledger", nil, func(context.Context) (bool, error) {
			at = append(at, time.Since(start))
			return false, errRefused
		})
		require.Error(t, err)
		require.Equal(t, []time.Duration{
			0, 500 * time.Millisecond, 1500 * time.Millisecond, 3500 * time.Millisecond, 7500 * time.Millisecond,
			12500 * time.Millisecond, 17500 * time.Millisecond,
		}, at)
	})
}

func TestWhatWaitingCannotHealEndsItAtOnce(t *testing.T) {
	tries := 0
	err := boot.Reach(t.Context(), slog.New(slog.DiscardHandler), "the ledger", neverWaiting(t), func(context.Context) (bool, error) {
		tries++
		return true, errRefused
	})
	require.ErrorIs(t, err, errRefused)
	require.Equal(t, 1, tries)
}
