package falcon_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/falcon"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

func rules(r request) reply {
	if r.Path == "/iocs/queries/actions/v1" {
		return reply{status: 200, body: `{"meta":{},"errors":[],"resources":["detect","prevent","no_action"]}`}
	}
	return reply{status: 200, body: `{"meta":{},"errors":null,"resources":[
		{"id":"detect","severities":["low","high"],"platforms_by_type":{"sha256":["windows","mac","linux"],"domain":["windows","mac"]}},
		{"id":"prevent","severities":["high"],"platforms_by_type":{"sha256":["windows"],"md5":["windows"]}},
		{"id":"no_action","severities":null,"platforms_by_type":null}
	]}`}
}

func TestActionsReadsTheRulesOfEveryAction(t *testing.T) {
	f := newFake(rules)
	actions, err := f.client(t).Actions(t.Context())
	require.NoError(t, err)
	require.Equal(t, []falcon.Action{
		{Name: "detect", Severities: []string{"low", "high"}, Platforms: map[indicator.Kind][]string{"sha256": {"windows", "mac", "linux"}, "domain": {"windows", "mac"}}},
		{Name: "prevent", Severities: []string{"high"}, Platforms: map[indicator.Kind][]string{"sha256": {"windows"}, "md5": {"windows"}}},
		{Name: "no_action"},
	}, actions)
	require.Len(t, f.requests, 2)
	require.Equal(t, http.MethodGet+" /iocs/queries/actions/v1", f.requests[0].Method+" "+f.requests[0].Path)
	require.Empty(t, f.requests[0].Query)
	require.Equal(t, http.MethodGet+" /iocs/entities/actions/v1", f.requests[1].Method+" "+f.requests[1].Path)
	require.Equal(t, "ids=detect&ids=prevent&ids=no_action", f.requests[1].Query.Encode())
}

func TestCheckSharesNamesEveryMistakeAndRefusesNothingElse(t *testing.T) {
	as := func(kind indicator.Kind, action, severity string, platforms ...string) indicator.Share {
		return indicator.Share{Indicator: indicator.Indicator{Key: indicator.Key{Kind: kind}}, Action: action, Severity: severity, Platforms: platforms}
	}
	c := newFake(rules).client(t)
	require.NoError(t, c.CheckShares(t.Context(), nil))
	require.NoError(t, c.CheckShares(t.Context(), []indicator.Share{
		as("sha256", "detect", "high", "windows", "linux"), as("domain", "detect", "low", "mac"),
		as("sha256", "prevent", "high", "windows"), as("domain", "no_action", "", "android"),
	}))
	failure := refused(t, c.CheckShares(t.Context(), []indicator.Share{
		as("domain", "detect", "high", "windows"), as("domain", "prevent", "high", "windows"), as("sha256", "shout", "high"),
		as("sha256", "detect", "critical"), as("domain", "detect", "low", "linux"), as("domain", "detect", "low", "linux"),
	}))
	require.Equal(t, vendorapi.Rejected, failure.Class)
	require.Equal(t, `the action "prevent" is not for the type domain; there is no action "shout"; `+
		`the action "detect" has no severity "critical"; the action "detect" for the type domain is not for the platform "linux"`, failure.Message)
	require.Contains(t, failure.Remedy, "sendToFalcon")
}

func TestCheckSharesBelievesAFalconThatTellsNoRules(t *testing.T) {
	c := newFake(always(reply{status: 200, body: `{"errors":null,"resources":[]}`})).client(t)
	require.NoError(t, c.CheckShares(t.Context(), shares("a.example")))
}

func TestActionsWithoutTheScopeNamesIt(t *testing.T) {
	c := newFake(always(refusal(403, "access denied, scope not permitted", "null"))).client(t)
	_, err := c.Actions(t.Context())
	require.Contains(t, refused(t, err).Remedy, "IOC Management: Read")
}
