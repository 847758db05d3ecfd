package boot_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/threatshare/threatshare/internal/boot"
)

func TestAServerThatComesLateIsReached(t *testing.T) {
	address := freeAddress(t)
	environment(t, "TEMPORAL_ADDRESS", address)
	var logged bytes.Buffer
	var once sync.Once
	var reasons []string
	c, err := boot.DialTemporal(t.Context(), slog.New(slog.NewTextHandler(&logged, nil)), func(reason string) {
		reasons = append(reasons, reason)
		once.Do(func() { serve(t, address, nil) })
	}, nil)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, boot.TemporalReachable(t.Context(), c))
	require.NotEmpty(t, reasons)
	require.Contains(t, reasons[0], address)
	require.Contains(t, reasons[0], "connection refused")
	require.Equal(t, 1, strings.Count(logged.String(), "server not reached"))
	require.Contains(t, logged.String(), "server reached")
}

func TestDialingEndsWithItsContext(t *testing.T) {
	environment(t, "TEMPORAL_ADDRESS", freeAddress(t))
	ctx, cancel := context.WithCancel(t.Context())
	_, err := boot.DialTemporal(ctx, slog.New(slog.DiscardHandler), func(string) { cancel() }, nil)
	require.ErrorIs(t, err, context.Canceled)
}

func TestAServerThatGoesAwayIsNoLongerReachable(t *testing.T) {
	address := freeAddress(t)
	environment(t, "TEMPORAL_ADDRESS", address)
	server := serve(t, address, nil)
	c, err := boot.DialTemporal(t.Context(), slog.New(slog.DiscardHandler), nil, nil)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, boot.TemporalReachable(t.Context(), c))

	server.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	require.ErrorContains(t, boot.TemporalReachable(ctx, c), "temporal: ")
}

func TestRefusedCredentialsEndTheWait(t *testing.T) {
	for _, code := range []codes.Code{codes.Unauthenticated, codes.PermissionDenied} {
		address := freeAddress(t)
		environment(t, "TEMPORAL_ADDRESS", address)
		serve(t, address, status.Error(code, "no such key"))
		_, err := boot.DialTemporal(t.Context(), slog.New(slog.DiscardHandler), neverWaiting(t), nil)
		require.ErrorContains(t, err, "TEMPORAL_API_KEY", code)
	}
}

func TestSettingsThatCannotBeUsedAreFinalAndNamed(t *testing.T) {
	folder := t.TempDir()
	noPEM := filepath.Join(folder, "no.pem")
	require.NoError(t, os.WriteFile(noPEM, []byte("not a certificate"), 0o600))
	missing := filepath.Join(folder, "missing.pem")
	badTOML := filepath.Join(folder, "bad.toml")
	require.NoError(t, os.WriteFile(badTOML, []byte("profile = ["), 0o600))

	for name, c := range map[string]struct {
		variables []string
		says      []string
	}{
		"CA missing": {
			[]string{"TEMPORAL_TLS_SERVER_CA_CERT_PATH", missing},
			[]string{"TEMPORAL_TLS_SERVER_CA_CERT_PATH", missing, "no such file"},
		},
		"CA is none": {
			[]string{"TEMPORAL_TLS_SERVER_CA_CERT_PATH", noPEM},
			[]string{"TEMPORAL_TLS_SERVER_CA_CERT_PATH", noPEM, "no certificate"},
		},
		"client certificate without key": {
			[]string{"TEMPORAL_TLS_CLIENT_CERT_PATH", noPEM},
			[]string{"TEMPORAL_TLS_CLIENT_CERT_PATH", "TEMPORAL_TLS_CLIENT_KEY_PATH"},
		},
		"client certificate is none": {
			[]string{"TEMPORAL_TLS_CLIENT_CERT_PATH", noPEM, "TEMPORAL_TLS_CLIENT_KEY_PATH", noPEM},
			[]string{"TEMPORAL_TLS_CLIENT_CERT_PATH", noPEM, "PEM"},
		},
		"address without port": {
			[]string{"TEMPORAL_ADDRESS", "temporal.example"},
			[]string{"TEMPORAL_ADDRESS", `"temporal.example"`},
		},
		"unknown profile": {
			[]string{"TEMPORAL_PROFILE", "nowhere"},
			[]string{"nowhere"},
		},
		"profile file is no TOML": {
			[]string{"TEMPORAL_CONFIG_FILE", badTOML},
			[]string{badTOML},
		},
	} {
		t.Run(name, func(t *testing.T) {
			environment(t, c.variables...)
			_, err := boot.DialTemporal(t.Context(), slog.New(slog.DiscardHandler), neverWaiting(t), nil)
			for _, part := range c.says {
				require.ErrorContains(t, err, part)
			}
		})
	}
}

// environment sets variables, given as name and value in turn, and keeps the machine's own profile file out.
func environment(t *testing.T, variables ...string) {
	t.Helper()
	t.Setenv("TEMPORAL_CONFIG_FILE", filepath.Join(t.TempDir(), "none.toml"))
	for i := 0; i < len(variables); i += 2 {
		t.Setenv(variables[i], variables[i+1])
	}
}

func neverWaiting(t *testing.T) func(string) {
	t.Helper()
	return func(reason string) { t.Errorf("waits although time cannot heal it: %s", reason) }
}

// freeAddress is a loopback address that nothing listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

// frontend is as much of a Temporal server as a client asks for when it connects.
type frontend struct {
	workflowservice.UnimplementedWorkflowServiceServer

	refusal error
}

func (f frontend) GetSystemInfo(
	context.Context, *workflowservice.GetSystemInfoRequest,
) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{}, f.refusal
}

// serve listens until the test ends. It is called from within callbacks too and so does not end the test by itself.
func serve(t *testing.T, address string, refusal error, options ...grpc.ServerOption) *grpc.Server {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(context.WithoutCancel(t.Context()), "tcp", address)
	if err != nil {
		t.Errorf("listen on %s: %v", address, err)
		return nil
	}
	server := grpc.NewServer(options...)
	workflowservice.RegisterWorkflowServiceServer(server, frontend{refusal: refusal})
	state := health.NewServer()
	state.SetServingStatus("temporal.api.workflowservice.v1.WorkflowService", healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(server, state)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Errorf("serve: %v", err)
		}
	}()
	t.Cleanup(func() { server.Stop(); <-done })
	return server
}
