package fault

import (
	"net/http"
	"strconv"
	"time"
)

// Mimecast's counters were recorded to start over after five seconds (contract section 10.3), Falcon counts by the minute
// (contract section 4).
const (
	mimecastWindow = 5 * time.Second
	falconWindow   = time.Minute
)

// limit counts calls in windows that begin with a call.
type limit struct {
	calls  int
	window time.Duration
	start  time.Time
	used   int
}

func newLimit(perMinute int, window time.Duration) *limit {
	return &limit{calls: max(1, int(float64(perMinute)*window.Minutes())), window: window}
}

// take counts one call. It says how many are left, in how long the window ends, and whether the call is within it.
func (l *limit) take(now time.Time) (left int, reset time.Duration, ok bool) {
	if now.Sub(l.start) >= l.window || now.Before(l.start) {
		l.start, l.used = now, 0
	}
	reset = l.window - now.Sub(l.start)
	if l.used >= l.calls {
		return 0, reset, false
	}
	l.used++
	return l.calls - l.used, reset, true
}

// admit counts a call against the rate limit and answers 429 beyond it.
func (f *Front) admit(vendor string, w *observed) bool {
	now := f.now()
	f.mu.Lock()
	l, limited := f.limits[vendor]
	if !limited {
		f.mu.Unlock()
		return true
	}
	left, reset, ok := l.take(now)
	calls := l.calls
	f.mu.Unlock()

	w.set = map[string]string{"X-RateLimit-Limit": strconv.Itoa(calls), "X-RateLimit-Remaining": strconv.Itoa(left)}
	if vendor == Mimecast {
		w.set["X-RateLimit-Reset"] = milliseconds(reset)
	}
	if ok {
		return true
	}
	send(w, http.StatusTooManyRequests, "application/json", hint(vendor, now, reset), usualError(vendor, http.StatusTooManyRequests))
	return false
}

// hint is how a vendor announces a wait: Mimecast as a duration in milliseconds, Falcon as a time in epoch seconds.
func hint(vendor string, now time.Time, wait time.Duration) map[string]string {
	if vendor == Falcon {
		return map[string]string{"X-RateLimit-RetryAfter": strconv.FormatInt(roundUp(now.Add(wait)).Unix(), 10)}
	}
	return map[string]string{
		"X-RateLimit-Limit":     "5000",
		"X-RateLimit-Remaining": "0",
		"X-RateLimit-Reset":     milliseconds(wait),
	}
}

func roundUp(at time.Time) time.Time {
	return at.Add(time.Second - time.Nanosecond).Truncate(time.Second)
}

func milliseconds(wait time.Duration) string {
	return strconv.FormatInt((wait + time.Millisecond - 1).Milliseconds(), 10)
}
