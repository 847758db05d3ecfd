package mimecast_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/simulator/mimecast"
)

func TestManagedURLAnswersItsPartsAndNeverTheURL(t *testing.T) {
	v := newVendor(t)
	const create = "/api/ttp/url/create-managed-url"
	r := v.post(create, `{"data":[{"url":"https://one.example","action":"block","matchType":"domain"},
		{"url":"https://two.example:8443/a","action":"permit"},{"url":"two.example","action":"block"}]}`)
	require.Len(t, r.data(), 2)
	require.NotContains(t, r.first(), "url")
	require.InDelta(t, -1, r.first()["port"], 0)
	require.Empty(t, r.first()["path"])
	require.Contains(t, fmt.Sprint(r.body["fail"]), "The URL is invalid")
	require.Len(t, v.violated(), 1)

	again := v.post(create, `{"data":[{"url":"https://one.example/","action":"permit","matchType":"domain"}]}`)
	require.Equal(t, http.StatusOK, again.status)
	require.Equal(t, "err_managed_url_exists_code", again.code())
	require.Contains(t, fmt.Sprint(again.body["fail"]), "overrideUrl:false")

	v.steer(http.MethodPut, "/limits", map[string]any{"managedUrls": 2})
	full := v.post(create, `{"data":[{"url":"https://three.example","action":"block"}]}`)
	require.Contains(t, fmt.Sprint(full.body["fail"]), "Quota not available")

	list := v.post("/api/ttp/url/get-all-managed-urls", `{}`)
	require.Len(t, list.data(), 2)
	require.Equal(t, "PERMIT", list.data()[1].(map[string]any)["action"], "enum values are in upper case now and then")
	blocked := v.post("/api/ttp/url/get-all-managed-urls", `{"data":[{"filterBy":[{"fieldName":"overridetype","value":"blocked"}]}]}`)
	require.Len(t, blocked.data(), 1)
	v.noViolations()
	require.Equal(t, http.StatusBadRequest, v.post("/api/ttp/url/get-all-managed-urls", `{"data":[{}]}`).status)
	v.violated()

	remove := fmt.Sprintf(`{"data":[{"id":%q}]}`, list.first()["id"])
	require.Empty(t, v.post("/api/ttp/url/delete-managed-url", remove).code())
	require.Equal(t, "err_managed_url_not_found", v.post("/api/ttp/url/delete-managed-url", remove).code())
	v.noViolations()
}

func (v *vendor) addMessages() {
	v.server.AddMessages([]mimecast.Message{
		{
			MessageID: "<one@mail.example>", FromEnvelope: "a@bad.example", To: []string{"x@own.example"},
			Received: noon.Add(-time.Hour), Hashes: []string{hashOf(1)}, SenderIP: "192.0.2.1",
		},
		{
			MessageID: "<two@mail.example>", FromEnvelope: "a@notbad.example", To: []string{"y@own.example"},
			Received: noon.Add(-time.Hour), SenderIP: "192.0.2.2",
		},
		{
			MessageID: "<three@mail.example>", FromEnvelope: "a@bad.example", To: []string{"z@own.example"},
			Received: noon.Add(-time.Hour), Status: "rejected", SenderIP: "192.0.2.3",
		},
	})
}

func TestMessageIDStandsOnlyAmongTheEscapedHeaders(t *testing.T) {
	v := newVendor(t)
	v.addMessages()
	r := v.post("/api/message-finder/search", fmt.Sprintf(
		`{"data":[{"advancedTrackAndTraceOptions":{"from":"bad.example"},"start":%q,"end":%q,"searchReason":"IOC"}]}`,
		stamp(noon.Add(-24*time.Hour)), stamp(noon)))
	rows := r.records("trackedEmails")
	require.Len(t, rows, 3, "look-alikes and rejected mail are found, too")
	require.NotContains(t, fmt.Sprint(r.body), "one@mail.example")

	for i, escaped := range []string{"Message-ID: &lt;one@mail.example&gt;", "Message-ID:\r\n &lt;two@mail.example&gt;"} {
		info := v.post("/api/message-finder/get-message-info", fmt.Sprintf(`{"data":[{"id":%q}]}`, rows[i]["id"]))
		message := info.first()["recipientInfo"].(map[string]any)["messageInfo"].(map[string]any)
		require.Contains(t, message["transmissionInfo"], escaped)
		require.Contains(t, message["transmissionInfo"], "<pre>")
	}
	v.noViolations()
	bad := v.post("/api/message-finder/search", `{"data":[{"advancedTrackAndTraceOptions":{"url":"https://x.example"}}]}`)
	require.Equal(t, http.StatusBadRequest, bad.status)
}

func TestIncidentMovesFromIdentifiedToItsEnd(t *testing.T) {
	v := newVendor(t, func(o *mimecast.Options) { o.RemediationTime = time.Minute })
	v.addMessages()
	made := v.post("/api/ttp/remediation/v2/create",
		`{"data":[{"searchBy":"message_ids","messageIds":["<one@mail.example>","two@mail.example"],"reason":"IOC"}]}`)
	require.InDelta(t, 2, made.first()["identified"], 0)
	require.InDelta(t, 0, made.first()["successful"], 0)
	read := func() map[string]any {
		return v.post("/api/ttp/remediation/get-incident", fmt.Sprintf(`{"data":[{"id":%q}]}`, made.first()["id"])).first()
	}
	v.advance(30 * time.Second)
	require.InDelta(t, 1, read()["successful"], 0)
	v.advance(30 * time.Second)
	done := read()
	require.InDelta(t, 2, done["successful"].(float64)+done["failed"].(float64), 0)
	v.noViolations()
}

func TestRemediationByHashFindsDeliveredMailOnly(t *testing.T) {
	v := newVendor(t)
	v.addMessages()
	create := func(hash string) map[string]any {
		return v.post("/api/ttp/remediation/create", fmt.Sprintf(`{"data":[{"hashOrMessageId":%q,"reason":"IOC"}]}`, hash)).first()
	}
	require.InDelta(t, 1, create(hashOf(1))["identified"], 0)
	require.InDelta(t, 0, create(hashOf(2))["identified"], 0, "an ordinary result")
	found := v.post("/api/ttp/remediation/find-incidents", fmt.Sprintf(`{"data":[{"searchBy":{"fieldName":"file_hash","value":%q}}]}`, hashOf(2)))
	require.Len(t, found.records("incidents"), 1)
	search := v.post("/api/ttp/remediation/search-hash", fmt.Sprintf(`{"data":[{"hashes":[%q,%q,"nonsense"]}]}`, hashOf(1), hashOf(2)))
	require.Equal(t, []any{
		map[string]any{"hash": hashOf(1), "detected": true}, map[string]any{"hash": hashOf(2), "detected": false},
	}, search.first()["hashStatus"])
	require.Equal(t, []any{"nonsense"}, search.first()["failedHashes"])
	v.noViolations()
	r := v.post("/api/ttp/remediation/create", `{"data":[{"hashOrMessageId":"one@mail.example","searchBy":"messageId","reason":"x"}]}`)
	require.Equal(t, "err_validation_message_id", r.code(), "the brackets are missing")
}

func TestMailNamesTheRecipientsItCouldNotReach(t *testing.T) {
	v := newVendor(t)
	r := v.post("/api/email/send-email", `{"data":[{"to":[{"emailAddress":"soc@own.example"},{"emailAddress":"nobody"}],
		"subject":"Sync stopped","plainBody":{"content":"why"}}]}`)
	require.Equal(t, []any{"nobody"}, r.first()["invalidRecipients"])
	require.Equal(t, []mimecast.SentMail{{To: []string{"soc@own.example"}, Subject: "Sync stopped", Text: "why"}}, v.server.State().Mails)
	v.noViolations()
}
