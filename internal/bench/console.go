package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

const (
	// pageRows is how many entries a page of the ledger shows.
	pageRows = 50
	// asks is how often each page is asked for.
	asks = 100
	// maxPageTime and maxPageRatio are what a page of a large ledger may take, and how much longer than that of an empty one.
	maxPageTime  = 200 * time.Millisecond
	maxPageRatio = 3
)

// The integrations whose pages are asked for. They are the same but for the ledger.
const (
	emptyOne = "empty"
	largeOne = "large"
)

// pageKind is a page that shows the ledger.
type pageKind struct {
	what string
	path string // below that of the integration
	rows int    // that it shows of the large ledger
}

// pageKinds are all pages that show the ledger, with filters that everything, a part, little and nothing of it passes.
func pageKinds() []pageKind {
	return []pageKind{
		{"state", "", 0},
		{"ledger", "/ledger", pageRows},
		{"ledger, one state", "/ledger?state=shared", pageRows},
		{"ledger, a state of no entry", "/ledger?state=quarantined", 0},
		{"ledger, one list", "/ledger?list=byoti", pageRows},
		{"ledger, a list of no entry", "/ledger?list=sender-policies", 0},
		{"ledger, one source", "/ledger?source=urlDomains", pageRows},
		{"ledger, a source of few old entries", "/ledger?source=alertDomains", 0},
		{"ledger, all three filters", "/ledger?state=shared&list=iocs&source=urlDomains", pageRows},
		{"ledger, a value", "/ledger?value=" + domain(7), 1},
		{"held", "/held", pageRows},
	}
}

// measureConsole measures the pages of a worker's console that show the ledger.
func (r *run) measureConsole(ctx context.Context, f *figures) error {
	return r.on(ctx, developmentServer, nil, func(b *bench) error { return b.console(ctx, f) })
}

func (b *bench) console(ctx context.Context, f *figures) error {
	f.title("console: the pages of %d entries beside those of an empty ledger, each asked for %d times", b.entries, asks)
	if err := b.startBoth(ctx); err != nil {
		return err
	}
	if err := b.worker.Stop(); err != nil {
		return err
	}
	if err := fillLedger(ctx, b.ledger(), largeOne, b.entries); err != nil {
		return err
	}
	address, err := harness.FreeAddress()
	if err != nil {
		return err
	}
	if err := b.replaceWorker("console-worker", "THREATSHARE_LISTEN="+address); err != nil {
		return err
	}
	reader := &reader{base: "http://" + address, client: &http.Client{Timeout: time.Minute}}
	if err := reader.untilServed(ctx); err != nil {
		return err
	}
	for _, kind := range pageKinds() {
		if err := b.pages(ctx, f, reader, kind.what, kind.path, kind.path, kind.rows); err != nil {
			return err
		}
	}
	for _, list := range []string{"/ledger", "/held"} {
		older, err := reader.older(ctx, list, 3)
		if err != nil {
			return err
		}
		if err := b.pages(ctx, f, reader, strings.TrimPrefix(list, "/")+", its fourth page", list, older, pageRows); err != nil {
			return err
		}
	}
	atMost(f, "pages without an answer of Temporal's in time, %", 100*times(reader.silent, reader.asked), 1)
	return b.peakMemory(f)
}

// startBoth starts both integrations with all flows, whose first runs find nothing, and waits until they have ended.
func (b *bench) startBoth(ctx context.Context) error {
	on := map[string]any{"enabled": true}
	for _, name := range []string{emptyOne, largeOne} {
		settings := map[string]any{
			"name":           name,
			"sendToFalcon":   map[string]any{"attachmentHashes": on, "urlDomains": on, "impersonationDomains": on},
			"sendToMimecast": map[string]any{"iocHashes": on, "iocDomains": on, "alertDomains": on},
			"schedule":       map[string]any{"shareTTPLogs": never, "importIOCs": never, "importAlerts": never},
		}
		options := client.StartWorkflowOptions{ID: wire.IntegrationID(name), TaskQueue: wire.TaskQueue}
		if _, err := b.temporal.ExecuteWorkflow(ctx, options, wire.Integration, settings); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, waitTime)
	defer cancel()
	return harness.Until(ctx, "wait for the first runs", func() error {
		for _, name := range []string{emptyOne, largeOne} {
			status, err := b.statusOf(ctx, name)
			if err != nil {
				return err
			}
			for _, flow := range flowsOfAMember() {
				if now := status.Flows[flow]; now.GoodRuns == 0 || now.State != workflows.FlowIdle {
					return fmt.Errorf("%s of %s is %s after %d good runs: %s", flow, name, now.State, now.GoodRuns, now.LastError)
				}
			}
		}
		return nil
	})
}

// filledAtOnce is how many entries are recorded at one time, as a step records them.
const filledAtOnce = 1000

// fillLedger records so many entries of an integration, a thousand a minute until now: the first five of a rare source, then of
// ten each four hashes that are blocked in Mimecast, five domains that are in Falcon, and one that is held.
func fillLedger(ctx context.Context, dsn, integration string, entries int) (err error) {
	store, err := ledger.Open(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	at := time.Now().Add(-time.Duration(entries/filledAtOnce) * time.Minute)
	for from := 0; from < entries; from += filledAtOnce {
		var recorded []ledger.Entry
		for n := from; n < min(from+filledAtOnce, entries); n++ {
			recorded = append(recorded, filledWith(integration, n, at))
		}
		if err := store.Record(ctx, at, recorded); err != nil {
			return err
		}
		at = at.Add(time.Minute)
	}
	return nil
}

func filledWith(integration string, n int, seen time.Time) ledger.Entry {
	one := ledger.Entry{
		Integration: integration, List: ledger.FalconIOCs, Key: indicator.Key{Kind: indicator.Domain, Value: domain(n)},
		Source: indicator.URLDomains, State: ledger.Shared, Action: "detect", Severity: "high", VendorID: hash(n),
		Record: fmt.Sprintf("record-%d", n), Run: "run-of-the-benchmark", SeenAt: seen, ExpiresAt: seen.AddDate(0, 1, 0),
	}
	switch {
	case n < 5:
		one.List, one.Source, one.Action, one.Severity = ledger.BlockedSenders, indicator.AlertDomains, "", ""
	case n%10 == 0:
		one.State, one.Reason, one.Detail, one.VendorID = ledger.Held, guard.PopularSite, "in the list of popular sites", ""
	case n%2 == 0:
		one.List, one.Key, one.Source = ledger.BYOTI, indicator.Key{Kind: indicator.SHA256, Value: hash(n)}, indicator.IOCHashes
	}
	return one
}

// pages measures a page of the empty ledger and one of the large ledger, in turn, so that whatever else this machine does
// delays one as much as the other.
func (b *bench) pages(ctx context.Context, f *figures, r *reader, what, ofEmpty, ofLarge string, rows int) error {
	var empty, large []time.Duration
	for range asks {
		for _, one := range []struct {
			path  string
			rows  int
			times *[]time.Duration
		}{{"/i/" + emptyOne + ofEmpty, 0, &empty}, {"/i/" + largeOne + ofLarge, rows, &large}} {
			shown, took, err := r.get(ctx, one.path)
			if err != nil {
				return err
			}
			if found := len(rowOfAPage.FindAllString(shown, -1)); found != one.rows {
				return fmt.Errorf("GET %s: shows %d entries, not %d", one.path, found, one.rows)
			}
			*one.times = append(*one.times, took)
		}
	}
	of, beside := spreadOf(large), spreadOf(empty)
	atMost(f, what+": median", of.median.Round(100*time.Microsecond), maxPageTime)
	f.demanded()
	f.note(what+": longest / median of the empty ledger", fmt.Sprintf("%s / %s",
		of.longest.Round(100*time.Microsecond), beside.median.Round(100*time.Microsecond)))
	atMost(f, what+": x the empty ledger's", times(int(of.median), int(beside.median)), maxPageRatio)
	f.ratio()
	return nil
}

// rowOfAPage is where an entry stands on a page; olderLink leads to the next one.
var (
	rowOfAPage = regexp.MustCompile(`<a class="value"`)
	olderLink  = regexp.MustCompile(`href="([^"]+)">Older</a>`)
)

// reader is somebody at the console.
type reader struct {
	base   string
	client *http.Client
	asked  int
	silent int // times that Temporal gave the page no answer
}

// get asks for a page, and says how long that took until the last byte of it. A page that Temporal gives no answer for is asked
// for again, once: a server loses the answer to a query that a worker gives sooner than the server waits for it.
func (r *reader) get(ctx context.Context, path string) (page string, took time.Duration, err error) {
	r.asked++
	page, took, err = r.ask(ctx, path)
	if errors.Is(err, errSilent) {
		r.silent++
		page, took, err = r.ask(ctx, path)
	}
	return page, took, err
}

// errSilent is a page that says that there was no answer in time.
var errSilent = errors.New("no answer in time")

func (r *reader) ask(ctx context.Context, path string) (page string, took time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+path, http.NoBody)
	if err != nil {
		return "", 0, err
	}
	began := time.Now()
	response, err := r.client.Do(request)
	if err != nil {
		return "", 0, err
	}
	text, err := io.ReadAll(response.Body)
	took = time.Since(began)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return "", 0, err
	}
	if response.StatusCode == http.StatusServiceUnavailable {
		return "", 0, fmt.Errorf("GET %s: %w", path, errSilent)
	}
	if response.StatusCode != http.StatusOK {
		return "", 0, fmt.Errorf("GET %s: %s", path, response.Status)
	}
	return string(text), took, nil
}

// untilServed waits until the pages of both integrations are shown.
func (r *reader) untilServed(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return harness.Until(ctx, "wait for the console", func() error {
		for _, name := range []string{emptyOne, largeOne} {
			if _, _, err := r.get(ctx, "/i/"+name); err != nil {
				return err
			}
		}
		return nil
	})
}

// older follows a list of the large ledger so many pages down, and gives the path of the last one below the integration's.
func (r *reader) older(ctx context.Context, path string, pages int) (string, error) {
	const at = "/i/" + largeOne
	for range pages {
		page, _, err := r.get(ctx, at+path)
		if err != nil {
			return "", err
		}
		link := olderLink.FindStringSubmatch(page)
		if link == nil {
			return "", fmt.Errorf("GET %s: leads to no older page", at+path)
		}
		next, err := url.Parse(strings.ReplaceAll(link[1], "&amp;", "&"))
		if err != nil {
			return "", err
		}
		path = strings.TrimPrefix(next.String(), at)
	}
	return path, nil
}
