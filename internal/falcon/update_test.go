package falcon_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/falcon"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// changed answers an update as Falcon does when all is well.
func changed(entries []entry) reply {
	var records []string
	for _, e := range entries {
		records = append(records, fmt.Sprintf(`{"id":%q,"type":"domain","value":"whatever.example"}`, e.ID))
	}
	return reply{status: 200, body: `{"meta":{},"errors":null,"resources":[` + strings.Join(records, ",") + `]}`}
}

func update(id, value string) indicator.Update {
	return indicator.Update{ID: id, Share: share(domain(value))}
}

func TestUpdateNamesOnlyWhatChanges(t *testing.T) {
	f := newFake(func(r request) reply { return changed(entriesOf(r.Body)) })
	full, bare := update("id-1", "a.example"), update("id-2", "b.example")
	full.ExpiresAt = time.Date(2126, 12, 1, 0, 0, 0, 0, time.UTC)
	bare.Action, bare.Severity = "no_action", ""
	outcomes, err := f.client(t).Update(t.Context(), []indicator.Update{full, bare})
	require.NoError(t, err)
	require.Equal(t, []indicator.Outcome{{Key: domain("a.example"), ID: "id-1"}, {Key: domain("b.example"), ID: "id-2"}}, outcomes)
	require.Len(t, f.requests, 1)
	sent := f.requests[0]
	require.Equal(t, http.MethodPatch+" "+indicators, sent.Method+" "+sent.Path)
	require.Empty(t, sent.Query)
	require.JSONEq(t, `{
		"comment": "Mimecast Threat Share: acme",
		"indicators": [
			{"id": "id-1", "action": "detect", "severity": "high", "expiration": "2126-12-01T00:00:00Z"},
			{"id": "id-2", "action": "no_action", "severity": null, "expiration": null}
		]
	}`, sent.Body)
}

func TestUpdateMakesOneCallForEachBatch(t *testing.T) {
	f := newFake(func(r request) reply { return changed(entriesOf(r.Body)) })
	var updates []indicator.Update
	for i := range 5 {
		updates = append(updates, update(fmt.Sprint("id-", i), fmt.Sprintf("d%d.example", i)))
	}
	_, err := f.clientWith(t, falcon.Config{BatchSize: 2}).Update(t.Context(), updates)
	require.NoError(t, err)
	require.Len(t, f.requests, 3)
	_, err = f.client(t).Update(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, f.requests, 3)
}

func TestUpdateRefusesOnlyTheEntryThatIsGone(t *testing.T) {
	for name, resource := range map[string]string{"named": `,"id":"id-2"`, "not named": ""} {
		f := newFake(func(r request) reply {
			if strings.Contains(r.Body, `"id-2"`) {
				return reply{status: 404, body: `{"errors":[{"code":404,"message":"Resource Not Found"` + resource + `}],"resources":[]}`}
			}
			return changed(entriesOf(r.Body))
		})
		outcomes, err := f.client(t).Update(t.Context(), []indicator.Update{update("id-1", "a.example"), update("id-2", "b.example"), update("id-3", "c.example")})
		require.NoError(t, err, name)
		require.Equal(t, []indicator.Outcome{
			{Key: domain("a.example"), ID: "id-1"},
			{Key: domain("b.example"), Refused: "Resource Not Found"},
			{Key: domain("c.example"), ID: "id-3"},
		}, outcomes, name)
	}
}

func TestUpdateAtAWrongPathIsNoEntrysFault(t *testing.T) {
	f := newFake(always(refusal(404, "404: Page Not Found", "null")))
	_, err := f.client(t).Update(t.Context(), []indicator.Update{update("id-1", "a.example"), update("id-2", "b.example")})
	require.Contains(t, refused(t, err).Remedy, "FALCON_BASE_URL")
	require.Len(t, f.requests, 1)
}

func TestUpdateThatIsNotConfirmedIsTriedAgainLater(t *testing.T) {
	f := newFake(func(r request) reply { return changed(entriesOf(r.Body)[:1]) })
	outcomes, err := f.client(t).Update(t.Context(), []indicator.Update{update("id-1", "a.example"), update("id-2", "b.example")})
	require.Equal(t, vendorapi.Unavailable, refused(t, err).Class)
	require.Equal(t, "id-1", outcomes[0].ID)
	require.Equal(t, indicator.Outcome{Key: domain("b.example")}, outcomes[1])
}

func TestUpdateDoesNotSendWhatCouldOnlyBeRefused(t *testing.T) {
	f := newFake(func(r request) reply { return changed(entriesOf(r.Body)) })
	past := update("id-3", "c.example")
	past.ExpiresAt = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	outcomes, err := f.client(t).Update(t.Context(), []indicator.Update{update("id-1", "a.example"), update("", "b.example"), past, update("id-1", "d.example")})
	require.NoError(t, err)
	require.Equal(t, "id-1", outcomes[0].ID)
	require.Contains(t, outcomes[1].Refused, "id")
	require.Contains(t, outcomes[2].Refused, "expired")
	require.Contains(t, outcomes[3].Refused, "twice")
	require.Len(t, entriesOf(f.requests[0].Body), 1)
}
