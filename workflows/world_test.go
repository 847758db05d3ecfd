package workflows_test

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/config"
	"github.com/threatshare/threatshare/internal/falcon"
	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/mimecast"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/workflows"
)

// world is everything that a run of a flow meets: both vendors simulated over HTTP, the real clients, steps, guard and ledger,
// an Integration (office), and one clock for all of them.
type world struct {
	*activities.Activities
	*office

	t       *testing.T
	clock   *clock
	sim     *simulator.Simulator
	vendors *control.Client
	store   *ledger.Store
	runs    int

	// before and after stand around every step of the next runs; what they give fails the step.
	before, after func(r *runtime, step string, number int) error
}

// clock only goes forward.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) until(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.After(c.at) {
		c.at = at
	}
}

func (c *clock) pass(by time.Duration) { c.until(c.now().Add(by)) }

// newWorld is a world with every source switched on, some weeks ago: the vendors' answers carry the machine's date, which no
// record may pass.
func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldWith(t, 3*time.Hour)
}

// newWorldWith is newWorld with the time that Mimecast takes to remove mail.
func newWorldWith(t *testing.T, remediationTime time.Duration) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{at: time.Now().UTC().Add(-25 * 24 * time.Hour).Truncate(24 * time.Hour)}}
	// An access token outlives a test: the clock of the vendors is not that of the clients.
	sim, err := simulator.Start(t.Context(), simulator.Options{Now: w.clock.now, TokenLife: 1000 * time.Hour, RemediationTime: remediationTime})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sim.Close(context.WithoutCancel(t.Context()))) })
	w.sim, w.vendors = sim, control.New(sim.URLs.Admin)
	w.store, err = ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "ledger.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.store.Close()) })
	lists, err := guard.Embedded()
	require.NoError(t, err)
	w.office = newOffice(w.clock.now)
	w.Activities = &activities.Activities{Vendors: w.clients(100), Ledger: w.store, Guard: lists, Temporal: w.office, Now: w.clock.now}
	return w
}

// clients makes new clients of both vendors, which read Mimecast's logs by pages of a size.
func (w *world) clients(pageSize int) vendors {
	w.t.Helper()
	m, err := mimecast.New(mimecast.Config{
		BaseURL: w.sim.URLs.Mimecast, ClientID: simulator.DemoClientID, PageSize: pageSize, Now: w.clock.now,
		ClientSecret: config.NewSecret(simulator.DemoMimecastSecret),
	})
	require.NoError(w.t, err)
	f, err := falcon.New(falcon.Config{
		BaseURL: w.sim.URLs.Falcon, ClientID: simulator.DemoClientID, ClientSecret: config.NewSecret(simulator.DemoFalconSecret),
		Now: w.clock.now,
	})
	require.NoError(w.t, err)
	return vendors{m, f}
}

// smallPages makes both clients read a record or two at a time, so that a step ends after some twenty of them.
func (w *world) smallPages() {
	w.t.Helper()
	w.Vendors = w.clients(1)
	// Falcon's client halves its thousand each time that it is told so, and remembers.
	require.NoError(w.t, w.vendors.AddFaults(w.t.Context(), fault.Rule{
		Vendor: fault.Falcon, Path: "/alerts/combined", Kind: fault.Status, Status: http.StatusRequestEntityTooLarge, Count: 9,
	}))
}

// prepared is a run that has not begun.
func (w *world) prepared(workflow any) *runtime {
	w.t.Helper()
	w.runs++
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	r := &runtime{world: w, env: suite.NewTestWorkflowEnvironment(), workflow: workflow, number: w.runs}
	r.setUp()
	return r
}

// attempt runs a flow to its end, whatever that is.
func (w *world) attempt(name string) (workflows.FlowResult, error) {
	w.t.Helper()
	r := w.prepared(workflowOf(name))
	var result workflows.FlowResult
	err := r.execute(activities.FlowInput{Integration: integrationName}, &result)
	return result, err
}

// run runs flows one after the other, and gives the result of the last. None may fail.
func (w *world) run(names ...string) workflows.FlowResult {
	w.t.Helper()
	var result workflows.FlowResult
	for _, name := range names {
		var err error
		result, err = w.attempt(name)
		require.NoError(w.t, err, name)
		require.Empty(w.t, result.Idle, name)
	}
	return result
}

// atOnce runs flows side by side. None may fail.
func (w *world) atOnce(names ...string) {
	w.t.Helper()
	var all sync.WaitGroup
	runs := make([]*runtime, 0, len(names))
	for _, name := range names {
		r := w.prepared(workflowOf(name))
		runs = append(runs, r)
		all.Go(func() { r.env.ExecuteWorkflow(r.workflow, activities.FlowInput{Integration: integrationName}) })
	}
	all.Wait()
	for i, r := range runs {
		var result workflows.FlowResult
		require.NoError(w.t, r.ended(&result), names[i])
		require.Empty(w.t, result.Idle, names[i])
	}
}

// preview shows what the next run of a flow would do.
func (w *world) preview(name string) workflows.Plan {
	w.t.Helper()
	var plan workflows.Plan
	require.NoError(w.t, w.prepared(workflows.Preview).execute(workflows.PreviewInput{Integration: integrationName, Flow: name}, &plan))
	return plan
}

func workflowOf(name string) any {
	switch name {
	case settings.FlowImportIOCs:
		return workflows.ImportIOCs
	case settings.FlowImportAlerts:
		return workflows.ImportAlerts
	default:
		return workflows.ShareTTPLogs
	}
}
