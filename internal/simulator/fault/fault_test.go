package fault_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/simulator/fault"
)

const answer = `{"data":["0123456789","0123456789"]}`

// stage is a vendor that counts what reaches it, behind a Front with a clock that stands still.
type stage struct {
	t       *testing.T
	front   *fault.Front
	url     string
	handled atomic.Int64

	mu  sync.Mutex
	now time.Time
}

func newStage(t *testing.T, vendor string, change ...func(*fault.Options)) *stage {
	t.Helper()
	s := &stage{t: t, now: time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC)}
	opts := fault.Options{Seed: 3, Now: func() time.Time {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.now
	}}
	for _, c := range change {
		c(&opts)
	}
	s.front = fault.New(opts)
	server := httptest.NewServer(s.front.Wrap(vendor, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.handled.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	})))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *stage) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func (s *stage) add(rules ...fault.Rule) {
	s.t.Helper()
	require.NoError(s.t, s.front.Add(rules...))
}

// got is what came of a call.
type got struct {
	StatusCode    int
	Header        http.Header
	ContentLength int64
}

func (s *stage) call(path string) (got, string, error) {
	s.t.Helper()
	// A transport of its own: the standard one repeats a request on a connection that was reset.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Post(s.url+path, "application/json", strings.NewReader("{}"))
	if err != nil {
		return got{}, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return got{resp.StatusCode, resp.Header, resp.ContentLength}, string(body), err
}

func (s *stage) status(path string) int {
	s.t.Helper()
	resp, _, err := s.call(path)
	require.NoError(s.t, err)
	return resp.StatusCode
}

func TestResetBeforeLeavesTheVendorUntouchedAndResetAfterDoesNot(t *testing.T) {
	for kind, handled := range map[fault.Kind]int64{fault.ResetBefore: 0, fault.ResetAfter: 1} {
		s := newStage(t, fault.Mimecast)
		s.add(fault.Rule{Kind: kind, Count: 1})
		_, _, err := s.call("/api/x")
		require.ErrorIs(t, err, syscall.ECONNRESET, kind)
		require.Equal(t, handled, s.handled.Load(), kind)
		require.Equal(t, http.StatusOK, s.status("/api/x"), kind)
	}
}

func TestCutAnswersHalfOfTheBodyWithItsFullLength(t *testing.T) {
	s := newStage(t, fault.Falcon)
	s.add(fault.Rule{Kind: fault.Cut})
	resp, body, err := s.call("/x")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, int64(len(answer)), resp.ContentLength)
	require.Equal(t, answer[:len(answer)/2], body)
	require.Equal(t, int64(1), s.handled.Load())
}

func TestStatusHTMLAndEmptyAnswerInsteadOfTheVendor(t *testing.T) {
	s := newStage(t, fault.Mimecast)
	s.add(
		fault.Rule{Path: "/status", Kind: fault.Status, Status: 503},
		fault.Rule{Path: "/body", Kind: fault.Status, Status: 200, Body: `{"fail":[]}`, Headers: map[string]string{"X-Extra": "1"}},
		fault.Rule{Path: "/html", Kind: fault.HTML},
		fault.Rule{Path: "/empty", Kind: fault.Empty},
	)
	resp, body, err := s.call("/status")
	require.NoError(t, err)
	require.Equal(t, 503, resp.StatusCode)
	require.Contains(t, body, `"fail"`)
	resp, body, err = s.call("/body")
	require.NoError(t, err)
	require.JSONEq(t, `{"fail":[]}`, body)
	require.Equal(t, "1", resp.Header.Get("X-Extra"))
	resp, body, err = s.call("/html")
	require.NoError(t, err)
	require.Equal(t, 502, resp.StatusCode)
	require.Contains(t, resp.Header.Get("Content-Type"), "text/html")
	require.Contains(t, body, "<title>502 Bad Gateway</title>")
	_, body, err = s.call("/empty")
	require.NoError(t, err)
	require.Empty(t, body)
	require.Zero(t, s.handled.Load())
}

func TestDelayAsksTheVendorLaterAndLetsFurtherRulesApply(t *testing.T) {
	s := newStage(t, fault.Mimecast)
	s.add(fault.Rule{Kind: fault.Delay, DelayMS: 1}, fault.Rule{Path: "/bad", Kind: fault.Status, Status: 500})
	require.Equal(t, http.StatusOK, s.status("/good"))
	require.Equal(t, http.StatusInternalServerError, s.status("/bad"))
	require.Equal(t, 2, s.front.Rules()[0].Fired)
}

func TestThrottleAnnouncesItsWaitAsTheVendorDoes(t *testing.T) {
	mimecast := newStage(t, fault.Mimecast)
	mimecast.add(fault.Rule{Kind: fault.Throttle, DelayMS: 4000})
	resp, _, err := mimecast.call("/x")
	require.NoError(t, err)
	require.Equal(t, http.StatusTooManyRequests, resp.StatusCode)
	require.Equal(t, "4000", resp.Header.Get("X-RateLimit-Reset"), "a duration in milliseconds")

	falcon := newStage(t, fault.Falcon)
	falcon.add(fault.Rule{Kind: fault.Throttle, DelayMS: 4000})
	resp, _, err = falcon.call("/x")
	require.NoError(t, err)
	require.Equal(t, strconv.FormatInt(falcon.now.Add(4*time.Second).Unix(), 10), resp.Header.Get("X-RateLimit-RetryAfter"), "a time")

	silent := newStage(t, fault.Mimecast)
	silent.add(fault.Rule{Kind: fault.Throttle, Headers: map[string]string{}})
	resp, _, err = silent.call("/x")
	require.NoError(t, err)
	require.Empty(t, resp.Header.Get("X-RateLimit-Reset"))
	require.Empty(t, resp.Header.Get("Retry-After"))
	require.Equal(t, http.StatusTooManyRequests, silent.status("/x"))
	require.Zero(t, silent.front.Stats().CallsInsideWait, "nothing was announced")
}

func TestRuleSkipsAfterAndStopsAtCount(t *testing.T) {
	s := newStage(t, fault.Mimecast)
	s.add(fault.Rule{Vendor: fault.Mimecast, Method: "POST", Path: "/api", Kind: fault.Status, Status: 500, After: 2, Count: 1})
	var statuses []int
	for range 5 {
		statuses = append(statuses, s.status("/api/x"))
	}
	require.Equal(t, []int{200, 200, 500, 200, 200}, statuses)
	s.add(fault.Rule{Vendor: fault.Falcon, Kind: fault.Status, Status: 500}, fault.Rule{Method: "GET", Kind: fault.Status, Status: 500})
	require.Equal(t, 200, s.status("/other"), "another vendor's rule, another method's rule")
	s.front.Clear()
	require.Empty(t, s.front.Rules())
}

func TestProbabilityHitsTheSameCallsForTheSameSeed(t *testing.T) {
	pattern := func(seed uint64) string {
		s := newStage(t, fault.Mimecast, func(o *fault.Options) { o.Seed = seed })
		s.add(fault.Rule{Kind: fault.Status, Status: 500, Probability: 0.3})
		var out strings.Builder
		for range 100 {
			fmt.Fprint(&out, s.status("/x")/500)
		}
		return out.String()
	}
	first := pattern(1)
	require.Equal(t, first, pattern(1))
	require.NotEqual(t, first, pattern(2))
	hits := strings.Count(first, "1")
	require.True(t, hits > 15 && hits < 45, hits)
}

func TestBadRulesAreRefusedTogetherWithTheGoodOnes(t *testing.T) {
	s := newStage(t, fault.Mimecast)
	for _, bad := range []fault.Rule{
		{Kind: "explode"},
		{Kind: fault.Status},
		{Kind: fault.Empty, Vendor: "other"},
		{Kind: fault.Empty, Probability: 1.5},
		{Kind: fault.Empty, Count: -1},
		{Kind: fault.GzipBomb},
		{Kind: fault.Bloat, MiB: 1_000_000},
	} {
		require.Error(t, s.front.Add(fault.Rule{Kind: fault.Empty}, bad))
	}
	require.Empty(t, s.front.Rules())
}

func TestCallsAreCountedByMethodAndFoldedPath(t *testing.T) {
	s := newStage(t, fault.Mimecast)
	s.status("/directory/cloud-gateway/v1/groups/abc/members")
	s.status("/directory/cloud-gateway/v1/groups/def/members")
	s.status("/directory/cloud-gateway/v1/groups")
	stats := s.front.Stats()
	require.Equal(t, map[string]int{
		"POST /directory/cloud-gateway/v1/groups/{id}/members": 2, "POST /directory/cloud-gateway/v1/groups": 1,
	}, stats.Calls[fault.Mimecast])
	require.Equal(t, 3, stats.Total(fault.Mimecast))
	require.Empty(t, stats.Calls[fault.Falcon])

	s.front.Wrote(fault.Falcon, "DELETE /iocs/entities/indicators/v1", 12)
	s.front.Wrote(fault.Mimecast, "POST /directory/cloud-gateway/v1/groups/abc/members", 2)
	s.front.Wrote(fault.Mimecast, "POST /directory/cloud-gateway/v1/groups/def/members", 1)
	s.front.Violate(fault.Mimecast, "POST /x", "why")
	stats = s.front.Stats()
	require.Equal(t, map[string]int{fault.Falcon: 12, fault.Mimecast: 3}, stats.Writes)
	require.Equal(t, map[string]map[string]int{
		fault.Falcon:   {"DELETE /iocs/entities/indicators/v1": 12},
		fault.Mimecast: {"POST /directory/cloud-gateway/v1/groups/{id}/members": 3},
	}, stats.WritesBy)
	require.Equal(t, []fault.Violation{{Vendor: fault.Mimecast, Operation: "POST /x", Text: "why"}}, stats.Violations)
	s.front.ResetStats()
	require.Zero(t, s.front.Stats().Total(fault.Mimecast))
	require.Empty(t, s.front.Stats().Violations)
	require.Equal(t, map[string]int{fault.Falcon: 0, fault.Mimecast: 0}, s.front.Stats().Writes)
	require.Empty(t, s.front.Stats().WritesBy[fault.Falcon])
}

func TestCallInsideAnAnnouncedWaitIsCounted(t *testing.T) {
	for name, c := range map[string]struct {
		vendor  string
		headers map[string]string
		wait    time.Duration
	}{
		"milliseconds":        {fault.Mimecast, map[string]string{"X-RateLimit-Reset": "5000"}, 5 * time.Second},
		"seconds":             {fault.Mimecast, map[string]string{"Retry-After": "7", "X-RateLimit-Reset": "1"}, 7 * time.Second},
		"date":                {fault.Falcon, map[string]string{"Retry-After": "Mon, 16 Nov 2026 12:00:09 GMT"}, 9 * time.Second},
		"epoch":               {fault.Falcon, map[string]string{"X-Ratelimit-Retryafter": "1794830403"}, 3 * time.Second},
		"epoch in ms":         {fault.Falcon, map[string]string{"X-Ratelimit-Retryafter": "1794830403000"}, 3 * time.Second},
		"longer than allowed": {fault.Mimecast, map[string]string{"Retry-After": "3600"}, 5 * time.Minute},
	} {
		s := newStage(t, c.vendor)
		s.add(fault.Rule{Kind: fault.Throttle, Count: 1, Headers: c.headers})
		s.status("/a")
		s.status("/b")
		require.Zero(t, s.front.Stats().CallsInsideWait, name+": another call may have been on its way")
		s.status("/a")
		require.Equal(t, 1, s.front.Stats().CallsInsideWait, name+": the same call again has no such excuse")
		s.advance(c.wait - time.Millisecond)
		s.status("/b")
		require.Equal(t, 2, s.front.Stats().CallsInsideWait, name)
		s.advance(time.Millisecond)
		s.status("/a")
		require.Equal(t, 2, s.front.Stats().CallsInsideWait, name+": the wait is over")
	}
}

func TestRateLimitCountsDownAndStartsOver(t *testing.T) {
	s := newStage(t, fault.Mimecast, func(o *fault.Options) { o.PerMinute = 24 }) // two in five seconds
	resp, _, err := s.call("/x")
	require.NoError(t, err)
	require.Equal(t, "2", resp.Header.Get("X-RateLimit-Limit"))
	require.Equal(t, "1", resp.Header.Get("X-RateLimit-Remaining"))
	require.Equal(t, 200, s.status("/x"))
	s.advance(time.Second)
	resp, _, err = s.call("/x")
	require.NoError(t, err)
	require.Equal(t, 429, resp.StatusCode)
	require.Equal(t, "4000", resp.Header.Get("X-RateLimit-Reset"))
	require.Equal(t, int64(2), s.handled.Load())
	require.Equal(t, map[string]int{fault.Mimecast: 1, fault.Falcon: 0}, s.front.Stats().Throttled)
	s.advance(4 * time.Second)
	require.Equal(t, 200, s.status("/x"))
	require.Zero(t, s.front.Stats().CallsInsideWait)
}

func TestAnotherCallOfTheSameLengthIsNotTheRefusedOneAgain(t *testing.T) {
	s := newStage(t, fault.Mimecast)
	send := func(body string) {
		t.Helper()
		resp, err := http.Post(s.url+"/a", "application/json", strings.NewReader(body))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
	}
	s.add(fault.Rule{Kind: fault.Throttle, Count: 1, DelayMS: 5000})
	send(`{"data":["one"]}`)
	send(`{"data":["two"]}`)
	require.Zero(t, s.front.Stats().CallsInsideWait, "it may have been on its way")
	send(`{"data":["one"]}`)
	require.Equal(t, 1, s.front.Stats().CallsInsideWait)
	require.Equal(t, map[string]int{fault.Mimecast: 1, fault.Falcon: 0}, s.front.Stats().Throttled)
}
