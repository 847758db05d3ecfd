package main

import (
	"fmt"
	"slices"
	"time"
)

// firing is one run that a Schedule owes, and what became of it.
type firing struct {
	schedule string
	sick     bool      // its vendors fail in the second round
	due      time.Time // by the cron expression
	planned  time.Time // when the Schedule spread it to; zero if it was not started
	started  time.Time // zero: it was not started
	ended    time.Time // zero: it is still at work
	good     bool      // it has ended, and well
	events   int64
}

// lateness is how some firings of one interval kept to their time.
type lateness struct {
	owed        int // firings
	runs        int // that were started
	missed      int // were not started before the next one was due
	overlapping int // were still at work when the next one was due
	failed      int
	events      int64 // of the longest run

	spread   spread // from due to planned: wanted
	delay    spread // from planned to started: not wanted
	start    spread // from due to started: both
	duration spread // of the run
	total    spread // from due to ended
}

// spread is how a time is distributed.
type spread struct{ median, p99, longest time.Duration }

// latenessOf judges firings of a schedule with this interval.
func latenessOf(firings []firing, interval time.Duration) lateness {
	late := lateness{owed: len(firings)}
	var spreads, delays, starts, durations, totals []time.Duration
	for _, one := range firings {
		next := one.due.Add(interval)
		switch {
		case one.started.IsZero(), !one.started.Before(next):
			late.missed++
		case one.ended.IsZero(), !one.ended.Before(next):
			late.overlapping++
		case !one.good:
			late.failed++
		}
		if one.started.IsZero() {
			continue
		}
		late.runs++
		late.events = max(late.events, one.events)
		starts = append(starts, one.started.Sub(one.due))
		if !one.planned.IsZero() {
			spreads = append(spreads, one.planned.Sub(one.due))
			delays = append(delays, max(0, one.started.Sub(one.planned)))
		}
		if !one.ended.IsZero() {
			durations = append(durations, one.ended.Sub(one.started))
			totals = append(totals, one.ended.Sub(one.due))
		}
	}
	late.spread, late.delay, late.start = spreadOf(spreads), spreadOf(delays), spreadOf(starts)
	late.duration, late.total = spreadOf(durations), spreadOf(totals)
	return late
}

// onTime is the share of the firings that were started, and ended well, before the next one was due; in percent.
func (l lateness) onTime() float64 {
	if l.owed == 0 {
		return 0
	}
	return 100 * times(l.owed-l.missed-l.overlapping-l.failed, l.owed)
}

func spreadOf(times []time.Duration) spread {
	if len(times) == 0 {
		return spread{}
	}
	slices.Sort(times)
	return spread{median: times[len(times)/2], p99: times[len(times)*99/100], longest: times[len(times)-1]}
}

// show shows the lateness beside its bounds.
func (l lateness) show(f *figures, prefix string) {
	f.note(prefix+"firings", l.owed)
	exactly(f, prefix+"firings missed", l.missed, 0)
	exactly(f, prefix+"on time, %", l.onTime(), 100)
	f.ratio()
	f.note(prefix+"at work when the next was due / failed", fmt.Sprintf("%d / %d", l.overlapping, l.failed))
	for _, row := range []struct {
		name string
		what spread
	}{
		{"spread by the Schedule", l.spread},
		{"late beyond that", l.delay},
		{"both: due until started", l.start},
		{"duration of a run", l.duration},
		{"due until ended", l.total},
	} {
		f.note(prefix+row.name+": median, p99, longest", row.what)
	}
	atMost(f, prefix+"longest run, events", l.events, maxIdleEvents)
}

func (s spread) String() string {
	const digit = 10 * time.Millisecond
	return s.median.Round(digit).String() + ", " + s.p99.Round(digit).String() + ", " + s.longest.Round(digit).String()
}

// healthy are the firings of those whose vendors never fail.
func healthy(firings []firing) []firing {
	return slices.DeleteFunc(slices.Clone(firings), func(one firing) bool { return one.sick })
}

// ratio is a as a multiple of b, for people.
func ratio(a, b time.Duration) string {
	if b <= 0 {
		return "unknown"
	}
	return fmt.Sprintf("%.2f", a.Seconds()/b.Seconds())
}
