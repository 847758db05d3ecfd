package falcon_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/falcon"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// The tests here are named after the quirks of the vendor's API that touch these calls, by their numbers in the contract's
// section 5; one without a number stands in another section.

func TestQuirk1OneBadEntryRefusesTheWholeCreate(t *testing.T) {
	f := newFake(strict{bad: map[string]bool{"b.example": true}, names: "nothing"}.answer)
	outcomes, err := f.client(t).Create(t.Context(), shares("a.example", "b.example", "c.example", "d.example"))
	require.NoError(t, err)
	require.Equal(t, []indicator.Outcome{
		{Key: domain("a.example"), ID: idOf("a.example")},
		{Key: domain("b.example"), Refused: badBatch},
		{Key: domain("c.example"), ID: idOf("c.example")},
		{Key: domain("d.example"), ID: idOf("d.example")},
	}, outcomes)
	require.LessOrEqual(t, len(f.requests), 1+2*2)
}

func TestQuirk1ADuplicateRefusesTheWholeCreate(t *testing.T) {
	there := map[string]bool{"a.example": true, "c.example": true}
	f := newFake(func(r request) reply {
		var problems []string
		entries := entriesOf(r.Body)
		for _, e := range entries {
			if there[e.Value] {
				problems = append(problems, `{"message_type":"error","message":"Duplicate type and value combination: '`+e.Value+`'"}`)
			}
		}
		if len(problems) > 0 {
			return refusal(400, badBatch, "["+strings.Join(problems, ",")+"]")
		}
		return created(entries)
	})
	outcomes, err := f.client(t).Create(t.Context(), shares("a.example", "b.example", "c.example"))
	require.NoError(t, err)
	require.Equal(t, []indicator.Outcome{
		{Key: domain("a.example"), Duplicate: true},
		{Key: domain("b.example"), ID: idOf("b.example")},
		{Key: domain("c.example"), Duplicate: true},
	}, outcomes)
	require.Len(t, f.requests, 2)
}

func TestQuirk2PerEntryReasonsStandInTheResourcesOfA400(t *testing.T) {
	f := newFake(strict{bad: map[string]bool{"b.example": true}, names: "value"}.answer)
	outcomes, err := f.client(t).Create(t.Context(), shares("a.example", "b.example"))
	require.NoError(t, err)
	require.Equal(t, "invalid input", outcomes[1].Refused)
	require.Len(t, f.requests, 2, "the named one is taken out and the rest sent again")
}

func TestQuirk3ErrorsAreNullOnSuccess(t *testing.T) {
	for _, errors := range []string{`"errors":null,`, `"errors":[],`, ``} {
		f := newFake(always(reply{status: 200, body: `{"meta":{},` + errors + `"resources":[{"id":"1","type":"domain","value":"a.example","tags":null}]}`}))
		listed, err := f.client(t).Lookup(t.Context(), keys("a.example"))
		require.NoError(t, err)
		require.Len(t, listed, 1)
	}
}

func TestQuirk4AfterStandsOnTheLastPageToo(t *testing.T) {
	for _, records := range [][]string{nil, {`{"id":"1","type":"domain","value":"a.example"}`}} {
		f := newFake(always(found("WzE3MTE2MjQzOTYzMDEsIng=", records...)))
		_, err := f.client(t).Lookup(t.Context(), keys("a.example", "b.example"))
		require.NoError(t, err)
		require.Len(t, f.requests, 1)
	}
}

func TestQuirk6DeletedRecordsMatchSearches(t *testing.T) {
	f := newFake(always(found("",
		`{"id":"gone","type":"domain","value":"a.example","deleted":true,"tags":["threatshare:acme"]}`,
		`{"id":"gone too","type":"domain","value":"b.example","deleted":true}`,
		`{"id":"here","type":"domain","value":"a.example","deleted":false}`,
	)))
	listed, err := f.client(t).Lookup(t.Context(), keys("a.example", "b.example"))
	require.NoError(t, err)
	require.Contains(t, f.requests[0].Query.Get("filter"), "+deleted:false")
	require.Len(t, listed, 1)
	require.Equal(t, "here", listed[0].ID)
}

func TestQuirk7ExpiredRecordsStayListed(t *testing.T) {
	f := newFake(always(found("", `{"id":"1","type":"domain","value":"a.example","action":"no_action","expired":true,"expiration":"2026-01-01T00:00:00Z"}`)))
	listed, err := f.client(t).Lookup(t.Context(), keys("a.example"))
	require.NoError(t, err)
	require.NotContains(t, f.requests[0].Query.Get("filter"), "expired")
	require.True(t, listed[0].Expired)
}

func TestQuirk8SeverityIsEmptyForSomeActions(t *testing.T) {
	f := newFake(always(found("", `{"id":"1","type":"domain","value":"a.example","action":"no_action","severity":""}`)))
	listed, err := f.client(t).Lookup(t.Context(), keys("a.example"))
	require.NoError(t, err)
	require.Equal(t, "no_action", listed[0].Action)
	require.Empty(t, listed[0].Severity)
}

func TestQuirk9CreatedByDoesNotTellWhoseAnEntryIs(t *testing.T) {
	f := newFake(always(found("",
		`{"id":"1","type":"domain","value":"a.example","created_by":"ffffffffffffffffffffffffffffffff","source":"Mimecast Threat Share: acme"}`,
		`{"id":"2","type":"domain","value":"b.example","created_by":"`+clientID+`","source":"another tool"}`,
	)))
	listed, err := f.client(t).Lookup(t.Context(), keys("a.example", "b.example"))
	require.NoError(t, err)
	require.True(t, listed[0].Mark.Ours(), "made with another API client")
	require.False(t, listed[1].Mark.Ours(), "made with this API client by another tool")
}

func TestQuirk10TheCaseOfDomainsIsNotKept(t *testing.T) {
	f := newFake(func(r request) reply {
		if r.Method == http.MethodGet {
			return found("", `{"id":"1","type":"Domain","value":"A.Example."}`)
		}
		return reply{status: 201, body: `{"errors":null,"resources":[{"id":"1","type":"domain","value":"A.EXAMPLE"}]}`}
	})
	c := f.client(t)
	listed, err := c.Lookup(t.Context(), keys("a.example"))
	require.NoError(t, err)
	require.Equal(t, domain("a.example"), listed[0].Key)
	outcomes, err := c.Create(t.Context(), shares("a.example"))
	require.NoError(t, err)
	require.Equal(t, "1", outcomes[0].ID)
}

func TestQuirk13AZeroExpirationIsRefusedAsPast(t *testing.T) {
	f := newFake(makeAll)
	_, err := f.client(t).Create(t.Context(), shares("a.example"))
	require.NoError(t, err)
	require.NotContains(t, f.requests[0].Body, "expiration")
	require.NotContains(t, f.requests[0].Body, "0001-01-01")
}

func TestQuirk13AnUpdateClearsAnExpirationAndSendsNoZero(t *testing.T) {
	f := newFake(func(r request) reply { return changed(entriesOf(r.Body)) })
	_, err := f.client(t).Update(t.Context(), []indicator.Update{update("id-1", "a.example")})
	require.NoError(t, err)
	require.Contains(t, f.requests[0].Body, `"expiration":null`)
	require.NotContains(t, f.requests[0].Body, "0001-01-01")
}

func TestQuirk14IgnoreWarningsStandsInTheQuery(t *testing.T) {
	f := newFake(makeAll)
	_, err := f.client(t).Create(t.Context(), shares("a.example"))
	require.NoError(t, err)
	require.Equal(t, "ignore_warnings=true", f.requests[0].Query.Encode(), "in lower case, and retrodetects is not asked for")
	require.NotContains(t, f.requests[0].Body, "ignore_warnings")
}

func TestQuirk16TheUnitOfTheWaitIsNotKnown(t *testing.T) {
	for _, hint := range []string{"1763294430", "1763294430000"} {
		header := http.Header{}
		header.Set("X-Ratelimit-Retryafter", hint)
		require.Equal(t, 30*time.Second, falcon.Wait(header, noon().AddDate(-1, 0, 0)))
	}
}

func TestQuirk17A200CanHoldErrors(t *testing.T) {
	f := newFake(always(reply{status: 200, body: `{"meta":{"trace_id":"t"},"errors":[{"code":403,"message":"access denied, scope not permitted"}],"resources":[]}`}))
	_, err := f.client(t).Lookup(t.Context(), keys("a.example"))
	failure := refused(t, err)
	require.Equal(t, vendorapi.Forbidden, failure.Class)
	require.Equal(t, http.StatusOK, failure.Status)
	require.Equal(t, "403", failure.Code)
	require.Contains(t, failure.Remedy, "IOC Management: Read")
}

func TestQuirk17ASuccessCanHoldErrorsBesideWhatItMade(t *testing.T) {
	for name, tc := range map[string]struct {
		code  string
		class vendorapi.Class
		last  indicator.Outcome
	}{
		"about the entry":   {"400", "", indicator.Outcome{Key: domain("c.example"), Refused: "not this one"}},
		"about the service": {"500", vendorapi.Unavailable, indicator.Outcome{Key: domain("c.example")}},
	} {
		f := newFake(always(reply{status: 201, body: `{"errors":[{"code":` + tc.code + `,"message":"not this one"}],"resources":[
			{"id":"1","type":"domain","value":"a.example"},{"id":"2","type":"domain","value":"b.example"}]}`}))
		outcomes, err := f.client(t).Create(t.Context(), shares("a.example", "b.example", "c.example"))
		if tc.class == "" {
			require.NoError(t, err, name)
		} else {
			require.Equal(t, tc.class, refused(t, err).Class, name)
		}
		require.Equal(t, []indicator.Outcome{{Key: domain("a.example"), ID: "1"}, {Key: domain("b.example"), ID: "2"}, tc.last}, outcomes, name)
		require.Len(t, f.requests, 1, name)
	}
}

func TestQuirk18A403HasTwoMeanings(t *testing.T) {
	for message, word := range map[string]string{"access denied, scope not permitted": "the scope IOC Management: Read", "access denied, authorization failed": "not a missing scope"} {
		_, err := newFake(always(refusal(403, message, "null"))).client(t).Lookup(t.Context(), keys("a.example"))
		require.Equal(t, vendorapi.Forbidden, refused(t, err).Class)
		require.Contains(t, refused(t, err).Remedy, word)
	}
}

func TestQuirkTheLimitOfIndicatorsIsA400(t *testing.T) {
	f := newFake(always(refusal(400, "Limit of 1 million indicators reached.", "null")))
	outcomes, err := f.client(t).Create(t.Context(), shares("a.example", "b.example"))
	require.Equal(t, vendorapi.Quota, refused(t, err).Class)
	require.Len(t, outcomes, 2)
	require.Len(t, f.requests, 1, "nothing is split")
}

func TestQuirk20IDsAndOffsetsMayHaveAnyShape(t *testing.T) {
	f := newFake(always(reply{status: 200, body: `{"meta":{"pagination":{"limit":100,"total":1,"offset":"1658342945857000000:3867296750"}},"errors":[],
		"resources":[{"id":"519b7236-0000-4000-8000-000000000000","type":"domain","value":"a.example"}]}`}))
	listed, err := f.client(t).Lookup(t.Context(), keys("a.example"))
	require.NoError(t, err)
	require.Equal(t, "519b7236-0000-4000-8000-000000000000", listed[0].ID)
}
