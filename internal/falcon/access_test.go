package falcon_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/access"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

func functions() []access.Function {
	return []access.Function{access.ReadIOCs, access.WriteIOCs, access.ReadAlerts}
}

func TestEachFunctionNamesItsScopeAsTheConsoleDoes(t *testing.T) {
	c := newFake(nil).client(t)
	for function, scope := range map[access.Function]string{
		access.ReadIOCs:   "scope IOC Management: Read",
		access.WriteIOCs:  "scope IOC Management: Write",
		access.ReadAlerts: "scope Alerts: Read",
		access.BlockURLs:  "",
	} {
		require.Equal(t, scope, c.Permission(function))
	}
}

func TestAFunctionIsTriedWithOneCallThatCanMakeNothing(t *testing.T) {
	for function, call := range map[access.Function]string{
		access.ReadIOCs:   "GET /iocs/combined/indicator/v1?filter=deleted%3Afalse&limit=1 ",
		access.WriteIOCs:  `POST /iocs/entities/indicators/v1? {"indicators":[]}`,
		access.ReadAlerts: `POST /alerts/combined/alerts/v1? {"filter":"updated_timestamp:\u003e='2026-11-16T12:00:00Z'","limit":2}`,
	} {
		f := newFake(always(found("")))
		c := f.client(t)
		c.SetClock(noon)
		require.NoError(t, c.CheckAccess(t.Context(), function))
		require.Len(t, f.requests, 1)
		r := f.requests[0]
		require.Equal(t, call, fmt.Sprintf("%s %s?%s %s", r.Method, r.Path, r.Query.Encode(), r.Body))
	}
}

func TestAMissingScopeIsForbiddenAndSaysWhereItIsAdded(t *testing.T) {
	for _, function := range functions() {
		c := newFake(always(refusal(403, "access denied, scope not permitted", "null"))).client(t)
		failure := refused(t, c.CheckAccess(t.Context(), function))
		require.Equal(t, vendorapi.Forbidden, failure.Class)
		require.Equal(t, "the API client of FALCON_CLIENT_ID lacks the "+c.Permission(function)+
			": add it in the Falcon console (Support and resources > API clients and keys)", failure.Remedy)
		require.True(t, strings.HasPrefix(failure.Error(), "Falcon answered 403 to "), failure.Error())
	}
}

func TestARefusalOfTheEmptyCreateMeansThatWritingIsAllowed(t *testing.T) {
	for name, tc := range map[string]struct {
		answer reply
		class  vendorapi.Class // "": allowed
	}{
		"bad format":       {refusal(400, "Provided data does not match expected format", "null"), ""},
		"bad entries":      {refusal(400, badBatch, "[]"), ""},
		"full":             {refusal(400, "Limit of 1 million indicators reached.", "null"), ""},
		"taken":            {reply{status: 201, body: `{"errors":[],"resources":[]}`}, ""},
		"refused with 200": {reply{status: 200, body: `{"errors":[{"code":400,"message":"no indicators"}]}`}, ""},
		"another 403":      {refusal(403, "access denied, authorization failed", "null"), vendorapi.Forbidden},
		"scope with 200":   {reply{status: 200, body: `{"errors":[{"code":403,"message":"access denied, scope not permitted"}]}`}, vendorapi.Forbidden},
		"no such path":     {refusal(404, "404: Page Not Found", "null"), vendorapi.Rejected},
		"no such method":   {refusal(405, "405: Method Not Allowed", "null"), vendorapi.Rejected},
		"throttled":        {refusal(429, "Too Many Requests", "null"), vendorapi.Throttled},
		"down":             {refusal(503, "Service Unavailable", "null"), vendorapi.Unavailable},
		"a proxy's 403":    {reply{status: 403, header: map[string]string{"Content-Type": "text/html"}, body: "<html>blocked</html>"}, vendorapi.Contract},
		"a web page":       {reply{status: 200, header: map[string]string{"Content-Type": "text/html"}, body: "<html>sign in</html>"}, vendorapi.Contract},
		"token":            {refusal(401, "access denied, invalid bearer token", "null"), vendorapi.Credentials},
	} {
		err := newFake(always(tc.answer)).client(t).CheckAccess(t.Context(), access.WriteIOCs)
		if tc.class == "" {
			require.NoError(t, err, name)
			continue
		}
		require.Equal(t, tc.class, refused(t, err).Class, name)
	}
}

func TestARefusedReadIsNotTakenForAnAllowedOne(t *testing.T) {
	for _, function := range []access.Function{access.ReadIOCs, access.ReadAlerts} {
		err := newFake(always(refusal(400, "invalid CID provided", "null"))).client(t).CheckAccess(t.Context(), function)
		require.Equal(t, vendorapi.Rejected, refused(t, err).Class)
	}
}

func TestWhatIsNoFunctionOfFalconsIsNotTried(t *testing.T) {
	f := newFake(always(found("")))
	require.Equal(t, vendorapi.Rejected, refused(t, f.client(t).CheckAccess(t.Context(), access.BlockURLs)).Class)
	require.Empty(t, f.requests)
}

func TestTheQuotaOfIOCsIsTheTotalOfAList(t *testing.T) {
	for body, quota := range map[string]indicator.Quota{
		`{"meta":{"pagination":{"total":812345}},"resources":[{}]}`: {Used: 812345, Limit: 1_000_000, Known: true},
		`{"meta":{"pagination":{"total":0}},"resources":[]}`:        {Limit: 1_000_000, Known: true},
		`{"resources":[{"id":"x"}]}`:                                {Limit: 1_000_000},
	} {
		got, err := newFake(always(reply{status: 200, body: body})).client(t).IOCQuota(t.Context())
		require.NoError(t, err)
		require.Equal(t, quota, got, body)
	}
	_, err := newFake(always(refusal(403, "access denied, scope not permitted", "null"))).client(t).IOCQuota(t.Context())
	require.Equal(t, vendorapi.Forbidden, refused(t, err).Class)
}

func TestAnErrorIsOneLineThatBeginsWithTheVendorsName(t *testing.T) {
	err := newFake(always(refusal(403, "access denied,\nscope not permitted", "null"))).client(t).CheckAccess(t.Context(), access.ReadAlerts)
	require.NotContains(t, err.Error(), "\n")
	f := newFake(nil)
	f.answer = always(refusal(http.StatusForbidden, "access denied, scope not permitted", "null"))
	err = f.client(t).CheckAccess(t.Context(), access.ReadAlerts)
	require.EqualError(t, err, "Falcon answered 403 to POST /alerts/combined/alerts/v1: access denied, scope not permitted; "+
		"the API client of FALCON_CLIENT_ID lacks the scope Alerts: Read: add it in the Falcon console "+
		"(Support and resources > API clients and keys) [trace trace-7]")
}
