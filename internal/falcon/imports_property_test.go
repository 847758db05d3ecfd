package falcon_test

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/falcon"
	"github.com/threatshare/threatshare/internal/indicator"
)

// row is a record of a fake log, ordered by change and then id, as the vendor's page tokens are.
type row struct {
	at int // seconds of 2026
	id int
}

func (r row) token() string { return fmt.Sprintf("%d:%d", r.at, r.id) }

func (r row) moment() time.Time { return dayOf2026(1).Add(time.Duration(r.at) * time.Second) }

func byChange(a, b row) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id)) }

// pageOfRows gives up to n rows behind the token, in order.
func pageOfRows(rows []row, after string, n int) (page []row, left int) {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, byChange)
	if after != "" {
		var last row
		at, id, _ := strings.Cut(after, ":")
		last.at, _ = strconv.Atoi(at)
		last.id, _ = strconv.Atoi(id)
		rows = slices.DeleteFunc(rows, func(r row) bool { return byChange(r, last) <= 0 })
	}
	n = min(n, len(rows))
	return rows[:n], len(rows) - n
}

func drawRows(t *rapid.T) []row {
	rows := make([]row, rapid.IntRange(0, 40).Draw(t, "rows"))
	for i := range rows {
		rows[i] = row{at: rapid.IntRange(0, 9).Draw(t, "at"), id: i} // many at the same time, across the edges of pages
	}
	return rows
}

func TestEveryIOCIsListedOnceHoweverThePagesAreCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t)
		limit := rapid.IntRange(1, 10).Draw(t, "limit")
		given := rapid.IntRange(1, limit).Draw(t, "given") // what the vendor really gives to a page
		admits := rapid.Bool().Draw(t, "admits")           // and says so, or only its totals do
		always := rapid.Bool().Draw(t, "a token on the last page too")
		f := newFake(func(r request) reply {
			page, left := pageOfRows(rows, r.Query.Get("after"), given)
			said := limit
			if admits {
				said = given
			}
			token := ""
			if len(page) > 0 && (left > 0 || always) {
				token = page[len(page)-1].token()
			} else if always {
				token = cmp.Or(r.Query.Get("after"), "1:1")
			}
			var records []string
			for _, one := range page {
				records = append(records, iocOf(fmt.Sprint(one.id), fmt.Sprintf("d%d.example", one.id), fmt.Sprintf(`"modified_on":%q`, one.moment().Format(time.RFC3339Nano))))
			}
			return iocPage(fmt.Sprintf(`{"limit":%d,"total":%d,"offset":%d,"after":%q}`, said, len(rows), len(rows)-left, token), records...)
		})
		c := f.listing(t, limit)
		c.SetClock(noon)
		listed, newest, after := []string{}, time.Time{}, ""
		for {
			page, err := c.ListIOCs(t.Context(), indicator.ListQuery{After: after})
			require.NoError(t, err)
			for _, entry := range page.Entries {
				require.False(t, entry.ModifiedOn.Before(newest))
				newest = entry.ModifiedOn
				listed = append(listed, entry.ID)
			}
			if len(page.Entries) > 0 {
				require.Equal(t, newest, page.Newest)
			}
			if after = page.Next; after == "" {
				break
			}
		}
		slices.SortFunc(rows, byChange)
		wanted := []string{}
		for _, one := range rows {
			wanted = append(wanted, fmt.Sprint(one.id))
		}
		require.Equal(t, wanted, listed)
		require.LessOrEqual(t, len(f.requests), max(1, (len(rows)+given-1)/given+1))
	})
}

// listing makes a client that calls f without a network, with small pages.
func (f *fake) listing(t require.TestingT, limit int) *falcon.Client {
	return f.directWith(t, falcon.Config{ListLimit: limit, AlertLimit: max(2, limit)})
}

var bound = regexp.MustCompile(`updated_timestamp:(>=|<=)'([^']+)'`)

// TestNoAlertIsMissedWhateverIsUpdatedDuringThePaging reads windows one after the other, breaks some off in the middle, and
// updates alerts between the pages. An update moves an alert behind the window's end.
func TestNoAlertIsMissedWhateverIsUpdatedDuringThePaging(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t)
		clock := 10 // seconds of 2026
		f := newFake(func(r request) reply {
			search := searchOf(t, r)
			inside := slices.Clone(rows)
			for _, match := range bound.FindAllStringSubmatch(search.Filter, -1) {
				limit, err := time.Parse(time.RFC3339, match[2])
				require.NoError(t, err)
				inside = slices.DeleteFunc(inside, func(r row) bool {
					return match[1] == ">=" && r.moment().Before(limit) || match[1] == "<=" && r.moment().After(limit)
				})
			}
			page, left := pageOfRows(inside, search.After, search.Limit)
			token := ""
			if left > 0 {
				token = page[len(page)-1].token()
			}
			var records []string
			for _, one := range page {
				records = append(records, alertOf(fmt.Sprint(one.id), one.moment().Format(time.RFC3339Nano), fmt.Sprintf("d%d.example", one.id)))
			}
			return alerted(token, records...)
		})
		c := f.listing(t, rapid.IntRange(2, 8).Draw(t, "limit"))
		c.SetClock(noon)
		seen, newest := map[string]bool{}, dayOf2026(1)
		read := func(to row, whole bool) {
			q := indicator.Query{From: newest, To: to.moment()}
			for {
				page, err := c.Alerts(t.Context(), q)
				require.NoError(t, err)
				for _, sighting := range page.Sightings {
					seen[sighting.Record] = true
				}
				if page.Newest.After(newest) {
					newest = page.Newest
				}
				if q.Page = page.Next; q.Page == "" || !whole && rapid.Bool().Draw(t, "broken off") {
					return
				}
				if whole {
					continue
				}
				clock++
				for i := range rows {
					if rapid.IntRange(0, 9).Draw(t, "updated") == 0 {
						rows[i].at = clock
					}
				}
			}
		}
		for range rapid.IntRange(1, 4).Draw(t, "windows") {
			read(row{at: clock}, false)
		}
		read(row{at: clock}, true)
		require.Len(t, seen, len(rows))
	})
}

func TestDeleteNeverTouchesWhatDoesNotCarryTheMark(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &store{
			records: map[string]*stored{}, strict: rapid.Bool().Draw(t, "strict"), names: rapid.Bool().Draw(t, "names"), silent: rapid.Bool().Draw(t, "silent"),
		}
		var ids []string
		want := []indicator.Removal{}
		var gone []string
		for i := range rapid.IntRange(0, 12).Draw(t, "ids") {
			id := fmt.Sprint(100 + i)
			ids = append(ids, id)
			one := &stored{
				tag:     rapid.SampledFrom([]string{"threatshare:acme", "threatshare:other", "x", "threatshare:"}).Draw(t, "tag"),
				deleted: rapid.IntRange(0, 4).Draw(t, "deleted") == 0,
				bad:     rapid.IntRange(0, 5).Draw(t, "bad") == 0,
			}
			there := rapid.IntRange(0, 4).Draw(t, "there") > 0
			if there {
				s.records[id] = one
			}
			ours := one.tag == "threatshare:acme"
			if there && (one.deleted || ours && !one.bad) {
				gone = append(gone, id)
			}
			switch {
			case !there, one.deleted:
				want = append(want, indicator.Removal{ID: id, Missing: true})
			case !ours:
				want = append(want, indicator.Removal{ID: id, Foreign: true})
			case one.bad:
				want = append(want, indicator.Removal{ID: id, Refused: "inherited from the parent"})
			default:
				want = append(want, indicator.Removal{ID: id, Deleted: true})
			}
		}
		f := newFake(s.answer)
		removals, err := f.direct(t, 0).Delete(t.Context(), acme(), ids)
		require.NoError(t, err)
		require.Equal(t, want, removals)
		require.Equal(t, gone, s.gone())
		for _, r := range f.requests {
			require.NotEmpty(t, r.Query["ids"])
			require.False(t, r.Query.Has("filter"))
		}
	})
}

// anyAlert is an alert with some fields as they should be, and some of the wrong value, type or absent.
func anyAlert(t *rapid.T) string {
	if rapid.IntRange(0, 9).Draw(t, "shape") == 0 {
		return rapid.SampledFrom([]string{`null`, `1`, `"x"`, `[]`, `{}`, `{"composite_id":7}`}).Draw(t, "no alert")
	}
	values := rapid.SampledFrom([]string{`null`, `7`, `"domain"`, `"hash_sha256"`, `"a.example"`, `"a.example, B.example"`, `","`, `[]`, `{}`, `"false_positive"`, `["ignored"]`, `"2026-01-02T00:00:00Z"`, `[{"ioc_type":"domain","ioc_value":"c.example,a.example"}]`})
	fields := []string{fmt.Sprintf(`"composite_id":"%d"`, rapid.IntRange(0, 9).Draw(t, "id")), `"ioc_type":"domain"`, `"ioc_value":"a.example"`}
	names := rapid.SampledFrom([]string{"ioc_type", "ioc_value", "ioc_context", "resolution", "tags", "created_timestamp", "updated_timestamp", "timestamp"})
	for range rapid.IntRange(0, 3).Draw(t, "changes") {
		fields = append(fields, fmt.Sprintf(`%q:%s`, names.Draw(t, "field"), values.Draw(t, "value")))
	}
	return "{" + strings.Join(fields, ",") + "}"
}

func TestEveryAlertIsEitherTheRecordOfASightingOrCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOfN(rapid.Custom(anyAlert), 0, 9).Draw(t, "alerts")
		page, err := newFake(always(alerted("", records...))).direct(t, 0).Alerts(t.Context(), indicator.Query{})
		require.NoError(t, err)
		require.Equal(t, len(records), page.Read)
		requireWholeAlerts(t, page)
	})
}
