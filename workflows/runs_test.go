package workflows_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

type counts = map[indicator.Source]activities.Counts

func TestTheConnectionStateHasTheDocumentedForm(t *testing.T) {
	d := newDesk(t)
	d.then(func() {
		require.JSONEq(t, `{"state":"connected","since":"2026-11-16T14:49:18Z","reason":"",
			"mimecast":{"state":"connected","reason":""},"falcon":{"state":"connected","reason":""},
			"flows":{"import-alerts":{"state":"disabled","lastRun":"","lastSuccess":"","lastError":"","shared":0,"held":0},
			"import-iocs":{"state":"disabled","lastRun":"","lastSuccess":"","lastError":"","shared":0,"held":0},
			"share-ttp-logs":{"state":"idle","lastRun":"","lastSuccess":"","lastError":"","shared":0,"held":0}}}`,
			string(query[json.RawMessage](d, wire.ConnectionState)), "before the first run")
		d.started("1")
	})
	d.then(func() {
		d.reported("1", activities.Report{Finished: true, Counts: counts{
			indicator.URLDomains:       {Read: 90, Malicious: 60, Shared: 40, Held: map[indicator.Reason]int{"free-mail": 1}},
			indicator.AttachmentHashes: {Shared: 1, Held: map[indicator.Reason]int{"known-good": 1}},
		}})
	})
	d.then(func() {
		require.Equal(t, strings.Join([]string{
			`{"state":"connected","since":"2026-11-16T14:49:18Z","reason":"",`,
			`"mimecast":{"state":"connected","reason":""},"falcon":{"state":"connected","reason":""},`,
			`"flows":{"import-alerts":{"state":"disabled","lastRun":"","lastSuccess":"","lastError":"","shared":0,"held":0},`,
			`"import-iocs":{"state":"disabled","lastRun":"","lastSuccess":"","lastError":"","shared":0,"held":0},`,
			`"share-ttp-logs":{"state":"idle","lastRun":"2026-11-16T14:50:18Z","lastSuccess":"2026-11-16T14:51:18Z",`,
			`"lastError":"","shared":41,"held":2}}}`,
		}, ""), string(query[json.RawMessage](d, wire.ConnectionState)))
	})
	d.run(document, nil)
}

func TestARunShowsWhileItIsAtWorkAndCountsOnceHoweverOftenItReports(t *testing.T) {
	d := newDesk(t)
	read := map[indicator.Source]activities.Cursor{indicator.URLDomains: {Newest: began()}}
	d.then(func() { d.started("1") })
	d.then(func() {
		require.Equal(t, workflows.FlowRunning, d.state().Flows[flow].State)
		require.Equal(t, "1", d.plan().Running.RunID)
		for range 2 { // a report is all of the run so far
			d.reported("1", activities.Report{Counts: counts{indicator.URLDomains: {Read: 9, Shared: 2}}, Cursors: read})
		}
	})
	d.then(func() {
		require.Equal(t, 2, d.state().Flows[flow].Shared)
		require.Equal(t, began(), d.plan().Cursors[indicator.URLDomains].Newest)
		require.Equal(t, began().Format(time.RFC3339), d.status().Checkpoints[flow][indicator.URLDomains])
		require.Empty(t, d.state().Flows[flow].LastSuccess)
		for range 2 {
			d.reported("1", activities.Report{Finished: true, Counts: counts{indicator.URLDomains: {Read: 10, Shared: 3}}, Cursors: read})
		}
	})
	d.then(func() {
		require.Equal(t, 3, d.state().Flows[flow].Shared)
		require.Equal(t, workflows.FlowIdle, d.state().Flows[flow].State)
		require.Equal(t, 10, d.status().Flows[flow].LastRunSources[indicator.URLDomains].Read)
		d.started("2")
	})
	d.then(func() {
		require.Equal(t, 3, d.state().Flows[flow].Shared)
		// What the first run says now is old news.
		d.reported("1", activities.Report{
			Finished: true, Counts: counts{indicator.URLDomains: {Shared: 50}},
			Cursors: map[indicator.Source]activities.Cursor{indicator.URLDomains: {}}, Failed: problem(activities.VendorAuth, "falcon"),
		})
		d.reported("2", activities.Report{Finished: true, Counts: counts{indicator.URLDomains: {Read: 1, Shared: 1}}})
	})
	d.then(func() {
		require.Equal(t, 4, d.state().Flows[flow].Shared)
		require.Equal(t, 11, d.status().Flows[flow].Sources[indicator.URLDomains].Read)
		require.Equal(t, began(), d.plan().Cursors[indicator.URLDomains].Newest)
		require.Equal(t, workflows.Connected, d.state().State)
	})
	d.run(document, nil)
}

// Signals of two names wait in two queues. The Integration may find both when it comes back from a step of its own.
func TestTheEndOfARunIsTakenEvenIfTheNextRunHasStartedMeanwhile(t *testing.T) {
	d := newDesk(t)
	d.then(func() { d.started("1") })
	d.then(func() {
		d.signal(wire.Reconnect, "") // it is busy
		d.reported("1", activities.Report{Finished: true, Counts: counts{indicator.URLDomains: {Shared: 3}}})
		d.started("2")
	})
	d.then(func() {
		require.Equal(t, 3, d.state().Flows[flow].Shared)
		require.NotEmpty(t, d.state().Flows[flow].LastSuccess)
		require.Equal(t, "2", d.plan().Running.RunID)
	})
	d.run(document, nil)
}

func TestARunThatMetItsBoundIsFollowedAtOnceByTheNext(t *testing.T) {
	d := newDesk(t)
	d.then(func() { d.started("1") })
	d.then(func() {
		d.steps()
		d.reported("1", activities.Report{Finished: true, More: true})
	})
	d.then(func() {
		require.Equal(t, []string{"run [share-ttp-logs]"}, d.steps())
		require.True(t, d.status().Flows[flow].More)
	})
	d.run(document, nil)
}

func TestAPermanentErrorParksTheSourceAndTheOthersGoOn(t *testing.T) {
	d := newDesk(t)
	forbidden := problem(activities.VendorForbidden, "mimecast")
	d.then(func() { d.started("1") })
	d.then(func() {
		d.steps()
		d.reported("1", activities.Report{Finished: true, Parked: map[settings.Part]activities.Problem{settings.PartOf(indicator.URLDomains): forbidden}})
	})
	d.then(func() {
		require.Equal(t, []string{"schedules on"}, d.steps())
		state := d.state()
		require.Equal(t, workflows.PermanentError, state.State)
		require.Contains(t, state.Reason, forbidden.Reason)
		require.Equal(t, workflows.Connected, state.Mimecast.State, "the connection is good, the function is not")
		require.Equal(t, forbidden.Reason, state.Flows[flow].LastError)
		require.Empty(t, state.Flows[flow].LastSuccess)
		require.Equal(t, map[settings.Part]string{settings.PartOf(indicator.URLDomains): forbidden.Reason}, d.plan().Parked)
		require.Empty(t, d.plan().Idle)
		d.started("2")
		d.reported("2", activities.Report{Finished: true, Parked: map[settings.Part]activities.Problem{settings.PartOf(indicator.AttachmentHashes): forbidden}})
	})
	d.then(func() {
		require.Equal(t, []string{"schedules paused"}, d.steps(), "no source is left")
		require.Equal(t, workflows.FlowParked, d.state().Flows[flow].State)
		d.signal(wire.Reconnect, "")
	})
	d.then(func() {
		require.Equal(t, []string{"check", "schedules on", "run [share-ttp-logs]"}, d.steps())
		require.Equal(t, workflows.Connected, d.state().State)
		require.Empty(t, d.plan().Parked)
	})
	d.run(document, nil)
}

func TestAPermanentErrorThatEndsARunParksTheFlowAndBlamesTheVendor(t *testing.T) {
	for kind, want := range map[string]struct{ falcon, mimecast string }{
		activities.VendorAuth:  {workflows.PermanentError, workflows.Connected},
		activities.VendorQuota: {workflows.Connected, workflows.Connected},
	} {
		t.Run(kind, func(t *testing.T) {
			d := newDesk(t)
			d.then(func() { d.started("1") })
			d.then(func() {
				d.steps()
				d.reported("1", activities.Report{Finished: true, Failed: problem(kind, "falcon")})
			})
			d.then(func() {
				require.Equal(t, []string{"schedules paused"}, d.steps())
				require.Contains(t, d.lastSchedule().Note, kind)
				state := d.state()
				require.Equal(t, workflows.PermanentError, state.State)
				require.Equal(t, want.falcon, state.Falcon.State)
				require.Equal(t, want.mimecast, state.Mimecast.State)
				require.Equal(t, workflows.FlowParked, state.Flows[flow].State)
				require.NotEmpty(t, d.plan().Idle)
				d.signal(wire.Reconnect, "")
			})
			d.then(func() {
				require.Equal(t, []string{"check", "schedules on", "run [share-ttp-logs]"}, d.steps())
				require.Equal(t, workflows.Connected, d.state().State)
			})
			d.run(document, nil)
		})
	}
}

func TestAnAnswerThatMakesNoSenseParksNothingAndClears(t *testing.T) {
	for name, report := range map[string]activities.Report{
		"while it retries": {Trouble: "falcon answers 503"},
		"of a source":      {Finished: true, Parked: map[settings.Part]activities.Problem{settings.PartOf(indicator.URLDomains): problem(activities.VendorContract, "mimecast")}},
		"of the run":       {Finished: true, Failed: problem(activities.VendorContract, "falcon")},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.then(func() { d.started("1") })
			d.then(func() { d.reported("1", report) })
			d.then(func() {
				require.Equal(t, workflows.Degraded, d.state().State)
				require.NotEmpty(t, d.state().Reason)
				require.Equal(t, workflows.FlowRetrying, d.state().Flows[flow].State)
				require.Empty(t, d.state().Flows[flow].LastSuccess)
				require.Empty(t, d.plan().Idle)
				require.Empty(t, d.plan().Parked)
				require.False(t, d.lastSchedule().Paused)
				d.started("2")
			})
			d.then(func() { d.reported("2", activities.Report{Finished: true}) })
			d.then(func() {
				require.Equal(t, workflows.Connected, d.state().State)
				require.Equal(t, workflows.FlowIdle, d.state().Flows[flow].State)
				require.Empty(t, d.state().Flows[flow].LastError)
			})
			d.run(document, nil)
		})
	}
}

func TestASourceThatIsSwitchedOffIsNoPermanentErrorAnyMore(t *testing.T) {
	d := newDesk(t)
	d.then(func() { d.started("1") })
	d.then(func() {
		d.reported("1", activities.Report{Finished: true, Parked: map[settings.Part]activities.Problem{
			settings.PartOf(indicator.URLDomains): problem(activities.VendorForbidden, "mimecast"),
		}})
	})
	d.then(func() { d.signal(wire.ChangeSettings, `{"sendToFalcon": {"urlDomains": {"enabled": false}}}`) })
	d.then(func() { require.Equal(t, workflows.Connected, d.state().State) })
	d.run(document, nil)
}
