package boot_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/boot"
)

func TestTheProbeTellsWhetherTheProgramIsReadyAndWhyNot(t *testing.T) {
	health := boot.NewHealth()
	server, err := health.Serve(t.Context(), "127.0.0.1:0", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer server.Stop()
	require.EqualError(t, boot.CheckReady(t.Context(), server.Addr()), "starting")
	health.Waiting("temporal is not reached")
	require.EqualError(t, boot.CheckReady(t.Context(), server.Addr()), "temporal is not reached")
	health.Ready(func(context.Context) error { return nil })
	require.NoError(t, boot.CheckReady(t.Context(), server.Addr()))
}

func TestTheProbeFindsAProgramThatListensOnAllAddresses(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:0", "[::]:0", ":0"} {
		health := boot.NewHealth()
		server, err := health.Serve(t.Context(), listen, slog.New(slog.DiscardHandler))
		if err != nil && listen == "[::]:0" {
			t.Logf("NOT TESTED WITH IPv6, which this machine lacks: %v", err)
			continue
		}
		require.NoError(t, err)
		defer server.Stop()
		health.Ready(func(context.Context) error { return nil })
		host, _, err := net.SplitHostPort(listen)
		require.NoError(t, err)
		_, port, err := net.SplitHostPort(server.Addr())
		require.NoError(t, err)
		require.NoError(t, boot.CheckReady(t.Context(), net.JoinHostPort(host, port)), listen)
	}
}

func TestTheProbeFailsWhereNobodyListensOrSomebodyElse(t *testing.T) {
	free := freeAddress(t)
	require.ErrorContains(t, boot.CheckReady(t.Context(), free), free)
	for _, off := range []string{"", "off"} {
		require.ErrorContains(t, boot.CheckReady(t.Context(), off), "THREATSHARE_LISTEN")
	}
	for _, body := range []string{"", "<html>hello</html>", "{}"} {
		stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		require.ErrorContains(t, boot.CheckReady(t.Context(), stranger.Listener.Addr().String()), "something else listens there")
		stranger.Close()
	}
}

func TestTheProbeDoesNotWaitForAnAnswerThatDoesNotCome(t *testing.T) {
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	require.ErrorIs(t, boot.CheckReady(t.Context(), silent.Addr().String()), context.DeadlineExceeded)
}
