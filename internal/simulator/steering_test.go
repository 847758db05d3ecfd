package simulator_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/falcon"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/mimecast"
	"github.com/threatshare/threatshare/internal/simulator"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
)

// What a test does to the vendors by hand is what a client then finds there.

func falconClient(t *testing.T, sim *simulator.Simulator) *falcon.Client {
	t.Helper()
	client, err := falcon.New(falcon.Config{BaseURL: sim.URLs.Falcon, ClientID: simulator.DemoClientID, ClientSecret: secret(simulator.DemoFalconSecret)})
	require.NoError(t, err)
	return client
}

func mimecastClient(t *testing.T, sim *simulator.Simulator) *mimecast.Client {
	t.Helper()
	client, err := mimecast.New(mimecast.Config{BaseURL: sim.URLs.Mimecast, ClientID: simulator.DemoClientID, ClientSecret: secret(simulator.DemoMimecastSecret)})
	require.NoError(t, err)
	return client
}

func TestALongListOfIOCsIsMadeAndFoundWhole(t *testing.T) {
	sim, admin := start(t, simulator.Options{})
	iocs := make([]control.IOC, 12_001)
	for i := range iocs {
		iocs[i] = control.IOC{Type: "sha256", Value: fmt.Sprintf("%064x", i), Action: "prevent", Severity: "high"}
	}
	ids, err := admin.AddFalconIOCs(t.Context(), iocs...)
	require.NoError(t, err)
	require.Len(t, ids, len(iocs))
	client := falconClient(t, sim)
	found := map[string]bool{}
	for q := (indicator.ListQuery{}); ; {
		page, err := client.ListIOCs(t.Context(), q)
		require.NoError(t, err)
		for _, entry := range page.Entries {
			found[entry.Value] = true
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	require.Len(t, found, len(iocs))
	stats, err := admin.Stats(t.Context())
	require.NoError(t, err)
	require.Zero(t, stats.Writes[fault.Falcon], "what a person does is no write of a client's")
}

func TestIOCsAreTakenBackInEveryWay(t *testing.T) {
	sim, admin := start(t, simulator.Options{})
	ctx := t.Context()
	past := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	all := []string{"edited.example", "over.example", "deleted.example", "late.example", "kept.example"}
	for _, value := range all {
		ioc := control.IOC{Type: "domain", Value: value, Action: "detect", Severity: "high", CreatedOn: past.Format(time.RFC3339), ModifiedOn: past.Format(time.RFC3339)}
		if value == "late.example" {
			ioc.Expiration = past.Format(time.RFC3339)
		}
		_, err := admin.AddFalconIOCs(ctx, ioc)
		require.NoError(t, err)
	}
	require.NoError(t, admin.SetFalconAction(ctx, "allow", "edited.example"))
	require.NoError(t, admin.ExpireFalconIOCs(ctx, "over.example"))
	require.NoError(t, admin.DeleteFalconIOC(ctx, "deleted.example"))
	require.Error(t, admin.SetFalconAction(ctx, "allow", "deleted.example"), "it is not there any more")

	client := falconClient(t, sim)
	found := map[string]indicator.ListEntry{}
	for _, deleted := range []bool{false, true} {
		page, err := client.ListIOCs(ctx, indicator.ListQuery{Deleted: deleted})
		require.NoError(t, err)
		for _, entry := range page.Entries {
			found[entry.Value] = entry
		}
	}
	require.Len(t, found, len(all))
	require.Equal(t, "allow", found["edited.example"].Action)
	require.True(t, found["edited.example"].ModifiedOn.After(past))
	for _, over := range []string{"over.example", "late.example"} {
		require.True(t, found[over].Expired, over)
		require.Equal(t, "no_action", found[over].Action, over)
		require.True(t, found[over].ModifiedOn.Equal(past), "a poll by that time does not see it happen")
	}
	require.True(t, found["deleted.example"].Deleted)
	require.Equal(t, "detect", found["kept.example"].Action)
}

func TestAlertsOfEveryKindAreRaised(t *testing.T) {
	sim, admin := start(t, simulator.Options{})
	file := fmt.Sprintf("%064x", 7)
	require.NoError(t, admin.AddFalconAlerts(t.Context(), []control.Alert{
		control.DomainAlert("top.example"),
		control.ContextAlert(file, "context.example", "other.example"),
		control.DomainAlert("one.example, two.example"),
		control.DomainAlert("wrong.example").SetAside("false_positive"),
		control.DomainAlert("unwanted.example").SetAside("ignored"),
		control.DomainAlert("listed.example").OfCustomIOC(),
		control.ContextAlert(file),
	}))
	require.NoError(t, admin.AddFalconAlerts(t.Context(), []control.Alert{control.DomainAlert("old.example").At(time.Now().Add(-48 * time.Hour))}))
	page, err := falconClient(t, sim).Alerts(t.Context(), indicator.Query{From: time.Now().Add(-time.Hour)})
	require.NoError(t, err)
	var domains []string
	for _, sighting := range page.Sightings {
		domains = append(domains, sighting.Raw)
	}
	require.ElementsMatch(t, []string{"top.example", "context.example", "other.example", "one.example", "two.example", "listed.example"}, domains)
	require.Equal(t, map[string]int{falcon.FalsePositive: 1, falcon.Ignored: 1, falcon.NoDomain: 1}, page.Dropped)
}

func TestDeliveredMailIsFoundAndRemediated(t *testing.T) {
	sim, admin := start(t, simulator.Options{RemediationTime: time.Millisecond})
	ctx, file := t.Context(), fmt.Sprintf("%064x", 8)
	now := time.Now()
	require.NoError(t, admin.AddMessages(ctx,
		control.DeliveredMail("<1@bad.example>", "a@bad.example", now.Add(-time.Hour), file),
		control.DeliveredMail("<2@bad.example>", "b@sub.bad.example", now.Add(-time.Hour)),
		control.DeliveredMail("<3@bad.example>", "a@notbad.example", now.Add(-time.Hour)),
	))
	client := mimecastClient(t, sim)
	messages, more, err := client.FindMessages(ctx, "bad.example", now.Add(-24*time.Hour), now, 10)
	require.NoError(t, err)
	require.False(t, more)
	require.Len(t, messages, 2)
	id, err := client.MessageID(ctx, messages[0].ID)
	require.NoError(t, err)
	require.Equal(t, "<1@bad.example>", id)
	seen, err := client.HashesSeen(ctx, []string{file})
	require.NoError(t, err)
	require.True(t, seen[file])
	incident, err := client.RemediateHash(ctx, file, "why", now.Add(-24*time.Hour), now)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		incident, err = client.Incident(ctx, incident.ID)
		return err == nil && incident.Done
	}, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, 1, incident.Successful)
}

func TestWritesAreCountedByVendorAndCall(t *testing.T) {
	sim, admin := start(t, simulator.Options{})
	ctx := t.Context()
	client := mimecastClient(t, sim)
	group, err := client.SenderGroup(ctx, "ours", "")
	require.NoError(t, err)
	_, err = client.AddGroupDomains(ctx, group, []string{"a.example", "b.example"}, "")
	require.NoError(t, err)
	_, err = client.BlockHashes(ctx, []string{fmt.Sprintf("%064x", 1)}, "")
	require.NoError(t, err)
	stats, err := admin.Stats(ctx)
	require.NoError(t, err)
	const groups = "/directory/cloud-gateway/v1/groups"
	require.Equal(t, map[string]int{fault.Mimecast: 4, fault.Falcon: 0}, stats.Writes)
	require.Equal(t, map[string]map[string]int{fault.Falcon: {}, fault.Mimecast: {
		http.MethodPost + " " + groups: 1, http.MethodPost + " " + groups + "/{id}/members": 2,
		"POST /api/byo-threat-intelligence/create-batch": 1,
	}}, stats.WritesBy)

	require.Error(t, client.DeleteGroup(ctx, group), "there are members in it")
	require.NoError(t, admin.Deny(ctx, "/api/directory/delete-group"))
	require.NoError(t, admin.Reset(ctx))
	_, err = client.RemoveGroupDomains(ctx, group, []string{"a.example", "b.example"})
	require.NoError(t, err)
	require.Error(t, client.DeleteGroup(ctx, group), "not allowed")
	require.NoError(t, admin.Deny(ctx))
	require.NoError(t, client.DeleteGroup(ctx, group))
	require.NoError(t, client.DeleteGroup(ctx, group), "it is gone")
	stats, err = admin.Stats(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, stats.WritesBy[fault.Mimecast]["POST /api/directory/delete-group"])
	require.Equal(t, 3, stats.Writes[fault.Mimecast])
	require.Empty(t, stats.Violations)
}

func TestAVendorsClockIsOffByAsMuchAsItIsTold(t *testing.T) {
	sim, admin := start(t, simulator.Options{})
	date := func(base string) time.Time {
		answer, err := http.Get(base + "/nowhere")
		require.NoError(t, err)
		defer answer.Body.Close()
		at, err := http.ParseTime(answer.Header.Get("Date"))
		require.NoError(t, err)
		return at
	}
	require.NoError(t, admin.SetClockSkew(t.Context(), fault.Mimecast, -24*time.Hour))
	require.Less(t, date(sim.URLs.Mimecast), time.Now().Add(-23*time.Hour))
	require.Greater(t, date(sim.URLs.Falcon), time.Now().Add(-time.Hour), "each vendor has a clock of its own")
	require.NoError(t, admin.SetClockSkew(t.Context(), fault.Falcon, 24*time.Hour))
	require.Greater(t, date(sim.URLs.Falcon), time.Now().Add(23*time.Hour))
	require.NoError(t, admin.SetClockSkew(t.Context(), fault.Falcon, 0))
	require.Less(t, date(sim.URLs.Falcon), time.Now().Add(time.Hour))
	require.Error(t, admin.SetClockSkew(t.Context(), "acme", time.Hour))
}
