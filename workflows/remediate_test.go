package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// remediates makes the removal of mail with a hash or from a domain, as a run starts it.
func (w *world) remediates(source indicator.Source, value string) (workflows.RemediateResult, error) {
	w.t.Helper()
	r := w.prepared(workflows.Remediate)
	r.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: wire.RemediateID(integrationName, value), TaskQueue: "queue"})
	var result workflows.RemediateResult
	err := r.execute(activities.RemediateInput{
		Integration: integrationName, Source: source, Kind: source.Kind(), Value: value, Day: w.clock.now().Format(time.DateOnly), Brackets: true,
	}, &result)
	return result, err
}

func (w *world) incidents() []mimecast.IncidentState {
	w.t.Helper()
	state, err := w.vendors.MimecastState(w.t.Context())
	require.NoError(w.t, err)
	return state.Incidents
}

// removals are the counts of the ledger by state.
func (w *world) removals() map[ledger.RemediationState]ledger.RemediationCount {
	w.t.Helper()
	counts, err := w.store.RemediationCounts(w.t.Context(), integrationName)
	require.NoError(w.t, err)
	byState := map[ledger.RemediationState]ledger.RemediationCount{}
	for _, count := range counts {
		byState[count.State] = count
	}
	return byState
}

func TestARemovalIsFollowedForHoursAndEndsWithFigures(t *testing.T) {
	for source, value := range map[indicator.Source]string{indicator.IOCHashes: sha(0), indicator.IOCDomains: "evil.top", indicator.AlertDomains: "evil.top"} {
		t.Run(string(source), func(t *testing.T) {
			w := newWorld(t)
			w.delivers(20, "ceo@evil.top", sha(0))
			began := w.clock.now()
			result, err := w.remediates(source, value)
			require.NoError(t, err)
			require.NotEmpty(t, result.Incident)
			require.Equal(t, workflows.RemediateResult{Incident: result.Incident, Identified: 20, Successful: 18, Failed: 2}, result)
			require.GreaterOrEqual(t, w.clock.now().Sub(began), 3*time.Hour)
			require.Less(t, w.clock.now().Sub(began), 4*time.Hour, "it is noticed soon")
			require.Len(t, w.incidents(), 1)
			done := w.removals()[ledger.Done]
			require.Equal(t, ledger.RemediationCount{State: ledger.Done, N: 1, Identified: 20, Successful: 18, Failed: 2}, done)
		})
	}
}

func TestARemovalOfTheSameValueOnTheSameDayFindsItsIncident(t *testing.T) {
	w := newWorld(t)
	w.delivers(3, "ceo@evil.top", sha(0))
	first, err := w.remediates(indicator.IOCHashes, sha(0))
	require.NoError(t, err)
	second, err := w.remediates(indicator.IOCHashes, sha(0))
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.Len(t, w.incidents(), 1)
}

func TestARemovalWithoutMailMakesNoIncident(t *testing.T) {
	w := newWorld(t)
	w.delivers(1, "ceo@notevil.top") // only looks like it
	result, err := w.remediates(indicator.IOCDomains, "evil.top")
	require.NoError(t, err)
	require.Equal(t, workflows.RemediateResult{Nothing: true}, result)
	require.Empty(t, w.incidents())
	require.Equal(t, 1, w.removals()[ledger.NothingFound].N)
}

// Right after it is made an incident has identified nothing yet; one that stays so is watched for a while.
func TestAnIncidentThatIdentifiesNothingIsNotTakenForDoneAtOnce(t *testing.T) {
	w := newWorld(t)
	began := w.clock.now()
	result, err := w.remediates(indicator.IOCHashes, sha(0))
	require.NoError(t, err)
	require.Zero(t, result.Identified)
	require.False(t, result.Unfinished)
	require.GreaterOrEqual(t, w.clock.now().Sub(began), 15*time.Minute)
	require.Equal(t, 1, w.removals()[ledger.Done].N)
}

func TestAnIncidentThatDoesNotEndIsLeftAfterHalfADay(t *testing.T) {
	w := newWorldWith(t, 100*time.Hour)
	w.delivers(50, "ceo@evil.top", sha(0))
	began := w.clock.now()
	result, err := w.remediates(indicator.IOCHashes, sha(0))
	require.NoError(t, err)
	require.True(t, result.Unfinished)
	require.NotZero(t, result.Successful)
	require.Less(t, result.Successful, result.Identified)
	require.InDelta(t, 12*time.Hour, w.clock.now().Sub(began), float64(16*time.Minute))
	require.Equal(t, 1, w.removals()[ledger.RemediationFailed].N)
}

func TestARemovalThatMimecastForbidsFailsAndIsWantedOnceMore(t *testing.T) {
	for step, path := range map[string]string{
		"finding the mail": "/api/message-finder/", "making the incident": "/api/ttp/remediation/v2/create", "following it": "/api/ttp/remediation/get-incident",
	} {
		t.Run(step, func(t *testing.T) {
			w := newWorld(t)
			w.delivers(3, "ceo@evil.top")
			require.NoError(t, w.vendors.Deny(t.Context(), path))
			_, err := w.remediates(indicator.IOCDomains, "evil.top")
			requireFailed(t, err, activities.VendorForbidden)
			require.Equal(t, 1, w.removals()[ledger.Wanted].N, "for when a person has mended the permission")
			require.Len(t, w.removals(), 1)
		})
	}
}

// removing is a world in which both imports find values whose mail was delivered.
func removing(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.settings.SendToMimecast.IOCHashes.Remediate = true
	w.settings.SendToMimecast.IOCDomains.Remediate = true
	w.settings.SendToMimecast.AlertDomains.Remediate = true
	w.lists(manyIOCs(3, 3)...)
	w.alerts(alertsOf(2)...)
	w.delivers(4, "ceo@"+bad(0), sha(1))
	w.delivers(2, "ceo@mail."+alerted(1))
	return w
}

func TestImportsHaveDeliveredMailRemovedOnceForEachNewValue(t *testing.T) {
	w := removing(t)
	w.run(settings.FlowImportIOCs, settings.FlowImportAlerts)
	require.Len(t, w.incidents(), 3, "of a hash, a domain of the list, and a domain of an alert")
	removals := w.removals()
	require.Equal(t, 3, removals[ledger.Done].N)
	require.Equal(t, 10, removals[ledger.Done].Identified)
	require.Equal(t, 5, removals[ledger.NothingFound].N)
	require.Len(t, removals, 2)

	w.clock.pass(24 * time.Hour)
	w.writes()
	w.run(settings.FlowImportIOCs, settings.FlowImportAlerts)
	require.Zero(t, w.writes(), "no value is new")
	require.Equal(t, 3, w.told(settings.FlowImportAlerts).Remediations.Done)
	require.Equal(t, 5, w.told(settings.FlowImportAlerts).Remediations.NothingFound)
	require.Equal(t, 10, w.told(settings.FlowImportAlerts).Remediations.Messages.Identified)
}

func TestAnImportEndsWhileItsRemovalsGoOn(t *testing.T) {
	w := removing(t)
	r := w.prepared(workflows.ImportIOCs)
	r.env.SetDetachedChildWait(false)
	began := w.clock.now()
	var result workflows.FlowResult
	require.NoError(t, r.execute(activities.FlowInput{Integration: integrationName}, &result))
	require.Less(t, w.clock.now().Sub(began), 10*time.Minute, "nobody waits three hours")
	require.Equal(t, 3, result.Counts[indicator.IOCHashes].Shared)
	require.Zero(t, w.removals()[ledger.Done].N)
}

func TestARemovalThatAKilledRunCouldNotStartIsStartedByTheNext(t *testing.T) {
	w := removing(t)
	w.after = func(r *runtime, step string, _ int) error {
		if step == "SelectRemediations" {
			r.kill()
		}
		return nil
	}
	_, err := w.attempt(settings.FlowImportIOCs)
	require.ErrorIs(t, err, errKilled)
	require.Empty(t, w.incidents())
	w.after = nil
	w.run(settings.FlowImportIOCs)
	require.Len(t, w.incidents(), 2)
}

func TestForbiddenRemovalsParkThatAloneAndTheValuesWait(t *testing.T) {
	w := removing(t)
	require.NoError(t, w.vendors.Deny(t.Context(), "/api/ttp/remediation/", "/api/message-finder/"))
	_, err := w.attempt(settings.FlowImportIOCs)
	requireFailed(t, err, activities.VendorForbidden)
	parked := w.told(settings.FlowImportIOCs).Parked
	require.Len(t, parked, 2)
	require.Contains(t, parked, settings.RemediatePart(indicator.IOCHashes))
	require.Contains(t, parked, settings.RemediatePart(indicator.IOCDomains))
	require.Equal(t, blocked{Hashes: values(3, sha), Senders: values(3, bad)}, w.blocked(), "blocking goes on")
	require.NoError(t, w.vendors.Deny(t.Context()))
	w.reconnect()
	w.run(settings.FlowImportIOCs)
	require.Len(t, w.incidents(), 2)
	require.Equal(t, 2, w.removals()[ledger.Done].N)
}

// A run starts twenty at most; each of the next ones as many more.
func TestManyRemovalsAreSpreadOverRuns(t *testing.T) {
	w := newWorld(t)
	w.settings.SendToMimecast.IOCHashes.Remediate = true
	w.lists(manyIOCs(45, 0)...)
	w.delivers(1, "ceo@evil.top", values(45, sha)...)
	for _, want := range []int{20, 40, 45, 45} {
		w.run(settings.FlowImportIOCs)
		require.Len(t, w.incidents(), want)
	}
	require.Equal(t, 45, w.removals()[ledger.Done].N)
}
