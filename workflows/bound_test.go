package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/workflows"
)

// untilDone runs a flow again for as long as it says that more is waiting, and gives how many runs that took. Each of them has
// kept the bounds of a history (runtime.ended).
func (w *world) untilDone(name string) (runs int) {
	w.t.Helper()
	for more := true; more; runs++ {
		require.Less(w.t, runs, 20)
		more = w.run(name).More
		require.Equal(w.t, more, w.told(name).More)
	}
	return runs
}

func TestFault_D16_ALongListIsImportedInSeveralRunsThatKeepTheirBounds(t *testing.T) {
	w := newWorld(t)
	w.settings.SendToMimecast.IOCDomains.BlockURLs = true
	w.lists(manyIOCs(9_500, 700)...)
	require.Greater(t, w.untilDone(settings.FlowImportIOCs), 1)
	made := w.blocked()
	require.Equal(t, values(9_500, sha), made.Hashes)
	require.Equal(t, values(700, bad), made.Senders)
	require.Len(t, made.URLs, 700)
	w.writes()
	require.Equal(t, 1, w.untilDone(settings.FlowImportIOCs))
	require.Zero(t, w.writes())
}

// The room of a history can also be used up by steps instead of bytes.
func TestARunThatHasUsedUpItsEventsStopsReadingAndTheNextGoesOn(t *testing.T) {
	for _, name := range []string{settings.FlowImportIOCs, settings.FlowImportAlerts} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.settings.SendToMimecast.IOCDomains.BlockURLs = true
			w.settings.SendToMimecast.AlertDomains.BlockURLs = true
			w.lists(manyIOCs(2_500, 600)...)
			w.alerts(alertsOf(50)...)
			w.smallPages()
			w.before = func(r *runtime, step string, _ int) error {
				if step == "FetchIOCs" || step == "FetchAlerts" {
					r.mu.Lock()
					defer r.mu.Unlock()
					r.events = max(r.events, 2_740)
				}
				return nil
			}
			result := w.run(name)
			require.True(t, result.More)
			w.before = nil
			w.untilDone(name)
			made := w.blocked()
			if name == settings.FlowImportIOCs {
				require.Equal(t, values(2_500, sha), made.Hashes)
				require.Equal(t, values(600, bad), made.Senders)
				require.Len(t, made.URLs, 600)
				return
			}
			require.Equal(t, values(50, alerted), made.Policies)
			require.Len(t, made.URLs, 50)
		})
	}
}

// A dry run settles nothing, so the next one would read the same again: it must not be started at once.
func TestADryRunThatMeetsItsBoundDoesNotGoOnByItself(t *testing.T) {
	for _, name := range settings.Flows() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.settings.DryRun = true
			w.lists(manyIOCs(2_500, 0)...)
			w.alerts(alertsOf(50)...)
			at := w.clock.now()
			for n := range 30 {
				w.log("url", click(at.Add(time.Duration(n)*time.Second-time.Hour), host(n), n, nil))
			}
			w.smallPages()
			w.before = func(r *runtime, _ string, _ int) error {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.events = max(r.events, 2_760)
				return nil
			}
			result := w.run(name)
			require.False(t, result.More)
			require.False(t, w.told(name).More)
			require.True(t, result.Plan.More, "and the plan says that it is not all")
			require.NotZero(t, result.Plan.Total)
			require.Zero(t, w.writes())
			require.Empty(t, w.books())

			d := newDesk(t)
			d.then(func() { d.steps(); d.started("1") })
			d.then(func() {
				report := w.told(name)
				report.Flow = flow
				d.reported("1", activities.Report{Finished: true, DryRun: true, More: report.More, Counts: counts{indicator.URLDomains: {WouldShare: 3}}})
			})
			d.then(func() {
				require.Empty(t, d.steps(), "the next run is the Schedule's")
				require.Equal(t, workflows.FlowIdle, d.state().Flows[flow].State)
				require.Zero(t, d.status().Flows[flow].Sources[indicator.URLDomains].WouldShare, "what was not done is not added up")
			})
			d.run(document, nil)
		})
	}
}
