package mimecast_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/mimecast"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

func TestALogIsAskedForInTheDocumentedForm(t *testing.T) {
	f := newFake(t)
	window := indicator.Query{
		From: at(t, "2026-11-16T01:00:00.75+01:00"), To: at(t, "2026-11-16T01:00:00Z"), Page: "opaque+Token/==",
	}
	filter := `"from":"2026-11-16T00:00:00+0000","to":"2026-11-16T01:00:00+0000"`
	for source, data := range map[indicator.Source]string{
		indicator.AttachmentHashes:     `{` + filter + `,"route":"all","oldestFirst":true}`,
		indicator.URLDomains:           `{` + filter + `,"route":"all","oldestFirst":true}`,
		indicator.ImpersonationDomains: `{` + filter + `,"oldestFirst":true}`,
	} {
		window.Source = source
		_, err := f.read(window, answer{body: `{"meta":{"status":200},"data":[],"fail":[]}`})
		require.NoError(t, err)
		calls := f.asked(pathOf(source))
		require.Len(t, calls, 1)
		require.Equal(t, "POST", calls[0].method)
		require.Empty(t, calls[0].query)
		require.Equal(t, "application/json", calls[0].header.Get("Content-Type"))
		require.Equal(t, "application/json", calls[0].header.Get("Accept"))
		require.Equal(t, "Bearer token-1", calls[0].header.Get("Authorization"))
		require.JSONEq(t, `{"meta":{"pagination":{"pageSize":100,"pageToken":"opaque+Token/=="}},"data":[`+data+`]}`, calls[0].body)
	}
}

func TestTheFirstPageCarriesNoTokenAndEveryPageTheSameFilter(t *testing.T) {
	f := newFake(t)
	f.says(attachmentPath, answer{body: file(t, "attachment-page.json")}, answer{body: `{"data":[]}`})
	client := f.client()
	q := indicator.Query{Source: indicator.AttachmentHashes, From: at(t, "2026-11-16T00:00:00Z"), To: at(t, "2026-11-16T01:00:00Z")}
	page, err := client.TTPLogs(t.Context(), q)
	require.NoError(t, err)
	q.Page = page.Next
	_, err = client.TTPLogs(t.Context(), q)
	require.NoError(t, err)

	calls := f.asked(attachmentPath)
	require.Len(t, calls, 2)
	require.NotContains(t, calls[0].body, "pageToken")
	require.Equal(t, calls[0].body, strings.Replace(calls[1].body, `,"pageToken":"page-two"`, "", 1))
	require.Contains(t, calls[1].body, `"pageToken":"page-two"`)
}

func TestAnOpenWindowLeavesBothEndsToTheVendor(t *testing.T) {
	f := newFake(t)
	_, err := f.read(indicator.Query{Source: indicator.ImpersonationDomains}, answer{body: `{"data":[]}`})
	require.NoError(t, err)
	require.JSONEq(t, `{"meta":{"pagination":{"pageSize":100}},"data":[{"oldestFirst":true}]}`, f.asked(impersonationPath)[0].body)
}

func TestAnAttachmentPageGivesTheMaliciousHashes(t *testing.T) {
	page, err := newFake(t).read(indicator.Query{Source: indicator.AttachmentHashes}, answer{body: file(t, "attachment-page.json")})
	require.NoError(t, err)
	require.Equal(t, indicator.Page{
		Sightings: []indicator.Sighting{
			{Kind: indicator.SHA256, Raw: strings.Repeat("1", 64), SeenAt: at(t, "2026-11-16T00:12:30Z"), Record: "2026-11-16T00:12:30+0000 <first@shipping.example> " + strings.Repeat("1", 64)},
			{Kind: indicator.SHA256, Raw: strings.Repeat("1", 64), SeenAt: at(t, "2026-11-16T00:12:30Z"), Record: "2026-11-16T00:12:30+0000 <first@shipping.example> " + strings.Repeat("1", 64)},
			{Kind: indicator.SHA256, Raw: strings.Repeat("2", 64), SeenAt: at(t, "2026-11-16T00:20:00Z"), Record: "2026-11-16T00:20:00+0000 second@own.example " + strings.Repeat("2", 64)},
		},
		Read:    7,
		Dropped: map[string]int{mimecast.NotMalicious: 2, mimecast.DuplicateRecord: 1, mimecast.NoValue: 1},
		Newest:  at(t, "2026-11-16T00:26:00Z"),
		Next:    "page-two",
	}, page)
}

func TestAURLPageGivesTheMaliciousAddressesAndCountsTheRest(t *testing.T) {
	body := answer{body: file(t, "url-page.json")}
	page, err := newFake(t).read(indicator.Query{Source: indicator.URLDomains}, body)
	require.NoError(t, err)
	require.Equal(t, []string{"https://user:pw@login.test:8443/sign-in/ann@own.example/x?session=canary-secret#top", "https://warned.test/"}, raws(page))
	require.Equal(t, indicator.Domain, page.Sightings[0].Kind)
	require.Equal(t, map[string]int{
		mimecast.NotMalicious: 1, mimecast.ManagedURL: 1, mimecast.DangerousFileExtension: 1, mimecast.Override: 1, mimecast.Suspicious: 1,
	}, page.Dropped)

	page, err = newFake(t).read(indicator.Query{Source: indicator.URLDomains, IncludeSuspicious: true}, body)
	require.NoError(t, err)
	require.Contains(t, raws(page), "https://maybe.test/")
	require.NotContains(t, page.Dropped, mimecast.Suspicious)
}

func TestAnImpersonationPageGivesTheSendersWhoseMailWasHeldBack(t *testing.T) {
	body := answer{body: file(t, "impersonation-page.json")}
	page, err := newFake(t).read(indicator.Query{Source: indicator.ImpersonationDomains}, body)
	require.NoError(t, err)
	require.Equal(t, []string{"0wn.test", "other.test"}, raws(page))
	require.Equal(t, "2026-11-16T00:12:30+0000 <one@0wn.test> MTOKEN:shared-id", page.Sightings[0].Record)
	require.Equal(t, map[string]int{mimecast.TaggedOnly: 1, mimecast.NoValue: 1, mimecast.NotMalicious: 1}, page.Dropped)

	page, err = newFake(t).read(indicator.Query{Source: indicator.ImpersonationDomains, DomainEvidence: true}, body)
	require.NoError(t, err)
	require.Equal(t, []string{"0wn.test"}, raws(page))
	require.Equal(t, 1, page.Dropped[mimecast.WeakEvidence])
}

func TestFault_D12_NoRecordNamesThoseWhoReceivedTheMail(t *testing.T) {
	for source, name := range map[indicator.Source]string{
		indicator.AttachmentHashes: "attachment-page.json", indicator.URLDomains: "url-page.json", indicator.ImpersonationDomains: "impersonation-page.json",
	} {
		page, err := newFake(t).read(indicator.Query{Source: source}, answer{body: file(t, name)})
		require.NoError(t, err)
		require.NotEmpty(t, page.Sightings)
		for _, sighting := range page.Sightings {
			for _, person := range []string{"ann", "bob", "carla", "canary-secret", "user:pw"} {
				require.NotContains(t, sighting.Record, person)
			}
		}
	}
}

func TestFault_D3_ARecordIsBoundedWhateverTheVendorWrites(t *testing.T) {
	long := strings.Repeat("ä", 200_000)
	body := fmt.Sprintf(`{"data":[{"clickLogs":[{"url":"https://bad.test/%s","messageId":"<%s>","scanResult":"malicious","action":"block","date":"2026-11-16T00:12:30+0000"}]}]}`, long, long)
	page, err := newFake(t).read(indicator.Query{Source: indicator.URLDomains}, answer{body: body})
	require.NoError(t, err)
	require.Len(t, page.Sightings, 1)
	require.Len(t, []rune(page.Sightings[0].Record), indicator.MaxRecord)
	require.True(t, strings.HasPrefix(page.Sightings[0].Record, "2026-11-16T00:12:30+0000 <ää"))
}

func TestARecordThatCannotBeReadIsCountedAndTheOthersAreKept(t *testing.T) {
	body := `{"data":[{"attachmentLogs":[7, null, "text", ["list"],
		{"result":"malicious","fileHash":"aa","date":"yesterday"},
		{"result":"malicious","fileHash":"bb","date":1},
		{"result":"malicious","fileHash":"cc","date":"2026-11-16T00:12:30+0000"}]}]}`
	page, err := newFake(t).read(indicator.Query{Source: indicator.AttachmentHashes}, answer{body: body})
	require.NoError(t, err)
	require.Equal(t, []string{"cc"}, raws(page))
	require.Equal(t, map[string]int{mimecast.Unreadable: 4, mimecast.UnreadableDate: 2}, page.Dropped)
	require.Equal(t, at(t, "2026-11-16T00:12:30Z"), page.Newest, "an unreadable date is never taken for now")
}

func TestAPageThatIsMostlyUnreadableIsNotBelieved(t *testing.T) {
	good := `{"result":"malicious","fileHash":"cc","date":"2026-11-16T00:12:30+0000"}`
	page := func(bad, all int) answer {
		records := make([]string, 0, all)
		for i := range all {
			if i < bad {
				records = append(records, fmt.Sprintf(`[%d]`, i))
			} else {
				records = append(records, good)
			}
		}
		return answer{body: `{"data":[{"attachmentLogs":[` + strings.Join(records, ",") + `]}]}`}
	}
	q := indicator.Query{Source: indicator.AttachmentHashes}
	_, err := newFake(t).read(q, page(6, 10))
	require.Equal(t, vendorapi.Contract, refusalOf(t, err).Class)
	for _, tolerated := range []answer{page(5, 10), page(9, 9)} {
		_, err := newFake(t).read(q, tolerated)
		require.NoError(t, err)
	}
}

func TestNumbersAndBooleansMayBeWrittenAsText(t *testing.T) {
	body := `{"meta":{"status":"200","pagination":{"pageSize":"1","next":17}},"data":[{"impersonationLogs":[
		{"id":5,"senderAddress":"a@bad.test","hits":"2","identifiers":"internal_user_name","action":"HOLD","taggedMalicious":"true","eventTime":"2026-11-16T00:12:30Z","messageId":null}]}]}`
	page, err := newFake(t).read(indicator.Query{Source: indicator.ImpersonationDomains, DomainEvidence: true}, answer{body: body})
	require.NoError(t, err)
	require.Equal(t, []string{"bad.test"}, raws(page))
	require.Equal(t, "17", page.Next)
}

func TestARecordOfTheFutureDoesNotMoveTheCheckpointPastTheWindow(t *testing.T) {
	body := `{"data":[{"attachmentLogs":[{"result":"safe","date":"9999-01-01T00:00:00+0000"}]}]}`
	q := indicator.Query{Source: indicator.AttachmentHashes, To: at(t, "2026-11-16T01:00:00Z")}
	page, err := newFake(t).read(q, answer{body: body})
	require.NoError(t, err)
	require.Equal(t, q.To, page.Newest)
}

func TestDataNextToAnErrorIsNotTakenForTheWholePage(t *testing.T) {
	body := strings.Replace(file(t, "attachment-page.json"), `"fail": []`, `"fail": [{"errors":[{"code":"err_search_incomplete","message":"one shard is missing","retryable":true}]}]`, 1)
	_, err := newFake(t).read(indicator.Query{Source: indicator.AttachmentHashes}, answer{body: body})
	refused := refusalOf(t, err)
	require.Equal(t, vendorapi.Unavailable, refused.Class)
	require.Equal(t, "err_search_incomplete", refused.Code)
	require.Equal(t, "POST "+attachmentPath, refused.Operation)
	require.Equal(t, 200, refused.Status)
}

func TestARefusedPageTokenAsksForTheWindowAgain(t *testing.T) {
	f := newFake(t)
	told := answer{status: 400, body: `{"fail":[{"errors":[{"field":"pageToken","code":"err_old_token","message":"Expired"}]}]}`}
	_, err := f.read(indicator.Query{Source: indicator.URLDomains, Page: "old"}, told)
	refused := refusalOf(t, err)
	require.Equal(t, vendorapi.Contract, refused.Class)
	require.Equal(t, vendorapi.PageTokenRefused, refused.Code)
	require.Contains(t, refused.Message, "err_old_token")

	_, err = f.read(indicator.Query{Source: indicator.URLDomains}, told)
	require.Equal(t, vendorapi.Rejected, refusalOf(t, err).Class, "without a token it is the request that is refused")
}

func TestASourceThatIsNotMimecastsIsRefused(t *testing.T) {
	f := newFake(t)
	_, err := f.client().TTPLogs(t.Context(), indicator.Query{Source: "elsewhere"})
	require.Equal(t, vendorapi.Rejected, refusalOf(t, err).Class)
	require.Empty(t, f.asked(tokenPath))
}
