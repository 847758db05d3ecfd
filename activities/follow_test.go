package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator/fault"
)

func TestAnIncidentMadeWithALostAnswerIsFoundAgain(t *testing.T) {
	for name, restart := range map[string]bool{"by the same worker": false, "by another one": true} {
		t.Run(name, func(t *testing.T) {
			w := newImports(t)
			w.delivered("<a@mail.example>", "boss@evil.top", hash(1))
			in := activities.CreateRemediationInput{RemediateInput: activities.RemediateInput{
				Integration: acme, Source: indicator.IOCHashes, Kind: indicator.SHA256, Value: hash(1), Day: "2026-11-24",
			}}
			require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{Path: makeIncident, Kind: fault.ResetAfter, Count: 1}))
			_, err := run[indicator.Incident](w, w.CreateRemediation, in)
			refusedAs(t, err, activities.VendorUnavailable, true)
			if restart {
				w.Vendors = w.clients(100)
			}
			w.clock.pass(2 * time.Minute)
			incident, err := run[indicator.Incident](w, w.CreateRemediation, in)
			require.NoError(t, err)
			require.NotEmpty(t, incident.ID)
			require.Len(t, w.mimecast().Incidents, 1)
			require.Equal(t, 1, w.remediations()[ledger.Started].N)
		})
	}
}

// Right after it is made an incident has not found anything yet.
func TestThatAnIncidentHasFoundNothingIsNotBelievedAtOnce(t *testing.T) {
	w := newImports(t)
	in := activities.RemediateInput{Integration: acme, Source: indicator.IOCHashes, Kind: indicator.SHA256, Value: hash(1), Day: "2026-11-24"}
	_, incident := w.remediated(in)
	require.Zero(t, incident.Identified)
	require.False(t, w.follow(in, incident, 14*time.Minute, false).Done)
	require.Equal(t, 1, w.remediations()[ledger.Started].N)
	require.True(t, w.follow(in, incident, 15*time.Minute, false).Done)
	require.Equal(t, 1, w.remediations()[ledger.Done].N)
}

func TestAnIncidentThatDoesNotEndIsGivenUpWithAWord(t *testing.T) {
	w := newImports(t)
	w.delivered("<a@mail.example>", "boss@evil.top", hash(1))
	in := activities.RemediateInput{Integration: acme, Source: indicator.IOCHashes, Kind: indicator.SHA256, Value: hash(1), Day: "2026-11-24"}
	_, incident := w.remediated(in)
	require.False(t, w.follow(in, incident, 12*time.Hour, true).Done)
	require.Equal(t, 1, w.remediations()[ledger.RemediationFailed].N)
	require.Equal(t, 1, w.remediations()[ledger.RemediationFailed].Identified)

	_, err := run[any](w, w.FailRemediation, activities.FailRemediationInput{RemediateInput: in, Reason: "no licence"})
	require.NoError(t, err)
	require.Equal(t, 1, w.remediations()[ledger.RemediationFailed].N, "the same one")
}

func TestTheMailOfAValueThatWasTakenBackIsLeftAlone(t *testing.T) {
	w := newImports(t)
	w.delivered("<a@mail.example>", "boss@evil.top", hash(1), hash(2))
	w.wantMail(indicator.IOCHashes, hash(1), hash(2), hash(3))
	require.NoError(t, w.Ledger.Record(t.Context(), w.clock.now(), []ledger.Entry{entryOn(ledger.BYOTI, hash(1), ledger.Withdrawn)}))
	_, err := w.store.MarkDue(t.Context(), w.clock.now(), acme, ledger.BYOTI, map[indicator.Key]indicator.Reason{{Kind: indicator.SHA256, Value: hash(2)}: "deleted"})
	require.NoError(t, err)
	require.Empty(t, w.selected(indicator.IOCHashes))
	require.Equal(t, 1, w.remediations()[ledger.RemediationFailed].N)
	require.Equal(t, 1, w.remediations()[ledger.NothingFound].N)
	require.Equal(t, 1, w.remediations()[ledger.Wanted].N, "whether it leaves is not known yet")
}

func TestTheMailOfAValueThatIsListedAgainInTimeIsRemoved(t *testing.T) {
	w := newImports(t)
	w.delivered("<a@mail.example>", "boss@evil.top")
	w.listed(iocDomain("evil.top"))
	read := w.readIOCs(w.iocsInput(activities.Cursor{}))
	w.wantMail(indicator.IOCDomains, found(read.Found[indicator.IOCDomains])...)
	key := indicator.Key{Kind: indicator.Domain, Value: "evil.top"}
	_, err := w.store.MarkDue(t.Context(), w.clock.now(), acme, ledger.BlockedSenders, map[indicator.Key]indicator.Reason{key: "deleted"})
	require.NoError(t, err)
	require.Empty(t, w.selected(indicator.IOCDomains))
	w.nextRun()
	w.imported(read.Cursor)
	require.Zero(t, w.on(ledger.BlockedSenders, "evil.top").DueAt)
	require.Len(t, w.selected(indicator.IOCDomains), 1)
}

// What a person has to mend first is no reason to give a removal up.
func TestARemovalThatMayStartOnceMoreIsWantedAgainAndKeepsItsFigures(t *testing.T) {
	w := newImports(t)
	w.delivered("<a@mail.example>", "boss@evil.top", hash(1))
	w.wantMail(indicator.IOCHashes, hash(1))
	in := w.selected(indicator.IOCHashes)[0]
	_, incident := w.remediated(in)
	w.clock.pass(time.Hour)
	w.follow(in, incident, time.Hour, false)
	for _, again := range []bool{false, true} {
		_, err := run[any](w, w.FailRemediation, activities.FailRemediationInput{RemediateInput: in, Reason: "forbidden", Again: again})
		require.NoError(t, err)
		state := ledger.RemediationFailed
		if again {
			state = ledger.Wanted
		}
		require.Equal(t, map[ledger.RemediationState]ledger.RemediationCount{state: {State: state, N: 1, Identified: 1, Successful: 1}}, w.remediations())
	}
	require.Equal(t, []activities.RemediateInput{in}, w.selected(indicator.IOCHashes))
}

// What waits for an option that was switched off must not keep another one from its turn.
func TestWhatWaitsForOneSourceDoesNotHoldUpAnother(t *testing.T) {
	w := newImports(t)
	var many []ledger.Remediation
	for i := range 1_000 {
		many = append(many, ledger.Remediation{
			Integration: acme, Key: indicator.Key{Kind: indicator.Domain, Value: host(i)}, Day: "2026-11-24", Source: indicator.IOCDomains,
		})
	}
	require.NoError(t, w.store.WantRemediations(t.Context(), w.clock.now(), many))
	w.clock.pass(time.Minute)
	w.delivered("<a@mail.example>", "boss@alerted.top")
	w.wantMail(indicator.AlertDomains, "alerted.top")
	require.Len(t, w.selected(indicator.AlertDomains), 1)
}

func TestAReportCountsTheRemovalsOfMail(t *testing.T) {
	w := newImports(t)
	w.temporal.On("SignalWorkflow", anyCalls(5)...).Return(nil)
	w.delivered("<a@mail.example>", "boss@evil.top", hash(1))
	w.wantMail(indicator.IOCHashes, hash(1), hash(2))
	_, incident := w.remediated(w.selected(indicator.IOCHashes)[0])
	w.clock.pass(time.Hour)
	w.follow(activities.RemediateInput{
		Integration: acme, Source: indicator.IOCHashes, Kind: indicator.SHA256, Value: hash(1), Day: w.clock.now().Add(-time.Hour).Format(time.DateOnly),
	}, incident, time.Hour, false)
	for _, flow := range []string{"import-iocs", "share-ttp-logs"} {
		_, err := run[map[indicator.Source]activities.Counts](w, w.ReportRun, activities.ReportRunInput{
			Integration: acme, Report: activities.Report{Run: activities.Run{Flow: flow, RunID: "run 0"}, Finished: true},
		})
		require.NoError(t, err)
	}
	told := w.reports()
	require.Len(t, told, 2)
	require.Equal(t, &activities.Remediations{Done: 1, NothingFound: 1, Messages: activities.Messages{Identified: 1, Successful: 1}}, told[0].Remediations)
	require.Nil(t, told[1].Remediations)
}
