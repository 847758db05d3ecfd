package ledger_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/ledger/pgtest"
)

func TestADatabaseThatIsNotReachedIsWorthWaitingFor(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	free := listener.Addr().String()
	require.NoError(t, listener.Close())
	for name, address := range map[string]string{
		"nobody listens":        free,
		"hangs up":              answering(t, nil),
		"starting":              answering(t, refusal("57P03", "the database system is starting up")),
		"stopping":              answering(t, refusal("57P01", "terminating connection due to administrator command")),
		"full":                  answering(t, refusal("53300", "sorry, too many clients already")),
		"a pooler's connection": answering(t, refusal("08006", "server closed the connection")),
		"unknown host":          "ledger.invalid:5432",
	} {
		_, err := ledger.Open(t.Context(), "postgres://app:canary@"+address+"/ledger?sslmode=disable&connect_timeout=5")
		require.Error(t, err, name)
		require.True(t, ledger.Unreachable(err), "%s: %v", name, err)
		require.NotContains(t, err.Error(), "canary")
	}
}

func TestWhatAPersonHasToPutRightIsNotWaitedFor(t *testing.T) {
	for name, dsn := range map[string]string{
		"no address":          "mysql://localhost/ledger",
		"unreadable":          "postgres://app:can#ary@127.0.0.1/ledger",
		"no certificate file": "postgres://app@127.0.0.1:1/ledger?sslmode=verify-ca&sslrootcert=/missing/root.pem",
		"no directory":        "sqlite:" + filepath.Join(t.TempDir(), "missing", "ledger.db"),
		"not allowed in":      "postgres://app@" + answering(t, refusal("28000", "no pg_hba.conf entry")) + "/ledger?sslmode=disable",
		"encryption refused":  "postgres://app@" + answering(t, []byte("N")) + "/ledger?sslmode=require",
		"too old a server":    "postgres://app@" + answering(t, refusal("0A000", "unsupported frontend protocol")) + "/ledger?sslmode=disable",
	} {
		_, err := ledger.Open(t.Context(), dsn)
		require.Error(t, err, name)
		require.False(t, ledger.Unreachable(err), "%s: %v", name, err)
	}
}

func TestPostgreSQLsOwnRefusalsAreNotWaitedFor(t *testing.T) {
	dsn := pgtest.Start(t).Database(t)
	unknown, err := url.Parse(dsn)
	require.NoError(t, err)
	unknown.Path = "/unknown"
	for text, address := range map[string]string{
		"does not exist":                 unknown.String(),
		"password authentication failed": strings.Replace(dsn, "canary-of-pgtest", "canary-of-nobody", 1),
	} {
		_, err := ledger.Open(t.Context(), address)
		require.ErrorContains(t, err, text)
		require.False(t, ledger.Unreachable(err), "%v", err)
	}
}

// answering listens, and gives every connection the same answer to its first message.
func answering(t *testing.T, answer []byte) (address string) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			var size [4]byte
			if _, err := io.ReadFull(conn, size[:]); err == nil {
				_, _ = io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint32(size[:]))-4)
				_, _ = conn.Write(answer)
			}
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return listener.Addr().String()
}

// refusal is PostgreSQL's message ErrorResponse.
func refusal(code, text string) []byte {
	fields := fmt.Sprintf("SFATAL\x00VFATAL\x00C%s\x00M%s\x00\x00", code, text)
	return append(binary.BigEndian.AppendUint32([]byte("E"), uint32(len(fields)+4)), fields...)
}
