package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/boot"
)

// reachTime is how long the Temporal server is tried: long enough for one that is just starting.
const reachTime = 8 * time.Second

// dialTemporal connects as the worker does, which keeps both and the Temporal CLI on the same server.
func dialTemporal(ctx context.Context, address, namespace string) (client.Client, error) {
	for name, value := range map[string]string{"TEMPORAL_ADDRESS": address, "TEMPORAL_NAMESPACE": namespace} {
		if value == "" {
			continue
		}
		// The flags come first, and everything that reads how Temporal is reached reads the environment.
		if err := os.Setenv(name, value); err != nil {
			return nil, fmt.Errorf("set %s: %w", name, err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	reason := ""
	c, err := boot.DialTemporal(ctx, slog.New(slog.DiscardHandler), func(why string) { reason = why }, nil)
	switch {
	case err == nil:
		return c, nil
	case errors.Is(err, context.DeadlineExceeded) && reason != "":
		return nil, notDone("%s\nis the server running? its address comes from --address or TEMPORAL_ADDRESS", reason)
	default:
		return nil, notDone("%w", err)
	}
}

// withTemporal connects, calls do and disconnects.
func (a *app) withTemporal(ctx context.Context, do func(ctx context.Context, c client.Client) error) error {
	c, err := a.dial(ctx, a.address, a.namespace)
	if err != nil {
		return err
	}
	defer c.Close()
	return do(ctx, c)
}
