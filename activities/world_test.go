package activities_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/config"
	"github.com/threatshare/threatshare/internal/falcon"
	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/mimecast"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

const acme = "acme"

// world is both vendors simulated, the real clients, ledger and guard, and a clock that a test moves.
type world struct {
	*activities.Activities

	t        *testing.T
	clock    *clock
	sim      *simulator.Simulator
	vendors  *control.Client
	store    *ledger.Store
	temporal *mocks.Client
	operator operator
	settings settings.Settings
}

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

func (c *clock) pass(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(by)
}

// clients are the two vendors of every credential set. An error is what asking for either gives.
type clients struct {
	mimecast activities.Mimecast
	falcon   activities.Falcon
	err      error
}

func (c *clients) Mimecast(string) (activities.Mimecast, error) { return c.mimecast, c.err }
func (c *clients) Falcon(string) (activities.Falcon, error)     { return c.falcon, c.err }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{at: time.Now().UTC().Truncate(time.Second)}, temporal: &mocks.Client{}, settings: settings.Default()}
	sim, err := simulator.Start(t.Context(), simulator.Options{Now: w.clock.now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sim.Close(context.WithoutCancel(t.Context()))) })
	w.sim, w.vendors = sim, control.New(sim.URLs.Admin)

	lists, err := guard.Embedded()
	require.NoError(t, err)
	w.Activities = &activities.Activities{
		Vendors: w.clients(100), Guard: lists, Temporal: w.temporal, Queue: "queue", Now: w.clock.now,
	}
	w.forgetLedger()
	w.settings.Name = acme
	w.settings.SendToFalcon.AttachmentHashes.Enabled = true
	w.settings.SendToFalcon.URLDomains.Enabled = true
	w.settings.SendToFalcon.ImpersonationDomains.Enabled = true
	w.settings.SendToFalcon.ImpersonationDomains.Severity = "high"
	return w
}

// clients makes new clients of both vendors, which ask Mimecast for pages of the given size.
func (w *world) clients(pageSize int) *clients {
	w.t.Helper()
	caller := vendorapi.NewHTTPClient()
	w.t.Cleanup(caller.CloseIdleConnections) // a server waits for those that were never used
	m, err := mimecast.New(mimecast.Config{
		BaseURL: w.sim.URLs.Mimecast, ClientID: simulator.DemoClientID, PageSize: pageSize, HTTP: caller,
		ClientSecret: config.NewSecret(simulator.DemoMimecastSecret),
	})
	require.NoError(w.t, err)
	f, err := falcon.New(falcon.Config{
		BaseURL: w.sim.URLs.Falcon, ClientID: simulator.DemoClientID, ClientSecret: config.NewSecret(simulator.DemoFalconSecret), HTTP: caller,
	})
	require.NoError(w.t, err)
	return &clients{mimecast: m, falcon: f}
}

// forgetLedger puts an empty ledger in the place of the one there is.
func (w *world) forgetLedger() {
	w.t.Helper()
	store, err := ledger.Open(w.t.Context(), "sqlite:"+filepath.Join(w.t.TempDir(), "ledger.db"))
	require.NoError(w.t, err)
	w.t.Cleanup(func() { require.NoError(w.t, store.Close()) })
	w.store, w.Ledger = store, store
}

// run executes one step as an activity of Temporal's.
func run[T any](w *world, step any, in any) (T, error) {
	w.t.Helper()
	return runIn[T](w, w.environment(), step, in)
}

// environment is what stands for Temporal where a step is executed.
func (w *world) environment() *testsuite.TestActivityEnvironment {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(w.Activities)
	return env
}

// runIn is run for whoever executes so many steps that making an environment for each takes long.
func runIn[T any](w *world, env *testsuite.TestActivityEnvironment, step any, in any) (T, error) {
	w.t.Helper()
	var result T
	answer, err := env.ExecuteActivity(step, in)
	if err == nil && answer.HasValue() {
		require.NoError(w.t, answer.Get(&result))
	}
	return result, err
}

// refusedAs makes sure that a step failed with a type, and says whether Temporal tries again.
func refusedAs(t *testing.T, err error, kind string, retried bool) *temporal.ApplicationError {
	t.Helper()
	var failed *temporal.ApplicationError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, kind, failed.Type(), err)
	require.Equal(t, retried, !failed.NonRetryable(), err)
	return failed
}

func (w *world) fetchInput(source indicator.Source, cursor activities.Cursor) activities.FetchTTPLogsInput {
	return activities.FetchTTPLogsInput{
		Integration: acme, Source: source, Cursor: cursor, Since: w.clock.now().Add(-24 * time.Hour),
		SendToFalcon: w.settings.SendToFalcon, Protect: w.settings.Protect, DryRun: w.settings.DryRun,
	}
}

func (w *world) fetch(source indicator.Source, cursor activities.Cursor) activities.FetchTTPLogsResult {
	w.t.Helper()
	result, err := run[activities.FetchTTPLogsResult](w, w.FetchTTPLogs, w.fetchInput(source, cursor))
	require.NoError(w.t, err)
	return result
}

func (w *world) uploadInput(found ...indicator.Indicator) activities.UploadIOCsInput {
	return activities.UploadIOCsInput{
		Integration: acme, SendToFalcon: w.settings.SendToFalcon, Indicators: found, DryRun: w.settings.DryRun,
	}
}

func (w *world) upload(found ...indicator.Indicator) map[indicator.Source]activities.Counts {
	w.t.Helper()
	result, err := run[activities.UploadIOCsResult](w, w.UploadIOCs, w.uploadInput(found...))
	require.NoError(w.t, err)
	return result.Counts
}

// writes is how many records the vendor's API has made or changed since the last call of writes.
func (w *world) writes(vendor string) int {
	w.t.Helper()
	stats, err := w.vendors.Stats(w.t.Context())
	require.NoError(w.t, err)
	require.Empty(w.t, stats.Violations)
	require.NoError(w.t, w.vendors.Reset(w.t.Context()))
	return stats.Writes[vendor]
}

// iocs are the entries at Falcon by value, without deleted ones. A value that is there twice fails the test.
func (w *world) iocs() map[string]control.IOC {
	w.t.Helper()
	all, err := w.vendors.FalconIOCs(w.t.Context())
	require.NoError(w.t, err)
	byValue := map[string]control.IOC{}
	for _, ioc := range all {
		if !ioc.Deleted {
			require.NotContains(w.t, byValue, ioc.Value, "there twice")
			byValue[ioc.Value] = ioc
		}
	}
	return byValue
}

func (w *world) entry(kind indicator.Kind, value string) ledger.Entry {
	w.t.Helper()
	key := indicator.Key{Kind: kind, Value: value}
	entries, err := w.store.Lookup(w.t.Context(), acme, ledger.FalconIOCs, []indicator.Key{key})
	require.NoError(w.t, err)
	require.Contains(w.t, entries, key)
	return entries[key]
}

// everything is what the ledger holds.
func (w *world) everything() []ledger.Entry {
	w.t.Helper()
	entries, err := w.store.Search(w.t.Context(), ledger.Query{Integration: acme, Limit: ledger.MaxLimit})
	require.NoError(w.t, err)
	return entries
}

func domain(value string, source indicator.Source, seenAt time.Time) indicator.Indicator {
	return indicator.Indicator{Key: indicator.Key{Kind: indicator.Domain, Value: value}, Source: source, SeenAt: seenAt}
}

func (w *world) clicked(value string) indicator.Indicator {
	return domain(value, indicator.URLDomains, w.clock.now().Add(-time.Minute))
}

func (w *world) impersonated(value string) indicator.Indicator {
	return domain(value, indicator.ImpersonationDomains, w.clock.now().Add(-time.Minute))
}

// hash is a SHA-256 that nobody knows.
func hash(n int) string { return fmt.Sprintf("%064x", 0xabcdef00+n) }

// anyCalls stand for any context, id and payload of a faked call to Temporal.
func anyCalls(n int) []any {
	all := make([]any, n)
	for i := range all {
		all[i] = mock.Anything
	}
	return all
}
