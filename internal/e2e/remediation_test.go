//go:build e2e

package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/samber/lo"
	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// delivered adds mail from a sender to Mimecast, with Message-IDs that begin with it.
func (w *world) delivered(n int, from string, hashes ...string) {
	w.t.Helper()
	yesterday := time.Now().Add(-24 * time.Hour)
	require.NoError(w.t, w.vendors.AddMessages(w.patient(), lo.Times(n, func(i int) mimecast.Message {
		return control.DeliveredMail(fmt.Sprintf("<%s.%d@mail.example>", strings.ReplaceAll(from, "@", "."), i), from, yesterday, hashes...)
	})...))
}

// remediated waits for the end of the removal of mail with a value.
func (w *world) remediated(value string) workflows.RemediateResult {
	w.t.Helper()
	id := wire.RemediateID(w.name, value)
	w.eventually("a child workflow "+id, func() error {
		_, err := w.temporal.DescribeWorkflowExecution(w.patient(), id, "")
		return err
	})
	var result workflows.RemediateResult
	require.NoError(w.t, w.temporal.GetWorkflow(w.patient(), id, "").Get(w.patient(), &result))
	described := w.cli("workflow", "describe", "--workflow-id", id)
	require.Contains(w.t, described, "Remediate")
	require.Contains(w.t, described, "COMPLETED")
	return result
}

// incidents are those in Mimecast by what they look for.
func (w *world) incidents() map[string]mimecast.IncidentState {
	w.t.Helper()
	state := w.mimecast()
	byCriteria := lo.SliceToMap(state.Incidents, func(incident mimecast.IncidentState) (string, mimecast.IncidentState) {
		return incident.Criteria["fileHash"] + incident.Criteria["messageId"], incident
	})
	require.Len(w.t, byCriteria, len(state.Incidents), "two incidents look for the same")
	return byCriteria
}

func TestDeliveredMailIsRemovedByHashAndBySenderOnceADay(t *testing.T) {
	w := newWorld(t, "--remediation-time", "1s")
	hashes := hashes(3)
	w.list(hashes, []string{"spam.top", "quiet.top"})
	w.raise(control.DomainAlert("phish.top"))
	w.delivered(12, "eve@elsewhere.example", hashes[0])
	w.delivered(1, "eve@spam.top")
	w.delivered(1, "eve@sub.spam.top")
	w.delivered(1, "eve@notspam.top")
	w.delivered(1, "eve@spam.top.example")
	w.delivered(1, "eve@phish.top")
	today := time.Now().UTC().Format(time.DateOnly)
	w.startWorker()
	w.starter("start", "-f", w.settingsFile(sendToMimecast(map[string]any{
		"iocHashes": on("remediate"), "iocDomains": on("remediate"), "alertDomains": on("remediate"),
	})))
	w.waitForRuns(importIOCs, 1)
	w.waitForRuns(importAlerts, 1)

	byHash, bySender, byAlert := w.remediated(hashes[0]), w.remediated("spam.top"), w.remediated("phish.top")
	incidents := w.incidents()
	require.Len(t, incidents, 3, "one for each value that mail was found for")
	wanted := map[string]workflows.RemediateResult{
		hashes[0]:                        {Identified: 12, Successful: 11, Failed: 1}, // the simulator fails to remove one in ten
		"<eve.phish.top.0@mail.example>": {Identified: 1, Successful: 1},
		"<eve.spam.top.0@mail.example>,<eve.sub.spam.top.0@mail.example>": {Identified: 2, Successful: 2},
	}
	for criteria, got := range map[string]workflows.RemediateResult{
		hashes[0]: byHash, "<eve.phish.top.0@mail.example>": byAlert,
		"<eve.spam.top.0@mail.example>,<eve.sub.spam.top.0@mail.example>": bySender,
	} {
		incident, found := incidents[criteria]
		require.True(t, found, "no incident for %s among %v", criteria, incidents)
		require.Contains(t, incident.Reason, w.ownName())
		want := wanted[criteria]
		want.Incident = incident.Code
		require.Equal(t, want, got)
	}

	// Taken back and listed again: blocked anew, but its mail was removed today.
	w.deleteIOCs(hashes[0], "spam.top")
	w.sync(importIOCs)
	w.requireBlocked(blocked{hashes: hashes[1:], members: []string{"quiet.top"}, policies: []string{"phish.top"}})
	w.list(hashes[:1], []string{"spam.top"})
	w.sync(importIOCs)
	w.requireBlocked(blocked{hashes: hashes, members: []string{"quiet.top", "spam.top"}, policies: []string{"phish.top"}})
	w.sync(importIOCs)
	if now := time.Now().UTC().Format(time.DateOnly); now != today {
		t.Skipf("the day changed from %s to %s during the test: mail of the same value may be removed again", today, now)
	}
	require.Len(t, w.incidents(), 3)

	status := w.status()
	require.Equal(t, &activities.Remediations{
		Done: 3, NothingFound: 3, Messages: activities.Messages{Identified: 15, Successful: 14, Failed: 1},
	}, status.Remediations)
	require.Contains(t, w.starter("status", w.name),
		"0 wanted, 0 started, 3 done, 3 with nothing found, 0 failed; messages: 15 identified, 14 successful, 1 failed")
	w.requireGoodManners()
}
