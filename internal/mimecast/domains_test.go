package mimecast_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

func TestAllPagesOfTheInternalDomainsAreRead(t *testing.T) {
	for _, next := range []string{`{"pagination":{"next":"t/+ 2"}}`, `{"pagination":{"nextPage":"t/+ 2"}}`, `{"nextPage":"t/+ 2"}`, `{"nextPageToken":"t/+ 2"}`} {
		f := newFake(t)
		f.says(domainsPath,
			answer{body: `{"domains":[{"id":"1","domain":"Own.example ","local":false},{"id":"2","domain":"two.example"}],"meta":` + next + `}`},
			answer{body: `{"domains":[{"id":"3","domain":"own.example"},{"id":"4","domain":"three.example"}],"meta":{}}`})
		domains, err := f.client().InternalDomains(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"own.example", "two.example", "three.example"}, domains)
		calls := f.asked(domainsPath)
		require.Len(t, calls, 2)
		require.Equal(t, "GET", calls[0].method)
		require.Equal(t, "pageSize=100", calls[0].query)
		require.Equal(t, "pageSize=100&pageToken=t%2F%2B+2", calls[1].query)
		require.Empty(t, calls[0].body)
		require.Empty(t, f.asked(classicDomains))
	}
}

func TestQuirk10TheClassicCallIsAskedWhereRESTIsNotOffered(t *testing.T) {
	for _, told := range []answer{
		{status: 404, body: file(t, "error-rest.json")},
		{status: 403, body: file(t, "error-gateway.json")},
		{status: 200, body: `{"definitions":[]}`},
		{status: 200, body: `{"domains":null}`},
	} {
		f := newFake(t)
		f.says(domainsPath, told)
		f.says(classicDomains,
			answer{body: `{"meta":{"status":200,"pagination":{"next":"two"}},"data":[{"id":"1","domain":"own.example","sendOnly":false,"inboundType":"known"}],"fail":[]}`},
			answer{body: `{"meta":{"status":200},"data":[{"id":"2","domain":"two.example"}],"fail":[]}`})
		domains, err := f.client().InternalDomains(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"own.example", "two.example"}, domains)
		calls := f.asked(classicDomains)
		require.Len(t, calls, 2)
		require.Equal(t, "POST", calls[0].method)
		require.JSONEq(t, `{"data":[]}`, calls[0].body)
		require.JSONEq(t, `{"meta":{"pagination":{"pageSize":100,"pageToken":"two"}},"data":[]}`, calls[1].body)
	}
}

func TestTheFailureOfBothCallsIsTheOneThatHelps(t *testing.T) {
	for _, c := range []struct {
		rest, classic answer
		class         vendorapi.Class
		operation     string
	}{
		{answer{status: 404}, answer{status: 404}, vendorapi.Rejected, "GET " + domainsPath},
		{answer{status: 403}, answer{status: 404}, vendorapi.Forbidden, "GET " + domainsPath},
		{answer{status: 404}, answer{status: 403}, vendorapi.Forbidden, "POST " + classicDomains},
		{answer{status: 404}, answer{status: 503}, vendorapi.Unavailable, "POST " + classicDomains},
		{answer{status: 404}, answer{body: `{"data":[{"domain":"own.example"}],"fail":[{"errors":[{"code":"x","retryable":true}]}]}`}, vendorapi.Unavailable, "POST " + classicDomains},
	} {
		f := newFake(t)
		f.says(domainsPath, c.rest)
		f.says(classicDomains, c.classic)
		domains, err := f.client().InternalDomains(t.Context())
		refused := refusalOf(t, err)
		require.Equal(t, c.class, refused.Class)
		require.Equal(t, c.operation, refused.Operation)
		require.Empty(t, domains)
	}
}

func TestNothingLessThanTheWholeListIsGiven(t *testing.T) {
	for _, second := range []answer{{status: 503}, {body: `{"domains":[{"id":"2"}]}`}, {body: `{"domains":["three.example"]}`}} {
		f := newFake(t)
		f.says(domainsPath, answer{body: `{"domains":[{"domain":"own.example"}],"meta":{"pagination":{"next":"two"}}}`}, second)
		domains, err := f.client().InternalDomains(t.Context())
		require.Error(t, err)
		require.Empty(t, domains)
	}
}

func TestPagingOfTheInternalDomainsAlwaysEnds(t *testing.T) {
	page := func(domain, next string) answer {
		return answer{body: fmt.Sprintf(`{"domains":[{"domain":%q}],"meta":{"pagination":{"next":%q}}}`, domain, next)}
	}
	f := newFake(t)
	f.says(domainsPath, page("one.example", "a"), page("two.example", "b"), page("three.example", "a"), page("never.example", "c"))
	domains, err := f.client().InternalDomains(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"one.example", "two.example", "three.example"}, domains, "a token that was seen before is the end")

	f.says(domainsPath, page("one.example", "a"), answer{body: `{"domains":[],"meta":{"pagination":{"next":"more"}}}`})
	domains, err = f.client().InternalDomains(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"one.example"}, domains, "a page without records is the end")
}

func TestAnAccountWithoutInternalDomainsHasNone(t *testing.T) {
	f := newFake(t)
	f.says(domainsPath, answer{body: `{"domains":[],"meta":{}}`})
	domains, err := f.client().InternalDomains(t.Context())
	require.NoError(t, err)
	require.Empty(t, domains)
}
