package falcon_test

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// expected is what a search over these records finds, worked out the slow way: in the order of modified_on by the
// millisecond and then id, without what was made less than the lag ago.
func expected(t require.TestingT, records []ioc, now time.Time, lag time.Duration, match func(ioc) bool) []string {
	type placed struct {
		ms int64
		id string
	}
	var found []placed
	at := func(r ioc, field string) time.Time {
		stamp, err := time.Parse(time.RFC3339Nano, r[field].(string))
		require.NoError(t, err)
		return stamp
	}
	for _, r := range records {
		if match(r) && !at(r, "created_on").Add(lag).After(now) {
			found = append(found, placed{at(r, "modified_on").UnixMilli(), r["id"].(string)})
		}
	}
	slices.SortFunc(found, func(a, b placed) int { return cmp.Or(cmp.Compare(a.ms, b.ms), cmp.Compare(a.id, b.id)) })
	ids := []string{}
	for _, p := range found {
		ids = append(ids, p.id)
	}
	return ids
}

func TestSearchesFindWhatALookAtEveryRecordFinds(t *testing.T) {
	const lag = 2 * time.Second
	filters := map[string]func(ioc) bool{
		"":                           func(ioc) bool { return true },
		"deleted:false":              func(r ioc) bool { return r["deleted"] == false },
		"expired:true":               func(r ioc) bool { return r["expired"] == true },
		"severity:'low'":             func(r ioc) bool { return r["severity"] == "low" },
		"value:['v1.test','V.test']": func(r ioc) bool { return r["value"] == "v1.test" },
	}
	rapid.Check(t, func(rt *rapid.T) {
		v := start(t)
		v.modes(`{"lagMs": 2000, "duplicates": "second-record"}`)
		var ids []string
		rt.Repeat(map[string]func(*rapid.T){
			"create": func(rt *rapid.T) {
				entry := domain(fmt.Sprintf("v%d.test", rapid.IntRange(0, 3).Draw(rt, "value")))
				if rapid.Bool().Draw(rt, "expires") {
					entry = entry.with("expiration", v.clock().Add(5*time.Second).Format(time.RFC3339Nano))
				}
				a := v.do(http.MethodPost, entities+"?ignore_warnings=true", batchOf(entry))
				require.Equal(rt, http.StatusCreated, a.status)
				ids = append(ids, a.iocs(t)[0]["id"].(string))
			},
			"update": func(rt *rapid.T) {
				if len(ids) > 0 {
					v.do(http.MethodPatch, entities, batchOf(ioc{"id": rapid.SampledFrom(ids).Draw(rt, "id"), "severity": "low"}))
				}
			},
			"delete": func(rt *rapid.T) {
				if len(ids) > 0 {
					v.do(http.MethodDelete, entities+"?ids="+rapid.SampledFrom(ids).Draw(rt, "id"), nil)
				}
			},
			"wait": func(rt *rapid.T) {
				v.pass(time.Duration(rapid.SampledFrom([]int{1, 500_000, 1_000_000_000, 3_000_000_000}).Draw(rt, "nanoseconds")))
			},
			"search": func(rt *rapid.T) {
				var records []ioc
				v.asAdmin(http.MethodGet, "/iocs", "", &records)
				require.Len(rt, records, len(ids))
				filter := rapid.SampledFrom(slices.Sorted(maps.Keys(filters))).Draw(rt, "filter")
				want := expected(rt, records, v.clock(), lag, filters[filter])
				got, _ := v.page("filter", filter, "limit", "3")
				require.Equal(rt, want, append([]string{}, got...), filter)
				a := v.search(queries, "filter", filter, "limit", "3", "offset", "1", "sort", "modified_on|desc")
				require.Equal(rt, len(want), a.Meta.Pagination.Total, filter)
				slices.Reverse(want)
				require.Equal(rt, want[min(1, len(want)):min(4, len(want))], a.ids(t), filter)
			},
		})
		require.Empty(rt, v.takeViolations())
	})
}
