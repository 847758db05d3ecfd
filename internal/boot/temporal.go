package boot

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"
	"google.golang.org/grpc/codes"
)

// DialTemporal connects to the Temporal server that the environment and the profile file name, as the Temporal CLI reads
// them (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_TLS_…, TEMPORAL_API_KEY, TEMPORAL_PROFILE, …).
//
// A server that is not reached is waited for as Reach does, waiting being told of it. What waiting cannot heal ends it at
// once, with what to change: settings that cannot be used, a certificate that the server or this client does not accept, an
// API key that is refused.
//
// Payloads are encrypted and decrypted with the keys of CodecKeys; keys that cannot be read are an error.
//
// The client logs through logger and counts in metrics, which may be nil. The caller closes it.
func DialTemporal(
	ctx context.Context, logger *slog.Logger, waiting func(reason string), metrics client.MetricsHandler,
) (client.Client, error) {
	server, err := readTemporal(envconfig.EnvLookupOS)
	if err != nil {
		return nil, err
	}
	keys, err := CodecKeys()
	if err != nil {
		return nil, err
	}
	keys.Use(&server.options)
	server.options.Logger, server.options.MetricsHandler = log.NewStructuredLogger(logger), metrics
	return server.reach(ctx, logger, waiting, client.DialContext)
}

// TemporalNamespace is the namespace that DialTemporal connects to.
func TemporalNamespace() (string, error) {
	server, err := readTemporal(envconfig.EnvLookupOS)
	return cmp.Or(server.options.Namespace, client.DefaultNamespace), err
}

// TemporalReachable says whether the server behind an existing client serves requests: for /readyz.
func TemporalReachable(ctx context.Context, c client.Client) error {
	if _, err := c.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return fmt.Errorf("temporal: %w", err)
	}
	return nil
}

type dial func(context.Context, client.Options) (client.Client, error)

func (t temporal) reach(ctx context.Context, logger *slog.Logger, waiting func(string), dial dial) (client.Client, error) {
	address := t.options.HostPort
	var c client.Client
	err := Reach(ctx, logger, "temporal at "+address, waiting, func(ctx context.Context) (final bool, err error) {
		if c, err = dial(ctx, t.options); err == nil || ctx.Err() != nil {
			return false, err
		}
		return diagnose(ctx, t, err)
	})
	if err != nil {
		return nil, fmt.Errorf("connect to temporal at %s: %w", address, err)
	}
	return c, nil
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
