package activities_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/config"
	"github.com/threatshare/threatshare/internal/falcon"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator"
	"github.com/threatshare/threatshare/internal/simulator/control"
	simulated "github.com/threatshare/threatshare/internal/simulator/mimecast"
)

// The marks of the integration, as a person sees them.
const (
	ownName = "Mimecast Threat Share: acme"
	ownTag  = "threatshare:acme"
	testRun = "default-test-run-id" // of every step in the activity environment
)

// runs stands before the ledger: the activity environment knows one run only, and here each has a name of its own.
type runs struct {
	activities.Ledger

	now int
}

func (r *runs) name() string { return fmt.Sprintf("run %d", r.now) }

func (r *runs) Record(ctx context.Context, now time.Time, entries []ledger.Entry) error {
	entries = slices.Clone(entries)
	for i := range entries {
		if entries[i].Run == testRun {
			entries[i].Run = r.name()
		}
	}
	return r.Ledger.Record(ctx, now, entries)
}

func (r *runs) Lookup(ctx context.Context, integration string, list ledger.List, keys []indicator.Key) (map[indicator.Key]ledger.Entry, error) {
	known, err := r.Ledger.Lookup(ctx, integration, list, keys)
	for key, entry := range known {
		if entry.Run == r.name() {
			entry.Run = testRun
			known[key] = entry
		}
	}
	return known, err
}

// newImports is a world a while ago, whose steps belong to runs that nextRun parts. What a list of Falcon's is believed to
// hold ends at the time of its answer, which is that of the machine.
func newImports(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.clock.pass(-100 * 24 * time.Hour)
	w.Ledger = &runs{Ledger: w.store}
	return w
}

// pagesOf makes the clients ask Falcon for so many entries with a page.
func (w *world) pagesOf(size int) {
	w.t.Helper()
	both := w.clients(100)
	client, err := falcon.New(falcon.Config{
		BaseURL: w.sim.URLs.Falcon, ClientID: simulator.DemoClientID, ClientSecret: config.NewSecret(simulator.DemoFalconSecret),
		ListLimit: size, AlertLimit: max(size, 2),
	})
	require.NoError(w.t, err)
	both.falcon = client
	w.Vendors = both
}

// nextRun begins another run, five minutes later.
func (w *world) nextRun() {
	w.t.Helper()
	counted, ok := w.Ledger.(*runs)
	require.True(w.t, ok)
	counted.now++
	w.clock.pass(5 * time.Minute)
}

func iocDomain(value string) control.IOC {
	return control.IOC{Type: "domain", Value: value, Action: "detect", Severity: "high"}
}

func iocHash(value string) control.IOC {
	return control.IOC{Type: "sha256", Value: value, Action: "prevent", Severity: "high"}
}

// listed puts entries on Falcon's list as a person would.
func (w *world) listed(iocs ...control.IOC) {
	w.t.Helper()
	_, err := w.vendors.AddFalconIOCs(w.t.Context(), iocs...)
	require.NoError(w.t, err)
}

func bothSources() []indicator.Source {
	return []indicator.Source{indicator.IOCHashes, indicator.IOCDomains}
}

func (w *world) iocsInput(cursor activities.Cursor) activities.FetchIOCsInput {
	return activities.FetchIOCsInput{
		Integration: acme, Sources: bothSources(), Cursor: cursor, Protect: w.settings.Protect, Withdraw: true, DryRun: w.settings.DryRun,
	}
}

func (w *world) fetchIOCs(in activities.FetchIOCsInput) activities.FetchIOCsResult {
	w.t.Helper()
	result, err := run[activities.FetchIOCsResult](w, w.FetchIOCs, in)
	require.NoError(w.t, err)
	return result
}

// readIOCs reads on to the end of the list and gives all that was found. What is returned in part is blocked at once.
func (w *world) readIOCs(in activities.FetchIOCsInput) activities.FetchIOCsResult {
	w.t.Helper()
	all := activities.FetchIOCsResult{Found: map[indicator.Source][]activities.Finding{}, Counts: map[indicator.Source]activities.Counts{}}
	for steps := 0; steps == 0 || all.More; steps++ {
		require.Less(w.t, steps, 50, "the list does not end")
		step := w.fetchIOCs(in)
		all.More, all.Cursor, in.Cursor = step.More, step.Cursor, step.Cursor
		for _, source := range in.Sources {
			all.Found[source] = append(all.Found[source], step.Found[source]...)
			all.Counts[source] = all.Counts[source].Plus(step.Counts[source])
		}
		all.Items, all.Due = append(all.Items, step.Items...), append(all.Due, step.Due...)
		if step.Part {
			w.blockFound(step)
		}
	}
	return all
}

// blockFound writes what a reading has found.
func (w *world) blockFound(read activities.FetchIOCsResult) {
	w.t.Helper()
	if found := read.Found[indicator.IOCHashes]; len(found) > 0 {
		w.addHashes(found...)
	}
	if found := read.Found[indicator.IOCDomains]; len(found) > 0 {
		w.blockDomains(found...)
	}
}

// imported reads Falcon's list from cursor to its end and blocks what it finds.
func (w *world) imported(cursor activities.Cursor) activities.FetchIOCsResult {
	w.t.Helper()
	read := w.readIOCs(w.iocsInput(cursor))
	w.blockFound(read)
	return read
}

func (w *world) blockInput(source indicator.Source, findings ...activities.Finding) activities.BlockInput {
	return activities.BlockInput{Integration: acme, Source: source, Findings: findings, DryRun: w.settings.DryRun}
}

func (w *world) hashesInput(findings ...activities.Finding) activities.AddBYOTIHashesInput {
	return activities.AddBYOTIHashesInput{BlockInput: w.blockInput(indicator.IOCHashes, findings...), Limit: 100_000}
}

func (w *world) addHashes(findings ...activities.Finding) activities.AddBYOTIHashesResult {
	w.t.Helper()
	result, err := run[activities.AddBYOTIHashesResult](w, w.AddBYOTIHashes, w.hashesInput(findings...))
	require.NoError(w.t, err)
	return result
}

func (w *world) senderGroup() activities.SenderGroup {
	w.t.Helper()
	group, err := run[activities.SenderGroup](w, w.EnsureSenderGroup, activities.EnsureSenderGroupInput{Integration: acme})
	require.NoError(w.t, err)
	return group
}

func (w *world) sendersInput(findings ...activities.Finding) activities.BlockSenderDomainsInput {
	w.t.Helper()
	return activities.BlockSenderDomainsInput{BlockInput: w.blockInput(indicator.IOCDomains, findings...), GroupID: w.senderGroup().ID}
}

func (w *world) blockDomains(findings ...activities.Finding) activities.BlockResult {
	w.t.Helper()
	result, err := run[activities.BlockResult](w, w.BlockSenderDomains, w.sendersInput(findings...))
	require.NoError(w.t, err)
	return result
}

func (w *world) blockAlerted(findings ...activities.Finding) activities.BlockResult {
	w.t.Helper()
	result, err := run[activities.BlockResult](w, w.BlockAlertDomains, w.blockInput(indicator.AlertDomains, findings...))
	require.NoError(w.t, err)
	return result
}

func (w *world) urlsInput(source indicator.Source) activities.BlockURLsInput {
	return activities.BlockURLsInput{Integration: acme, Source: source, DryRun: w.settings.DryRun}
}

func (w *world) blockURLs(source indicator.Source) activities.BlockURLsResult {
	w.t.Helper()
	result, err := run[activities.BlockURLsResult](w, w.BlockURLs, w.urlsInput(source))
	require.NoError(w.t, err)
	return result
}

func findings(values ...string) []activities.Finding {
	list := make([]activities.Finding, 0, len(values))
	for _, value := range values {
		list = append(list, activities.Finding{Value: value})
	}
	return list
}

func found(list []activities.Finding) []string {
	values := make([]string, 0, len(list))
	for _, finding := range list {
		values = append(values, finding.Value)
	}
	return values
}

// on is the ledger's entry of a value on a list.
func (w *world) on(list ledger.List, value string) ledger.Entry {
	w.t.Helper()
	kind := indicator.Domain
	if list == ledger.BYOTI {
		kind = indicator.SHA256
	}
	key := indicator.Key{Kind: kind, Value: value}
	entries, err := w.store.Lookup(w.t.Context(), acme, list, []indicator.Key{key})
	require.NoError(w.t, err)
	require.Contains(w.t, entries, key)
	return entries[key]
}

// mimecast is everything that Mimecast holds.
func (w *world) mimecast() simulated.State {
	w.t.Helper()
	state, err := w.vendors.MimecastState(w.t.Context())
	require.NoError(w.t, err)
	return state
}

func (w *world) blockedHashes() []string {
	w.t.Helper()
	return slices.Sorted(maps.Keys(w.mimecast().BYOTI))
}

// members are the domains and addresses in the groups of a name.
func (w *world) members(name string) []string {
	w.t.Helper()
	members := []string{}
	for _, group := range w.mimecast().Groups {
		if group.Name != name {
			continue
		}
		for _, member := range group.Members {
			if member.EmailAddress != "" {
				members = append(members, member.EmailAddress)
			} else {
				members = append(members, member.Domain)
			}
		}
	}
	return members
}

// policed are the domains that a policy of a description applies from.
func (w *world) policed(description string) []string {
	w.t.Helper()
	domains := []string{}
	for _, policy := range w.mimecast().Policies {
		if policy.Description == description && policy.FromType == "email_domain" {
			domains = append(domains, policy.FromValue)
		}
	}
	return domains
}
