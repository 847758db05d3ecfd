package settings_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/settings"
)

func TestTheIntervalOfAScheduleIsTheShortestTimeBetweenTwoRuns(t *testing.T) {
	const day = 24 * time.Hour
	for expression, want := range map[string]time.Duration{
		"* * * * *":                          time.Minute,
		"*/5 * * * *":                        5 * time.Minute,
		"*/7 * * * *":                        4 * time.Minute, // 56 and 00
		"0 * * * *":                          time.Hour,
		"0,50 * * * *":                       10 * time.Minute,
		"0 3 * * *":                          day,
		"0 3 * * mon-fri":                    day,
		"0 3 * * mon":                        7 * day,
		"17,47 6-20/2 * * *":                 30 * time.Minute,
		"0,59 0,23 * * *":                    time.Minute, // across midnight
		"0,59 0,23 * * mon":                  59 * time.Minute,
		"0 0 1 */3 *":                        90 * day,
		"0 0 29 2 *":                         1461 * day,
		"0 0 13 * fri":                       28 * day, // at most: Temporal runs it on Fridays the 13th
		"*/5 * 1,3,5,7,9,11,13,15,17,19 * *": 5 * time.Minute,
	} {
		require.Equal(t, want, settings.Interval(expression), expression)
	}
}

func TestWhatIsNoScheduleHasNoInterval(t *testing.T) {
	for _, expression := range []string{
		"", "*/5", "@hourly", "@every 1m", "0 0 30 2 *", "61 * * * *", "0 0 0 * * *", "TZ=Europe/Berlin 0 3 * * *", "a b c d e",
	} {
		require.Zero(t, settings.Interval(expression), expression)
	}
}

func TestNoTwoRunsAreCloserThanTheInterval(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minutes := some(t, "minutes", 0, 59)
		hours := some(t, "hours", 0, 23)
		weekdays := some(t, "weekdays", 0, 6)
		// Every minute of three weeks is judged by itself.
		var last time.Time
		shortest := time.Duration(0)
		for at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC); at.Month() == time.November && at.Day() <= 21; at = at.Add(time.Minute) {
			if !slices.Contains(minutes, at.Minute()) || !slices.Contains(hours, at.Hour()) || !slices.Contains(weekdays, int(at.Weekday())) {
				continue
			}
			if distance := at.Sub(last); !last.IsZero() && (shortest == 0 || distance < shortest) {
				shortest = distance
			}
			last = at
		}
		require.Equal(t, shortest, settings.Interval(fmt.Sprintf("%s %s * * %s", column(minutes), column(hours), column(weekdays))))
	})
}

func some(t *rapid.T, label string, from, to int) []int {
	return rapid.SliceOfNDistinct(rapid.IntRange(from, to), 1, 8, rapid.ID).Draw(t, label)
}

func column(numbers []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(numbers), " ", ","), "[]")
}
