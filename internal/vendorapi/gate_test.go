package vendorapi_test

import (
	"math"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

func TestNoCallIsMadeInsideAnAnnouncedWait(t *testing.T) {
	v := newVendor(t)
	c := v.client(t)
	clock := newClock()
	c.SetClock(clock.now)
	var openAt time.Time
	early := 0
	v.call = func(w http.ResponseWriter, _ *http.Request) {
		if clock.now().Before(openAt) {
			early++
		}
		wait := 1 + int(v.calls.Load()*7)%30
		openAt = clock.now().Add(time.Duration(wait) * time.Second)
		w.Header().Set("Retry-After", strconv.Itoa(wait))
		write(w, http.StatusTooManyRequests, `{}`)
	}
	for i := range 1000 {
		failure := refused(t, get(t.Context(), c))
		require.Equal(t, vendorapi.Throttled, failure.Class)
		require.Positive(t, failure.RetryAfter)
		clock.move(time.Duration(i*7919%20_000) * time.Millisecond)
	}
	require.Zero(t, early)
	require.Greater(t, v.calls.Load(), int64(100), "after each wait calls are made again")
}

func TestACallHeldBackSaysSoAndHowLong(t *testing.T) {
	v := newVendor(t)
	c := v.client(t)
	clock := newClock()
	c.SetClock(clock.now)
	v.call = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "10")
		write(w, http.StatusTooManyRequests, `{}`)
	}
	first := refused(t, get(t.Context(), c))
	clock.move(4 * time.Second)
	second := refused(t, get(t.Context(), c))
	require.Equal(t, http.StatusTooManyRequests, first.Status)
	require.Zero(t, second.Status)
	require.Equal(t, first.RetryAfter-4*time.Second, second.RetryAfter)
	require.EqualValues(t, 1, v.calls.Load())
}

func TestAWaitIsClampedToWhatIsPlausible(t *testing.T) {
	for name, tc := range map[string]struct{ asked, least, most time.Duration }{
		"no hint":      {0, time.Minute, 64 * time.Second},
		"negative":     {-time.Hour, time.Minute, 64 * time.Second},
		"too short":    {time.Millisecond, time.Second, 1200 * time.Millisecond},
		"as it is":     {30 * time.Second, 30 * time.Second, 32 * time.Second},
		"the year off": {math.MaxInt64, 15 * time.Minute, 16 * time.Minute},
	} {
		var gate vendorapi.Gate
		gate.SetClock(newClock().now)
		wait := gate.Close(tc.asked)
		require.GreaterOrEqual(t, wait, tc.least, name)
		require.Less(t, wait, tc.most, name)
		require.Equal(t, wait, gate.Left(), name)
	}
}

func TestAShorterWaitDoesNotEndALongerOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var gate vendorapi.Gate
		gate.SetClock(newClock().now)
		var longest time.Duration
		for _, seconds := range rapid.SliceOfN(rapid.IntRange(1, 600), 1, 10).Draw(t, "seconds") {
			longest = max(longest, time.Duration(seconds)*time.Second)
			require.Equal(t, gate.Close(time.Duration(seconds)*time.Second), gate.Left())
			require.GreaterOrEqual(t, gate.Left(), longest)
		}
	})
}
