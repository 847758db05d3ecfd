package falcon_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The quirks that bite a client, in the order in which the contract counts them.

func TestQuirkOneBadEntryRefusesTheWholeCreate(t *testing.T) {
	v := start(t)
	entries := append(many("d", 199), domain("http://bad"))
	v.refused(v.do(http.MethodPost, entities, batchOf(entries...)), http.StatusBadRequest, "One or more indicators")
	require.Empty(t, v.search(queries).ids(t))
	require.Zero(t, v.wrote)
}

func TestQuirkReasonsStandInTheResourcesOfThe400(t *testing.T) {
	v := start(t)
	v.create(domain("a.example"))
	a := v.do(http.MethodPost, entities, batchOf(domain("b.example"), domain("a.example"), domain("bad value")))
	require.Len(t, a.Errors, 1)
	problems := a.iocs(t)
	require.Len(t, problems, 2)
	require.Contains(t, problems[0]["message"], "Duplicate type")
	for _, problem := range problems {
		require.Len(t, problem, 2, "nothing but message_type and message")
		require.NotEmpty(t, problem["message_type"])
	}
	v.noViolations()
}

func TestQuirkErrorsAreNullOnSuccess(t *testing.T) {
	v := start(t)
	for _, a := range []answered{
		v.do(http.MethodPost, entities, batchOf(domain("a.example"))), v.search(queries), v.search(combined),
		v.search("/iocs/queries/actions/v1"), v.do(http.MethodPost, "/alerts/combined/alerts/v1", "{}"),
	} {
		require.Contains(t, string(a.body), `"errors":null`)
		require.Equal(t, a.Meta.TraceID, a.header.Get("X-Cs-Traceid"))
		require.NotEmpty(t, a.Meta.TraceID)
		require.Equal(t, "eu-1", a.header.Get("X-Cs-Region"))
		require.Equal(t, "6000", a.header.Get("X-Ratelimit-Limit"))
		require.NotEmpty(t, a.header.Get("X-Ratelimit-Remaining"))
	}
}

func TestQuirkAfterIsThereOnTheLastPageAndBesideAnEmptyOne(t *testing.T) {
	v := start(t)
	a := v.search(queries)
	require.Empty(t, a.ids(t))
	require.Contains(t, string(a.body), `"resources":[]`)
	require.NotEmpty(t, *a.Meta.Pagination.After)
	v.create(domain("a.example"))
	last := v.search(queries)
	require.Len(t, last.ids(t), 1)
	beyond := v.search(queries, "after", *last.Meta.Pagination.After)
	require.Empty(t, beyond.ids(t))
	require.Equal(t, 1, beyond.Meta.Pagination.Total, "the total is of the filter, not of what is left")
	require.Equal(t, *last.Meta.Pagination.After, *beyond.Meta.Pagination.After, "the same token again")
	v.noViolations()
}

func TestQuirkSoftDeletedRecordsMatchSearches(t *testing.T) {
	v := start(t)
	ids := v.create(domain("a.example"), domain("b.example"))
	v.pass(time.Second)
	a := v.do(http.MethodDelete, entities+"?ids="+ids[0], nil)
	require.Equal(t, ids[:1], a.ids(t))
	require.Equal(t, 3, v.wrote)
	require.ElementsMatch(t, ids, v.search(queries).ids(t))
	require.Equal(t, ids[1:], v.search(queries, "filter", "deleted:false").ids(t))
	listed := v.search(combined, "filter", "deleted:true+value:'a.example'").iocs(t)
	require.Len(t, listed, 1)
	require.Equal(t, true, listed[0]["deleted"])
	require.Equal(t, "2026-03-01T12:00:01.123456789Z", listed[0]["modified_on"])
	require.Empty(t, v.do(http.MethodDelete, entities+"?ids="+ids[0], nil).ids(t), "once is enough")
	v.refused(v.do(http.MethodPatch, entities, batchOf(ioc{"id": ids[0], "severity": "low"})), http.StatusNotFound, "Not Found")
	v.noViolations()
}

func TestQuirkExpiredRecordsStayListedWithoutTheirAction(t *testing.T) {
	v := start(t)
	ids := v.create(domain("a.example").with("expiration", "2026-03-01T13:00:00Z"))
	v.pass(time.Hour)
	v.login()
	listed := v.search(combined, "filter", "value:'a.example'").iocs(t)
	require.Equal(t, true, listed[0]["expired"])
	require.Equal(t, "no_action", listed[0]["action"])
	require.Equal(t, "2026-03-01T12:00:00.123456789Z", listed[0]["modified_on"])
	require.Empty(t, v.search(queries, "filter", "expired:false").ids(t))
	require.Equal(t, http.StatusBadRequest, v.do(http.MethodPost, entities, batchOf(domain("a.example"))).status, "still a duplicate")

	a := v.do(http.MethodPatch, entities, batchOf(ioc{"id": ids[0], "action": "detect"}))
	require.Equal(t, "no_action", a.iocs(t)[0]["action"], "not without a new expiration")
	a = v.do(http.MethodPatch, entities, batchOf(ioc{"id": ids[0], "action": "detect", "expiration": nil}))
	require.Equal(t, "detect", a.iocs(t)[0]["action"])
	require.Equal(t, false, a.iocs(t)[0]["expired"])
	v.noViolations()
}

func TestQuirkSeverityIsAnEmptyTextWithoutAnAction(t *testing.T) {
	v := start(t)
	v.create(domain("a.example").with("action", "no_action").with("severity", nil), hash(sha(1)).with("action", "allow").with("severity", nil))
	require.Equal(t, 2, strings.Count(string(v.search(combined).body), `"severity":""`))
}

func TestQuirkCreatedByIsAClientOrAPerson(t *testing.T) {
	v := start(t)
	v.create(domain("ours.example"))
	v.asAdmin(http.MethodPost, "/iocs", `[{"type":"domain","value":"theirs.example","action":"detect","severity":"high"}]`, nil)
	require.Len(t, v.search(queries, "filter", "created_by:'"+clientID+"'").ids(t), 1)
	require.Len(t, v.search(queries, "filter", "created_by:'analyst@soc.example'").ids(t), 1)
	v.asAdmin(http.MethodPut, "/credentials", `{"clientId":"`+sha(1)[:32]+`","clientSecret":"`+clientSecret+`"}`, nil)
	require.Len(t, v.create(domain("before.example")), 1)
	require.Len(t, v.search(queries, "filter", "created_by:'"+clientID+"'").ids(t), 2, "the token is still the old client's")
}

func TestQuirkCaseIsNotFolded(t *testing.T) {
	v := start(t)
	v.create(domain("A.example"), domain("a.example"))
	require.Len(t, v.search(queries, "filter", "value:'a.example'").ids(t), 1)
}

func TestQuirkFlagsAreParametersAndSpelledInLowerCase(t *testing.T) {
	v := start(t)
	body := batchOf(domain("a.example"))
	for _, query := range []string{"?ignore_warnings=True", "?retrodetects=1", "?ignore_warnings="} {
		v.refused(v.do(http.MethodPost, entities+query, body), http.StatusBadRequest, "expected format")
	}
	require.Len(t, v.takeViolations(), 3)
	v.create(domain("a.example"))
}

func TestQuirkFilterBeatsIDsOnDelete(t *testing.T) {
	v := start(t)
	ids := v.create(domain("a.example"), domain("b.example"))
	a := v.do(http.MethodDelete, entities+"?ids="+ids[0]+"&filter=value:'b.example'&comment=x", nil)
	require.Equal(t, ids[1:], a.ids(t))
	v.noViolations()
	v.refused(v.do(http.MethodDelete, entities+"?comment=x", nil), http.StatusBadRequest, "expected format")
	v.refused(v.do(http.MethodDelete, entities+"?filter=value:b", nil), http.StatusBadRequest, "invalid query filter")
	require.Len(t, v.takeViolations(), 2)
	require.Equal(t, 3, v.wrote)
}

func TestQuirkUnknownIDsAreA404(t *testing.T) {
	v := start(t)
	ids := v.create(domain("a.example"))
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		a := v.do(method, entities+"?ids="+ids[0]+"&ids="+sha(1), nil)
		v.refused(a, http.StatusNotFound, "Resource Not Found")
		require.Equal(t, sha(1), a.Errors[0].ID)
	}
	a := v.do(http.MethodPatch, entities, batchOf(ioc{"id": ids[0], "severity": "low"}, ioc{"id": sha(1), "severity": "low"}))
	v.refused(a, http.StatusNotFound, "Resource Not Found")
	r := v.do(http.MethodGet, entities+"?ids="+ids[0], nil).iocs(t)[0]
	require.Equal(t, "medium", r["severity"])
	require.Equal(t, false, r["deleted"])
	v.noViolations()
}

func TestUpdateChangesWhatIsGivenAndNullClears(t *testing.T) {
	v := start(t)
	ids := v.create(domain("a.example").with("source", "s").with("description", "d").with("tags", []string{"x"}), domain("b.example"))
	v.pass(time.Second)
	a := v.do(http.MethodPatch, entities, map[string]any{"comment": "c", "indicators": []ioc{
		{"id": ids[0], "description": nil, "tags": nil, "severity": "high"},
	}})
	require.Equal(t, http.StatusOK, a.status, "%s", a.body)
	r := a.iocs(t)[0]
	require.NotContains(t, r, "description")
	require.Equal(t, "s", r["source"])
	require.Equal(t, []any{"x"}, r["tags"], "null clears four fields only")
	require.Equal(t, "high", r["severity"])
	require.Equal(t, "2026-03-01T12:00:00.123456789Z", r["created_on"])
	require.Equal(t, "2026-03-01T12:00:01.123456789Z", r["modified_on"])
	v.noViolations()

	for body, message := range map[string]string{
		`{"indicators":[{"id":"` + ids[0] + `","value":"c.example"}]}`:         "expected format",
		`{"indicators":[{"severity":"low"}]}`:                                  "expected format",
		`{"indicators":[]}`:                                                    "expected format",
		`{"indicators":[{"id":"` + ids[0] + `","applied_globally":false}]}`:    "One or more indicators",
		`{"indicators":[{"id":"` + ids[0] + `","action":"prevent"}]}`:          "One or more indicators",
		`{"indicators":[{"id":"` + ids[0] + `"},{"id":"` + ids[0] + `"}]}`:     "One or more indicators",
		`{"bulk_update":{"severity":"low"}}`:                                   "invalid query filter",
		`{"bulk_update":{"filter":"type:'domain'","id":"` + ids[0] + `"}}`:     "expected format",
		`{"indicators":[{"id":"` + ids[0] + `","severity":null}]}`:             "One or more indicators",
		`{"indicators":[{"id":"` + ids[0] + `","expiration":"not a time"}]}`:   "One or more indicators",
		`{"indicators":[{"id":"` + ids[0] + `","tags":"x"}]}`:                  "expected format",
		`{"indicators":[{"id":"` + ids[0] + `","metadata":{"filename":"x"}}]}`: "One or more indicators",
	} {
		v.refused(v.do(http.MethodPatch, entities, body), http.StatusBadRequest, message)
		require.Len(t, v.takeViolations(), 1, body)
	}
	a = v.do(http.MethodPatch, entities, `{"bulk_update":{"filter":"type:'domain'","severity":"critical"}}`)
	require.Len(t, a.iocs(t), 2)
	require.Len(t, v.search(queries, "filter", "severity:'critical'").ids(t), 2)
	require.Equal(t, 5, v.wrote)
}

func TestAllowedValuesFollowTheRules(t *testing.T) {
	v := start(t)
	for path, want := range map[string]string{
		"ioc-types": "sha256 md5 domain ipv4 ipv6", "actions": "no_action allow prevent_no_ui prevent detect",
		"severities": "informational low medium high critical", "platforms": "windows mac linux",
	} {
		require.Equal(t, want, strings.Join(v.search("/iocs/queries/"+path+"/v1").ids(t), " "))
	}
	a := v.do(http.MethodGet, "/iocs/entities/actions/v1?ids=prevent&ids=detect&ids=allow", nil).iocs(t)
	byType := a[0]["platforms_by_type"].(map[string]any)
	require.Equal(t, []any{"windows", "mac", "linux"}, byType["sha256"])
	require.NotContains(t, byType, "domain")
	require.Contains(t, a[1]["platforms_by_type"], "domain")
	require.Len(t, a[1]["severities"], 5)
	require.Empty(t, a[2]["severities"])
	v.refused(v.search("/iocs/entities/actions/v1", "ids", "block"), http.StatusNotFound, "Resource Not Found")
	v.noViolations()
	v.modes(`{"mobile": true}`)
	require.Contains(t, v.search("/iocs/queries/platforms/v1").ids(t), "ios")
	v.create(domain("a.example").with("platforms", []string{"ios"}).with("mobile_action", "prevent"))
}
