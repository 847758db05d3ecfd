package mimecast_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/mimecast"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// The quirks are those of the contract's section 11 that touch the calls of this package, by their numbers there.

func TestQuirk1AnEmptyPageHasManyForms(t *testing.T) {
	for _, source := range sources() {
		for _, data := range []string{`[]`, `null`, `[{}]`, `[null]`, `[{"%s":[]}]`, `[{"%s":null}]`, `[{"%s":[],"resultCount":0}]`} {
			body := `{"meta":{"status":200,"pagination":{"pageSize":0}},"data":` + strings.ReplaceAll(data, "%s", listOf(source)) + `,"fail":[]}`
			page, err := newFake(t).read(indicator.Query{Source: source}, answer{body: body})
			require.NoError(t, err, body)
			require.Zero(t, page.Read)
			require.Empty(t, page.Sightings)
			require.Empty(t, page.Next)
			require.True(t, page.Newest.IsZero())
		}
		for _, body := range []string{`{}`, `{"meta":{}}`, `{"data":[],"fail":null}`} {
			_, err := newFake(t).read(indicator.Query{Source: source}, answer{body: body})
			require.NoError(t, err, body)
		}
	}
}

func TestQuirk2ClicksAreUnderClickLogsAndNowhereElse(t *testing.T) {
	body := `{"data":[{"urlLogs":[{"url":"https://bad.test/","action":"block","scanResult":"malicious","date":"2026-11-16T00:12:30+0000"}]}]}`
	_, err := newFake(t).read(indicator.Query{Source: indicator.URLDomains}, answer{body: body})
	require.Equal(t, vendorapi.Contract, refusalOf(t, err).Class, "records under another name are not an empty page")
}

func TestQuirk3ATokenOnAnEmptyPageIsTheEnd(t *testing.T) {
	for _, data := range []string{`[]`, `[{"attachmentLogs":[]}]`} {
		body := `{"meta":{"status":200,"pagination":{"pageSize":10,"totalCount":20,"next":"more"}},"data":` + data + `}`
		page, err := newFake(t).read(indicator.Query{Source: indicator.AttachmentHashes, Page: "here"}, answer{body: body})
		require.NoError(t, err)
		require.Empty(t, page.Next)
	}
}

func TestQuirk3ATokenThatLeadsBackToThePageIsTheEnd(t *testing.T) {
	page, err := newFake(t).read(indicator.Query{Source: indicator.AttachmentHashes, Page: "page-two"}, answer{body: file(t, "attachment-page.json")})
	require.NoError(t, err)
	require.NotEmpty(t, page.Sightings)
	require.Empty(t, page.Next)
}

func TestQuirk4TheOldestRecordsComeFirst(t *testing.T) {
	for _, source := range sources() {
		f := newFake(t)
		_, err := f.read(indicator.Query{Source: source}, answer{body: `{"data":[]}`})
		require.NoError(t, err)
		require.Contains(t, f.asked(pathOf(source))[0].body, `"oldestFirst":true`)
	}
}

func TestQuirk5TheSameRecordTwiceIsOneSighting(t *testing.T) {
	for source, record := range threats() {
		once, err := json.Marshal(record)
		require.NoError(t, err)
		body := fmt.Sprintf(`{"data":[{%q:[%s,%s,%s]}]}`, listOf(source), once, once, once)
		page, err := newFake(t).read(indicator.Query{Source: source}, answer{body: body})
		require.NoError(t, err)
		require.Len(t, page.Sightings, 1)
		require.Equal(t, map[string]int{mimecast.DuplicateRecord: 2}, page.Dropped)
		require.Equal(t, 3, page.Read)
	}
}

func TestQuirk5AnImpersonationIDAloneIsNoKey(t *testing.T) {
	page, err := newFake(t).read(indicator.Query{Source: indicator.ImpersonationDomains}, answer{body: file(t, "impersonation-page.json")})
	require.NoError(t, err)
	require.Len(t, page.Sightings, 2, "two records share an id")
}

func TestQuirk5ACleanRecordWithTheSameKeyHidesNoThreat(t *testing.T) {
	bad := threats()[indicator.AttachmentHashes]
	body, err := json.Marshal(map[string]any{"data": []any{map[string]any{"attachmentLogs": []any{bad.with(fields{"result": "timeout"}), bad}}}})
	require.NoError(t, err)
	page, err := newFake(t).read(indicator.Query{Source: indicator.AttachmentHashes}, answer{body: string(body)})
	require.NoError(t, err)
	require.Len(t, page.Sightings, 1)
}

func TestQuirk6ThePageSizeHasTheNameThatTheServerReads(t *testing.T) {
	f := newFake(t)
	f.says(attachmentPath, answer{body: `{"data":[]}`})
	client, err := mimecast.New(mimecast.Config{BaseURL: f.baseURL, ClientID: clientID, ClientSecret: secret(clientSecret), PageSize: 25})
	require.NoError(t, err)
	_, err = client.TTPLogs(t.Context(), indicator.Query{Source: indicator.AttachmentHashes})
	require.NoError(t, err)
	require.Contains(t, f.asked(attachmentPath)[0].body, `"pagination":{"pageSize":25}`)
}

func TestQuirk6OnlyTheTokenSaysWhetherThereIsMore(t *testing.T) {
	body := strings.NewReplacer(`"pageSize": 7`, `"pageSize": 100`, `"totalCount": 41`, `"totalCount": 0`).Replace(file(t, "attachment-page.json"))
	page, err := newFake(t).read(indicator.Query{Source: indicator.AttachmentHashes}, answer{body: body})
	require.NoError(t, err)
	require.Equal(t, "page-two", page.Next)
}

func TestQuirk7DatesComeInSeveralForms(t *testing.T) {
	want := at(t, "2026-11-16T14:49:18Z")
	for _, written := range []string{
		"2026-11-16T14:49:18+0000", "2026-11-16T15:49:18+0100", "2026-11-16T14:49:18Z", "2026-11-16T09:49:18-05:00",
		"2026-11-16T14:49:18Z[UTC]", " 2026-11-16T14:49:18+0000 ",
	} {
		got, err := mimecast.ParseDate(written)
		require.NoError(t, err, written)
		require.Equal(t, want, got, written)
	}
	withFraction, err := mimecast.ParseDate("2026-11-16T14:49:18.250Z[UTC]")
	require.NoError(t, err)
	require.Equal(t, 250, withFraction.Nanosecond()/1_000_000)
	for _, written := range []string{"", "now", "2026-11-16", "1794840558", "2026-13-16T14:49:18+0000", "16/11/2026 14:49"} {
		_, err := mimecast.ParseDate(written)
		require.Error(t, err, written)
	}
}

func TestQuirk8TheNullSenderIsNoDomainButItsFileCounts(t *testing.T) {
	page, err := newFake(t).read(indicator.Query{Source: indicator.AttachmentHashes}, answer{body: file(t, "attachment-page.json")})
	require.NoError(t, err)
	require.Contains(t, raws(page), strings.Repeat("2", 64))
	require.Equal(t, mimecast.NoValue, judged(t, indicator.Query{Source: indicator.ImpersonationDomains}, threats()[indicator.ImpersonationDomains].with(fields{"senderAddress": "<>"})))
}

func TestQuirk9TokensAreKeptWholeWhateverTheirLength(t *testing.T) {
	token := strings.Repeat("eNqrVkouLS7Jz00tSs5PSVWyUnI=+/", 500)
	f := newFake(t)
	page, err := f.read(indicator.Query{Source: indicator.AttachmentHashes}, answer{body: strings.Replace(file(t, "attachment-page.json"), "page-two", token, 1)})
	require.NoError(t, err)
	require.Equal(t, token, page.Next)
	_, err = f.client().TTPLogs(t.Context(), indicator.Query{Source: indicator.AttachmentHashes, Page: page.Next})
	require.NoError(t, err)
	calls := f.asked(attachmentPath)
	require.Contains(t, calls[len(calls)-1].body, `"pageToken":"`+token+`"`)
}

func TestQuirk11TheCaseOfAWordDoesNotMatter(t *testing.T) {
	for source, changes := range map[indicator.Source]fields{
		indicator.AttachmentHashes:     {"result": "MALICIOUS"},
		indicator.URLDomains:           {"scanResult": "MALICIOUS", "action": "BLOCK", "adminOverride": "n/a", "userOverride": "NONE"},
		indicator.ImpersonationDomains: {"action": "Bounce"},
	} {
		require.Empty(t, judged(t, indicator.Query{Source: source}, threats()[source].with(changes)))
	}
}

func TestQuirk12LineBreaksInFreeTextHurtNothing(t *testing.T) {
	page, err := newFake(t).read(indicator.Query{Source: indicator.AttachmentHashes}, answer{body: file(t, "attachment-page.json")})
	require.NoError(t, err)
	require.Zero(t, page.Dropped[mimecast.Unreadable], "details and subject hold line breaks")
	for _, sighting := range page.Sightings {
		require.NotContains(t, sighting.Record, "\n")
	}
}

func TestQuirk13AFunctionThatIsForbiddenSaysNothingAboutTheOthers(t *testing.T) {
	f := newFake(t)
	f.says(urlPath, answer{status: 403, body: file(t, "error-gateway.json")})
	f.says(attachmentPath, answer{body: file(t, "attachment-page.json")})
	client := f.client()
	_, err := client.TTPLogs(t.Context(), indicator.Query{Source: indicator.URLDomains})
	require.Equal(t, vendorapi.Forbidden, refusalOf(t, err).Class)
	_, err = client.TTPLogs(t.Context(), indicator.Query{Source: indicator.AttachmentHashes})
	require.NoError(t, err)
}

func TestQuirk14ABlockByAManagedURLIsNoNews(t *testing.T) {
	page, err := newFake(t).read(indicator.Query{Source: indicator.URLDomains, IncludeSuspicious: true}, answer{body: file(t, "url-page.json")})
	require.NoError(t, err)
	require.NotContains(t, raws(page), "https://ours.test/")
	require.Equal(t, 1, page.Dropped[mimecast.ManagedURL])
}

func TestQuirk15TheQueryOfAnAddressReachesNoError(t *testing.T) {
	_, err := newFake(t).read(indicator.Query{Source: indicator.AttachmentHashes}, answer{status: 400, body: file(t, "error-function.json")})
	refused := refusalOf(t, err)
	require.NotContains(t, refused.Error(), "canary-secret")
	require.Contains(t, refused.Error(), "https://help.example/dates")
}

func TestQuirk16AReadIsRepeatedWithAFreshToken(t *testing.T) {
	f := newFake(t)
	f.says(tokenPath, answer{body: `{"access_token":"token-1","expires_in":1799}`}, answer{body: `{"access_token":"token-2","expires_in":1799}`})
	f.says(attachmentPath, answer{status: 401, body: `{"fail":[{"code":"token_expired","message":"Token expired"}]}`}, answer{body: file(t, "attachment-page.json")})
	page, err := f.client().TTPLogs(t.Context(), indicator.Query{Source: indicator.AttachmentHashes})
	require.NoError(t, err)
	require.NotEmpty(t, page.Sightings)
	calls := f.asked(attachmentPath)
	require.Len(t, calls, 2)
	require.Equal(t, "Bearer token-2", calls[1].header.Get("Authorization"))
	require.Equal(t, calls[0].body, calls[1].body)
}
