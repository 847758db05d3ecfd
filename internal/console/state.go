package console

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/access"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/workflows"
)

// mostHeld is up to where held values are counted one by one.
const mostHeld = 5_000

func (c *Console) statePages() map[string]handler {
	return map[string]handler{
		"GET /i/{name}":            c.state,
		"POST /i/{name}/do/{what}": c.act,
		"/i/{name}/do/{what}":      onlyPost,
	}
}

// statePage is how an integration does, and what can be done about it.
type statePage struct {
	Status  workflows.Status
	Vendors []vendorView
	Flows   []flowView
	Held    int      // up to one more than mostHeld
	Counted bool     // the ledger has told the days and how much is held
	Missing []string // what cannot be shown now, and why
	Paused  bool
}

type vendorView struct {
	Title string
	workflows.VendorState
}

type flowView struct {
	Flow, Title string
	Status      workflows.FlowStatus
	Next        time.Time
	Sources     []sourceView
	Chart       chart
}

type sourceView struct {
	Source     indicator.Source
	Counts     activities.Counts
	Held       int
	Checkpoint string
}

// Enabled says whether the settings switch the flow on.
func (f flowView) Enabled() bool { return f.Status.State != workflows.FlowDisabled }

// Runnable says whether a person may start it now.
func (f flowView) Runnable() bool {
	return f.Enabled() && f.Status.State != workflows.Paused && f.Status.State != workflows.FlowParked
}

// NeedsReconnect says whether something is stopped until a person says that it is mended.
func (s statePage) NeedsReconnect() bool { return s.Status.State == workflows.PermanentError }

// Said says whether the reason of the whole state, which stands above everything else, says this already.
func (s statePage) Said(text string) bool { return strings.Contains(s.Status.Reason, text) }

// Findings are those of the last check that are not among the warnings.
func (s statePage) Findings() []access.Finding {
	if s.Status.Check == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.Status.Check.Findings), func(f access.Finding) bool {
		return slices.Contains(s.Status.Warnings, fmt.Sprintf("%s: %s: %s", f.Where, f.Check, f.Detail))
	})
}

// MostHeld is up to where they are counted.
func (statePage) MostHeld() int { return mostHeld }

// ManyHeld says whether there are more held values than are counted.
func (s statePage) ManyHeld() bool { return s.Held > mostHeld }

func (c *Console) state(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	status, err := c.known(r.Context(), name)
	if err != nil {
		return err
	}
	shown := statePage{
		Status: status, Paused: isPaused(status),
		Vendors: []vendorView{{"Mimecast", status.Mimecast}, {"CrowdStrike Falcon", status.Falcon}},
	}
	// What the ledger and the Schedules add is worth less than the state: without them the page says so.
	until := c.Now().UTC()
	daily, notRead := c.Ledger.Daily(r.Context(), name, firstDay(until))
	var notCounted error
	shown.Held, notCounted = c.Ledger.CountState(r.Context(), name, ledger.Held, mostHeld)
	if err := errors.Join(notRead, notCounted); err != nil {
		shown.Missing = append(shown.Missing, "The ledger does not answer: the days and the number of held values are missing.")
		c.Log.Warn("console: ledger not read", "error", err)
	} else {
		shown.Counted = true
	}
	var asked errgroup.Group
	shown.Flows = make([]flowView, len(settings.Flows()))
	for i, flow := range settings.Flows() {
		shown.Flows[i] = flowOf(flow, status, daily, until)
		if !shown.Flows[i].Enabled() {
			continue
		}
		asked.Go(func() error {
			next, err := c.Desk.NextRun(r.Context(), name, flow)
			shown.Flows[i].Next = next
			return err
		})
	}
	if err := asked.Wait(); err != nil {
		shown.Missing = append(shown.Missing, "Temporal does not tell when the flows run next.")
		c.Log.Warn("console: schedules not read", "error", err)
	}
	return c.show(w, r, http.StatusOK, "state", page{Title: "State", Integration: name, Tab: "state", Data: shown})
}

func flowOf(flow string, status workflows.Status, daily []ledger.DayCount, until time.Time) flowView {
	view := flowView{Flow: flow, Title: flowTitle(flow), Status: status.Flows[flow]}
	sources := settings.SourcesOf(flow)
	for _, source := range sources {
		counts, there := view.Status.Sources[source]
		if !there {
			continue
		}
		view.Sources = append(view.Sources, sourceView{
			Source: source, Counts: counts, Held: counts.HeldInAll(), Checkpoint: status.Checkpoints[flow][source],
		})
	}
	view.Chart = newChart(slices.DeleteFunc(slices.Clone(daily), func(day ledger.DayCount) bool {
		return !slices.Contains(sources, day.Source)
	}), until)
	return view
}

// flowTitle says which way a flow goes.
func flowTitle(flow string) string {
	switch flow {
	case settings.FlowShareTTPLogs:
		return "Mimecast's logs to Falcon"
	case settings.FlowImportIOCs:
		return "Falcon's IOC list to Mimecast"
	case settings.FlowImportAlerts:
		return "Falcon's alerts to Mimecast"
	default:
		return flow
	}
}
