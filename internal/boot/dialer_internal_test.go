package boot

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

var errRefused = errors.New("connection refused")

// These tests are inside the package for the dial function and run on synctest's clock, where half an hour takes no time.

func TestAnUnreachableServerIsLoggedAtOnceAndThenEvery30Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged strings.Builder
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
		defer cancel()
		reasons := 0
		d := dialer{
			log:     slog.New(slog.NewTextHandler(&logged, nil)),
			waiting: func(string) { reasons++ },
			dial:    func(context.Context, client.Options) (client.Client, error) { return nil, errRefused },
		}
		_, err := d.run(ctx, temporal{options: client.Options{HostPort: "temporal.example:7233"}})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, errRefused)

		lines := strings.Split(strings.TrimSpace(logged.String()), "\n")
		// An attempt every 5 seconds and a line with the first one 30 seconds after the last.
		require.InDelta(t, 60, len(lines), 10)
		for _, line := range lines {
			require.Contains(t, line, "address=temporal.example:7233")
			require.Contains(t, line, `cause="connection refused"`)
		}
		require.Greater(t, reasons, len(lines))
	})
}

func TestAttemptsSlowDownToOneIn5Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		start := time.Now()
		var at []time.Duration
		d := dialer{
			log:     slog.New(slog.DiscardHandler),
			waiting: func(string) {},
			dial: func(context.Context, client.Options) (client.Client, error) {
				at = append(at, time.Since(start))
				return nil, errRefused
			},
		}
		_, err := d.run(ctx, temporal{})
		require.Error(t, err)
		require.Equal(t, []time.Duration{
			0, 500 * time.Millisecond, 1500 * time.Millisecond, 3500 * time.Millisecond, 7500 * time.Millisecond,
			12500 * time.Millisecond, 17500 * time.Millisecond,
		}, at)
	})
}
