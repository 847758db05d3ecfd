package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// The same files prove in internal/settings that each is refused with every problem, in words that name the line, the setting and
// what would be right. Here: a person gets those words behind the name of the file, exit code 2, and nobody is called.
func TestFault_P16_EveryBadSettingsFileIsRefusedBeforeAnythingIsContacted(t *testing.T) {
	called, stop := context.WithCancel(t.Context())
	connections := countedTemporal(t, stop)
	files, err := filepath.Glob("../internal/settings/testdata/bad/*.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 60)
	inLine := regexp.MustCompile(`(?m)^line (\d+): `)
	inAll := regexp.MustCompile(`(?m)^`)
	for _, file := range files {
		said, err := os.ReadFile(strings.TrimSuffix(file, ".yaml") + ".txt")
		require.NoError(t, err)
		lines := inLine.ReplaceAllString(strings.TrimSuffix(string(said), "\n"), "$1: ")
		want := inAll.ReplaceAllString(lines, file+":")
		want = regexp.MustCompile(regexp.QuoteMeta(file)+`:(\D)`).ReplaceAllString(want, file+": $1")
		for _, command := range []string{"start", "check"} {
			var out, errOut strings.Builder
			code := run(t.Context(), []string{command, "-f", file}, &app{in: strings.NewReader(""), out: &out, dial: dialTemporal}, &errOut)
			require.Equal(t, 2, code, file)
			require.Empty(t, out.String(), file)
			require.Equal(t, want+"\n", errOut.String())
		}
	}
	require.Zero(t, connections())

	var errOut strings.Builder
	good := &app{in: strings.NewReader(""), out: &strings.Builder{}, dial: dialTemporal}
	require.Equal(t, 1, run(called, []string{"start", "-f", "../examples/acme-both-ways.yaml"}, good, &errOut))
	require.Positive(t, connections(), "a good file is sent, or the count above proves nothing: %s", errOut.String())
}

// countedTemporal puts somebody where Temporal should be who hangs up, counts who connects, and says so.
func countedTemporal(t *testing.T, say func()) (connections func() int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var counted atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			counted.Add(1)
			say()
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		<-done
	})
	t.Setenv("TEMPORAL_ADDRESS", listener.Addr().String())
	t.Setenv("TEMPORAL_CONFIG_FILE", filepath.Join(t.TempDir(), "none.toml"))
	return counted.Load
}
