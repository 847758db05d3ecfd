package workflows_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/access"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/notify"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// watched is an Integration whose people want to be told.
const watched = `{"name": "acme", "notify": ["soc@acme.example"],
	"sendToFalcon": {"urlDomains": {"enabled": true}, "attachmentHashes": {"enabled": true}}}`

// runs has a run of the flow that ends as report says.
func (d *desk) runs(run string, report activities.Report) {
	d.then(func() { d.started(run) })
	d.then(func() {
		report.Finished = true
		d.reported(run, report)
	})
}

// requireTold makes sure that exactly one mail was sent since the last look, of a kind and about these.
func (d *desk) requireTold(kind notify.Kind, about ...string) notify.Notice {
	d.t.Helper()
	mails := d.told()
	require.Len(d.t, mails, 1)
	require.Equal(d.t, []string{"soc@acme.example"}, mails[0].To)
	notice := mails[0].Notice
	require.Equal(d.t, kind, notice.Kind)
	var what []string
	for _, problem := range notice.Problems {
		what = append(what, problem.What)
		require.NotEmpty(d.t, problem.Reason)
	}
	require.Equal(d.t, about, what)
	return notice
}

func TestAPermanentErrorIsMailedOnceHoweverManyRunsMeetItAndItsEndOnceToo(t *testing.T) {
	d := newDesk(t)
	quota := activities.Report{Parked: map[settings.Part]activities.Problem{"attachmentHashes": problem(activities.VendorQuota, "falcon")}}
	d.runs("1", quota)
	d.then(func() { d.requireTold(notify.PermanentError, "attachmentHashes") })
	d.runs("2", activities.Report{})
	d.runs("3", quota)
	d.then(func() {
		require.Empty(t, d.told(), "it has been told")
		d.signal(wire.Reconnect, "")
	})
	d.then(func() { require.Empty(t, d.told(), "a good check says nothing about the quota") })
	d.runs("4", quota)
	d.then(func() {
		require.Empty(t, d.told(), "the same as before")
		d.signal(wire.Reconnect, "")
	})
	d.runs("5", activities.Report{})
	d.then(func() {
		require.Equal(t, workflows.Connected, d.state().State)
		require.Equal(t, 2, d.requireTold(notify.Recovered, "attachmentHashes").Number)
	})
	d.runs("6", quota)
	d.then(func() { d.requireTold(notify.PermanentError, "attachmentHashes") })
	d.run(watched, nil)
}

func TestWhatIsWrongBesideIsMailedToo(t *testing.T) {
	d := newDesk(t)
	d.runs("1", activities.Report{Parked: map[settings.Part]activities.Problem{"attachmentHashes": problem(activities.VendorQuota, "falcon")}})
	d.then(func() { d.requireTold(notify.PermanentError, "attachmentHashes") })
	d.runs("2", activities.Report{Failed: problem(activities.VendorAuth, "mimecast")})
	d.then(func() {
		d.requireTold(notify.PermanentError, "Mimecast", "attachmentHashes")
		require.Equal(t, notify.PermanentError, d.status().Mail.Kind)
	})
	d.run(watched, nil)
}

func TestFault_S6_MailThatDoesNotGoOutHoldsNothingUpAndGoesOutLater(t *testing.T) {
	d := newDesk(t)
	d.env.SetTestTimeout(time.Minute)
	d.mailed = func() (activities.NotifyResult, error) {
		return activities.NotifyResult{}, errors.New("connection refused")
	}
	d.runs("1", activities.Report{Failed: problem(activities.VendorQuota, "falcon")})
	d.then(func() {
		require.NotEmpty(t, d.told(), "tried")
		d.signal(wire.Pause, "")
	})
	d.then(func() {
		require.Contains(t, d.steps(), "schedules paused", "meanwhile the Integration does what it is told")
		require.Nil(t, d.status().Mail)
	})
	d.next += 2 * time.Hour
	d.then(func() {
		require.Contains(t, d.status().Mail.Problem, "connection refused")
		require.Contains(t, d.status().Warnings[0], "not mailed")
		d.mailed = taken
	})
	d.next += 10 * time.Minute
	d.then(func() {
		require.Empty(t, d.status().Mail.Problem)
		d.told()
	})
	d.next += 2 * time.Hour
	d.then(func() { require.Empty(t, d.told(), "sent once") })
	d.run(watched, nil)
}

func TestMailThatIsRefusedOrHasNoServerIsSaidAndTriedAgainForADay(t *testing.T) {
	for name, mailed := range map[string]func() (activities.NotifyResult, error){
		"no server": func() (activities.NotifyResult, error) {
			return activities.NotifyResult{Skipped: "the worker has no mail server"}, nil
		},
		"refused": func() (activities.NotifyResult, error) {
			return activities.NotifyResult{}, temporal.NewNonRetryableApplicationError("the worker has no mail server for this", "MailRefused", nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.mailed = mailed
			d.runs("1", activities.Report{Failed: problem(activities.VendorQuota, "falcon")})
			d.then(func() {
				require.Len(t, d.told(), 1)
				require.Contains(t, d.status().Mail.Problem, "no mail server")
				require.Contains(t, d.shown(), "no mail server")
			})
			d.next += 2 * time.Hour
			d.then(func() { require.Len(t, d.told(), 2, "somebody may have changed something") })
			d.next += 48 * time.Hour
			d.then(func() { require.Len(t, d.told(), 21) })
			d.next += 48 * time.Hour
			d.then(func() { require.Empty(t, d.told(), "given up") })
			d.run(watched, nil)
		})
	}
}

func TestWithoutAnybodyToTellNothingIsMailed(t *testing.T) {
	d := newDesk(t)
	d.runs("1", activities.Report{Failed: problem(activities.VendorQuota, "falcon")})
	d.then(func() { require.Empty(t, d.told()) })
	d.run(document, nil)
}

func TestFault_S6_AnIntegrationThatGoesUpAndDownSendsAFewMailsAnHourOnly(t *testing.T) {
	d := newDesk(t)
	for i := range 8 {
		d.runs(fmt.Sprint("bad ", i), activities.Report{Failed: problem(activities.VendorQuota, "falcon")})
		d.then(func() { d.signal(wire.Reconnect, "") })
		d.runs(fmt.Sprint("good ", i), activities.Report{})
	}
	d.then(func() { require.Len(t, d.told(), 6) })
	d.runs("last", activities.Report{Failed: problem(activities.VendorQuota, "falcon")})
	d.then(func() { require.Empty(t, d.told(), "held back") })
	d.next += time.Hour
	d.then(func() { d.started("any") })
	d.then(func() { d.requireTold(notify.PermanentError, flow) })
	d.run(watched, nil)
}

func TestAFlowThatFailsForAnHourIsMailedAlthoughItIsStillTried(t *testing.T) {
	d := newDesk(t)
	d.then(func() { d.started("1") })
	trouble := activities.Report{Trouble: "Mimecast answers 503"}
	for range 5 {
		d.next += 11 * time.Minute
		d.then(func() { d.reported("1", trouble) })
	}
	d.then(func() {
		require.Empty(t, d.told(), "not yet an hour")
		require.Equal(t, workflows.Degraded, d.state().State)
	})
	for range 3 {
		d.next += 15 * time.Minute
		d.then(func() { d.reported("1", trouble) })
	}
	d.then(func() {
		d.requireTold(notify.Degraded, flow)
		d.reported("1", activities.Report{Finished: true})
	})
	d.then(func() { d.requireTold(notify.Recovered, flow) })
	d.run(watched, nil)
}

func TestFault_P19_AGapIsMailedAndShownToTheMinute(t *testing.T) {
	d := newDesk(t)
	from := time.Date(2026, 9, 1, 10, 20, 30, 0, time.UTC)
	gap := activities.Gap{From: from, To: from.Add(26*time.Hour + 7*time.Minute)}
	d.then(func() { d.started("1") })
	report := activities.Report{Gaps: map[indicator.Source]activities.Gap{indicator.URLDomains: gap}}
	d.then(func() { d.reported("1", report) })
	d.then(func() {
		report.Finished = true
		d.reported("1", report)
	})
	d.then(func() {
		notice := d.requireTold(notify.Gap, "urlDomains")
		require.Contains(t, notice.Problems[0].Reason, "between 2026-09-01 10:20 and 2026-09-02 12:27 UTC (26h7m0s)")
		require.Equal(t, gap, d.status().Flows[flow].Gaps[indicator.URLDomains])
		require.Contains(t, d.status().Warnings[0], "urlDomains: records between 2026-09-01 10:20")
	})
	d.run(watched, nil)
}

func TestWhatTheCheckFindsLackingParksThePartsThatNeedItAndNoOther(t *testing.T) {
	d := newDesk(t)
	lacking := problem(activities.VendorForbidden, "mimecast")
	d.checked = func() (activities.CheckConnectionsResult, error) {
		return activities.CheckConnectionsResult{
			Parts: map[settings.Part]activities.Problem{"attachmentHashes": lacking},
			Findings: []access.Finding{
				{Where: "falcon", Check: "credentials", Outcome: access.OK},
				{Where: "mimecast", Check: "product securityevents", Outcome: access.Failed, Detail: "missing", Parts: []settings.Part{"attachmentHashes"}},
				{Where: "mail", Check: "server", Outcome: access.Warning, Detail: "nobody is told"},
			},
		}, nil
	}
	d.then(func() {
		require.Equal(t, []string{"check", "schedules on", "run [share-ttp-logs]"}, d.steps(), "the other source goes on")
		state := d.state()
		require.Equal(t, workflows.PermanentError, state.State)
		require.Equal(t, workflows.Connected, state.Mimecast.State)
		require.Equal(t, map[settings.Part]string{"attachmentHashes": lacking.Reason}, d.plan().Parked)
		d.requireTold(notify.PermanentError, "attachmentHashes")
		require.Len(t, d.status().Check.Findings, 2, "what is good is not shown")
		require.Equal(t, "2026-11-16T14:49:18Z", d.status().Check.At)
		require.Contains(t, d.status().Warnings[0], "nobody is told")
		d.checked = good
		d.signal(wire.Reconnect, "")
	})
	d.runs("1", activities.Report{})
	d.then(func() {
		require.Empty(t, d.plan().Parked)
		d.requireTold(notify.Recovered, "attachmentHashes")
	})
	d.run(watched, nil)
}

func TestWhatWasMendedAndBreaksAgainIsMailedAgainAlthoughSomethingElseIsStillWrong(t *testing.T) {
	d := newDesk(t)
	d.checked = func() (activities.CheckConnectionsResult, error) {
		return activities.CheckConnectionsResult{Parts: map[settings.Part]activities.Problem{"attachmentHashes": problem(activities.VendorForbidden, "mimecast")}}, nil
	}
	broken := activities.Report{Failed: problem(activities.VendorAuth, "mimecast")}
	d.then(func() { d.requireTold(notify.PermanentError, "attachmentHashes") })
	d.runs("1", broken)
	d.then(func() {
		d.requireTold(notify.PermanentError, "Mimecast", "attachmentHashes")
		d.signal(wire.Reconnect, "")
	})
	d.runs("2", broken)
	d.then(func() {
		require.Empty(t, d.told(), "a check alone mends nothing")
		d.signal(wire.Reconnect, "")
	})
	d.runs("3", activities.Report{})
	d.then(func() {
		require.Empty(t, d.told(), "not all of it is well")
		require.Equal(t, workflows.Connected, d.state().Mimecast.State)
	})
	d.runs("4", broken)
	d.then(func() { d.requireTold(notify.PermanentError, "Mimecast", "attachmentHashes") })
	d.run(watched, nil)
}
