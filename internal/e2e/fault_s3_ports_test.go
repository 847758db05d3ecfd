//go:build e2e

package e2e_test

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The worker listens where THREATSHARE_LISTEN says and nowhere else, and shows there what is documented and nothing else.
func TestFault_S3_TheWorkerListensOnItsDeclaredPortOnly(t *testing.T) {
	w := newWorld(t, "--records", "300", "--indicators", "30")
	worker := w.startWorker()
	w.starter("start", "-f", w.settingsFile(both), "--wait")
	w.waitForRuns(shareTTPLogs, 1)
	require.Equal(t, []string{w.health}, listening(t, worker.PID()))
	require.True(t, netip.MustParseAddrPort(w.health).Addr().IsLoopback())
	for _, path := range []string{"/debug/pprof/", "/debug/vars", "/debug/pprof/goroutine", "/env", "/config", "/.env", "/actuator"} {
		require.Equal(t, http.StatusNotFound, w.get(path), path)
	}
	require.NoError(t, worker.Stop())

	silent := w.startWorker("THREATSHARE_LISTEN=off")
	w.sync(shareTTPLogs)
	require.Empty(t, listening(t, silent.PID()))
	require.NotContains(t, silent.Tail(100), "console closed", "nobody expects one where nothing listens")
}

// listening are the addresses that a process takes connections or datagrams at, as the kernel has them.
func listening(t *testing.T, pid int) []string {
	t.Helper()
	process := filepath.Join("/proc", strconv.Itoa(pid))
	descriptors, err := os.ReadDir(filepath.Join(process, "fd"))
	require.NoError(t, err, "this test reads /proc of Linux")
	sockets := map[string]bool{}
	for _, descriptor := range descriptors {
		target, err := os.Readlink(filepath.Join(process, "fd", descriptor.Name()))
		if errors.Is(err, os.ErrNotExist) {
			continue // closed meanwhile
		}
		require.NoError(t, err)
		if inode, is := strings.CutPrefix(target, "socket:["); is {
			sockets[strings.TrimSuffix(inode, "]")] = true
		}
	}
	require.NotEmpty(t, sockets, "it is connected to Temporal at least")
	var found []string
	// In state 0A a TCP socket listens; a UDP socket that is connected to nobody (07) takes datagrams from anybody.
	for table, state := range map[string]string{"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"} {
		text, err := os.ReadFile(filepath.Join(process, "net", table))
		if errors.Is(err, os.ErrNotExist) {
			continue // a machine without IPv6
		}
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) > 9 && fields[3] == state && sockets[fields[9]] {
				found = append(found, addressOf(t, fields[1]))
			}
		}
	}
	text, err := os.ReadFile(filepath.Join(process, "net", "unix"))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		// The flag 00010000 is that of a socket that listens.
		if fields := strings.Fields(line); len(fields) > 6 && fields[3] == "00010000" && sockets[fields[6]] {
			found = append(found, "unix "+strings.Join(fields[7:], " "))
		}
	}
	slices.Sort(found)
	return found
}

// addressOf reads an address as the kernel writes it: words of four bytes in the order of the machine, and the port.
func addressOf(t *testing.T, text string) string {
	t.Helper()
	host, port, found := strings.Cut(text, ":")
	require.True(t, found)
	raw, err := hex.DecodeString(host)
	require.NoError(t, err)
	for word := range slices.Chunk(raw, 4) {
		binary.BigEndian.PutUint32(word, binary.NativeEndian.Uint32(word))
	}
	address, is := netip.AddrFromSlice(raw)
	require.True(t, is)
	number, err := strconv.ParseUint(port, 16, 16)
	require.NoError(t, err)
	return fmt.Sprint(netip.AddrPortFrom(address.Unmap(), uint16(number)))
}
