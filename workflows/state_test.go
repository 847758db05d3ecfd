package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// attributed are the states that an Integration shows as its search attribute, in order.
func attributed(d *desk) *[]string {
	states := &[]string{}
	key := temporal.NewSearchAttributeKeyKeyword(wire.StateAttribute)
	d.env.OnUpsertTypedSearchAttributes(mock.Anything).Run(func(args mock.Arguments) {
		set, ok := args.Get(0).(temporal.SearchAttributes)
		require.True(d.t, ok)
		state, found := set.GetKeyword(key)
		require.True(d.t, found)
		*states = append(*states, state)
	}).Return(nil).Maybe()
	return states
}

func TestTheStateIsASearchAttributeWhereTheNamespaceHasIt(t *testing.T) {
	d := newDesk(t)
	states := attributed(d)
	d.applied = activities.ApplySchedulesResult{StateAttribute: true}
	d.then(func() { d.signal(wire.Pause, "") })
	d.then(func() { d.signal(wire.Resume, "") })
	d.runs("1", activities.Report{Failed: problem(activities.VendorQuota, "falcon")})
	d.runs("2", activities.Report{})
	d.run(document, nil)
	require.Equal(t, []string{workflows.Connected, workflows.Paused, workflows.Connected, workflows.PermanentError}, *states, "once for each change")
}

func TestANamespaceWithoutTheSearchAttributeIsLeftAlone(t *testing.T) {
	d := newDesk(t)
	states := attributed(d)
	d.then(func() { d.signal(wire.Pause, "") })
	d.run(document, nil)
	require.Empty(t, *states)
}

func TestAStateSaysSinceWhenForTheWholeEachVendorAndEachFlow(t *testing.T) {
	d := newDesk(t)
	d.then(func() { d.started("1") })
	d.then(func() {
		state := d.status()
		require.Equal(t, "2026-11-16T14:49:18Z", state.Since)
		require.Equal(t, "2026-11-16T14:49:18Z", state.Falcon.Since)
		require.Equal(t, "2026-11-16T14:50:18Z", state.Flows[flow].Since, "running")
		d.reported("1", activities.Report{Finished: true, Failed: problem(activities.VendorAuth, "falcon")})
	})
	d.then(func() { require.Equal(t, workflows.FlowParked, d.status().Flows[flow].State) })
	d.then(func() {
		state := d.status()
		require.Equal(t, "2026-11-16T14:51:18Z", state.Since)
		require.Equal(t, "2026-11-16T14:51:18Z", state.Falcon.Since)
		require.Equal(t, "2026-11-16T14:49:18Z", state.Mimecast.Since)
		require.Equal(t, "2026-11-16T14:51:18Z", state.Flows[flow].Since)
	})
	d.run(document, nil)
}

func TestSchedulesThatCouldNotBeAppliedAreAppliedLater(t *testing.T) {
	d := newDesk(t)
	d.env.SetTestTimeout(time.Minute)
	d.then(func() {
		d.steps()
		d.applyFails = true
		d.signal(wire.Pause, "")
	})
	d.next += 30 * time.Minute
	d.then(func() {
		require.NotContains(t, d.steps(), "schedules paused")
		d.mu.Lock()
		d.applyFails = false
		d.mu.Unlock()
	})
	d.next += 10 * time.Minute
	d.then(func() { require.Equal(t, []string{"schedules paused"}, d.steps()) })
	d.run(document, nil)
}

func TestAStatusTellsHowFarARunIs(t *testing.T) {
	d := newDesk(t)
	d.then(func() {
		require.Nil(t, d.status().Flows[flow].Progress)
		d.started("1")
	})
	const week = 7 * 24 * 3600
	d.then(func() {
		require.Equal(t, &workflows.RunProgress{Done: 0, Of: week + 60, Unit: "seconds"}, d.status().Flows[flow].Progress)
		d.reported("1", activities.Report{Cursors: map[indicator.Source]activities.Cursor{
			indicator.URLDomains:       {Newest: began()},
			indicator.AttachmentHashes: {Newest: began().Add(-3 * 24 * time.Hour)},
		}})
	})
	d.then(func() {
		require.Equal(t, &workflows.RunProgress{Done: 4 * 24 * 3600, Of: week + 60, Unit: "seconds"}, d.status().Flows[flow].Progress, "the source that is behind counts")
		d.reported("1", activities.Report{Finished: true})
	})
	d.then(func() { require.Nil(t, d.status().Flows[flow].Progress) })
	d.run(document, nil)
}
