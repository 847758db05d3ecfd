package falcon_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/falcon"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

func keys(domains ...string) []indicator.Key {
	made := make([]indicator.Key, 0, len(domains))
	for _, value := range domains {
		made = append(made, domain(value))
	}
	return made
}

func TestLookupAsksForTheValuesInOneCall(t *testing.T) {
	f := newFake(always(found("")))
	listed, err := f.client(t).Lookup(t.Context(), keys("a.example", "b.example", "a.example"))
	require.NoError(t, err)
	require.Empty(t, listed)
	require.Len(t, f.requests, 1)
	asked := f.requests[0]
	require.Equal(t, http.MethodGet+" "+combined, asked.Method+" "+asked.Path)
	require.Equal(t, "type:'domain'+value:['a.example','b.example']+deleted:false", asked.Query.Get("filter"))
	require.Equal(t, "4", asked.Query.Get("limit"), "more than there can be, so that no page is full")
	require.Len(t, asked.Query, 2)
}

func TestLookupAsksForBothKindsInOneCall(t *testing.T) {
	f := newFake(always(found("")))
	_, err := f.client(t).Lookup(t.Context(), []indicator.Key{hash("a"), domain("b.example")})
	require.NoError(t, err)
	require.Len(t, f.requests, 1)
	require.Equal(t, "type:['domain','sha256']+value:['"+strings.Repeat("a", 64)+"','b.example']+deleted:false", f.requests[0].Query.Get("filter"))
}

func TestLookupMakesOneCallForEachBatch(t *testing.T) {
	var wanted []indicator.Key
	for i := range 401 {
		wanted = append(wanted, domain(fmt.Sprintf("d%d.example", i)))
	}
	f := newFake(always(found("")))
	_, err := f.client(t).Lookup(t.Context(), wanted)
	require.NoError(t, err)
	require.Len(t, f.requests, 3, "200 to a call")
	_, err = f.clientWith(t, falcon.Config{BatchSize: 401}).Lookup(t.Context(), wanted)
	require.NoError(t, err)
	require.Len(t, f.requests, 4)
	_, err = f.client(t).Lookup(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, f.requests, 4, "nothing to ask")
}

func TestLookupTellsWhoseAnEntryIsAndHowItStands(t *testing.T) {
	f := newFake(always(found("token",
		`{"id":"1","type":"domain","value":"ours.example","action":"detect","severity":"medium","source":"Mimecast Threat Share: acme",
		  "tags":["threatshare:acme"],"expired":true,"deleted":false,"expiration":"2026-12-01T00:00:00.000000001Z",
		  "created_by":"0123456789abcdef0123456789abcdef","modified_on":"2026-11-01T09:08:07.123456789Z","unheard_of":{"x":1}}`,
		`{"id":"2","type":"domain","value":"theirs.example","action":"no_action","severity":"","source":"A feed","created_by":"ann@corp.example"}`,
		`{"id":"3","type":"md5","value":"ours.example"}`,
		`{"id":"4","type":"domain","value":"unasked.example"}`,
	)))
	listed, err := f.client(t).Lookup(t.Context(), keys("theirs.example", "ours.example", "none.example"))
	require.NoError(t, err)
	require.Equal(t, []indicator.Listed{
		{Key: domain("theirs.example"), ID: "2", Action: "no_action"},
		{
			Key: domain("ours.example"), ID: "1", Action: "detect", Severity: "medium", Mark: indicator.Mark{Integration: "acme"},
			Expired: true, ExpiresAt: time.Date(2026, 12, 1, 0, 0, 0, 1, time.UTC),
		},
	}, listed)
}

func TestLookupPrefersOursAndThenTheNewestOfTwoRecords(t *testing.T) {
	record := func(id, tag, modified string) string {
		return fmt.Sprintf(`{"id":%q,"type":"domain","value":"a.example","tags":[%q],"modified_on":%q}`, id, tag, modified)
	}
	ours, oursLater := record("ours", "threatshare:acme", "2026-01-01T00:00:00Z"), record("later", "threatshare:acme", "2026-02-01T00:00:00Z")
	theirs := record("theirs", "x", "2026-03-01T00:00:00Z")
	byCreation := `{"id":"new","type":"domain","value":"a.example","created_on":"2026-04-01T00:00:00Z"}`
	for want, records := range map[string][]string{"ours": {theirs, ours}, "later": {ours, theirs, oursLater}, "new": {theirs, byCreation}} {
		for range 2 {
			slices.Reverse(records)
			listed, err := newFake(always(found("", records...))).client(t).Lookup(t.Context(), keys("a.example"))
			require.NoError(t, err)
			require.Len(t, listed, 1)
			require.Equal(t, want, listed[0].ID)
		}
	}
}

func TestLookupRefusesWhatCouldChangeTheFilter(t *testing.T) {
	f := newFake(always(found("")))
	c := f.client(t)
	bad := keys("a'b.example", `a"b.example`, `a\b.example`, "a.example']+deleted:true+x:['", "*", "", "A.example", "a.example\n")
	bad = append(bad, indicator.Key{Kind: "md5", Value: "a"}, indicator.Key{Kind: "sha256'+x:'", Value: "a"})
	for _, key := range bad {
		_, err := c.Lookup(t.Context(), []indicator.Key{domain("good.example"), key})
		require.Equal(t, vendorapi.Rejected, refused(t, err).Class, "%q", key)
	}
	require.Empty(t, f.requests)
}

func TestLookupHalvesARequestThatIsTooLong(t *testing.T) {
	for _, status := range []int{http.StatusRequestURITooLong, http.StatusRequestEntityTooLarge} {
		f := newFake(func(r request) reply {
			if strings.Count(r.Query.Get("filter"), ".example") > 2 {
				return reply{status: status, header: map[string]string{"Content-Type": "text/html"}, body: "<html>"}
			}
			return found("", `{"id":"1","type":"domain","value":"e.example"}`)
		})
		listed, err := f.client(t).Lookup(t.Context(), keys("a.example", "b.example", "c.example", "d.example", "e.example"))
		require.NoError(t, err)
		require.Len(t, listed, 1)
	}
}

func TestLookupReadsSeveralPages(t *testing.T) {
	page := func(n int) []string {
		var records []string
		for i := range 4 {
			records = append(records, fmt.Sprintf(`{"id":"%d","type":"domain","value":"a.example","modified_on":"2026-01-0%dT00:00:0%dZ"}`, n*4+i, n, i))
		}
		return records
	}
	f := newFake(func(r request) reply {
		switch r.Query.Get("after") {
		case "":
			return found("one", page(1)...)
		case "one":
			return found("two", page(2)...)
		default:
			return found("two")
		}
	})
	listed, err := f.client(t).Lookup(t.Context(), keys("a.example", "b.example"))
	require.NoError(t, err)
	require.Len(t, f.requests, 3)
	require.Equal(t, "11", listed[0].ID)
	for _, r := range f.requests {
		require.Empty(t, r.Query.Get("offset"), "offset and after exclude each other")
		require.Equal(t, f.requests[0].Query.Get("filter"), r.Query.Get("filter"))
	}
}

func TestLookupReadsOnWhenFalconGivesSmallerPagesThanAskedFor(t *testing.T) {
	f := newFake(func(r request) reply {
		value, after := "a.example", "more"
		if r.Query.Get("after") != "" {
			value, after = "b.example", ""
		}
		return reply{status: 200, body: fmt.Sprintf(
			`{"meta":{"pagination":{"limit":"1","offset":"1:2","after":%q}},"errors":[],"resources":[{"id":"x","type":"domain","value":%q}]}`, after, value)}
	})
	listed, err := f.client(t).Lookup(t.Context(), keys("a.example", "b.example"))
	require.NoError(t, err)
	require.Len(t, listed, 2)
}

func TestLookupStopsAtAListThatDoesNotEnd(t *testing.T) {
	full := []string{`{"id":"1","type":"domain","value":"a.example"}`, `{"id":"2","type":"domain","value":"a.example"}`}
	number := 0
	for name, tc := range map[string]struct {
		after func(request) string
		most  int
	}{
		"the same token twice": {func(request) string { return "same" }, 2},
		"a circle":             {func(r request) string { return map[string]string{"": "A", "A": "B", "B": "A"}[r.Query.Get("after")] }, 3},
		"ever new tokens":      {func(request) string { number++; return strconv.Itoa(number) }, 21},
	} {
		f := newFake(func(r request) reply { return found(tc.after(r), full...) })
		_, err := f.client(t).Lookup(t.Context(), keys("a.example"))
		require.Equal(t, vendorapi.Contract, refused(t, err).Class, name)
		require.LessOrEqual(t, len(f.requests), tc.most, name)
	}
}

func TestLookupDoesNotGuessAtARecordItCannotRead(t *testing.T) {
	for _, record := range []string{`{"id":1,"type":"domain","value":"a.example"}`, `{"type":"domain","value":"a.example","expiration":"soon"}`, `"id"`} {
		_, err := newFake(always(found("", record))).client(t).Lookup(t.Context(), keys("a.example"))
		require.Equal(t, vendorapi.Contract, refused(t, err).Class, record)
	}
}

func FuzzLookupSurvivesAnyAnswer(f *testing.F) {
	f.Add(uint16(0), `{"meta":{"pagination":{"limit":1,"after":"x"}},"errors":null,"resources":[{"id":"1","type":"domain","value":"a.example","tags":null,"expiration":""}]}`)
	f.Add(uint16(0), `{"errors":[{"code":"500","message":null}],"resources":{}}`)
	f.Add(uint16(0), `{"resources":[null,{"type":"DOMAIN","value":"A.example."}]}`)
	f.Add(uint16(200), `{"errors":null,"resources":[{"message_type":"error","row":0}]}`)
	f.Add(uint16(303), `<html>`)
	f.Fuzz(func(t *testing.T, status uint16, body string) {
		f := newFake(always(reply{status: 200 + int(status)%400, body: body}))
		listed, err := f.direct(t, 0).Lookup(t.Context(), keys("a.example"))
		if err != nil {
			require.NotEmpty(t, refused(t, err).Class)
			require.Empty(t, listed)
			return
		}
		require.LessOrEqual(t, len(listed), 1)
		for _, one := range listed {
			require.Equal(t, domain("a.example"), one.Key)
		}
	})
}
