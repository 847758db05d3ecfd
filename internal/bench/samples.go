package main

import (
	"fmt"
	"slices"
	"time"
)

// samples are times that were measured several times, by name, and figures that one part needs of another.
type samples struct {
	times map[string][]time.Duration
}

func newSamples() *samples { return &samples{times: map[string][]time.Duration{}} }

func (s *samples) add(name string, took time.Duration) { s.times[name] = append(s.times[name], took) }

// median is the middle one of the times with this name, and zero if there is none. Of an even number it is the larger one of
// the two in the middle.
func (s *samples) median(name string) time.Duration {
	return spreadOf(slices.Clone(s.times[name])).median
}

// show is the median and, if there are several, the shortest and the longest.
func (s *samples) show(name string) string {
	times := slices.Sorted(slices.Values(s.times[name]))
	middle := s.median(name).Round(time.Millisecond)
	if len(times) < 2 {
		return middle.String()
	}
	return fmt.Sprintf("%s (median of %d: %s to %s)", middle, len(times),
		times[0].Round(time.Millisecond), times[len(times)-1].Round(time.Millisecond))
}

// perMinute is how many a minute that is.
func perMinute(n int, took time.Duration) int {
	if took <= 0 {
		return 0
	}
	return int(float64(n) / took.Minutes())
}

// perThousand is how many calls a thousand indicators cost, to three digits.
func perThousand(calls, indicators int) float64 { return times(1000*calls, max(indicators, 1)) }
