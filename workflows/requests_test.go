package workflows_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// ways are the two ways in which people ask for something.
func ways() map[string]func(d *desk, name, input string) {
	return map[string]func(d *desk, name, input string){
		"signal": func(d *desk, name, input string) { d.signal(name, input) },
		"update": func(d *desk, name, input string) { d.update(name, input) },
	}
}

func TestChangedSettingsAreCheckedScheduledAndInForceFromTheNextRun(t *testing.T) {
	for way, ask := range ways() {
		t.Run(way, func(t *testing.T) {
			d := newDesk(t)
			d.then(func() {
				d.steps()
				ask(d, wire.ChangeSettings, `{"schedule": {"shareTTPLogs": "7 * * * *"}, "sendToFalcon": {"urlDomains": {"severity": "low"}}}`)
			})
			d.then(func() {
				require.Equal(t, []string{"check", "schedules on", "run [share-ttp-logs]"}, d.steps())
				require.Equal(t, "7 * * * *", d.lastSchedule().Cron)
				require.Equal(t, "low", d.checks[1].SendToFalcon.URLDomains.Severity)
				require.Equal(t, "low", d.plan().Settings.SendToFalcon.URLDomains.Severity)
				require.Equal(t, "low", query[settings.Settings](d, wire.Settings).SendToFalcon.URLDomains.Severity)
				require.Nil(t, d.status().LastRejected)
			})
			d.run(document, nil)
		})
	}
}

func TestAChangeIsTakenOnlyIfItsAuthorHasSeenTheSettingsAsTheyAre(t *testing.T) {
	d := newDesk(t)
	var stale, fresh, unreadable *answer
	d.then(func() {
		d.update(wire.ChangeSettings, `{"sendToFalcon": {"urlDomains": {"severity": "low"}}}`)
	})
	d.then(func() {
		const seen = `{"sendToFalcon": {"urlDomains": {"severity": %q, "action": "detect"}}}`
		change := `{"sendToFalcon": {"urlDomains": {"severity": "high", "action": "no_action"}}}`
		stale = d.update(wire.ChangeSettings, change, fmt.Sprintf(seen, "medium"))
		unreadable = d.update(wire.ChangeSettings, change, `{"severity": "low"}`)
		require.Equal(t, "low", query[settings.Settings](d, wire.Settings).SendToFalcon.URLDomains.Severity)
		fresh = d.update(wire.ChangeSettings, change, fmt.Sprintf(seen, "low"))
	})
	d.then(func() {
		refused, is := errors.AsType[*temporal.ApplicationError](stale.refused)
		require.True(t, is)
		require.Equal(t, activities.SettingsChanged, refused.Type())
		var paths []string
		require.NoError(t, refused.Details(&paths))
		require.Equal(t, []string{"sendToFalcon.urlDomains.severity"}, paths)
		require.ErrorContains(t, unreadable.refused, "severity: unknown setting")
		require.NoError(t, fresh.refused)
		require.Equal(t, "high", query[settings.Settings](d, wire.Settings).SendToFalcon.URLDomains.Severity)
	})
	d.run(document, nil)
}

func TestAChangeIsAnsweredWithItsWarnings(t *testing.T) {
	d := newDesk(t)
	var got *answer
	d.then(func() { got = d.update(wire.ChangeSettings, `{"dryRun": true}`) })
	d.then(func() {
		require.NoError(t, got.refused)
		var changed workflows.Changed
		require.NoError(t, json.Unmarshal(got.body, &changed))
		require.NotEmpty(t, changed.Applied)
		require.Equal(t, d.status().Warnings, changed.Warnings)
		require.Len(t, changed.Warnings, 1)
		require.True(t, d.status().DryRun)
	})
	d.run(document, nil)
}

func TestSwitchingAFlowOffRemovesItsSchedule(t *testing.T) {
	d := newDesk(t)
	d.then(func() {
		d.steps()
		d.signal(wire.ChangeSettings, `{"sendToFalcon": {"urlDomains": null, "attachmentHashes": null}, "sendToMimecast": {"iocHashes": {"enabled": true}}}`)
	})
	d.then(func() {
		require.Equal(t, []string{"check", "schedules off", "run [import-iocs]"}, d.steps())
		require.Equal(t, workflows.FlowDisabled, d.state().Flows[flow].State)
		require.NotEmpty(t, d.plan().Idle)
	})
	d.run(document, nil)
}

// badInputs are by request what is refused, and a word of each problem.
func badInputs() map[string][]struct{ input, told string } {
	return map[string][]struct{ input, told string }{
		wire.ChangeSettings: {
			{`{"name": "other"}`, "name"},
			{`{"credentials": "other"}`, "credentials"},
			{`{"sendToFalcon": {"urlDomains": {"action": "prevent"}}, "fetchDuration": "1s"}`, "fetchDuration"},
			{`"pause"`, ""},
			{``, ""},
		},
		wire.Pause:     {{`{"why": "x"}`, "reason"}, {`"x"`, "reason"}},
		wire.Resume:    {{`[1]`, "reason"}},
		wire.Reconnect: {{`"now"`, "no input"}},
		wire.SyncNow:   {{`"no-such-flow"`, flow}, {`{}`, flow}, {`"Import-IOCs"`, flow}},
		wire.ForgetCheckpoint: {
			{``, "flow"},
			{`{"flow": "no-such-flow"}`, flow},
			{`{"flow": "share-ttp-logs", "from": "yesterday"}`, "from"},
			{`{"flow": "share-ttp-logs", "from": "2026-10-01T00:00:00Z"}`, "from"},
			{`{"flow": "share-ttp-logs", "from": "2026-12-01T00:00:00Z"}`, "from"},
		},
	}
}

func TestARefusedUpdateChangesNothingAndLeavesNoTrace(t *testing.T) {
	for name, inputs := range badInputs() {
		for _, bad := range inputs {
			t.Run(name+bad.input, func(t *testing.T) {
				d := newDesk(t)
				var before workflows.Status
				var got *answer
				d.then(func() {
					d.steps()
					before = d.status()
					got = d.update(name, bad.input)
				})
				d.then(func() {
					requireFailed(t, got.refused, activities.InvalidInput)
					require.ErrorContains(t, got.refused, bad.told)
					require.False(t, got.done)
					require.Equal(t, before, d.status())
					require.Empty(t, d.steps())
				})
				d.run(document, nil)
			})
		}
	}
}

func TestARefusedSignalChangesNothingAndIsShown(t *testing.T) {
	for name, inputs := range badInputs() {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			for n, bad := range inputs {
				d.then(func() {
					d.steps()
					d.signal(name, bad.input)
				})
				d.then(func() {
					require.Empty(t, d.steps())
					status := d.status()
					require.GreaterOrEqual(t, status.Rejected, 1, n)
					require.Equal(t, name, status.LastRejected.Name)
					require.Contains(t, status.LastRejected.Problem, bad.told)
					require.Equal(t, d.env.Now().Add(-time.Minute).UTC(), status.LastRejected.At)
					require.Equal(t, workflows.Connected, status.State)
					require.Empty(t, d.plan().Idle)
				})
			}
			d.run(document, nil)
		})
	}
}

func TestASignalThatNobodyHasANameForIsShown(t *testing.T) {
	d := newDesk(t)
	d.then(func() {
		d.steps()
		d.signal("puase", `{"reason": "x"}`)
	})
	d.then(func() {
		require.Equal(t, "puase", d.status().LastRejected.Name)
		require.Equal(t, 1, d.status().Rejected)
		require.Empty(t, d.steps())
		d.signal(wire.Pause, "")
	})
	d.then(func() { require.Equal(t, workflows.Paused, d.state().State) })
	d.run(document, nil)
}

func TestEveryProblemOfAChangeIsTold(t *testing.T) {
	d := newDesk(t)
	var got *answer
	d.then(func() { got = d.update(wire.ChangeSettings, `{"fetchDuration": "1s", "colour": "red", "name": "b"}`) })
	d.then(func() {
		for _, field := range []string{"fetchDuration", "colour", "name"} {
			require.ErrorContains(t, got.refused, field)
		}
	})
	d.run(document, nil)
}

func TestPauseAndResume(t *testing.T) {
	for way, ask := range ways() {
		t.Run(way, func(t *testing.T) {
			d := newDesk(t)
			d.then(func() {
				d.steps()
				ask(d, wire.Pause, `{"reason": "change freeze"}`)
			})
			d.then(func() {
				require.Equal(t, []string{"schedules paused"}, d.steps())
				require.Contains(t, d.lastSchedule().Note, "change freeze")
				require.Equal(t, workflows.Paused, d.state().State)
				require.Equal(t, "change freeze", d.state().Reason)
				require.Equal(t, workflows.Paused, d.state().Flows[flow].State)
				require.Contains(t, d.plan().Idle, "change freeze")
				ask(d, wire.SyncNow, "")
			})
			d.then(func() {
				require.Empty(t, d.steps(), "nothing runs while it is paused")
				ask(d, wire.Resume, "")
			})
			d.then(func() {
				require.Equal(t, []string{"schedules on"}, d.steps())
				require.Equal(t, workflows.Connected, d.state().State)
				require.Empty(t, d.plan().Idle)
				ask(d, wire.Pause, "") // without a reason
			})
			d.then(func() { require.NotEmpty(t, d.state().Reason) })
			d.run(document, nil)
		})
	}
}

func TestSyncNowRunsTheFlowAndNothingElse(t *testing.T) {
	for way, ask := range ways() {
		for _, input := range []string{"", "null", `"share-ttp-logs"`} {
			t.Run(way+input, func(t *testing.T) {
				d := newDesk(t)
				d.then(func() {
					d.steps()
					ask(d, wire.SyncNow, input)
				})
				d.then(func() { require.Equal(t, []string{"run [share-ttp-logs]"}, d.steps()) })
				d.run(document, nil)
			})
		}
	}
}

func TestAForgottenCheckpointReadsAgainAndTheRunAtWorkCannotPutItBack(t *testing.T) {
	for _, from := range []time.Time{{}, began().Add(-48 * time.Hour)} {
		t.Run(from.String(), func(t *testing.T) {
			d := newDesk(t)
			read := map[indicator.Source]activities.Cursor{indicator.URLDomains: {Newest: began()}}
			d.then(func() {
				d.started("1")
				d.reported("1", activities.Report{Cursors: read})
			})
			d.then(func() {
				d.steps()
				require.Equal(t, began(), d.plan().Cursors[indicator.URLDomains].Newest)
				require.Equal(t, began().Add(-168*time.Hour), d.plan().Since)
				input, err := json.Marshal(workflows.Forget{Flow: flow, From: from})
				require.NoError(t, err)
				d.signal(wire.ForgetCheckpoint, string(input))
			})
			d.then(func() {
				require.Equal(t, []string{"run [share-ttp-logs]"}, d.steps())
				d.reported("1", activities.Report{Cursors: read, Finished: true})
			})
			d.then(func() {
				require.Empty(t, d.plan().Cursors)
				want := from
				if from.IsZero() {
					want = d.env.Now().Add(-2*time.Minute - 168*time.Hour).UTC()
				}
				require.True(t, want.Equal(d.plan().Since), d.plan().Since)
				require.Empty(t, d.plan().Running)
			})
			d.run(document, nil)
		})
	}
}

func TestARunPlanIsForFlowsThatThereAre(t *testing.T) {
	d := newDesk(t)
	d.then(func() {
		_, err := d.env.QueryWorkflow(wire.RunPlan, "no-such-flow")
		require.Error(t, err)
	})
	d.run(document, nil)
}

func TestAMalformedReportDoesNotDeafenTheIntegration(t *testing.T) {
	for _, name := range []string{wire.RunStarted, wire.RunReported} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.then(func() {
				d.steps()
				d.signal(name, `"not a report"`)
			})
			d.then(func() { d.signal(wire.SyncNow, "") })
			d.then(func() { require.Equal(t, []string{"run [share-ttp-logs]"}, d.steps()) })
			d.run(document, nil)
			require.Contains(t, d.steps(), removed)
		})
	}
}
