package vendorapi_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

// slowly is a server at the other end of a connection without a network, which does as a test says with each request.
type slowly struct {
	answer func(number int64, conn net.Conn)
	calls  atomic.Int64
}

// dial gives a connection whose other end reads requests and answers them.
func (s *slowly) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		reader := bufio.NewReader(theirs)
		for {
			req, err := http.ReadRequest(reader)
			if err != nil {
				return
			}
			if _, err := io.Copy(io.Discard, req.Body); err != nil {
				return
			}
			if strings.HasSuffix(req.URL.Path, "/token") {
				body := `{"access_token":"` + tokenName(1) + `","expires_in":1800}`
				_, _ = fmt.Fprintf(theirs, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
				continue
			}
			s.answer(s.calls.Add(1), theirs)
		}
	}()
	return ours, nil
}

// drip writes a byte a second for as long as somebody reads.
func drip(conn net.Conn, text string) {
	for i := range text {
		if _, err := conn.Write([]byte{text[i]}); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

const (
	goodHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
	goodCall = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}"
)

// The product's own time-outs, by a clock that does not wait: a vendor that dawdles in any way holds a call for a minute at most,
// and no other call at all.
func TestFault_V9_NoRequestTakesMoreThanAMinuteAndTheOthersGoOn(t *testing.T) {
	for how, row := range map[string]struct {
		answer func(conn net.Conn)
		most   time.Duration
	}{
		"nothing at all":              {func(net.Conn) { time.Sleep(time.Hour) }, 30 * time.Second},
		"a byte of the head a second": {func(conn net.Conn) { drip(conn, goodHead+strings.Repeat(" ", 1000)) }, 30 * time.Second},
		"a byte of the body a second": {func(conn net.Conn) { _, _ = io.WriteString(conn, goodHead); drip(conn, strings.Repeat(" ", 1000)) }, time.Minute},
		"half of the body": {func(conn net.Conn) {
			_, _ = io.WriteString(conn, goodHead+strings.Repeat(" ", 500))
			time.Sleep(time.Hour)
		}, time.Minute},
		"a head that never comes to an end": {func(conn net.Conn) {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
			for range 3600 {
				if _, err := io.WriteString(conn, "X-More: and more\r\n"); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}, 30 * time.Second},
	} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &slowly{}
				s.answer = func(number int64, conn net.Conn) {
					if number == 1 {
						row.answer(conn)
						return
					}
					_, _ = io.WriteString(conn, goodCall)
				}
				client := vendorapi.NewHTTPClient()
				transport, ok := client.Transport.(*http.Transport)
				require.True(t, ok)
				transport.DialContext = s.dial
				c := (&vendor{Server: &httptest.Server{URL: "http://localhost"}}).clientWith(t, vendorapi.Config{HTTP: client})
				began := time.Now()
				done := make(chan error)
				go func() { done <- get(t.Context(), c) }()
				synctest.Wait()
				for range 5 {
					require.NoError(t, get(t.Context(), c), "another call is not held up")
				}
				require.Less(t, time.Since(began), time.Second)
				failure := refused(t, <-done)
				require.Equal(t, vendorapi.Unavailable, failure.Class)
				require.Equal(t, row.most, time.Since(began))
				client.CloseIdleConnections()
				time.Sleep(2 * time.Hour) // until the other end has given up as well
			})
		})
	}
}

// A server that is reached and does not say a word of TLS.
func TestFault_V9_AHandshakeTakesFiveSecondsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := vendorapi.NewHTTPClient()
		transport, ok := client.Transport.(*http.Transport)
		require.True(t, ok)
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, theirs) }()
			return ours, nil
		}
		c := (&vendor{Server: &httptest.Server{URL: "https://vendor.example"}}).clientWith(t, vendorapi.Config{HTTP: client})
		began := time.Now()
		require.Equal(t, vendorapi.Unavailable, refused(t, get(t.Context(), c)).Class)
		require.Equal(t, 5*time.Second, time.Since(began))
	})
}

// Ten gigabytes come as ten megabytes. What is unpacked is counted, not what comes.
func TestFault_V10_AnAnswerThatUnpacksToGigabytesIsLeftAtSixteenMebibytes(t *testing.T) {
	v := newVendor(t)
	c := v.client(t)
	written := make(chan int64, 1)
	v.call = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		packed := gzip.NewWriter(w)
		blanks := make([]byte, 1<<20)
		for i := range blanks {
			blanks[i] = ' '
		}
		n := int64(0)
		for ; n < 10_000; n++ {
			if _, err := packed.Write(blanks); err != nil {
				break
			}
		}
		written <- n
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	failure := refused(t, get(t.Context(), c))
	runtime.ReadMemStats(&after)
	require.Equal(t, vendorapi.Contract, failure.Class)
	require.Contains(t, failure.Message, "larger than 16 MiB")
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(160<<20), "bytes allocated, of which the body's buffer as it grows is the most")
	require.Less(t, <-written, int64(10_000), "the rest is not taken")
}
