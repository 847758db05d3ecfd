package activities_test

import (
	"context"
	"flag"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/harness/scale"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// delivery is a log in memory: records show some time after their date, in any order, some of them more than once, many at the
// very same second. Pages are cut by place, so a record that comes late moves those behind it.
type delivery struct {
	activities.Mimecast // nobody: there is nothing but the log to ask for

	now     func() time.Time
	size    int
	records []delivered // by date
}

// deliver puts other records in the place of those that there are; of the same date, the one given first comes first.
func (d *delivery) deliver(records []delivered) {
	slices.SortStableFunc(records, func(a, b delivered) int { return a.at.Compare(b.at) })
	d.records = records
}

func (d *delivery) InternalDomains(context.Context) ([]string, error) {
	return []string{"ours.example"}, nil
}

type delivered struct {
	value     string
	at, shows time.Time
}

func (d *delivery) TTPLogs(_ context.Context, q indicator.Query) (indicator.Page, error) {
	var visible []delivered
	for _, record := range d.records {
		if !record.shows.After(d.now()) && !record.at.Before(q.From) && !record.at.After(q.To) {
			visible = append(visible, record)
		}
	}
	begin := 0
	if q.Page != "" {
		place, err := strconv.Atoi(q.Page)
		if err != nil {
			return indicator.Page{}, &vendorapi.Error{Class: vendorapi.Contract, Vendor: "mimecast", Code: vendorapi.PageTokenRefused}
		}
		begin = min(place, len(visible))
	}
	end := min(begin+d.size, len(visible))
	page := indicator.Page{Read: end - begin, Dropped: map[string]int{}}
	for _, record := range visible[begin:end] {
		page.Sightings = append(page.Sightings, indicator.Sighting{Kind: indicator.Domain, Raw: "https://" + record.value, SeenAt: record.at})
		if record.at.After(page.Newest) {
			page.Newest = record.at
		}
	}
	if end < len(visible) {
		page.Next = strconv.Itoa(end)
	}
	return page, nil
}

// blank is a ledger that knows of nothing and keeps nothing.
type blank struct{ activities.Ledger }

func (blank) Lookup(context.Context, string, ledger.List, []indicator.Key) (map[indicator.Key]ledger.Entry, error) {
	return map[indicator.Key]ledger.Entry{}, nil
}

func (blank) Record(context.Context, time.Time, []ledger.Entry) error { return nil }

// checks sets how many cases the next property tries.
func checks(t *testing.T, n int) {
	t.Helper()
	const name = "rapid.checks"
	before := flag.Lookup(name).Value.String()
	require.NoError(t, flag.Set(name, strconv.Itoa(n)))
	t.Cleanup(func() { require.NoError(t, flag.Set(name, before)) })
}

// Whatever the order and the times at which records show, as long as none is later than the overlap: every value is given, and
// nothing that was never logged. The seed of a failure is printed.
func TestFault_V18_NoScheduleOfDeliveriesLosesARecord(t *testing.T) {
	checks(t, scale.Of(300, 100_000))
	w := newWorld(t)
	log := &delivery{now: w.clock.now}
	w.Vendors, w.Ledger = &clients{mimecast: log}, blank{}
	env := w.environment()
	rapid.Check(t, func(r *rapid.T) {
		w.clock.pass(24 * time.Hour)
		start := w.clock.now()
		log.size = rapid.IntRange(1, 4).Draw(r, "page size")
		var records []delivered
		want := map[string]bool{}
		for n := range rapid.IntRange(0, 60).Draw(r, "records") {
			record := delivered{value: host(n)}
			// Few seconds to choose from, so that many are equal.
			record.at = start.Add(time.Duration(rapid.IntRange(0, 12).Draw(r, "at")) * 5 * time.Minute)
			record.shows = record.at.Add(lateness(r))
			want[record.value] = true
			records = append(records, record)
			if rapid.IntRange(0, 9).Draw(r, "twice") == 0 {
				again := record
				again.shows = record.at.Add(lateness(r))
				records = append(records, again)
			}
		}
		log.deliver(rapid.Permutation(records).Draw(r, "order"))
		got := map[string]bool{}
		var cursor activities.Cursor
		read := func() bool {
			in := w.fetchInput(indicator.URLDomains, cursor)
			in.Since = start.Add(-time.Minute)
			result, err := runIn[activities.FetchTTPLogsResult](w, env, w.FetchTTPLogs, in)
			require.NoError(r, err)
			for _, value := range values(result.Indicators) {
				require.True(r, want[value], "never logged: %s", value)
				got[value] = true
			}
			cursor = result.Cursor
			return result.More
		}
		for range rapid.IntRange(0, 5).Draw(r, "reads") {
			more, pause := read(), seconds(r, "pause", 30*time.Minute)
			w.clock.pass(pause)
			if more && pause >= time.Minute && rapid.Bool().Draw(r, "token runs out") {
				cursor.Page = "run out"
			}
		}
		w.clock.pass(2 * time.Hour)
		for windows := 2; windows > 0; { // the one that is open, and one for what came since it was opened
			if !read() {
				windows--
			}
		}
		for value := range want {
			require.True(r, got[value], "lost: %s of %v", value, log.records)
		}
	})
}
