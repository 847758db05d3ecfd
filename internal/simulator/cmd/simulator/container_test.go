package main

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/simulator"
)

// These tests are inside the package because the program exports nothing.

func TestAProbeTellsWhetherASimulatorAnswers(t *testing.T) {
	sim, err := simulator.Start(t.Context(), simulator.Options{})
	require.NoError(t, err)
	admin := strings.TrimPrefix(sim.URLs.Admin, "http://")
	ask := func() error {
		return run([]string{"-probe", "-admin", admin}, io.Discard, slog.New(slog.DiscardHandler))
	}
	require.NoError(t, ask())
	require.NoError(t, sim.Close(t.Context()))
	require.ErrorContains(t, ask(), "probe")

	another := httptest.NewServer(http.NotFoundHandler())
	defer another.Close()
	require.EqualError(t, probe(t.Context(), another.Listener.Addr().String()), "probe: 404 Not Found")
}

func TestAConnectionIsHandedOnBothWays(t *testing.T) {
	behind, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer behind.Close()
	go func() {
		conn, err := behind.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		said, _ := io.ReadAll(io.LimitReader(conn, 5))
		_, _ = conn.Write(append([]byte("heard "), said...))
	}()

	reserved, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	from := reserved.Addr().String()
	require.NoError(t, reserved.Close())
	var p passage
	require.NoError(t, p.Set(from+"="+behind.Addr().String()))
	require.NoError(t, p.open(t.Context(), slog.New(slog.DiscardHandler)))

	conn, err := net.Dial("tcp", from)
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("hello"))
	require.NoError(t, err)
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Equal(t, "heard hello", string(answer))
}
