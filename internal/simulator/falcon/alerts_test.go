package falcon_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	combinedAlerts = "/alerts/combined/alerts/v1"
	alertIDs       = "/alerts/queries/alerts/v2"
	alertEntities  = "/alerts/entities/alerts/v2"
)

// raise adds n alerts a minute apart, the first an hour and a half before now.
func (v *vendor) raise(n int) []string {
	var alerts []map[string]any
	for i := range n {
		at := v.clock().Add(time.Duration(i-90) * time.Minute).Format(time.RFC3339Nano)
		alerts = append(alerts, map[string]any{
			"composite_id": fmt.Sprintf("c:ind:a:%04d", i), "created_timestamp": at, "updated_timestamp": at, "severity": i,
			"ioc_type": "domain", "ioc_value": fmt.Sprintf("d%d.example", i), "device": map[string]any{"ou": nil}, "show_in_ui": i%2 == 0,
		})
	}
	raw, err := json.Marshal(alerts)
	require.NoError(v.t, err)
	var out struct {
		IDs []string `json:"ids"`
	}
	v.asAdmin(http.MethodPost, "/alerts", string(raw), &out)
	return out.IDs
}

func (a answered) alerts(t *testing.T) []string {
	t.Helper()
	var ids []string
	for _, r := range a.iocs(t) {
		ids = append(ids, r["composite_id"].(string))
	}
	return ids
}

func TestCombinedAlertsArePagedByATokenThatIsNotOnTheLastPage(t *testing.T) {
	for mode, last := range map[string]string{"absent": "", "empty": `"after":""`} {
		v := start(t)
		v.modes(`{"lastAlertAfter": "` + mode + `"}`)
		want := v.raise(25)
		var got []string
		body := map[string]any{"sort": "created_timestamp|asc", "limit": 10}
		for range 3 {
			a := v.do(http.MethodPost, combinedAlerts, body)
			require.Equal(t, http.StatusOK, a.status, "%s", a.body)
			require.Equal(t, "detectsapi", a.Meta.PoweredBy)
			require.Equal(t, 25, a.Meta.Pagination.Total)
			got = append(got, a.alerts(t)...)
			if len(got) == 25 {
				require.Equal(t, mode == "empty", a.Meta.Pagination.After != nil)
				require.Contains(t, string(a.body), last)
				break
			}
			raw, err := base64.StdEncoding.DecodeString(*a.Meta.Pagination.After)
			require.NoError(t, err)
			require.Contains(t, string(raw), fmt.Sprintf(`"total_fetched":%d`, len(got)))
			body["after"] = *a.Meta.Pagination.After
		}
		require.Equal(t, want, got)
		v.noViolations()

		body["sort"] = "updated_timestamp|asc"
		v.refused(v.do(http.MethodPost, combinedAlerts, body), http.StatusBadRequest, "failed to read and parse request")
		require.Len(t, v.takeViolations(), 1)
	}
}

func TestAlertsAreNewestFirstUnlessAsked(t *testing.T) {
	v := start(t)
	ids := v.raise(3)
	require.Equal(t, []string{ids[2], ids[1], ids[0]}, v.do(http.MethodPost, combinedAlerts, "{}").alerts(t))
	require.Equal(t, ids, v.search(alertIDs, "sort", "composite_id.asc").ids(t))
	require.Equal(t, []string{ids[2], ids[1], ids[0]}, v.search(alertIDs, "sort", "severity|desc").ids(t))
}

func TestAlertFilters(t *testing.T) {
	v := start(t)
	v.raise(60)
	v.asAdmin(http.MethodPost, "/alerts", `[{"composite_id":"x","tags":["false_positive"],"ioc_context":[{"ioc_type":"domain"}]}]`, nil)
	for filter, want := range map[string]int{
		"": 61, "ioc_type:'domain'": 60, "ioc_type:['domain','hash_sha256']+severity:>=50": 10, "created_timestamp:>'now-45m'": 15,
		"created_timestamp:>='now-45m'": 16, "updated_timestamp:>'2026-03-01T11:20:00.5Z'+updated_timestamp:<='2026-03-01T11:25:00.5Z'": 5,
		"ioc_value:*'d1*'": 11, "ioc_source:!*'x*'": 61, "tags:!'false_positive'": 60, "product:'epp'": 61, "show_in_ui:false": 30, "status:!'new'": 0,
	} {
		a := v.do(http.MethodPost, combinedAlerts, map[string]any{"filter": filter, "limit": 1})
		require.Equal(t, http.StatusOK, a.status, filter)
		require.Equal(t, want, a.Meta.Pagination.Total, filter)
		require.Equal(t, want, v.search(alertIDs, "filter", filter).Meta.Pagination.Total, filter)
	}
	require.Len(t, v.search(alertIDs, "include_hidden", "false").ids(t), 31)
	require.Len(t, v.search(alertIDs, "q", "d7.example").ids(t), 1)
	v.noViolations()
}

func TestAlertCallsRefuseWhatTheyDoNotTake(t *testing.T) {
	v := start(t)
	v.raise(1)
	post := func(path string, body any) func() answered {
		return func() answered { return v.do(http.MethodPost, path, body) }
	}
	get := func(params ...string) func() answered {
		return func() answered { return v.search(alertIDs, params...) }
	}
	for name, c := range map[string]struct {
		call    func() answered
		status  int
		message string
	}{
		"bad filter":      {post(combinedAlerts, `{"filter":"nonsense"}`), 400, "invalid query filter in request"},
		"unknown field":   {post(combinedAlerts, `{"offset":1}`), 400, "failed to read and parse request"},
		"not JSON":        {post(combinedAlerts, `{`), 400, "failed to read and parse request"},
		"limit too large": {post(combinedAlerts, `{"limit":1001}`), 400, "limit must be"},
		"limit zero":      {post(combinedAlerts, `{"limit":0}`), 400, "limit must be"},
		"bad token":       {post(combinedAlerts, `{"after":"x"}`), 400, "failed to read and parse request"},
		"bad sort":        {post(combinedAlerts, `{"sort":"device"}`), 400, "invalid sort"},
		"hidden":          {post(combinedAlerts+"?include_hidden=true", `{}`), 400, "400"},
		"ids limit":       {get("limit", "9000", "offset", "1001"), 400, "limit must be greater than 1 and less than 10000"},
		"ids offset":      {get("offset", "x"), 500, "Internal Server Error: Please provide trace-id="},
		"ids flag":        {get("include_hidden", "True"), 400, "failed to read"},
		"no ids":          {post(alertEntities, `{"composite_ids":[]}`), 400, "failed to read"},
		"too many ids":    {post(alertEntities, map[string]any{"composite_ids": strings.Split(strings.Repeat("x,", 1000)+"x", ",")}), 413, "request too large"},
	} {
		v.refused(c.call(), c.status, c.message)
		require.Len(t, v.takeViolations(), 1, name)
	}
}

func TestAlertsAreReadByIDAndReplacedWhenTheyChange(t *testing.T) {
	v := start(t)
	ids := v.raise(3)
	a := v.do(http.MethodPost, alertEntities, map[string]any{"composite_ids": []string{ids[0], "unknown", ids[1]}})
	require.Equal(t, ids[:2], a.alerts(t))
	a = v.do(http.MethodPost, alertEntities+"?include_hidden=false", map[string]any{"composite_ids": ids})
	require.Equal(t, []string{ids[0], ids[2]}, a.alerts(t))
	v.asAdmin(http.MethodPost, "/alerts", `[{"composite_id":"`+ids[0]+`","status":"closed","severity":12345678901234567}]`, nil)
	a = v.do(http.MethodPost, alertEntities, map[string]any{"composite_ids": ids[:1]})
	require.Contains(t, string(a.body), `"severity":12345678901234567`)
	require.Contains(t, string(a.body), `"status":"closed"`)
	require.Len(t, v.search(alertIDs).ids(t), 3)
	v.noViolations()
}
