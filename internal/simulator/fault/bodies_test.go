package fault_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/simulator/fault"
)

func TestTruncateAnswersHalfOfTheBodyAsIfThatWereAll(t *testing.T) {
	s := newStage(t, fault.Falcon)
	s.add(fault.Rule{Kind: fault.Truncate})
	resp, body, err := s.call("/x")
	require.NoError(t, err, "a good message")
	require.Equal(t, int64(len(answer)/2), resp.ContentLength)
	require.Equal(t, answer[:len(answer)/2], body)
	require.Equal(t, "application/json", resp.Header.Get("Content-Type"))
	require.Equal(t, int64(1), s.handled.Load())
}

func TestStallAnswersHalfOfTheBodyAndThenKeepsTheCallerWaiting(t *testing.T) {
	s := newStage(t, fault.Falcon)
	s.add(fault.Rule{Kind: fault.Stall, DelayMS: 20})
	began := time.Now()
	resp, body, err := s.call("/x")
	require.ErrorIs(t, err, syscall.ECONNRESET)
	require.GreaterOrEqual(t, time.Since(began), 20*time.Millisecond)
	require.Equal(t, int64(len(answer)), resp.ContentLength)
	require.Equal(t, answer[:len(answer)/2], body)
	require.Equal(t, int64(1), s.handled.Load())
}

func TestBloatAddsBlanksToTheAnswerAndAGzipBombPacksThem(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Bloat, fault.GzipBomb} {
		s := newStage(t, fault.Mimecast)
		s.add(fault.Rule{Kind: kind, MiB: 3})
		_, body, err := s.call("/x")
		require.NoError(t, err, kind)
		require.Equal(t, answer+strings.Repeat(" ", 3<<20), body, kind)
	}
	s := newStage(t, fault.Mimecast)
	s.add(fault.Rule{Kind: fault.GzipBomb, MiB: 100})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	resp, err := client.Post(s.url+"/x", "application/json", strings.NewReader("{}"))
	require.NoError(t, err)
	defer resp.Body.Close()
	wire, err := io.Copy(io.Discard, resp.Body)
	require.NoError(t, err)
	require.Less(t, wire, int64(1<<20), "bytes on the wire")
}

func TestRevokeMakesTheVendorsTokensBadAndLetsFurtherRulesApply(t *testing.T) {
	var revoked atomic.Value
	s := newStage(t, fault.Falcon, func(o *fault.Options) { o.Revoke = func(vendor string) { revoked.Store(vendor) } })
	s.add(fault.Rule{Kind: fault.Revoke, After: 1, Count: 1}, fault.Rule{Path: "/bad", Kind: fault.Status, Status: 500})
	require.Equal(t, http.StatusOK, s.status("/good"))
	require.Nil(t, revoked.Load())
	require.Equal(t, http.StatusInternalServerError, s.status("/bad"))
	require.Equal(t, fault.Falcon, revoked.Load())
}
