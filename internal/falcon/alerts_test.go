package falcon_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/access"
	"github.com/threatshare/threatshare/internal/falcon"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

const alerts = "/alerts/combined/alerts/v1"

// alertSearch is the body of a search for alerts as the fake reads it.
type alertSearch struct {
	Filter string `json:"filter"`
	Sort   string `json:"sort"`
	Limit  int    `json:"limit"`
	After  string `json:"after"`
}

func searchOf(t require.TestingT, r request) alertSearch {
	var search alertSearch
	require.NoError(t, json.Unmarshal([]byte(r.Body), &search))
	return search
}

// alerted is a page of alerts; after is left out when empty.
func alerted(after string, records ...string) reply {
	pagination := fmt.Sprintf(`{"limit":1000,"total":%d}`, len(records))
	if after != "" {
		pagination = fmt.Sprintf(`{"limit":1000,"total":%d,"after":%q}`, len(records), after)
	}
	return reply{status: 200, body: fmt.Sprintf(
		`{"meta":{"query_time":0.01,"pagination":%s,"powered_by":"detectsapi","trace_id":"t-2"},"errors":[],"resources":[%s]}`,
		pagination, strings.Join(records, ","),
	)}
}

// alertOf is an alert about domains, updated at the time given.
func alertOf(id, updated, domains string, more ...string) string {
	return fmt.Sprintf(`{"composite_id":%q,"ioc_type":"domain","ioc_value":%q,"updated_timestamp":%q,"created_timestamp":"2026-01-01T00:00:00Z"%s}`,
		id, domains, updated, strings.Join(append([]string{""}, more...), ","))
}

func dayOf2026(day int) time.Time { return time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC) }

func TestAlertsAsksForATimeOnlyOldestUpdateFirst(t *testing.T) {
	f := newFake(always(alerted("")))
	c := f.client(t)
	from, to := dayOf2026(1).Add(1500*time.Millisecond), dayOf2026(2)
	_, err := c.Alerts(t.Context(), indicator.Query{From: from, To: to})
	require.NoError(t, err)
	_, err = c.Alerts(t.Context(), indicator.Query{From: from, To: to, Page: "next"})
	require.NoError(t, err)
	_, err = c.Alerts(t.Context(), indicator.Query{})
	require.NoError(t, err)
	require.Equal(t, http.MethodPost+" "+alerts, f.requests[0].Method+" "+f.requests[0].Path)
	require.Empty(t, f.requests[0].Query)
	const filter = "updated_timestamp:>='2026-01-01T00:00:01Z'+updated_timestamp:<='2026-01-02T00:00:00Z'"
	require.Equal(t, alertSearch{Filter: filter, Sort: "updated_timestamp|asc", Limit: 1000}, searchOf(t, f.requests[0]))
	require.Equal(t, alertSearch{Filter: filter, Sort: "updated_timestamp|asc", Limit: 1000, After: "next"}, searchOf(t, f.requests[1]))
	require.NotContains(t, f.requests[2].Body, "filter")
	require.NotContains(t, f.requests[0].Body, "after")
}

func TestAlertsGivesSightingsOfTheDomains(t *testing.T) {
	f := newFake(always(reply{status: 200, body: file(t, "alert-page.json")}))
	page, err := f.client(t).Alerts(t.Context(), indicator.Query{})
	require.NoError(t, err)
	const id = "00000000000000000000000000000001:ind:00000000000000000000000000000002:100-1-1"
	at := time.Date(2026, 1, 1, 10, 0, 0, 123456789, time.UTC)
	require.Equal(t, indicator.Page{
		Sightings: []indicator.Sighting{
			{Kind: indicator.Domain, Raw: "bad.example", SeenAt: at, Record: id},
			{Kind: indicator.Domain, Raw: "worse.example", SeenAt: at, Record: id},
			{Kind: indicator.Domain, Raw: "context.example", SeenAt: at, Record: id},
		},
		Read:    4,
		Dropped: map[string]int{falcon.NoDomain: 2, falcon.FalsePositive: 1},
		Newest:  time.Date(2026, 1, 1, 12, 10, 0, 0, time.UTC),
	}, page)
}

func TestAnAlertNeedsItsCompositeIDOnly(t *testing.T) {
	f := newFake(always(alerted("",
		`{"composite_id":"1","ioc_type":"domain","ioc_value":"a.example"}`,
		`{"composite_id":"2","ioc_type":"domain","ioc_value":"b.example","updated_timestamp":"soon","created_timestamp":17,"timestamp":"2026-01-03T00:00:00Z","tags":{}}`,
		`{"ioc_type":"domain","ioc_value":"c.example"}`, `{"composite_id":7,"ioc_type":"domain","ioc_value":"d.example"}`, `{"composite_id":null}`, `null`, `"x"`, `[]`,
	)))
	page, err := f.client(t).Alerts(t.Context(), indicator.Query{})
	require.NoError(t, err)
	require.Equal(t, []indicator.Sighting{
		{Kind: indicator.Domain, Raw: "a.example", Record: "1"},
		{Kind: indicator.Domain, Raw: "b.example", Record: "2", SeenAt: dayOf2026(3)},
	}, page.Sightings)
	require.Equal(t, 8, page.Read)
	require.Equal(t, map[string]int{falcon.Unreadable: 6}, page.Dropped)
	require.Zero(t, page.Newest)
}

func TestTheNewestVersionOfAnAlertCounts(t *testing.T) {
	before := alertOf("1", "2026-01-01T00:00:00Z", "a.example")
	after := alertOf("1", "2026-01-02T00:00:00Z", "a.example,b.example")
	withdrawn := alertOf("1", "2026-01-03T00:00:00Z", "a.example", `"resolution":"false_positive"`)
	for name, tc := range map[string]struct {
		records []string
		domains []string
		dropped map[string]int
	}{
		"in order":                 {[]string{before, after}, []string{"a.example", "b.example"}, map[string]int{falcon.DuplicateRecord: 1}},
		"out of order":             {[]string{after, before}, []string{"a.example", "b.example"}, map[string]int{falcon.DuplicateRecord: 1}},
		"the same":                 {[]string{before, before}, []string{"a.example"}, map[string]int{falcon.DuplicateRecord: 1}},
		"withdrawn in the end":     {[]string{before, after, withdrawn}, nil, map[string]int{falcon.DuplicateRecord: 2, falcon.FalsePositive: 1}},
		"withdrawn, out of order":  {[]string{withdrawn, before}, nil, map[string]int{falcon.DuplicateRecord: 1, falcon.FalsePositive: 1}},
		"another alert, same name": {[]string{before, alertOf("2", "2026-01-01T00:00:00Z", "a.example")}, []string{"a.example", "a.example"}, map[string]int{}},
	} {
		page, err := newFake(always(alerted("", tc.records...))).client(t).Alerts(t.Context(), indicator.Query{})
		require.NoError(t, err, name)
		var domains []string
		for _, sighting := range page.Sightings {
			domains = append(domains, sighting.Raw)
		}
		require.Equal(t, tc.domains, domains, name)
		require.Equal(t, tc.dropped, page.Dropped, name)
		require.Equal(t, len(tc.records), page.Read, name)
	}
}

func TestAnAlertFromTheFutureDoesNotMoveTheCheckpointPastTheWindow(t *testing.T) {
	f := newFake(always(alerted("", alertOf("1", "2099-01-01T00:00:00Z", "a.example"))))
	c := f.direct(t, 0)
	c.SetClock(noon)
	page, err := c.Alerts(t.Context(), indicator.Query{To: dayOf2026(2)})
	require.NoError(t, err)
	require.Equal(t, dayOf2026(2), page.Newest)
	page, err = c.Alerts(t.Context(), indicator.Query{})
	require.NoError(t, err)
	require.Equal(t, noon(), page.Newest)
}

func TestAlertsOfAnotherShapeAreNotTheContract(t *testing.T) {
	good, bad := alertOf("1", "2026-01-01T00:00:00Z", "a.example"), `{"id":"1"}`
	for name, tc := range map[string]struct {
		records []string
		drifted bool
	}{
		"half":            {append(repeated(good, 5), repeated(bad, 5)...), false},
		"more than half":  {append(repeated(good, 5), repeated(bad, 6)...), true},
		"too few to tell": {repeated(bad, 9), false},
	} {
		_, err := newFake(always(alerted("", tc.records...))).client(t).Alerts(t.Context(), indicator.Query{})
		if tc.drifted {
			require.Equal(t, vendorapi.Contract, refused(t, err).Class, name)
		} else {
			require.NoError(t, err, name)
		}
	}
}

func repeated(text string, n int) []string {
	list := make([]string, 0, n)
	for range n {
		list = append(list, text)
	}
	return list
}

func TestFault_V20_APageOfAlertsThatIsTooLargeIsAskedForInSmallerOnes(t *testing.T) {
	huge := `{"composite_id":"1","description":"` + strings.Repeat("x", 17<<20) + `"}`
	for name, answer := range map[string]reply{"by its size": alerted("", huge), "by the vendor": refusal(413, "request too large", "null")} {
		f := newFake(func(r request) reply {
			if searchOf(t, r).Limit > 500 {
				return answer
			}
			return alerted("", alertOf("1", "2026-01-01T00:00:00Z", "a.example"))
		})
		c := f.client(t)
		page, err := c.Alerts(t.Context(), indicator.Query{})
		require.NoError(t, err, name)
		require.Len(t, page.Sightings, 1, name)
		require.Len(t, f.requests, 2, name)
		_, err = c.Alerts(t.Context(), indicator.Query{})
		require.NoError(t, err, name)
		require.Len(t, f.requests, 3, "remembered")
	}
	f := newFake(always(alerted("", huge)))
	c := f.clientWith(t, falcon.Config{AlertLimit: 2})
	_, err := c.Alerts(t.Context(), indicator.Query{})
	require.Equal(t, vendorapi.Contract, refused(t, err).Class, "one alert alone is too large")
	require.Len(t, f.requests, 2)
}

func TestTryingToReadAlertsMakesOneSmallRead(t *testing.T) {
	f := newFake(always(alerted("")))
	c := f.client(t)
	c.SetClock(noon)
	require.NoError(t, c.CheckAccess(t.Context(), access.ReadAlerts))
	require.Len(t, f.requests, 1)
	require.Equal(t, http.MethodPost+" "+alerts, f.requests[0].Method+" "+f.requests[0].Path)
	require.Equal(t, alertSearch{Filter: "updated_timestamp:>='2026-11-16T12:00:00Z'", Limit: 2}, searchOf(t, f.requests[0]))
}

func TestTryingToReadAlertsNamesTheScopeThatIsMissing(t *testing.T) {
	err := newFake(always(refusal(403, "access denied, scope not permitted", "null"))).client(t).CheckAccess(t.Context(), access.ReadAlerts)
	require.Equal(t, vendorapi.Forbidden, refused(t, err).Class)
	require.Contains(t, refused(t, err).Remedy, "Alerts: Read")
	err = newFake(always(refusal(403, "You don't have proper permissions", "null"))).client(t).CheckAccess(t.Context(), access.ReadAlerts)
	require.Equal(t, vendorapi.Forbidden, refused(t, err).Class)
	require.Contains(t, refused(t, err).Remedy, "not a missing scope")
}

func TestAnAlertLimitOutOfRangeIsRefused(t *testing.T) {
	for _, limit := range []int{-1, 1, 1001} {
		_, err := falcon.New(falcon.Config{BaseURL: "http://127.0.0.1", ClientID: clientID, ClientSecret: secret(clientSecret), AlertLimit: limit})
		require.ErrorContains(t, err, "alert limit", limit)
	}
}

func FuzzAlertsSurviveAnyAnswer(f *testing.F) {
	f.Add(uint16(0), file(f, "alert-page.json"))
	f.Add(uint16(0), `{"meta":{"pagination":{"after":"x"}},"errors":null,"resources":[{"composite_id":"1","ioc_type":"domain","ioc_value":"a,b,a","ioc_context":[{"ioc_type":"domain","ioc_value":","}]},{"composite_id":"1"}]}`)
	f.Add(uint16(0), `{"resources":[null,1,{"composite_id":"2","tags":"ignored"}]}`)
	f.Add(uint16(200), `{"errors":[{"code":400,"message":"limit must be smaller"}]}`)
	f.Fuzz(func(t *testing.T, status uint16, body string) {
		f := newFake(always(reply{status: 200 + int(status)%400, body: body}))
		page, err := f.direct(t, 0).Alerts(t.Context(), indicator.Query{To: noon()})
		if err != nil {
			require.NotEmpty(t, refused(t, err).Class)
			require.Empty(t, page)
			return
		}
		requireWholeAlerts(t, page)
		require.False(t, page.Newest.After(noon()))
	})
}

// requireWholeAlerts checks what holds for every page of alerts.
func requireWholeAlerts(t require.TestingT, page indicator.Page) {
	alerts := make(map[string]bool)
	seen := make(map[indicator.Sighting]bool)
	for _, sighting := range page.Sightings {
		require.Equal(t, indicator.Domain, sighting.Kind)
		require.NotEmpty(t, strings.TrimSpace(sighting.Raw))
		require.NotContains(t, sighting.Raw, ",")
		require.NotEmpty(t, sighting.Record)
		require.LessOrEqual(t, len([]rune(sighting.Record)), indicator.MaxRecord)
		require.False(t, seen[sighting], "twice in one alert")
		seen[sighting], alerts[sighting.Record] = true, true
	}
	accounted := len(alerts)
	for reason, n := range page.Dropped {
		require.NotEmpty(t, reason)
		require.Positive(t, n)
		accounted += n
	}
	require.Equal(t, page.Read, accounted)
	if page.Read == 0 {
		require.Empty(t, page.Next)
	}
}
