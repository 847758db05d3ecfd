package vendorapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

// These tests run in a bubble with a clock of its own, which moves on when everybody waits: their times are exact.

// spreading is a vendor without a network whose answers ask for gaps.
type spreading struct {
	mu     sync.Mutex
	began  time.Time
	starts []time.Duration // of the calls, since the vendor was made
	answer func(number int, w http.ResponseWriter)
}

func newSpreading(answer func(number int, w http.ResponseWriter)) *spreading {
	return &spreading{began: time.Now(), answer: answer}
}

func (s *spreading) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if r.URL.Path == "/token" {
		grant(w, 1, 1800)
		return w.Result(), nil
	}
	s.mu.Lock()
	s.starts = append(s.starts, time.Since(s.began))
	number := len(s.starts)
	s.mu.Unlock()
	time.Sleep(20 * time.Millisecond)
	s.answer(number, w)
	return w.Result(), nil
}

func (s *spreading) client(t *testing.T) *vendorapi.Client {
	t.Helper()
	v := &vendor{Server: &httptest.Server{URL: "https://acme.example"}}
	return v.clientWith(t, vendorapi.Config{HTTP: &http.Client{Transport: s}})
}

// asks makes the answer ask for gaps.
func asks(w http.ResponseWriter, gap, until time.Duration) {
	w.Header().Set("Gap", strconv.FormatInt(gap.Milliseconds(), 10))
	w.Header().Set("Until", strconv.FormatInt(until.Milliseconds(), 10))
	write(w, http.StatusOK, `{"ok":true}`)
}

func milliseconds(header http.Header, name string) time.Duration {
	n, _ := strconv.Atoi(header.Get(name))
	return time.Duration(n) * time.Millisecond
}

func at(milliseconds ...int) []time.Duration {
	times := make([]time.Duration, 0, len(milliseconds))
	for _, ms := range milliseconds {
		times = append(times, time.Duration(ms)*time.Millisecond)
	}
	return times
}

func TestCallsAreSpreadWhereTheVendorSaysThatFewAreLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpreading(func(number int, w http.ResponseWriter) {
			if number == 4 { // plenty again
				asks(w, 0, 0)
				return
			}
			asks(w, 300*time.Millisecond, time.Minute)
		})
		c := s.client(t)
		for range 6 {
			require.NoError(t, get(t.Context(), c))
		}
		require.Equal(t, at(0, 300, 600, 900, 920, 1220), s.starts)
	})
}

func TestAGapThatACallTookAnywayIsNotWaitedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpreading(func(_ int, w http.ResponseWriter) {
			time.Sleep(480 * time.Millisecond)
			asks(w, 400*time.Millisecond, time.Minute)
		})
		c := s.client(t)
		for range 3 {
			require.NoError(t, get(t.Context(), c))
		}
		require.Equal(t, at(0, 500, 1000), s.starts)
	})
}

func TestAGapIsASecondAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpreading(func(_ int, w http.ResponseWriter) { asks(w, time.Hour, 24*time.Hour) })
		c := s.client(t)
		for range 3 {
			require.NoError(t, get(t.Context(), c))
		}
		require.Equal(t, at(0, 1000, 2000), s.starts)
	})
}

func TestAllCallersOfACredentialShareTheGaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpreading(func(_ int, w http.ResponseWriter) { asks(w, 100*time.Millisecond, time.Minute) })
		c := s.client(t)
		require.NoError(t, get(t.Context(), c))
		var callers sync.WaitGroup
		for range 16 {
			callers.Go(func() { _ = get(t.Context(), c) })
		}
		callers.Wait()
		require.Len(t, s.starts, 17)
		for i, start := range s.starts {
			require.Equal(t, time.Duration(i)*100*time.Millisecond, start)
		}
	})
}

func TestAGapEndsWithTheWindowThatItIsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpreading(func(number int, w http.ResponseWriter) {
			if number == 1 {
				asks(w, 900*time.Millisecond, 500*time.Millisecond)
				return
			}
			asks(w, 0, 0)
		})
		c := s.client(t)
		require.NoError(t, get(t.Context(), c))
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() { _ = get(t.Context(), c) })
		}
		callers.Wait()
		require.Equal(t, at(0, 520, 520, 520, 520, 520, 520, 520, 520), s.starts, "the answer came after 20 ms")
	})
}

func TestWhoWaitsForItsTurnHearsOfAnAnnouncedWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpreading(func(number int, w http.ResponseWriter) {
			if number == 1 {
				asks(w, 500*time.Millisecond, time.Minute)
				return
			}
			w.Header().Set("Retry-After", "30")
			write(w, http.StatusTooManyRequests, `{}`)
		})
		c := s.client(t)
		require.NoError(t, get(t.Context(), c))
		refusals := make(chan error, 8)
		for range 8 {
			go func() { refusals <- get(t.Context(), c) }()
		}
		for range 8 {
			failure := refused(t, <-refusals)
			require.Equal(t, vendorapi.Throttled, failure.Class)
			require.Greater(t, failure.RetryAfter, 29*time.Second)
		}
		require.Len(t, s.starts, 2, "one met the limit, the others are not called")
		require.Less(t, time.Since(s.began), 2*time.Second, "nobody sits the wait out")
	})
}

// With the wait the vendor's counters start over: what it said before counts no more.
func TestAfterAnAnnouncedWaitNothingIsSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpreading(func(number int, w http.ResponseWriter) {
			switch number {
			case 1:
				asks(w, time.Second, time.Hour)
			case 2:
				w.Header().Set("Gap", "1000")
				w.Header().Set("Until", "3600000")
				w.Header().Set("Retry-After", "2")
				write(w, http.StatusTooManyRequests, `{}`)
			default:
				asks(w, 0, 0)
			}
		})
		c := s.client(t)
		require.NoError(t, get(t.Context(), c))
		time.Sleep(refused(t, get(t.Context(), c)).RetryAfter)
		var callers sync.WaitGroup
		for range 4 {
			callers.Go(func() { _ = get(t.Context(), c) })
		}
		callers.Wait()
		require.Equal(t, s.starts[2], s.starts[5])
	})
}

func TestWhoWaitsForItsTurnLeavesWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpreading(func(_ int, w http.ResponseWriter) { asks(w, time.Second, time.Minute) })
		c := s.client(t)
		require.NoError(t, get(t.Context(), c))
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		err := get(ctx, c)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, vendorapi.Unavailable, refused(t, err).Class)
		require.Len(t, s.starts, 1)
		require.Equal(t, 120*time.Millisecond, time.Since(s.began))
	})
}

func TestAVendorThatSaysNothingIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpreading(func(_ int, w http.ResponseWriter) { write(w, http.StatusOK, `{"ok":true}`) })
		c := s.client(t)
		for range 100 {
			require.NoError(t, get(t.Context(), c))
		}
		require.Equal(t, 100*20*time.Millisecond, time.Since(s.began))
	})
}
