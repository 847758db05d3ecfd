package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/stretchr/testify/require"
)

const testInterval = 5 * time.Minute

// due is when the firings of these tests are due, every five minutes.
func due() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

// fired is a good firing: spread by so much, started so much later, and at work for so long.
func fired(spread, delay, duration time.Duration) firing {
	planned := due().Add(spread)
	return firing{
		due: due(), planned: planned, started: planned.Add(delay), ended: planned.Add(delay + duration), good: true, events: 20,
	}
}

func TestTheSpreadThatIsWantedIsNotCountedAsDelay(t *testing.T) {
	late := latenessOf([]firing{fired(50*time.Second, 2*time.Second, 3*time.Second)}, testInterval)
	require.Equal(t, lateness{
		owed: 1, runs: 1, events: 20,
		spread:   spread{50 * time.Second, 50 * time.Second, 50 * time.Second},
		delay:    spread{2 * time.Second, 2 * time.Second, 2 * time.Second},
		start:    spread{52 * time.Second, 52 * time.Second, 52 * time.Second},
		duration: spread{3 * time.Second, 3 * time.Second, 3 * time.Second},
		total:    spread{55 * time.Second, 55 * time.Second, 55 * time.Second},
	}, late)
	require.InDelta(t, 100, late.onTime(), 0.001)
}

func TestAFiringIsOnTimeIfItHasEndedWellBeforeTheNext(t *testing.T) {
	good := fired(time.Second, 0, time.Second)
	failed := good
	failed.good = false
	atWork := good
	atWork.ended, atWork.good = time.Time{}, false
	for name, c := range map[string]struct {
		firing firing
		wanted lateness
	}{
		"in time":               {good, lateness{}},
		"just in time":          {fired(0, 0, testInterval-time.Nanosecond), lateness{}},
		"not started":           {firing{due: due()}, lateness{missed: 1}},
		"started with the next": {fired(0, testInterval, time.Second), lateness{missed: 1}},
		"ended with the next":   {fired(0, 0, testInterval), lateness{overlapping: 1}},
		"still at work":         {atWork, lateness{overlapping: 1}},
		"failed":                {failed, lateness{failed: 1}},
	} {
		late := latenessOf([]firing{good, c.firing, good, good}, testInterval)
		require.Equal(t, c.wanted, lateness{missed: late.missed, overlapping: late.overlapping, failed: late.failed}, name)
		if (c.wanted == lateness{}) {
			require.InDelta(t, 100, late.onTime(), 0.001, name)
		} else {
			require.InDelta(t, 75, late.onTime(), 0.001, name)
		}
	}
}

func TestNoFiringAtAllIsNotOnTime(t *testing.T) {
	require.Zero(t, latenessOf(nil, testInterval).onTime())
}

func TestAMissedFiringBreaksTheBenchmark(t *testing.T) {
	f := &figures{}
	latenessOf([]firing{fired(0, 0, 0), {due: due()}}, testInterval).show(f, "")
	require.EqualError(t, f.err(), "not kept: firings missed: 1, bound 0; on time, %: 50, bound 100")
}

func TestTheMedianAndTheP99AreOfTheSortedTimes(t *testing.T) {
	var times []time.Duration
	for n := 100; n >= 1; n-- {
		times = append(times, time.Duration(n)*time.Second)
	}
	require.Equal(t, spread{51 * time.Second, 100 * time.Second, 100 * time.Second}, spreadOf(times))
	require.Equal(t, "51s, 1m40s, 1m40s", spreadOf(times).String())
	require.Equal(t, spread{}, spreadOf(nil))
}

func TestTheSickAreSpreadAmongTheOthers(t *testing.T) {
	all := fleet{integrations: 200, sick: 20}.members()
	require.Len(t, all, 200)
	for from := 0; from < len(all); from += 10 {
		sick := 0
		for _, m := range all[from : from+10] {
			if m.sick {
				sick++
			}
		}
		require.Equal(t, 1, sick)
	}
	require.Equal(t, "it-001", all[0].name)
	require.Equal(t, "it-200", all[199].name)
}

func TestAFleetMustHaveHealthyIntegrations(t *testing.T) {
	const wants = `invalid value %q for flag -integrations: wants numbers of at least 1, with commas`
	for args, wanted := range map[string]string{
		"-integrations 0":            fmt.Sprintf(wants, "0"),
		"-integrations 5,,7":         fmt.Sprintf(wants, "5,,7"),
		"-integrations 5 -sick 5":    "-sick: between 0 and 4",
		"-integrations 200 -sick -2": "-sick: between 0 and 199",
	} {
		_, err := readOptions(strings.Fields(args))
		require.EqualError(t, err, wanted)
	}
	opts, err := readOptions([]string{"-integrations", "20,30", "-sick", "0"})
	require.NoError(t, err)
	require.Equal(t, []int{20, 30}, opts.fleets)
	require.Zero(t, (&run{options: opts}).sickOf(30))
	opts, err = readOptions(nil)
	require.NoError(t, err)
	r := &run{options: opts}
	require.Equal(t, []int{0, 10, 0}, []int{r.sickOf(10), r.sickOf(100), r.sickOf(500)})
}

func TestAFleetIsAskedForNoMoreRunsThanADevelopmentServerDoes(t *testing.T) {
	for integrations, wanted := range map[int]time.Duration{
		1: time.Minute, 50: time.Minute, 51: 2 * time.Minute, 200: 5 * time.Minute, 500: 10 * time.Minute, 100_000: 30 * time.Minute,
	} {
		require.Equal(t, wanted, intervalOf(integrations), integrations)
	}
}

func TestTheFirstFiringComesSoonAfterAllFirstRuns(t *testing.T) {
	now := time.Date(2026, time.March, 1, 12, 3, 20, 0, time.UTC)
	for integrations, wanted := range map[int]time.Time{
		10:  time.Date(2026, time.March, 1, 12, 4, 0, 0, time.UTC),
		500: time.Date(2026, time.March, 1, 12, 8, 0, 0, time.UTC),
	} {
		interval := intervalOf(integrations)
		f := fleet{interval: interval, offset: offsetOf(now, integrations, interval)}
		settled := wanted.Add(-time.Second)
		require.Equal(t, wanted, f.dueAfter(settled), integrations)
		require.Equal(t, wanted.Add(interval), f.dueAfter(wanted), integrations)
		schedule, err := cron.ParseStandard(f.cron())
		require.NoError(t, err)
		require.Equal(t, wanted, schedule.Next(settled), integrations)
		require.Equal(t, wanted.Add(interval), schedule.Next(wanted), integrations)
	}
}

func TestAClockThatWentOnAsTimeDidHasNotJumped(t *testing.T) {
	from := time.Now()
	require.Zero(t, clockJump(from, from.Add(time.Minute)))
}

func TestTheHealthyAreThoseWhoseVendorsDoNotFail(t *testing.T) {
	sick := fired(0, 0, 0)
	sick.sick = true
	require.Equal(t, []firing{fired(0, 0, 0)}, healthy([]firing{sick, fired(0, 0, 0), sick}))
	require.Equal(t, "1.50", ratio(3*time.Second, 2*time.Second))
	require.Equal(t, "unknown", ratio(time.Second, 0))
}

func TestProcessorTimeIsReadBehindANameThatHoldsAnything(t *testing.T) {
	used, err := parseStat("4711 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 250 50 13 14 15")
	require.NoError(t, err)
	require.Equal(t, 3*time.Second, used)
	for _, line := range []string{"", "4711 (a) S 1 2", "4711 (a) S 1 2 3 4 5 6 7 8 9 10 x 50"} {
		_, err := parseStat(line)
		require.Error(t, err, line)
	}
}
