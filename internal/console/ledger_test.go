package console_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/threatshare/threatshare/internal/console"
	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/ledger"
)

const acmeLedger = "/i/acme/ledger"

func TestThePageAnswersWhyADomainIsBlockedHeldOrMissing(t *testing.T) {
	w := newWorld(t)
	w.says(w.get(acmeLedger), http.StatusOK, "Nothing has been met yet.")
	w.record(ledger.Shared, "", "evil.example")
	w.held(guard.PopularSite, "big.example")
	for _, asked := range []string{"evil.example", "hxxps://EVIL[.]example/login?x=1", " evil.example. ", "someone@evil.example"} {
		w.says(w.get(acmeLedger+"?value="+url.QueryEscape(asked)), http.StatusOK,
			"evil.example (domain)", "an IOC in Falcon since 2026-11-24T09:30:00Z: Mimecast found a malicious URL")
	}
	page := w.get(acmeLedger + "?value=big.example")
	w.says(page, http.StatusOK, "kept back by the guard since 2026-11-24T09:30:00Z: a site too big to block", "Allow big.example")
	page = w.get(acmeLedger + "?value=a.b.evil.example")
	w.says(page, http.StatusOK, "This integration has never met it.", "Look for b.evil.example")
	require.NotContains(t, w.text(page), "filters leave")
	w.says(w.get(acmeLedger+"?value=evil.example&state=held"), http.StatusOK, "never met it, or it is not among what the filters leave")
	require.Empty(t, w.older(page))
}

func TestTheRemovalsOfDeliveredMailAreShownWithTheValue(t *testing.T) {
	w := newWorld(t, func(o *console.Options) {
		o.Ledger = fakeLedger{removals: []ledger.Remediation{
			{Day: "2026-11-23", State: ledger.Done, Code: "TR-1", Identified: 1200, Successful: 1100, Detail: "some were gone"},
			{Day: "2026-11-24", State: ledger.Wanted},
		}}
	})
	w.says(w.get(acmeLedger+"?value=evil.example"), http.StatusOK, "Delivered mail with it",
		"2026-11-23: "+string(ledger.Done)+", incident TR-1: 1,100 of 1,200 messages (some were gone)", "2026-11-24: "+string(ledger.Wanted))
}

func TestWhatIsNoValueIsToldAtTheFieldAndKept(t *testing.T) {
	w := newWorld(t)
	for typed, want := range map[string]string{
		"203[.]0[.]113[.]7": "ip-literal", "*.evil.example": "no domain, URL, mail address or SHA-256 hash", "x\x1b[31m": "no domain",
		strings.Repeat("a", 5000): "too long for a domain",
	} {
		page := w.get(acmeLedger + "?value=" + url.QueryEscape(typed))
		require.Equal(t, http.StatusUnprocessableEntity, page.Code)
		require.Contains(t, textOf(t, page, "value-problem"), want)
		field := nodeOf(t, page, "value")
		require.Equal(t, "true", attribute(field, "aria-invalid"))
		require.Contains(t, attribute(field, "aria-describedby"), "value-problem")
		if len(typed) < 5000 {
			require.Equal(t, typed, attribute(field, "value"))
		}
	}
	require.Equal(t, http.StatusOK, w.get(acmeLedger+"?value=%20").Code, "nothing typed: everything")
}

func TestTheLedgerIsFilteredAndTheFiltersStayChosen(t *testing.T) {
	w := newWorld(t)
	w.record(ledger.Shared, "", "shared.example")
	w.held(guard.FreeMail, "held.example")
	page := w.get(acmeLedger + "?state=held&list=iocs&source=urlDomains")
	require.Equal(t, []string{"held.example"}, w.values(page))
	for name, want := range map[string]string{"in-state": "held", "in-list": "iocs", "in-source": "urlDomains"} {
		chosen := slices.IndexFunc(under(nodeOf(t, page, name)), func(option *html.Node) bool { return has(option, "selected") })
		require.Equal(t, want, under(nodeOf(t, page, name))[chosen].FirstChild.Data)
	}
	w.says(w.get(acmeLedger+"?state=withdrawn"), http.StatusOK, "Nothing passes the filters.")
	for _, wrong := range []string{"state=none", "list=none", "source=none", "state=" + url.QueryEscape(`"><script>`)} {
		w.says(w.get(acmeLedger+"?"+wrong), http.StatusUnprocessableEntity, "no such state, list or source")
	}
	w.says(w.get("/i/other/ledger"), http.StatusNotFound, `No integration "other"`)
	w.says(w.get("/i/other/held"), http.StatusNotFound, `No integration "other"`)
}

func TestTheFiltersHoldFromPageToPage(t *testing.T) {
	w := newWorld(t)
	var shared, held []string
	for i := range 70 {
		shared, held = append(shared, fmt.Sprintf("s%02d.example", i)), append(held, fmt.Sprintf("h%02d.example", i))
	}
	w.record(ledger.Shared, "", shared...)
	w.held(guard.PopularSite, held...)
	first := w.get(acmeLedger + "?state=held&list=iocs&source=urlDomains")
	older := w.older(first)
	for _, kept := range []string{"state=held", "list=iocs", "source=urlDomains"} {
		require.Contains(t, older, kept)
	}
	all := append(w.values(first), w.values(w.get(older))...)
	slices.Sort(all)
	require.Equal(t, held, all)
	require.Empty(t, w.older(w.get(older)))
}

// countingLedger counts what a page asks of the ledger and how much it is given.
type countingLedger struct {
	console.Ledger
	asked, given int
}

func (c *countingLedger) Browse(ctx context.Context, q ledger.Query) (ledger.Page, error) {
	page, err := c.Ledger.Browse(ctx, q)
	c.asked, c.given = c.asked+1, c.given+len(page.Entries)
	return page, err
}

func (c *countingLedger) Search(ctx context.Context, q ledger.Query) ([]ledger.Entry, error) {
	entries, err := c.Ledger.Search(ctx, q)
	c.asked, c.given = c.asked+1, c.given+len(entries)
	return entries, err
}

func (c *countingLedger) CountState(ctx context.Context, integration string, state ledger.State, atMost int) (int, error) {
	c.asked++
	return c.Ledger.CountState(ctx, integration, state, atMost)
}

// largePages are the pages that show the ledger, each with how many entries it shows of a large one. That the statements behind them read
// an index and sort nothing is tried where they are: TestSearchReadsAnIndexAndSortsNothing.
var largePages = map[string]int{
	acmeState: 0, acmeHeld: 50, acmeLedger: 50, acmeLedger + "?state=shared": 50, acmeLedger + "?value=000001.example": 1,
	acmeLedger + "?list=byoti": 0, acmeLedger + "?source=urlDomains&list=iocs": 50,
}

// fill records so many entries, of which every tenth is held.
func (w *world) fill(entries int) {
	for from := 0; from < entries; from += 10_000 {
		var shared, held []string
		for i := from; i < min(from+10_000, entries); i++ {
			if value := fmt.Sprintf("%06d.example", i); i%10 == 0 {
				held = append(held, value)
			} else {
				shared = append(shared, value)
			}
		}
		w.record(ledger.Shared, "", shared...)
		w.record(ledger.Held, guard.PopularSite, held...)
	}
}

func TestAPageOfALargeLedgerIsGivenNoMoreThanItShows(t *testing.T) {
	counted := map[int]map[string]int{}
	for _, entries := range []int{100, 20_000} {
		w := newWorld(t)
		w.fill(entries)
		counting := &countingLedger{Ledger: w.store}
		w.pages = w.console(func(o *console.Options) { o.Ledger = counting })
		counted[entries] = map[string]int{}
		for path, rows := range largePages {
			counting.asked, counting.given = 0, 0
			page := w.get(path)
			require.Equal(t, http.StatusOK, page.Code, path)
			require.LessOrEqual(t, counting.given, rows, path)
			require.Len(t, w.values(page), counting.given, path)
			if entries > 100 {
				require.Equal(t, rows, counting.given, path)
			}
			require.Less(t, page.Body.Len(), 128<<10, path)
			counted[entries][path] = counting.asked
		}
	}
	require.Equal(t, counted[100], counted[20_000], "a large ledger is not asked more often")
}

// BenchmarkPagesOfTheLedger measures what a page costs with an empty ledger, with one that fills a page, and with 100,000
// entries: in processor time, of which a busy machine has as much as an idle one.
func BenchmarkPagesOfTheLedger(b *testing.B) {
	for _, entries := range []int{0, 500, 100_000} {
		w := newWorld(b)
		w.fill(entries)
		for _, path := range slices.Sorted(maps.Keys(largePages)) {
			b.Run(fmt.Sprintf("%d%s", entries, path), func(b *testing.B) {
				before := processorTime(b)
				for b.Loop() {
					require.Equal(b, http.StatusOK, w.get(path).Code)
				}
				b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
			})
		}
	}
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
