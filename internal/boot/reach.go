package boot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = 5 * time.Second
	// quietTime is how long nothing more is logged about a server that is not reached.
	quietTime = 30 * time.Second
)

// Reach makes attempts to reach a server that a program cannot do without, until one succeeds, or fails for a reason that
// waiting does not heal (final): then that is the error. When ctx ends, the error is ctx's with the last cause.
//
// Meanwhile waiting, unless it is nil, is given the reason after every failed attempt, and one line in 30 seconds is logged.
// Both hold server, which names the server, and the error of the attempt: neither may hold a secret.
func Reach(
	ctx context.Context, logger *slog.Logger, server string, waiting func(reason string),
	attempt func(context.Context) (final bool, err error),
) error {
	var lastLine time.Time
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		final, err := attempt(ctx)
		switch {
		case err == nil:
			if !lastLine.IsZero() {
				logger.Info("server reached", "server", server)
			}
			return nil
		case ctx.Err() != nil:
			return errors.Join(ctx.Err(), err)
		case final:
			return err
		}
		if waiting != nil {
			waiting(fmt.Sprintf("%s is not reached: %v", server, err))
		}
		if now := time.Now(); lastLine.IsZero() || now.Sub(lastLine) >= quietTime {
			lastLine = now
			logger.Warn("server not reached, trying again", "server", server, "cause", err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(pause):
		}
	}
}
