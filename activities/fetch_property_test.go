package activities_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
)

func host(n int) string { return fmt.Sprintf("evil-%d.top", n) }

// TestFault_V18_AnyDeliveryWithinTheOverlapGivesEveryValue lets records come in any order and up to the overlap late, reads while they
// come, now and then with a page token that has run out, and does not always get to write what it read.
func TestFault_V18_AnyDeliveryWithinTheOverlapGivesEveryValue(t *testing.T) {
	w := newWorld(t)
	w.Vendors = w.clients(1) // a step ends after 20 records
	met := 0
	rapid.Check(t, func(r *rapid.T) {
		w.clock.pass(24 * time.Hour) // what earlier checks have logged is out of reach
		start := w.clock.now()
		want := map[string]bool{}
		for range rapid.IntRange(0, 3).Draw(r, "deliveries") {
			// What is delivered so long after the start is dated at most the overlap before that.
			after := seconds(r, "delivered", time.Hour)
			var records []record
			for range rapid.IntRange(6, 12).Draw(r, "records") {
				met++
				want[host(met)] = true
				records = append(records, click(start.Add(after-lateness(r)), "https://"+host(met)))
			}
			w.loggedLate(indicator.URLDomains, after, records...)
		}
		got := map[string]bool{}
		var cursor activities.Cursor
		read := func() bool {
			in := w.fetchInput(indicator.URLDomains, cursor)
			in.Since = start.Add(-2 * time.Hour)
			result, err := run[activities.FetchTTPLogsResult](w, w.FetchTTPLogs, in)
			require.NoError(r, err)
			cursor = result.Cursor
			for _, value := range values(result.Indicators) {
				got[value] = true
			}
			return result.More
		}
		for range rapid.IntRange(0, 3).Draw(r, "reads") {
			before, had := cursor, maps.Clone(got)
			read()
			if rapid.IntRange(0, 3).Draw(r, "not written") == 0 {
				cursor, got = before, had
			}
			pause := seconds(r, "pause", 15*time.Minute)
			w.clock.pass(pause)
			if cursor.Page != "" && pause >= time.Minute && rapid.Bool().Draw(r, "token runs out") {
				cursor.Page = "run out"
			}
		}
		w.clock.pass(time.Hour)
		// The window that is open is read to its end, and then one more for what came since it was opened.
		for windows := 2; windows > 0; {
			if more := read(); !more {
				windows--
			}
		}
		require.Equal(r, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)))
	})
}

// lateness is how long after its date a record is found: often nothing, or all that is allowed.
func lateness(r *rapid.T) time.Duration {
	return rapid.OneOf(rapid.SampledFrom([]time.Duration{0, activities.Overlap}), rapid.Custom(func(r *rapid.T) time.Duration {
		return seconds(r, "late", activities.Overlap)
	})).Draw(r, "lateness")
}

func seconds(r *rapid.T, label string, most time.Duration) time.Duration {
	return time.Duration(rapid.IntRange(0, int(most.Seconds())).Draw(r, label)) * time.Second
}
