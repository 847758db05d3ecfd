package falcon

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

// wait reads how long to wait (contract section 4): X-Ratelimit-Retryafter is a moment in epoch seconds, or in milliseconds
// by the vendor's own comment, so both are accepted. Retry-After was never seen and is read all the same. Zero: no usable
// hint. The moment is the vendor's, so it is compared with the vendor's clock where the answer has it. It is the Dialect's.
func wait(header http.Header, now time.Time) time.Duration {
	now = vendorNow(header, now)
	if at, ok := moment(header.Get("X-Ratelimit-Retryafter")); ok {
		return max(0, at.Sub(now))
	}
	hint := strings.TrimSpace(header.Get("Retry-After"))
	if at, err := http.ParseTime(hint); err == nil {
		return max(0, at.Sub(now))
	}
	const most = 1e6 // seconds; what goes beyond is a very long wait, which the gate cuts to what is sensible
	if seconds, err := strconv.ParseFloat(hint, 64); err == nil && seconds > 0 && !math.IsInf(seconds, 0) {
		return time.Duration(min(seconds, most) * float64(time.Second))
	}
	return 0
}

// moment reads an epoch. What is earlier than 2001 or later than 2286 is none.
func moment(hint string) (time.Time, bool) {
	const (
		earliest     = 1e9
		latest       = 1e10
		milliseconds = 1e11 // from here on it cannot be seconds
	)
	value, err := strconv.ParseFloat(strings.TrimSpace(hint), 64)
	if err != nil {
		return time.Time{}, false
	}
	if value > milliseconds {
		value /= 1000
	}
	// This way round, so that NaN is sorted out.
	if !(value >= earliest && value < latest) {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(value * 1000)), true
}

// vendorNow is the time by the vendor's clock, where an answer has it.
func vendorNow(header http.Header, now time.Time) time.Time {
	if theirs, err := http.ParseTime(header.Get("Date")); err == nil {
		return theirs
	}
	return now
}

// pace slows down before the limit's end, as the vendor's own SDK does (contract section 4). The limit is one of calls in a
// minute. It is the Dialect's.
func pace(header http.Header) vendorapi.Pace {
	left, err := strconv.Atoi(strings.TrimSpace(header.Get("X-Ratelimit-Remaining")))
	switch {
	case err != nil || left > 10:
		return vendorapi.Pace{}
	case left > 5:
		return vendorapi.Pace{Gap: 200 * time.Millisecond, For: time.Minute}
	default:
		return vendorapi.Pace{Gap: 500 * time.Millisecond, For: time.Minute}
	}
}
