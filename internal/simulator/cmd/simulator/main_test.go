package main

import (
	"bufio"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/simulator"
)

func TestCommandPrintsItsAddressesAndStopsOnSIGTERM(t *testing.T) {
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run([]string{"--records", "50", "--indicators", "10", "--seed", "4"}, write, slog.New(slog.DiscardHandler))
	}()
	line, err := bufio.NewReader(read).ReadBytes('\n')
	require.NoError(t, err)
	var urls simulator.URLs
	require.NoError(t, json.Unmarshal(line, &urls))
	resp, err := http.Get(urls.Admin + "/expected")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)

	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGTERM))
	require.NoError(t, <-ended)
}

func TestCommandRefusesFlagsThatMakeNoSense(t *testing.T) {
	for _, args := range [][]string{
		{"--admin", "0.0.0.0:0"},
		{"--records", "10", "--indicators", "11"},
		{"--rate-limit", "-1"},
		{"--records", "many"},
		{"surplus"},
		{"--forward", "0.0.0.0:1025=mail.example:25"},
		{"--forward", "127.0.0.1:0"},
		{"--forward", "127.0.0.1:0=mail.example"},
	} {
		require.Error(t, run(args, io.Discard, slog.New(slog.DiscardHandler)), args)
	}
}
