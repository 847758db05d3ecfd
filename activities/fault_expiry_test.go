package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/ledger"
)

func TestFault_D14_WhatHasEndedIsNotBlockedAndAnEndIsReadInAnyZone(t *testing.T) {
	w := newImports(t)
	now := w.clock.now()
	ends := map[string]time.Time{
		"ended.top": now.Add(-time.Second), "ended-long-ago.top": time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), "ends-now.top": now,
		"ends-soon.top": now.Add(time.Minute), "ends-late.top": time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), "never-ends.top": {},
		// The clock on the wall of these says another day.
		"ended-in-the-east.top": now.Add(-time.Second).In(time.FixedZone("east", 14*3600)), "ends-in-the-west.top": now.Add(time.Minute).In(time.FixedZone("west", -12*3600)),
	}
	for value, end := range ends {
		ioc := iocDomain(value)
		if !end.IsZero() {
			ioc.Expiration = end.Format(time.RFC3339)
		}
		w.listed(ioc)
	}
	w.imported(activities.Cursor{})
	blocked := []string{"ends-soon.top", "ends-late.top", "never-ends.top", "ends-in-the-west.top"}
	require.ElementsMatch(t, blocked, w.members(ownName))
	for _, value := range blocked {
		require.True(t, w.on(ledger.BlockedSenders, value).ExpiresAt.Equal(ends[value].Truncate(time.Second)), value)
	}
}
