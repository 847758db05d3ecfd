package activities_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator/control"
)

const (
	makeIncident   = "/api/ttp/remediation/create"
	makeIncidentV2 = "/api/ttp/remediation/v2/create"
)

// delivered adds mail that reached a mailbox an hour ago.
func (w *world) delivered(messageID, from string, hashes ...string) {
	w.t.Helper()
	require.NoError(w.t, w.vendors.AddMessages(w.t.Context(), control.DeliveredMail(messageID, from, w.clock.now().Add(-time.Hour), hashes...)))
}

// wantMail blocks values of a source and asks for the removal of their mail.
func (w *world) wantMail(source indicator.Source, values ...string) {
	w.t.Helper()
	in := w.blockInput(source, findings(values...)...)
	in.Remediate = true
	var err error
	switch source {
	case indicator.IOCHashes:
		_, err = run[activities.AddBYOTIHashesResult](w, w.AddBYOTIHashes, activities.AddBYOTIHashesInput{BlockInput: in, Limit: 100_000})
	case indicator.AlertDomains:
		_, err = run[activities.BlockResult](w, w.BlockAlertDomains, in)
	default:
		_, err = run[activities.BlockResult](w, w.BlockSenderDomains, activities.BlockSenderDomainsInput{BlockInput: in, GroupID: w.senderGroup().ID})
	}
	require.NoError(w.t, err)
}

func (w *world) selected(sources ...indicator.Source) []activities.RemediateInput {
	w.t.Helper()
	selected, err := run[[]activities.RemediateInput](w, w.SelectRemediations, activities.SelectRemediationsInput{
		Integration: acme, Sources: sources, Brackets: true,
	})
	require.NoError(w.t, err)
	return selected
}

// remediated takes one removal to its incident.
func (w *world) remediated(in activities.RemediateInput) (activities.DeliveredMail, indicator.Incident) {
	w.t.Helper()
	mail, err := run[activities.DeliveredMail](w, w.FindDeliveredMail, in)
	require.NoError(w.t, err)
	if mail.Nothing {
		return mail, indicator.Incident{}
	}
	incident, err := run[indicator.Incident](w, w.CreateRemediation, activities.CreateRemediationInput{RemediateInput: in, Mail: mail})
	require.NoError(w.t, err)
	return mail, incident
}

func (w *world) follow(in activities.RemediateInput, incident indicator.Incident, watched time.Duration, last bool) indicator.Incident {
	w.t.Helper()
	followed, err := run[indicator.Incident](w, w.FollowRemediation, activities.FollowRemediationInput{
		RemediateInput: in, Incident: incident.ID, Watched: watched, Last: last,
	})
	require.NoError(w.t, err)
	return followed
}

// remediations are the counts by state.
func (w *world) remediations() map[ledger.RemediationState]ledger.RemediationCount {
	w.t.Helper()
	counts, err := w.store.RemediationCounts(w.t.Context(), acme)
	require.NoError(w.t, err)
	byState := map[ledger.RemediationState]ledger.RemediationCount{}
	for _, count := range counts {
		byState[count.State] = count
	}
	return byState
}

func TestTheMailOfAHashIsRemovedInOneIncident(t *testing.T) {
	w := newImports(t)
	w.delivered("<a@mail.example>", "boss@evil.top", hash(1))
	w.wantMail(indicator.IOCHashes, hash(1))
	selected := w.selected(indicator.IOCHashes)
	require.Equal(t, []activities.RemediateInput{{
		Integration: acme, Source: indicator.IOCHashes, Kind: indicator.SHA256, Value: hash(1), Day: w.clock.now().Format(time.DateOnly), Brackets: true,
	}}, selected)
	mail, incident := w.remediated(selected[0])
	require.Zero(t, mail, "Mimecast finds it itself")
	incidents := w.mimecast().Incidents
	require.Len(t, incidents, 1)
	require.Equal(t, hash(1), incidents[0].Criteria["fileHash"])
	require.True(t, strings.HasPrefix(incidents[0].Reason, ownName))
	require.Equal(t, 1, w.remediations()[ledger.Started].N)

	require.False(t, w.follow(selected[0], incident, 10*time.Second, false).Done)
	w.clock.pass(time.Hour)
	require.True(t, w.follow(selected[0], incident, time.Hour, false).Done)
	require.Equal(t, ledger.RemediationCount{State: ledger.Done, N: 1, Identified: 1, Successful: 1}, w.remediations()[ledger.Done])
	require.Empty(t, w.selected(indicator.IOCHashes))
}

func TestAValueIsRemediatedOnceADay(t *testing.T) {
	w := newImports(t)
	w.delivered("<a@mail.example>", "boss@evil.top", hash(1))
	for range 2 {
		w.wantMail(indicator.IOCHashes, hash(1))
		require.NoError(t, w.Ledger.Record(t.Context(), w.clock.now(), []ledger.Entry{entryOn(ledger.BYOTI, hash(1), ledger.Withdrawn)}))
		w.wantMail(indicator.IOCHashes, hash(1))
		for _, in := range w.selected(indicator.IOCHashes) {
			for range 2 { // the worker was killed, and the steps are repeated
				w.remediated(in)
				w.clock.pass(2 * time.Minute)
			}
		}
	}
	require.Len(t, w.mimecast().Incidents, 1)
	w.clock.pass(24 * time.Hour)
	require.NoError(t, w.Ledger.Record(t.Context(), w.clock.now(), []ledger.Entry{entryOn(ledger.BYOTI, hash(1), ledger.Withdrawn)}))
	w.wantMail(indicator.IOCHashes, hash(1))
	require.Len(t, w.selected(indicator.IOCHashes), 1, "another day")
}

func TestAHashThatNoMailHadNeedsNoIncident(t *testing.T) {
	w := newImports(t)
	w.delivered("<a@mail.example>", "boss@evil.top", hash(1))
	w.wantMail(indicator.IOCHashes, hash(1), hash(2), hash(3))
	selected := w.selected(indicator.IOCHashes)
	require.Len(t, selected, 1)
	require.Equal(t, hash(1), selected[0].Value)
	require.Equal(t, 2, w.remediations()[ledger.NothingFound].N)
	require.Empty(t, w.mimecast().Incidents)
}

func TestARunStartsTwentyRemovalsAndTheRestFollows(t *testing.T) {
	for source, value := range map[indicator.Source]func(int) string{indicator.IOCHashes: hash, indicator.IOCDomains: host} {
		t.Run(string(source), func(t *testing.T) {
			w := newImports(t)
			var values []string
			for i := range 25 {
				values = append(values, value(i))
				w.delivered(fmt.Sprintf("<%d@mail.example>", i), "boss@"+host(i), hash(i))
			}
			w.wantMail(source, values...)
			started := map[string]bool{}
			for _, want := range []int{20, 5, 0} {
				selected := w.selected(source)
				require.Len(t, selected, want)
				for _, in := range selected {
					require.False(t, started[in.Value])
					started[in.Value] = true
					w.remediated(in)
				}
			}
			require.Len(t, w.mimecast().Incidents, 25)
		})
	}
}

func TestWhatARunHasStartedForOneSourceCountsForTheNext(t *testing.T) {
	for source, value := range map[indicator.Source]func(int) string{indicator.IOCHashes: hash, indicator.AlertDomains: host} {
		t.Run(string(source), func(t *testing.T) {
			w := newImports(t)
			var values []string
			for i := range 25 {
				values = append(values, value(i))
				w.delivered(fmt.Sprintf("<%d@mail.example>", i), "boss@"+host(i), hash(i))
			}
			w.wantMail(source, values...)
			for started, want := range map[int]int{0: 20, 13: 7, 20: 0} {
				selected, err := run[[]activities.RemediateInput](w, w.SelectRemediations, activities.SelectRemediationsInput{
					Integration: acme, Sources: []indicator.Source{source}, Started: started,
				})
				require.NoError(t, err)
				require.Len(t, selected, want)
			}
		})
	}
}

func TestTheMailOfADomainAndFromBeneathItIsRemovedInOneIncident(t *testing.T) {
	for _, brackets := range []bool{true, false} {
		t.Run(fmt.Sprintf("brackets %v", brackets), func(t *testing.T) {
			w := newImports(t)
			w.delivered("<a@mail.example>", "boss@evil.top")
			w.delivered("<b@mail.example>", "boss@mail.evil.top")
			w.delivered("<c@mail.example>", "boss@not-evil.top")
			old := control.DeliveredMail("<d@mail.example>", "boss@evil.top", w.clock.now().Add(-31*24*time.Hour))
			kept := control.DeliveredMail("<e@mail.example>", "boss@evil.top", w.clock.now().Add(-time.Hour))
			kept.Status = "rejected"
			require.NoError(t, w.vendors.AddMessages(t.Context(), old, kept))
			w.wantMail(indicator.AlertDomains, "evil.top")
			selected := w.selected(indicator.AlertDomains)
			require.Len(t, selected, 1)
			in := selected[0]
			in.Brackets = brackets
			mail, incident := w.remediated(in)
			require.ElementsMatch(t, []string{"<a@mail.example>", "<b@mail.example>"}, mail.MessageIDs)
			require.Equal(t, 2, incident.Identified)
			incidents := w.mimecast().Incidents
			require.Len(t, incidents, 1)
			require.Equal(t, brackets, strings.Contains(incidents[0].Criteria["messageId"], "<"))
			require.NotEmpty(t, incident.Code)
			require.Equal(t, 1, w.calls("POST "+makeIncidentV2))
		})
	}
}

func TestADomainWithoutDeliveredMailNeedsNoIncident(t *testing.T) {
	w := newImports(t)
	w.wantMail(indicator.IOCDomains, "quiet.top")
	require.Empty(t, w.selected(indicator.IOCDomains))
	require.Equal(t, 1, w.remediations()[ledger.NothingFound].N)

	in := activities.RemediateInput{Integration: acme, Source: indicator.IOCDomains, Kind: indicator.Domain, Value: "by-hand.top"} // started by a person, without a day
	mail, _ := w.remediated(in)
	require.True(t, mail.Nothing)
	require.Equal(t, 2, w.remediations()[ledger.NothingFound].N)
	require.Empty(t, w.mimecast().Incidents)
}

func TestMoreMailThanOneIncidentTakesIsSaid(t *testing.T) {
	w := newImports(t)
	for i := range 201 {
		w.delivered(fmt.Sprintf("<%d@mail.example>", i), "boss@evil.top")
	}
	mail, incident := w.remediated(activities.RemediateInput{Integration: acme, Source: indicator.IOCDomains, Kind: indicator.Domain, Value: "evil.top", Day: "2026-11-24"})
	require.True(t, mail.More)
	require.Len(t, mail.MessageIDs, 200)
	require.Contains(t, mail.Detail(), "200")
	require.Equal(t, 200, incident.Identified)
}
