package falcon_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/falcon"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// The tests here are named after the quirks of the vendor's API that touch the list, the alerts and the deletion, by their
// numbers in the contract's section 5; one without a number stands in another section. quirks_test.go has those of the other
// calls.

func TestQuirk3ErrorsAreNullOnSuccessOfTheReadsToo(t *testing.T) {
	for _, errors := range []string{`"errors":null,`, `"errors":[],`, ``} {
		c := newFake(always(reply{status: 200, body: `{` + errors + `"resources":null}`})).client(t)
		list, err := c.ListIOCs(t.Context(), indicator.ListQuery{})
		require.NoError(t, err)
		require.Zero(t, list.Read)
		page, err := c.Alerts(t.Context(), indicator.Query{})
		require.NoError(t, err)
		require.Zero(t, page.Read)
	}
}

func TestQuirk4AfterStandsOnTheLastPageOfTheListToo(t *testing.T) {
	for _, records := range [][]string{nil, {iocOf("1", "a.example")}} {
		page, err := newFake(always(found("WzE3MTE2MjQzOTYzMDEsIng=", records...))).client(t).ListIOCs(t.Context(), indicator.ListQuery{})
		require.NoError(t, err)
		require.Empty(t, page.Next)
	}
}

func TestQuirk4AfterIsAbsentOrEmptyOnTheLastPageOfAlerts(t *testing.T) {
	record := alertOf("1", "2026-01-01T00:00:00Z", "a.example")
	for pagination, next := range map[string]string{`{"total":1}`: "", `{"after":""}`: "", `{"after":null}`: "", `null`: "", `{"after":"x"}`: "x", `{"after":"x","total":1}`: "x"} {
		page, err := newFake(always(iocPage(pagination, record))).client(t).Alerts(t.Context(), indicator.Query{})
		require.NoError(t, err)
		require.Equal(t, next, page.Next, pagination)
	}
	page, err := newFake(always(alerted("x"))).client(t).Alerts(t.Context(), indicator.Query{})
	require.NoError(t, err)
	require.Empty(t, page.Next, "a token beside nothing")
	_, err = newFake(always(alerted("x", record))).client(t).Alerts(t.Context(), indicator.Query{Page: "x"})
	require.Equal(t, vendorapi.Contract, refused(t, err).Class, "a page that leads to itself")
	require.Empty(t, refused(t, err).Code)
}

func TestQuirk5TheOffsetStopsAt10000SoItIsNotUsed(t *testing.T) {
	read := 0
	f := newFake(func(r request) reply {
		after, _ := strconv.Atoi(r.Query.Get("after"))
		records := make([]string, 0, 2000)
		for i := after; i < min(after+2000, 10_500); i++ {
			records = append(records, iocOf(strconv.Itoa(i), fmt.Sprintf("d%d.example", i)))
		}
		end := after + len(records)
		return iocPage(fmt.Sprintf(`{"limit":2000,"total":10500,"offset":%d,"after":"%d"}`, end, end), records...)
	})
	c := f.client(t)
	for q := (indicator.ListQuery{}); ; {
		page, err := c.ListIOCs(t.Context(), q)
		require.NoError(t, err)
		read += len(page.Entries)
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	require.Equal(t, 10_500, read)
	require.Len(t, f.requests, 6)
	for _, r := range f.requests {
		require.False(t, r.Query.Has("offset"))
	}
}

func TestQuirk6DeletedRecordsAreAskedForAndToldApart(t *testing.T) {
	for _, asked := range []bool{false, true} {
		f := newFake(always(found("", iocOf("1", "a.example", `"deleted":true`), iocOf("2", "b.example", `"deleted":false`), iocOf("3", "c.example"))))
		page, err := f.client(t).ListIOCs(t.Context(), indicator.ListQuery{Deleted: asked})
		require.NoError(t, err)
		require.Contains(t, f.requests[0].Query.Get("filter"), "+deleted:"+strconv.FormatBool(asked))
		require.True(t, page.Entries[0].Deleted)
		require.False(t, page.Entries[1].Deleted, "whatever was asked for")
		require.False(t, page.Entries[2].Deleted)
	}
}

func TestQuirk7ExpiredRecordsStayOnTheList(t *testing.T) {
	f := newFake(always(found("", iocOf("1", "a.example", `"expired":true`, `"expiration":"2026-01-01T00:00:00Z"`))))
	page, err := f.client(t).ListIOCs(t.Context(), indicator.ListQuery{})
	require.NoError(t, err)
	require.NotContains(t, f.requests[0].Query.Get("filter"), "expired")
	require.True(t, page.Entries[0].Expired)
	require.Equal(t, dayOf2026(1), page.Entries[0].ExpiresAt)
}

func TestQuirk8SeverityIsEmptyOnTheListForSomeActions(t *testing.T) {
	page, err := newFake(always(found("", `{"id":"1","type":"sha256","value":"`+hash("a").Value+`","action":"allow","severity":""}`))).
		client(t).ListIOCs(t.Context(), indicator.ListQuery{})
	require.NoError(t, err)
	require.Equal(t, "allow", page.Entries[0].Action)
	require.Empty(t, page.Entries[0].Severity)
}

func TestQuirk9CreatedByIsAClientOrAPersonAndToldBesideTheMark(t *testing.T) {
	page, err := newFake(always(found("",
		iocOf("1", "a.example", `"created_by":"`+clientID+`"`),
		iocOf("2", "b.example", `"created_by":"analyst@acme.example"`, `"tags":["threatshare:acme"]`),
		iocOf("3", "c.example", `"created_by":"ffffffffffffffffffffffffffffffff"`, `"source":"Mimecast Threat Share: acme"`),
		iocOf("4", "d.example"),
	))).client(t).ListIOCs(t.Context(), indicator.ListQuery{})
	require.NoError(t, err)
	for i, want := range []struct{ ours, same bool }{{false, true}, {true, false}, {true, false}, {false, false}} {
		require.Equal(t, want.ours, page.Entries[i].Mark.Ours(), i)
		require.Equal(t, want.same, page.Entries[i].SameClient, i)
	}
}

func TestQuirk10TheCaseOfDomainsIsNotKeptOnTheListNorInAlerts(t *testing.T) {
	list, err := newFake(always(found("", `{"id":"1","type":"Domain","value":"Evil.EXAMPLE."}`))).client(t).ListIOCs(t.Context(), indicator.ListQuery{})
	require.NoError(t, err)
	require.Equal(t, domain("evil.example"), list.Entries[0].Key)
	page, err := newFake(always(alerted("", alertOf("1", "2026-01-01T00:00:00Z", "Evil.EXAMPLE.,evil.example")))).client(t).Alerts(t.Context(), indicator.Query{})
	require.NoError(t, err)
	require.Len(t, page.Sightings, 1, "the same domain twice")
	made, err := indicator.New(page.Sightings[0], "")
	require.NoError(t, err)
	require.Equal(t, domain("evil.example"), made.Key)
}

func TestQuirk11HashAlertsUseAnotherWordForTheType(t *testing.T) {
	for _, kind := range []string{"hash_sha256", "hash_md5", "sha256", "md5", "ipv4", "registry_key"} {
		page, err := newFake(always(alerted("", `{"composite_id":"1","ioc_type":"`+kind+`","ioc_value":"a.example"}`))).client(t).Alerts(t.Context(), indicator.Query{})
		require.NoError(t, err)
		require.Empty(t, page.Sightings)
		require.Equal(t, map[string]int{falcon.NoDomain: 1}, page.Dropped)
	}
}

func TestQuirk12AValueCanBeAListWithCommas(t *testing.T) {
	page, err := newFake(always(alerted("", alertOf("1", "2026-01-01T00:00:00Z", "a.example,b.example , a.example")))).client(t).Alerts(t.Context(), indicator.Query{})
	require.NoError(t, err)
	require.Len(t, page.Sightings, 2)
	require.Equal(t, "b.example", page.Sightings[1].Raw)
	require.Equal(t, 1, page.Read)
}

func TestQuirk13AnExpirationThatIsNotSetIsNone(t *testing.T) {
	for _, expiration := range []string{`"expiration":null`, `"expiration":""`, `"expiration":"0001-01-01T00:00:00Z"`} {
		page, err := newFake(always(found("", iocOf("1", "a.example", expiration)))).client(t).ListIOCs(t.Context(), indicator.ListQuery{})
		require.NoError(t, err)
		require.True(t, page.Entries[0].ExpiresAt.IsZero(), expiration)
		require.False(t, page.Entries[0].Expired)
	}
}

func TestQuirk14FlagsAreSpelledInLowerCase(t *testing.T) {
	f := newFake(always(found("")))
	for _, deleted := range []bool{false, true} {
		_, err := f.client(t).ListIOCs(t.Context(), indicator.ListQuery{Deleted: deleted})
		require.NoError(t, err)
	}
	require.Contains(t, f.requests[0].Query.Get("filter"), "deleted:false")
	require.Contains(t, f.requests[1].Query.Get("filter"), "deleted:true")

	f = newFake((&store{records: map[string]*stored{"1": {tag: "threatshare:acme"}}}).answer)
	_, err := f.client(t).Delete(t.Context(), acme(), []string{"1"})
	require.NoError(t, err)
	for _, r := range f.requests {
		require.False(t, r.Query.Has("ignore_warnings") || r.Query.Has("retrodetects"), "flags of a create")
	}
}

func TestQuirk15AFilterBeatsIDsOnADeletionSoThereIsNone(t *testing.T) {
	f := newFake((&store{records: map[string]*stored{"1": {tag: "threatshare:acme"}}}).answer)
	_, err := f.client(t).Delete(t.Context(), acme(), []string{"1"})
	require.NoError(t, err)
	for _, r := range f.requests {
		require.False(t, r.Query.Has("filter"))
		require.Equal(t, []string{"1"}, r.Query["ids"])
	}
}

func TestQuirkADeletionCanBeAnsweredWithoutIDs(t *testing.T) {
	for _, resources := range []string{`[]`, `null`, `[null,7,{}]`, `{}`} {
		gone := false
		f := newFake(func(r request) reply {
			if r.Method == http.MethodDelete {
				gone = true
				return reply{status: 200, body: `{"errors":null,"resources":` + resources + `}`}
			}
			return found("", fmt.Sprintf(`{"id":"1","type":"domain","value":"a.example","tags":["threatshare:acme"],"deleted":%t}`, gone))
		})
		removals, err := f.client(t).Delete(t.Context(), acme(), []string{"1"})
		require.NoError(t, err, resources)
		require.Equal(t, []indicator.Removal{{ID: "1", Deleted: true}}, removals)
		require.Len(t, f.requests, 3, "read again")
	}
}

func TestQuirk17A200CanHoldErrorsOnTheReadsToo(t *testing.T) {
	c := newFake(always(reply{status: 200, body: `{"errors":[{"code":500,"message":"internal"}],"resources":[` + iocOf("1", "a.example") + `]}`})).client(t)
	list, err := c.ListIOCs(t.Context(), indicator.ListQuery{})
	require.Equal(t, vendorapi.Unavailable, refused(t, err).Class)
	require.Empty(t, list, "what is missing beside an error is not known")
	page, err := c.Alerts(t.Context(), indicator.Query{})
	require.Equal(t, vendorapi.Unavailable, refused(t, err).Class)
	require.Empty(t, page)
}

func TestQuirk18AMissingScopeIsNamedForEachCall(t *testing.T) {
	c := newFake(always(refusal(403, "access denied, scope not permitted", "null"))).client(t)
	_, listErr := c.ListIOCs(t.Context(), indicator.ListQuery{})
	_, alertErr := c.Alerts(t.Context(), indicator.Query{})
	_, deleteErr := c.Delete(t.Context(), acme(), []string{"1"})
	for scope, err := range map[string]error{"IOC Management: Read": listErr, "Alerts: Read": alertErr} {
		require.Equal(t, vendorapi.Forbidden, refused(t, err).Class)
		require.Contains(t, refused(t, err).Remedy, scope)
	}
	require.Contains(t, refused(t, deleteErr).Remedy, "IOC Management: Read", "the mark is read first")
}

func TestQuirk18A403ThatIsNotAboutAScopeNamesNone(t *testing.T) {
	c := newFake(always(refusal(403, "access denied, authorization failed", "null"))).client(t)
	_, listErr := c.ListIOCs(t.Context(), indicator.ListQuery{})
	_, alertErr := c.Alerts(t.Context(), indicator.Query{})
	_, deleteErr := c.Delete(t.Context(), acme(), []string{"1"})
	for _, err := range []error{listErr, alertErr, deleteErr} {
		require.Equal(t, vendorapi.Forbidden, refused(t, err).Class)
		require.Contains(t, refused(t, err).Remedy, "not a missing scope")
	}
}

func TestQuirk19TheSortIsWrittenAsTheServiceTakesIt(t *testing.T) {
	f := newFake(always(found("")))
	c := f.client(t)
	_, err := c.ListIOCs(t.Context(), indicator.ListQuery{})
	require.NoError(t, err)
	_, err = c.Alerts(t.Context(), indicator.Query{})
	require.NoError(t, err)
	require.Equal(t, "modified_on|asc", f.requests[0].Query.Get("sort"))
	require.Contains(t, f.requests[1].Body, `"sort":"updated_timestamp|asc"`)
}

func TestQuirkAnInvalidAlertTokenIsAlsoAnswered500(t *testing.T) {
	_, err := newFake(always(refusal(500, "Internal Server Error", "null"))).client(t).Alerts(t.Context(), indicator.Query{Page: "old"})
	require.Equal(t, vendorapi.Unavailable, refused(t, err).Class, "not to be told from a fault: the caller bounds its tries")
}

func TestQuirk20TokensAndIDsOfOtherShapesAreTakenAsTheyAre(t *testing.T) {
	f := newFake(always(iocPage(`{"limit":1,"total":2,"offset":"1658342945857000000:3867296750","after":"a b/+=&"}`, iocOf("519b7236-0000-4000-8000-000000000000", "a.example"))))
	c := f.clientWith(t, falcon.Config{ListLimit: 1})
	page, err := c.ListIOCs(t.Context(), indicator.ListQuery{})
	require.NoError(t, err)
	require.Equal(t, "519b7236-0000-4000-8000-000000000000", page.Entries[0].ID)
	_, err = c.ListIOCs(t.Context(), indicator.ListQuery{After: "b"})
	require.NoError(t, err)
	require.Equal(t, "a b/+=&", page.Next)
	_, _ = c.ListIOCs(t.Context(), indicator.ListQuery{After: page.Next})
	require.Equal(t, "a b/+=&", f.requests[2].Query.Get("after"))
}
