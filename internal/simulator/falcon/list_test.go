package falcon_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fill adds n domains in batches, a second apart.
func (v *vendor) fill(n, batch int) []string {
	v.t.Helper()
	var ids []string
	for entries := range slices.Chunk(many("d", n), batch) {
		raw, err := json.Marshal(entries)
		require.NoError(v.t, err)
		var added struct {
			IDs []string `json:"ids"`
		}
		v.asAdmin(http.MethodPost, "/iocs", string(raw), &added)
		ids = append(ids, added.IDs...)
		v.pass(time.Second)
	}
	return ids
}

// page reads the whole list by after tokens.
func (v *vendor) page(params ...string) (ids []string, calls int) {
	v.t.Helper()
	after := ""
	for {
		a := v.search(queries, append(params, "after", after)...)
		require.Equal(v.t, http.StatusOK, a.status, "%s", a.body)
		calls++
		page := a.ids(v.t)
		ids = append(ids, page...)
		require.NotNil(v.t, a.Meta.Pagination.After, "there on every page")
		require.Equal(v.t, len(ids), a.Meta.Pagination.Offset, "the running count")
		if len(page) == 0 {
			return ids, calls
		}
		after = *a.Meta.Pagination.After
	}
}

func TestAfterReadsTwentyFiveThousandRecordsOnceEach(t *testing.T) {
	v := start(t)
	want := v.fill(25_000, 2000)
	for sort, limit := range map[string]int{"": 999, "modified_on.desc": 2000} {
		got, calls := v.page("limit", strconv.Itoa(limit), "sort", sort, "filter", "deleted:false")
		require.Equal(t, (25_000+limit-1)/limit+1, calls)
		require.Equal(t, slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got)), sort)
	}
	v.noViolations()
}

func TestOffsetStopsAtTenThousand(t *testing.T) {
	v := start(t)
	v.fill(30, 30)
	a := v.search(queries, "limit", "2000", "offset", "8000")
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, 30, a.Meta.Pagination.Total)
	a = v.search(queries, "limit", "20", "offset", "20")
	require.Len(t, a.ids(t), 10)
	require.Equal(t, 30, a.Meta.Pagination.Offset)
	v.noViolations()
	for _, offset := range []string{"8001", "10000", "99999999", "-1", "x"} {
		v.refused(v.search(queries, "limit", "2000", "offset", offset), http.StatusBadRequest, "invalid offset")
	}
	require.Len(t, v.takeViolations(), 5)
}

func TestOffsetAndAfterExcludeEachOther(t *testing.T) {
	v := start(t)
	v.fill(3, 1)
	after := *v.search(queries, "limit", "1").Meta.Pagination.After
	v.refused(v.search(queries, "after", after, "offset", "0"), http.StatusBadRequest, "exclude each other")
	require.Len(t, v.takeViolations(), 1)
}

func TestLimitIsAHundredUnlessAskedForAndNeverMoreThanTheMaximum(t *testing.T) {
	v := start(t)
	v.fill(150, 150)
	a := v.search(combined)
	require.Len(t, a.iocs(t), 100)
	require.Equal(t, 100, a.Meta.Pagination.Limit)
	require.Len(t, v.search(combined, "limit", "2000").iocs(t), 150)
	for _, limit := range []string{"0", "2001", "-1", "x", "1e3"} {
		v.refused(v.search(combined, "limit", limit), http.StatusBadRequest, "invalid limit")
	}
	v.modes(`{"listLimit": 50}`)
	require.Len(t, v.search(combined).iocs(t), 50)
	v.refused(v.search(combined, "limit", "51"), http.StatusBadRequest, "invalid limit")
	require.Len(t, v.takeViolations(), 6)
}

func TestATokenIsTheLastRecordsPlaceAndBelongsToItsSort(t *testing.T) {
	v := start(t)
	ids := v.fill(3, 1)
	a := v.search(queries, "limit", "1")
	raw, err := base64.StdEncoding.DecodeString(*a.Meta.Pagination.After)
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf(`[%d,%q]`, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixMilli()+123, ids[0]), string(raw))
	for _, params := range [][]string{
		{"sort", "created_on", "after", *a.Meta.Pagination.After},
		{"sort", "modified_on|desc", "after", *a.Meta.Pagination.After},
		{"sort", "value", "after", *a.Meta.Pagination.After},
		{"after", "%%%"},
		{"after", base64.StdEncoding.EncodeToString([]byte(`["x"]`))},
	} {
		v.refused(v.search(queries, params...), http.StatusBadRequest, "invalid after")
	}
	require.Len(t, v.takeViolations(), 5)
	require.Equal(t, ids[1:], v.search(queries, "sort", "modified_on.asc", "after", *a.Meta.Pagination.After).ids(t), "the default's other names")
}

func initials(records []ioc) string {
	var out strings.Builder
	for _, r := range records {
		out.WriteString(r["value"].(string)[:1])
	}
	return out.String()
}

func TestSortTakesBothSeparatorsAndOnlyTheFieldsOfTheContract(t *testing.T) {
	v := start(t)
	v.create(domain("b.example").with("severity", "high"))
	v.pass(time.Second)
	v.create(domain("c.example").with("severity", "low"))
	v.pass(time.Second)
	v.create(domain("a.example").with("severity", "critical"))
	for sort, want := range map[string]string{
		"": "bca", "modified_on": "bca", "modified_on|desc": "acb", "modified_on.desc": "acb", "value": "abc", "value|asc": "abc",
		"value.desc": "cba", "severity_number|desc": "abc", "created_on.asc": "bca",
	} {
		require.Equal(t, want, initials(v.search(combined, "sort", sort).iocs(t)), sort)
		ids, _ := v.page("sort", sort, "limit", "1")
		paged := v.do(http.MethodGet, entities+"?ids="+strings.Join(ids, "&ids="), nil).iocs(t)
		require.Equal(t, want, initials(paged), sort)
	}
	v.noViolations()
	for _, sort := range []string{"tags", "modified_on|up", "modified_on:desc", "|asc", "value|asc,type", "severity"} {
		v.refused(v.search(queries, "sort", sort), http.StatusBadRequest, "invalid sort")
	}
	require.Len(t, v.takeViolations(), 6)
}

func TestFilterFieldsAreThoseOfTheContract(t *testing.T) {
	v := start(t)
	v.create(
		domain("a.example").with("tags", []string{"x", "y"}).with("source", "s").with("expiration", "2026-04-01T00:00:00Z"),
		hash(sha(1)).with("action", "prevent").with("severity", "high").with("metadata", ioc{"filename": "a.exe"}),
	)
	for filter, want := range map[string]int{
		"type:['domain','sha256']+modified_on:>='2026-01-01T00:00:00Z'+tags:!'x'": 1,
		"value:['a.example','" + sha(1) + "']+deleted:false":                      2,
		`value:"A.example"`:                     0,
		"action:'prevent',tags:'y'":             2,
		"severity:'high'":                       1,
		"severity_number:>=50+type:!'sha256'":   1,
		"platforms:'mac'":                       2,
		"expiration:<='2026-04-01T00:00:00Z'":   1,
		"expired:false":                         2,
		"applied_globally:true":                 2,
		"host_groups:'" + sha(1)[:32] + "'":     0,
		"created_on:>'2026-03-01T12:00:00Z'":    2,
		"created_by:'" + clientID + "'":         2,
		"modified_by:!'" + clientID + "'":       0,
		"source:'s'":                            1,
		"mobile_action:''":                      2,
		"metadata.filename.raw:'a.exe'":         1,
		"modified_on:>='2026-03-01T12:00:01Z'":  0,
		"modified_on:<'2026-03-01T12:00:01Z'":   2,
		"deleted:true":                          0,
		"":                                      2,
		"created_by:['a','" + clientID + "']":   2,
		"deleted:false,deleted:true":            2,
		"value:'a.example',type:'sha256'":       2,
		"value:'a.example'+value:'b.example'":   0,
		"type:'domain'+type:'sha256'":           0,
		"tags:['x','y']":                        1,
		"value:!'a.example'+severity:!'medium'": 1,
	} {
		for _, sort := range []string{"", "modified_on|desc", "value"} {
			a := v.search(queries, "filter", filter, "sort", sort)
			require.Equal(t, http.StatusOK, a.status, filter)
			require.Len(t, a.ids(t), want, filter+" "+sort)
			require.Equal(t, want, a.Meta.Pagination.Total, filter+" "+sort)
		}
	}
	v.noViolations()
	for _, filter := range []string{"description:'x'", "id:'x'", "type:*'dom*'", "modified_on:>'now-1h'", "nonsense"} {
		v.refused(v.search(queries, "filter", filter), http.StatusBadRequest, "invalid query filter in request")
	}
	require.Len(t, v.takeViolations(), 5)
}

func TestTotalsStayRightWhileRecordsComeAndGo(t *testing.T) {
	v := start(t)
	total := func(filter string) int {
		return v.search(queries, "limit", "1", "filter", filter).Meta.Pagination.Total
	}
	ids := v.create(many("d", 10)...)
	require.Equal(t, 10, total("deleted:false"))
	require.Equal(t, 0, total("tags:'x'"))
	v.do(http.MethodPatch, entities, batchOf(ioc{"id": ids[0], "tags": []string{"x"}}, ioc{"id": ids[1], "tags": []string{"x"}}))
	require.Equal(t, 2, total("tags:'x'"))
	v.do(http.MethodDelete, entities+"?ids="+ids[0]+"&ids="+ids[5], nil)
	v.create(domain("new.example").with("tags", []string{"x"}))
	require.Equal(t, 3, total("tags:'x'"))
	require.Equal(t, 9, total("deleted:false"))
	require.Equal(t, 2, total("deleted:true"))
	for i := range 20 { // more filters than are counted at a time
		require.Equal(t, 9, total(fmt.Sprintf("deleted:false+value:!'%d'", i)))
	}
	require.Equal(t, 3, total("tags:'x'"))
}

func TestChangedRecordsMoveToTheEndOfTheList(t *testing.T) {
	v := start(t)
	ids := v.fill(3000, 1000)
	for range 3 { // the order is cleaned of what is no longer true in between
		for part := range slices.Chunk(ids[:2000], 1000) {
			var entries []ioc
			for _, id := range part {
				entries = append(entries, ioc{"id": id, "severity": "low"})
			}
			require.Equal(t, http.StatusOK, v.do(http.MethodPatch, entities, batchOf(entries...)).status)
			v.pass(time.Second)
		}
	}
	got, _ := v.page("limit", "700")
	require.Len(t, got, 3000)
	require.Equal(t, slices.Sorted(slices.Values(ids[2000:])), slices.Sorted(slices.Values(got[:1000])))
	require.Equal(t, slices.Sorted(slices.Values(ids[1000:2000])), slices.Sorted(slices.Values(got[2000:])))
	back, _ := v.page("limit", "700", "sort", "modified_on|desc")
	slices.Reverse(back)
	require.Equal(t, got, back)
}

func TestSearchesLagBehindWritesAndReadsByIDDoNot(t *testing.T) {
	v := start(t)
	v.modes(`{"lagMs": 30000}`)
	ids := v.create(domain("a.example"))
	require.Empty(t, v.search(queries, "filter", "value:'a.example'").ids(t))
	require.Empty(t, v.search(queries).ids(t))
	require.Zero(t, v.search(queries).Meta.Pagination.Total)
	require.Len(t, v.do(http.MethodGet, entities+"?ids="+ids[0], nil).iocs(t), 1)
	require.Equal(t, http.StatusBadRequest, v.do(http.MethodPost, entities, batchOf(domain("a.example"))).status, "it is a duplicate all the same")
	v.pass(29_999 * time.Millisecond)
	require.Empty(t, v.search(queries).ids(t))
	v.pass(time.Millisecond)
	require.Equal(t, ids, v.search(queries).ids(t))
	require.Equal(t, 1, v.search(queries).Meta.Pagination.Total)
	require.Equal(t, ids, v.search(queries, "filter", "value:'a.example'").ids(t))
	v.noViolations()
}
