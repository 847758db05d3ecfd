package harness

import (
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// These tests are inside the package because the relay is a part of the cluster only.

// says listens and answers each connection with a word. A test can close it.
func says(t *testing.T, word string) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, word)
			_ = conn.Close()
		}
	}()
	return listener
}

func heard(t *testing.T, address string) (string, error) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	word, err := io.ReadAll(conn)
	return string(word), err
}

func TestARelayPrefersTheFirstAndGoesOnWithTheSecond(t *testing.T) {
	first, second := says(t, "first"), says(t, "second")
	r, err := startRelay(first.Addr().String(), second.Addr().String())
	require.NoError(t, err)
	defer r.stop()
	word, err := heard(t, r.address)
	require.NoError(t, err)
	require.Equal(t, "first", word)

	require.NoError(t, first.Close())
	word, err = heard(t, r.address)
	require.NoError(t, err)
	require.Equal(t, "second", word)

	require.NoError(t, second.Close())
	word, _ = heard(t, r.address) // it is hung up on, in one way or another
	require.Empty(t, word)
}

func TestARelayThatIsStoppedTakesNobody(t *testing.T) {
	r, err := startRelay(says(t, "word").Addr().String())
	require.NoError(t, err)
	r.stop()
	_, err = heard(t, r.address)
	require.Error(t, err)
}
