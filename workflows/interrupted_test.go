package workflows_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/workflows"
)

// busy is a world in which both imports have every kind of work: values of all kinds, URLs to block, and some to withdraw.
type busy struct {
	*world

	batch   int
	hashes  []string
	domains []string
	alerted []string
}

// inBatch is how many values of each kind come at once.
const inBatch = 2

func newBusy(t *testing.T) *busy {
	t.Helper()
	b := &busy{world: newWorld(t)}
	b.settings.SendToMimecast.IOCDomains.BlockURLs = true
	b.settings.SendToMimecast.AlertDomains.BlockURLs = true
	b.more()
	b.run(settings.FlowImportIOCs, settings.FlowImportAlerts)
	b.more()
	return b
}

// more gives the imports something to do: the next batch is listed, and one of each kind of the one before is taken back.
func (b *busy) more() {
	b.t.Helper()
	if b.batch > 0 {
		require.NoError(b.t, b.vendors.DeleteFalconIOC(b.t.Context(), b.hashes[len(b.hashes)-1]))
		require.NoError(b.t, b.vendors.SetFalconAction(b.t.Context(), "allow", b.domains[len(b.domains)-1]))
		b.hashes, b.domains = b.hashes[:len(b.hashes)-1], b.domains[:len(b.domains)-1]
	}
	for n := b.batch * inBatch; n < (b.batch+1)*inBatch; n++ {
		b.lists(hashIOC(n), domainIOC(bad(n)))
		b.alerts(control.DomainAlert(alerted(n)))
		b.hashes, b.domains, b.alerted = append(b.hashes, sha(n)), append(b.domains, bad(n)), append(b.alerted, alerted(n))
	}
	b.batch++
	b.clock.pass(5 * time.Minute)
}

// requireDone makes sure that both imports are where undisturbed runs bring them.
func (b *busy) requireDone() {
	b.t.Helper()
	made := b.blocked()
	require.ElementsMatch(b.t, b.hashes, made.Hashes)
	require.ElementsMatch(b.t, b.domains, made.Senders)
	require.ElementsMatch(b.t, b.alerted, made.Policies)
	require.Len(b.t, made.URLs, len(b.domains)+len(b.alerted))
	for _, list := range ledger.Lists() {
		require.Empty(b.t, b.booked(list, ledger.Foreign))
		require.Empty(b.t, b.booked(list, ledger.Quarantined))
	}
}

// requireIdle makes sure that there is nothing left to write.
func (b *busy) requireIdle() {
	b.t.Helper()
	b.requireDone()
	b.writes()
	b.run(settings.FlowImportIOCs, settings.FlowImportAlerts)
	require.Zero(b.t, b.writes())
}

// interruptions are how a run can be disturbed at one of its steps. The run that meets it may fail; what comes after may not.
func interruptions() map[string]func(w *world, at int) {
	after := func(do func(r *runtime)) func(*world, int) {
		return func(w *world, at int) {
			w.after = func(r *runtime, _ string, number int) error {
				if number == at {
					do(r)
				}
				return nil
			}
		}
	}
	before := func(do func(r *runtime)) func(*world, int) {
		return func(w *world, at int) {
			w.before = func(r *runtime, _ string, number int) error {
				if number == at {
					do(r)
				}
				return nil
			}
		}
	}
	return map[string]func(*world, int){
		"killed before a step": before((*runtime).kill),
		"killed after a step":  after((*runtime).kill),
		"cancelled in a step":  before(func(r *runtime) { r.env.CancelWorkflow() }),
		"the answer of a step is lost": func(w *world, at int) {
			w.after = func(_ *runtime, _ string, number int) error {
				if number == at {
					return errors.New("the worker went away")
				}
				return nil
			}
		},
	}
}

func TestFault_P1_ARunThatIsInterruptedAtAnyStepLosesAndDoublesNothing(t *testing.T) {
	for name, interrupt := range interruptions() {
		for _, of := range []string{settings.FlowImportIOCs, settings.FlowImportAlerts} {
			t.Run(name+" of "+of, func(t *testing.T) {
				w := newBusy(t)
				for at, met := 1, true; met; at++ {
					w.more()
					interrupt(w.world, at)
					r := w.prepared(workflowOf(of))
					var result workflows.FlowResult
					err := r.execute(activities.FlowInput{Integration: integrationName}, &result)
					met = len(r.steps) >= at
					require.True(t, met || at > 3, "a run has more steps than that")
					require.True(t, err == nil || errors.Is(err, errKilled) || temporal.IsCanceledError(err), err)
					w.before, w.after = nil, nil
					w.run(settings.FlowImportIOCs, settings.FlowImportAlerts)
					w.requireDone()
				}
				w.requireIdle()
			})
		}
	}
}

// A vendor that does what it is asked and whose answer gets lost is asked again, and must find its own work.
func TestFault_P3_AWriteWhoseAnswerIsLostIsNotMadeTwice(t *testing.T) {
	for _, path := range []string{
		"/api/byo-threat-intelligence/create-batch", "/directory/cloud-gateway/v1/groups", "/policy-management/", "/api/ttp/url/create-managed-url",
	} {
		t.Run(path, func(t *testing.T) {
			w := newBusy(t)
			require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{Vendor: fault.Mimecast, Method: "POST", Path: path, Kind: fault.ResetAfter, Count: 2}))
			w.run(settings.FlowImportIOCs, settings.FlowImportAlerts)
			faults, err := w.vendors.Faults(t.Context())
			require.NoError(t, err)
			require.Equal(t, 2, faults[0].Fired, "the test has to meet it")
			w.requireIdle()
		})
	}
}

func TestACancelledImportIsNeitherGoodNorFailed(t *testing.T) {
	w := newBusy(t)
	w.before = func(r *runtime, _ string, number int) error {
		if number == 3 {
			r.env.CancelWorkflow()
		}
		return nil
	}
	_, err := w.attempt(settings.FlowImportIOCs)
	require.True(t, temporal.IsCanceledError(err), err)
	told := w.told(settings.FlowImportIOCs)
	require.True(t, told.Canceled)
	require.False(t, told.More)
	require.Empty(t, told.Failed)
	require.Empty(t, told.Parked, "a person who cancels is no permanent error")
}

func TestAnOutageInTheMiddleOnlyTakesTime(t *testing.T) {
	w := newBusy(t)
	require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{
		Vendor: fault.Mimecast, Method: http.MethodPost, Path: "/directory/cloud-gateway/v1/groups/", Kind: fault.Status, Status: http.StatusServiceUnavailable, Count: 9,
	}))
	began := w.clock.now()
	w.run(settings.FlowImportIOCs, settings.FlowImportAlerts)
	require.Greater(t, w.clock.now().Sub(began), 4*time.Minute)
	w.requireIdle()
}
