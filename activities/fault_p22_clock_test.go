package activities_test

import (
	"math/rand/v2"
	"testing"
	"time"
	_ "time/tzdata" // the zones have to be there, whatever the machine has

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/harness/scale"
	"github.com/threatshare/threatshare/internal/indicator"
)

// The clock of the worker is wrong by up to an hour, differently at every reading, and it is a local one, at any time of twenty
// years: leap days, the hours in which clocks are changed, and the end of 32-bit time among them. No minute of the log is skipped.
func TestFault_P22_AClockThatJumpsSkipsNoMinuteOfALog(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	upTo := func(most time.Duration) time.Duration {
		return time.Duration(r.Int64N(int64(most) + 1)).Truncate(time.Second)
	}
	starts := trickyTimes(t)
	r.Shuffle(len(starts), func(i, j int) { starts[i], starts[j] = starts[j], starts[i] })
	starts = starts[:scale.Of(min(20, len(starts)), len(starts))]
	for range scale.Of(20, 500) {
		starts = append(starts, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Add(upTo(21*365*24*time.Hour)))
	}
	for _, start := range starts {
		c := &wrongClock{world: newWorld(t), start: start}
		c.clock.set(start)
		c.Now = func() time.Time { return c.clock.now().Add(c.by).In(start.Location()) }
		for range 2 + r.IntN(6) {
			from, passed := c.clock.now(), time.Minute+upTo(40*time.Minute)
			c.clock.pass(passed)
			for range r.IntN(5) {
				c.logs(from.Add(upTo(passed)))
			}
			c.by = []time.Duration{upTo(2*time.Hour) - time.Hour, -time.Hour, time.Hour}[r.IntN(3)]
			c.read()
		}
		c.by = 0 // whatever was wrong before is made up for
		c.clock.pass(5 * time.Minute)
		c.read()
		shared := c.iocs()
		require.Len(t, shared, c.met, "from %s on", start)
		require.False(t, c.cursor.Newest.After(c.clock.now()))
	}
}

// trickyTimes are up to an hour before each change of the clocks in three zones from 2020 to 2040, before each leap day and new year,
// and before the end of 32-bit time.
func trickyTimes(t *testing.T) []time.Time {
	t.Helper()
	times := []time.Time{time.Unix(1<<31-1, 0).UTC().Add(-time.Hour)}
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe"} { // that one by half an hour
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		for at := time.Date(2020, 1, 1, 0, 0, 0, 0, zone); at.Year() <= 2040; at = at.Add(time.Hour) {
			_, before := at.Zone()
			if _, after := at.Add(time.Hour).Zone(); before != after {
				times = append(times, at)
			}
		}
	}
	for year := 2020; year <= 2040; year++ {
		times = append(times, time.Date(year, 2, 28, 23, 30, 0, 0, time.UTC), time.Date(year, 12, 31, 23, 30, 0, 0, time.UTC))
	}
	require.Len(t, times, 1+3*2*21+2*21)
	return times
}

// wrongClock is a world whose worker has another time than its vendors.
type wrongClock struct {
	*world

	start  time.Time
	by     time.Duration
	cursor activities.Cursor
	met    int
}

// logs has Mimecast find a malicious link.
func (c *wrongClock) logs(at time.Time) {
	c.met++
	c.logged(indicator.URLDomains, click(at, "https://"+host(c.met)))
}

// read reads the log to its end and shares what it holds.
func (c *wrongClock) read() {
	c.t.Helper()
	for more := true; more; {
		in := c.fetchInput(indicator.URLDomains, c.cursor)
		in.Since = c.start.Add(-2 * time.Hour)
		result, err := run[activities.FetchTTPLogsResult](c.world, c.FetchTTPLogs, in)
		require.NoError(c.t, err, "from %s on", c.start)
		if len(result.Indicators) > 0 {
			c.upload(result.Indicators...)
		}
		c.cursor, more = result.Cursor, result.More
	}
}
