package boot

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// These tests are inside the package for the state without HTTP, on synctest's clock.

func TestReadinessIsCheckedAgainButOnlyEveryFewSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		health := NewHealth()
		calls, failing := 0, errors.New("ledger: no such host")
		health.Ready(func(context.Context) error { calls++; return failing })
		for range 50 {
			require.Equal(t, "ledger: no such host", health.state())
		}
		require.Equal(t, 1, calls)

		failing = nil
		time.Sleep(checkEvery)
		require.Empty(t, health.state())
		require.Equal(t, 2, calls)

		failing = errors.New("ledger: gone again")
		require.Empty(t, health.state())
		time.Sleep(checkEvery)
		require.Equal(t, "ledger: gone again", health.state())
	})
}

func TestACheckThatHangsIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		health := NewHealth()
		health.Ready(func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		start := time.Now()
		require.Equal(t, context.DeadlineExceeded.Error(), health.state())
		require.Equal(t, checkTimeout, time.Since(start))
	})
}
