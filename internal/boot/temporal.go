package boot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"
	"google.golang.org/grpc/codes"
)

const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = 5 * time.Second
	// quietTime is how long nothing more is logged about a server that is not reached.
	quietTime = 30 * time.Second
)

// DialTemporal connects to the Temporal server that the environment and the profile file name, as the Temporal CLI reads
// them (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_TLS_…, TEMPORAL_API_KEY, TEMPORAL_PROFILE, …).
//
// A server that is not reached is tried again until ctx ends; the error is then ctx's, with the last cause. Meanwhile
// waiting, unless it is nil, is given the reason after every failed attempt, and one line in 30 seconds is logged. What
// waiting cannot heal ends it at once, with what to change: settings that cannot be used, a certificate that the server or
// this client does not accept, an API key that is refused.
//
// The client logs through log. The caller closes it.
func DialTemporal(ctx context.Context, logger *slog.Logger, waiting func(reason string)) (client.Client, error) {
	server, err := readTemporal(envconfig.EnvLookupOS)
	if err != nil {
		return nil, err
	}
	server.options.Logger = log.NewStructuredLogger(logger)
	if waiting == nil {
		waiting = func(string) {}
	}
	d := dialer{log: logger, waiting: waiting, dial: client.DialContext}
	return d.run(ctx, server)
}

// TemporalReachable says whether the server behind an existing client serves requests: for /readyz.
func TemporalReachable(ctx context.Context, c client.Client) error {
	if _, err := c.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return fmt.Errorf("temporal: %w", err)
	}
	return nil
}

type dialer struct {
	log     *slog.Logger
	waiting func(reason string)
	dial    func(context.Context, client.Options) (client.Client, error)
}

func (d dialer) run(ctx context.Context, server temporal) (client.Client, error) {
	address := server.options.HostPort
	var lastLine time.Time
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		c, err := d.dial(ctx, server.options)
		if err == nil {
			if !lastLine.IsZero() {
				d.log.Info("temporal reached", "address", address)
			}
			return c, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("connect to temporal at %s: %w", address, errors.Join(ctx.Err(), err))
		}
		final, cause := diagnose(ctx, server, err)
		if final {
			return nil, fmt.Errorf("connect to temporal at %s: %w", address, cause)
		}
		d.waiting(fmt.Sprintf("temporal is not reached at %s: %v", address, cause))
		if now := time.Now(); lastLine.IsZero() || now.Sub(lastLine) >= quietTime {
			lastLine = now
			d.log.Warn("temporal not reached, trying again", "address", address, "cause", cause)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("connect to temporal at %s: %w", address, errors.Join(ctx.Err(), cause))
		case <-time.After(pause):
		}
	}
}

// diagnose finds out why a connection failed, and whether only a person can change that.
func diagnose(ctx context.Context, server temporal, err error) (final bool, cause error) {
	switch serviceerror.ToStatus(err).Code() {
	case codes.Unauthenticated, codes.PermissionDenied:
		return true, fmt.Errorf("the server refuses the credentials, check TEMPORAL_API_KEY and the client certificate: %w", err)
	default:
	}
	conn := server.options.ConnectionOptions
	if conn.TLS == nil || conn.TLSDisabled {
		return false, err
	}
	if final, refusal := handshake(ctx, server.options.HostPort, conn.TLS, server.files); refusal != nil {
		return final, refusal
	}
	return false, err
}
