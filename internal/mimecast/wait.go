package mimecast

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

// implausible is the wait from which on a reset is not believed: an epoch read as milliseconds is weeks. A Retry-After cannot be
// misread like that; one that goes beyond is taken for a very long wait, which the gate cuts to what is sensible.
const implausible = 24 * time.Hour

// shortest stands for "at once", because zero means that there is no hint.
const shortest = time.Millisecond

// wait reads how long to wait (contract section 10.3): Retry-After in seconds or as a date wins, then the reset header,
// which is a duration in milliseconds and not an epoch. Zero: no usable hint.
func wait(header http.Header, now time.Time) time.Duration {
	if hint := retryAfter(header.Get("Retry-After"), now); hint > 0 {
		return hint
	}
	return reset(header)
}

// reset reads in how long calls are allowed again, zero if nothing says so.
func reset(header http.Header) time.Duration {
	for _, name := range []string{"X-RateLimit-Reset", "X-Mimecast-RateLimit-Reset", "X-Rate-Limit-Reset"} {
		if hint := quantity(firstOf(header.Get(name)), time.Millisecond); hint > 0 {
			return hint
		}
	}
	return 0
}

// firstOf gives the first of the values that a gateway may have joined into one.
func firstOf(header string) string {
	first, _, _ := strings.Cut(header, ",")
	return strings.TrimSpace(first)
}

// fewLeft is how many calls may be left before those that follow are spread.
const fewLeft = 10

// pace spreads the last calls over the time until the limit starts over: one fewer than there are gaps, so that none falls
// behind its end. Nothing is spread if the answer does not say how many are left, or for how long. It is the Dialect's.
func pace(header http.Header) vendorapi.Pace {
	left, err := strconv.Atoi(firstOf(header.Get("X-RateLimit-Remaining")))
	window := reset(header)
	if err != nil || left > fewLeft || window == 0 {
		return vendorapi.Pace{}
	}
	return vendorapi.Pace{Gap: window / time.Duration(max(left, 0)+1), For: window}
}

func retryAfter(text string, now time.Time) time.Duration {
	if at, err := http.ParseTime(text); err == nil {
		return min(max(0, at.Sub(now)), implausible)
	}
	if value, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err == nil && value > implausible.Seconds() && !math.IsInf(value, 0) {
		return implausible
	}
	return quantity(text, time.Second)
}

// quantity reads a number of units, zero if it is none or not to be believed.
func quantity(text string, unit time.Duration) time.Duration {
	value, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	// Compared as numbers and this way round, so that NaN and what no Duration holds are sorted out before the conversion.
	if err != nil || !(value >= 0 && value <= float64(implausible/unit)) {
		return 0
	}
	if value == 0 {
		return shortest
	}
	return max(shortest, time.Duration(value*float64(unit)))
}
