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

// iocOf is a record of the IOC list.
func iocOf(id, value string, more ...string) string {
	return fmt.Sprintf(`{"id":%q,"type":"domain","value":%q,"action":"detect"%s}`, id, value, strings.Join(append([]string{""}, more...), ","))
}

// iocPage is a page of the IOC list with the pagination as it is given.
func iocPage(pagination string, records ...string) reply {
	return reply{status: 200, body: `{"meta":{"pagination":` + pagination + `},"errors":null,"resources":[` + strings.Join(records, ",") + `]}`}
}

func TestListAsksForBothKindsOldestChangeFirst(t *testing.T) {
	f := newFake(always(found("")))
	c := f.client(t)
	for _, q := range []indicator.ListQuery{
		{}, {Deleted: true}, {Since: dayOf2026(2).Add(1999 * time.Millisecond)}, {Since: dayOf2026(2), Deleted: true, After: "next"},
	} {
		_, err := c.ListIOCs(t.Context(), q)
		require.NoError(t, err)
	}
	for i, filter := range []string{
		"type:['domain','sha256']+deleted:false",
		"type:['domain','sha256']+deleted:true",
		"type:['domain','sha256']+deleted:false+modified_on:>='2026-01-02T00:00:01Z'",
		"type:['domain','sha256']+deleted:true+modified_on:>='2026-01-02T00:00:00Z'",
	} {
		asked := f.requests[i]
		require.Equal(t, http.MethodGet+" "+combined, asked.Method+" "+asked.Path)
		require.Equal(t, filter, asked.Query.Get("filter"))
		require.Equal(t, "modified_on|asc", asked.Query.Get("sort"))
		require.Equal(t, "2000", asked.Query.Get("limit"))
		require.False(t, asked.Query.Has("offset"))
		require.Equal(t, i == 3, asked.Query.Has("after"))
	}
	require.Equal(t, "next", f.requests[3].Query.Get("after"))
}

func TestListGivesEntriesOfEverybody(t *testing.T) {
	f := newFake(always(reply{status: 200, body: file(t, "ioc-page.json")}))
	page, err := f.client(t).ListIOCs(t.Context(), indicator.ListQuery{})
	require.NoError(t, err)
	hex := func(digit string) string { return strings.Repeat(digit, 64) }
	require.Equal(t, indicator.ListPage{
		Entries: []indicator.ListEntry{
			{
				Listed:     indicator.Listed{Key: domain("bad.example"), ID: hex("1"), Action: "detect", Severity: "high"},
				ModifiedOn: time.Date(2026, 1, 2, 0, 0, 0, 222222222, time.UTC),
			},
			{
				Listed: indicator.Listed{
					Key: indicator.Key{Kind: indicator.SHA256, Value: strings.Repeat("abcdef", 10) + "abcd"}, ID: hex("2"), Action: "prevent", Severity: "critical",
					Mark: indicator.Mark{Integration: "acme"}, ExpiresAt: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC),
				},
				ModifiedOn: dayOf2026(3), SameClient: true,
			},
			{
				Listed:     indicator.Listed{Key: domain("over.example"), ID: hex("3"), Action: "no_action", Expired: true, ExpiresAt: dayOf2026(4)},
				ModifiedOn: dayOf2026(4).Add(time.Second),
			},
		},
		Read:    5,
		Dropped: map[string]int{falcon.OtherType: 1, falcon.Unreadable: 1},
		Newest:  dayOf2026(5), Total: 5,
	}, page)
}

func TestFault_V14_AListedValueIsTheOneThatTheLedgerKnows(t *testing.T) {
	for value, want := range map[string]string{
		"B\u00fccher.example": "xn--bcher-kva.example", "A.Example.": "a.example", "XN--BCHER-KVA.example": "xn--bcher-kva.example",
		"192.0.2.1": "192.0.2.1", "*.A.example": "*.a.example",
	} {
		page, err := newFake(always(found("", iocOf("1", value)))).client(t).ListIOCs(t.Context(), indicator.ListQuery{})
		require.NoError(t, err)
		require.Equal(t, domain(want), page.Entries[0].Key)
	}
}

func TestARecordThatCannotBeReadIsCountedAndTheOthersAreRead(t *testing.T) {
	f := newFake(always(found("",
		iocOf("1", "a.example"), `null`, `"id"`, `[]`, `{}`, iocOf("", "b.example"), iocOf("2", ""), iocOf("3", "c.example", `"expiration":"soon"`),
		iocOf("4", "d.example", `"deleted":"no"`), iocOf("5", "e.example", `"created_by":7`), iocOf("6", "f.example"), iocOf("7", "g.example"),
		iocOf("8", "h.example"), iocOf("9", "i.example"), iocOf("10", "j.example"), iocOf("11", "k.example"),
	)))
	page, err := f.client(t).ListIOCs(t.Context(), indicator.ListQuery{})
	require.NoError(t, err)
	require.Len(t, page.Entries, 8)
	require.Equal(t, 16, page.Read)
	require.Equal(t, map[string]int{falcon.Unreadable: 8}, page.Dropped)
}

func TestAListOfAnotherShapeIsNotTheContract(t *testing.T) {
	bad, good := `{"id":7}`, iocOf("1", "a.example")
	_, err := newFake(always(found("", append(repeated(bad, 6), repeated(good, 5)...)...))).client(t).ListIOCs(t.Context(), indicator.ListQuery{})
	require.Equal(t, vendorapi.Contract, refused(t, err).Class)
	require.Contains(t, refused(t, err).Message, "6 of 11")
	page, err := newFake(always(found("", repeated(bad, 9)...))).client(t).ListIOCs(t.Context(), indicator.ListQuery{})
	require.NoError(t, err, "too few to tell")
	require.Equal(t, map[string]int{falcon.Unreadable: 9}, page.Dropped)
}

func TestAChangeInTheFutureDoesNotMoveTheCheckpointPastNow(t *testing.T) {
	record := iocOf("1", "a.example", `"modified_on":"2099-01-01T00:00:00Z"`)
	answer := found("", record)
	f := newFake(func(request) reply { return answer })
	c := f.direct(t, 0)
	c.SetClock(noon)
	page, err := c.ListIOCs(t.Context(), indicator.ListQuery{})
	require.NoError(t, err)
	require.Equal(t, noon(), page.Newest)
	answer.header = map[string]string{"Date": dayOf2026(7).Format(http.TimeFormat)}
	page, err = c.ListIOCs(t.Context(), indicator.ListQuery{})
	require.NoError(t, err)
	require.Equal(t, dayOf2026(7), page.Newest, "the vendor's clock counts")
	require.Equal(t, 2099, page.Entries[0].ModifiedOn.Year())
}

func TestAListEndsWhereItsPagesSay(t *testing.T) {
	two := []string{iocOf("1", "a.example"), iocOf("2", "b.example")}
	const asked = "asked"
	for name, tc := range map[string]struct {
		after   string
		answer  reply
		next    string
		message string // of a contract failure
	}{
		"a full page":                               {"", iocPage(`{"total":9,"offset":2,"after":"x"}`, two...), "x", ""},
		"a full page, nothing but a token":          {"", iocPage(`{"after":"x"}`, two...), "x", ""},
		"a full page, later":                        {asked, iocPage(`{"total":9,"offset":4,"after":"x"}`, two...), "x", ""},
		"a short page with a token":                 {"", iocPage(`{"total":1,"offset":1,"after":"x"}`, two[0]), "", ""},
		"a short page with the token asked for":     {asked, iocPage(`{"total":3,"offset":3,"after":"asked"}`, two[0]), "", ""},
		"an empty page with a token and a total":    {asked, iocPage(`{"total":1,"offset":1,"after":"x"}`), "", ""},
		"an empty first page with a total":          {"", iocPage(`{"total":1,"after":"x"}`), "", ""},
		"a full page without a token":               {"", iocPage(`{"total":2,"offset":2}`, two...), "", ""},
		"a full page without pagination":            {asked, iocPage(`null`, two...), "", ""},
		"smaller pages than asked for":              {"", iocPage(`{"limit":1,"total":2,"offset":1,"after":"x"}`, two[0]), "x", ""},
		"smaller pages than it says":                {"", iocPage(`{"limit":2,"total":5,"offset":1,"after":"x"}`, two[0]), "x", ""},
		"smaller pages than it says, later":         {asked, iocPage(`{"limit":2,"total":5,"offset":3,"after":"x"}`, two[0]), "x", ""},
		"a later page that tells no place":          {asked, iocPage(`{"total":5,"after":"x"}`, two[0]), "", ""},
		"an offset of another shape":                {asked, iocPage(`{"total":5,"offset":"1:2","after":"x"}`, two[0]), "", ""},
		"a place that cannot be":                    {asked, iocPage(`{"total":9,"offset":1}`, two...), "", ""},
		"the same token again":                      {asked, iocPage(`{"total":9,"offset":4,"after":"asked"}`, two...), "", "token came twice"},
		"records left over, but no token":           {"", iocPage(`{"total":9}`, two...), "", "after 2 of 9"},
		"records left over, but no token, later":    {asked, iocPage(`{"total":9,"offset":4}`, two...), "", "after 4 of 9"},
		"records left over, short page and no more": {"", iocPage(`{"total":9}`, two[0]), "", "after 1 of 9"},
	} {
		t.Run(name, func(t *testing.T) {
			page, err := newFake(always(tc.answer)).clientWith(t, falcon.Config{ListLimit: 2}).ListIOCs(t.Context(), indicator.ListQuery{After: tc.after})
			if tc.message != "" {
				require.Equal(t, vendorapi.Contract, refused(t, err).Class)
				require.NotEqual(t, vendorapi.PageTokenRefused, refused(t, err).Code)
				require.Contains(t, refused(t, err).Message, tc.message)
				require.Empty(t, page)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.next, page.Next)
		})
	}
}

func TestARefusedPageTokenMeansToReadAgain(t *testing.T) {
	for name, answer := range map[string]reply{
		"400":        refusal(400, "invalid after parameter", "null"),
		"404":        refusal(404, "Resource Not Found", "null"),
		"200 with a": {status: 200, body: `{"errors":[{"code":400,"message":"invalid after"}],"resources":[]}`},
	} {
		c := newFake(always(answer)).client(t)
		_, listErr := c.ListIOCs(t.Context(), indicator.ListQuery{After: "old"})
		_, alertErr := c.Alerts(t.Context(), indicator.Query{Page: "old"})
		for _, err := range []error{listErr, alertErr} {
			require.Equal(t, vendorapi.Contract, refused(t, err).Class, name)
			require.Equal(t, vendorapi.PageTokenRefused, refused(t, err).Code, name)
		}
		_, err := c.ListIOCs(t.Context(), indicator.ListQuery{})
		require.Equal(t, vendorapi.Rejected, refused(t, err).Class, "without a token it is the request")
	}
	for _, answer := range []reply{refusal(403, "access denied, scope not permitted", "null"), refusal(500, "Internal Server Error", "null")} {
		_, err := newFake(always(answer)).client(t).ListIOCs(t.Context(), indicator.ListQuery{After: "old"})
		require.NotEqual(t, vendorapi.PageTokenRefused, refused(t, err).Code)
	}
}

func TestALimitThatFalconDoesNotTakeIsLoweredOnceAndRemembered(t *testing.T) {
	f := newFake(func(r request) reply {
		if len(r.Query.Get("limit")) > 3 {
			return refusal(400, "Limit must be between 1 and 500", "null")
		}
		return found("")
	})
	c := f.client(t)
	for range 2 {
		_, err := c.ListIOCs(t.Context(), indicator.ListQuery{After: "x"})
		require.NoError(t, err)
	}
	require.Len(t, f.requests, 3)
	require.Equal(t, "500", f.requests[2].Query.Get("limit"))
	require.Equal(t, "x", f.requests[1].Query.Get("after"))

	for message, calls := range map[string]int{"limit must be smaller": 2, "invalid filter": 1} {
		f = newFake(always(refusal(400, message, "null")))
		_, err := f.client(t).ListIOCs(t.Context(), indicator.ListQuery{})
		require.Equal(t, vendorapi.Rejected, refused(t, err).Class)
		require.Len(t, f.requests, calls, message)
	}
}

func TestAListLimitOutOfRangeIsRefused(t *testing.T) {
	for _, limit := range []int{-1, 2001} {
		_, err := falcon.New(falcon.Config{BaseURL: "http://127.0.0.1", ClientID: clientID, ClientSecret: secret(clientSecret), ListLimit: limit})
		require.ErrorContains(t, err, "list limit", limit)
	}
}

func FuzzListSurvivesAnyAnswer(f *testing.F) {
	f.Add(uint16(0), file(f, "ioc-page.json"))
	f.Add(uint16(0), `{"meta":{"pagination":{"limit":"1","offset":"9","total":-1,"after":"x"}},"errors":null,"resources":[{"id":"1","type":"Domain","value":"A.example."}]}`)
	f.Add(uint16(0), `{"resources":[null,1,{"id":"2","type":"md5","value":"x","tags":[null]}]}`)
	f.Add(uint16(200), `{"errors":[{"code":400,"message":"limit must be smaller"}]}`)
	f.Add(uint16(0), `{"errors":[{"code":400,"message":"bad after"}]}`)
	f.Fuzz(func(t *testing.T, status uint16, body string) {
		f := newFake(always(reply{status: 200 + int(status)%400, body: body}))
		c := f.direct(t, 0)
		c.SetClock(noon)
		page, err := c.ListIOCs(t.Context(), indicator.ListQuery{After: "x"})
		if err != nil {
			require.NotEmpty(t, refused(t, err).Class)
			require.Empty(t, page)
			return
		}
		accounted := len(page.Entries)
		for _, n := range page.Dropped {
			require.Positive(t, n)
			accounted += n
		}
		require.Equal(t, page.Read, accounted)
		require.False(t, page.Newest.After(noon()))
		require.NotEqual(t, "x", page.Next)
		for _, entry := range page.Entries {
			require.NotEmpty(t, entry.ID)
			require.Contains(t, []indicator.Kind{indicator.SHA256, indicator.Domain}, entry.Kind)
		}
	})
}
