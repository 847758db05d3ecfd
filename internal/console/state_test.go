package console_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/access"
	"github.com/threatshare/threatshare/internal/console"
	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/notify"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/workflows"
)

const acmeState = "/i/acme"

// change gives a flow of the status another state.
func (w *world) change(flow string, change func(*workflows.FlowStatus)) {
	status := w.temporal.status.Flows[flow]
	change(&status)
	w.temporal.status.Flows[flow] = status
}

func TestTheStateSaysSinceWhenAllIsConnectedAndWhenFlowsRun(t *testing.T) {
	w := newWorld(t)
	w.temporal.status.Falcon.Since = "2026-11-21T08:00:00Z"
	w.change(settings.FlowShareTTPLogs, func(f *workflows.FlowStatus) {
		f.LastSuccess, f.Shared, f.Held = "2026-11-24T09:25:07Z", 12345, 6
		f.Sources = map[indicator.Source]activities.Counts{indicator.URLDomains: {
			Read: 1000, Shared: 900, AlreadyThere: 50, Held: map[indicator.Reason]int{guard.PopularSite: 40, guard.FreeMail: 2}, Quarantined: 8, Withdrawn: 3,
		}}
	})
	w.temporal.status.Checkpoints = map[string]map[indicator.Source]string{settings.FlowShareTTPLogs: {indicator.URLDomains: "2026-11-24T09:24:00Z"}}
	w.change(settings.FlowImportAlerts, func(f *workflows.FlowStatus) { f.State = workflows.FlowDisabled })
	w.says(w.get(acmeState), http.StatusOK,
		"connected since 2026-11-20 08:00:00 UTC (4 days ago)", "CrowdStrike Falcon connected since 2026-11-21 08:00:00 UTC",
		"Mimecast's logs to Falcon (share-ttp-logs)", "last run 2026-11-24 09:25:00 UTC", "last good run 2026-11-24 09:25:07 UTC",
		"next run 2026-11-24 09:31:00 UTC", "shared 12,345", "urlDomains 1,000 900 50 42 8 3 2026-11-24 09:24:00 UTC",
		"disabled Nothing of it is switched on in the settings")
	require.Nil(t, nodeOf(t, w.get(acmeState), "do-sync-"+settings.FlowImportAlerts), "what is off cannot be started")
	require.NotNil(t, nodeOf(t, w.get(acmeState), "do-sync-"+settings.FlowShareTTPLogs))
}

func TestTheStateSaysWhyFlowsStopAndWhatToDo(t *testing.T) {
	w := newWorld(t)
	status := &w.temporal.status
	status.State, status.Reason = workflows.PermanentError, "Falcon refuses FALCON_CLIENT_SECRET; mend it, then reconnect"
	status.Falcon = workflows.VendorState{State: workflows.PermanentError, Reason: "401 from Falcon"}
	w.change(settings.FlowShareTTPLogs, func(f *workflows.FlowStatus) {
		f.State, f.Reason, f.LastError = workflows.FlowParked, "Falcon refuses", "an error of long ago"
		f.Parked = map[settings.Part]string{"sendToFalcon.urlDomains": "add the scope IOC Management: Write"}
		f.Gaps = map[indicator.Source]activities.Gap{indicator.URLDomains: {From: now().Add(-48 * time.Hour), To: now().Add(-24 * time.Hour)}}
	})
	w.says(w.get(acmeState), http.StatusOK,
		"permanent error since", "Falcon refuses FALCON_CLIENT_SECRET", "Mend what is said above, then reconnect", "401 from Falcon",
		"sendToFalcon.urlDomains is parked: add the scope IOC Management: Write", "Last error: an error of long ago",
		"urlDomains: what was recorded from 2026-11-22 09:30:00 UTC to 2026-11-23 09:30:00 UTC was missed for good")
	require.Nil(t, nodeOf(t, w.get(acmeState), "do-sync-"+settings.FlowShareTTPLogs), "what is parked is not started by a button but by reconnect")
	reconnect := nodeOf(t, w.get(acmeState), "do-reconnect")
	require.Empty(t, attribute(under(reconnect)[0], "class"), "the button to press stands out")
}

func TestTheStateSaysTheSameThingOnceOnly(t *testing.T) {
	w := newWorld(t)
	const refused = "Falcon refuses FALCON_CLIENT_SECRET"
	status := &w.temporal.status
	status.State, status.Reason = workflows.PermanentError, refused+"; then: temporal workflow signal --workflow-id threatshare/acme --name reconnect"
	status.Falcon = workflows.VendorState{State: workflows.PermanentError, Reason: refused}
	status.Warnings = []string{"mail: notify: nobody is told"}
	status.Check = &workflows.CheckStatus{Findings: []access.Finding{
		{Where: "mail", Check: "notify", Outcome: access.Warning, Detail: "nobody is told"}, {Where: "falcon", Check: "clock", Outcome: access.Warning, Detail: "it is late"},
	}}
	w.change(settings.FlowShareTTPLogs, func(f *workflows.FlowStatus) {
		f.State, f.Reason, f.LastError, f.Parked = workflows.FlowParked, refused, refused, map[settings.Part]string{"sendToFalcon.urlDomains": refused}
	})
	text := w.text(w.get(acmeState))
	require.Equal(t, 1, strings.Count(text, refused), text)
	require.Equal(t, 1, strings.Count(text, "nobody is told"), text)
	require.Contains(t, text, "falcon: clock: warning. it is late")
	require.Contains(t, text, "parked For the reason above.")
	require.Contains(t, text, "sendToFalcon.urlDomains is parked, for the reason above.")
	require.NotContains(t, text, "temporal workflow", "here it is a button")
}

func TestTheStateShowsWhatElseIsWorthKnowing(t *testing.T) {
	w := newWorld(t)
	status := &w.temporal.status
	status.DryRun, status.Warnings = true, []string{"domains in both directions"}
	status.BYOTI = &indicator.Quota{Used: 90_000, Limit: 100_000}
	status.Remediations = &activities.Remediations{Done: 1, Started: 2, Wanted: 3, Failed: 4, Messages: activities.Messages{Successful: 10, Identified: 12}}
	status.Check = &workflows.CheckStatus{At: "2026-11-24T08:00:00Z", Findings: []access.Finding{{Where: "mimecast", Check: "the clock", Outcome: access.Warning, Detail: "two minutes off"}}}
	status.Mail = &workflows.LastMail{At: now(), Kind: notify.Degraded, Problem: "the server said no"}
	status.LastRejected, status.Rejected = &workflows.Rejected{At: now(), Name: "change-settings", Problem: "no such flow"}, 1234
	w.change(settings.FlowImportIOCs, func(f *workflows.FlowStatus) {
		f.Progress = &workflows.RunProgress{Done: 1500, Of: 3000, Unit: "records"}
		f.Running.RunID = "r"
		f.Waiting = &activities.Waiting{Due: 60, Held: 1000, Allowed: 50, First: []string{"a.example", "b.example"}}
	})
	w.says(w.get(acmeState), http.StatusOK,
		"Dry run: everything is read and compared", "domains in both directions", "90,000 of 100,000 places, by our own count",
		"1 removals done, 2 at work, 3 waiting, 4 failed; 10 of 12 messages", "mimecast: the clock: "+string(access.Warning)+". two minutes off",
		"2026-11-24 09:30:00 UTC: not sent, the server said no", "Refused input, 2026-11-24 09:30:00 UTC: change-settings: no such flow (1,234 in all)",
		"At work: 1,500 of 3,000 records", "next run at work now",
		"Falcon has taken back 60 of 1,000 blocked values. At most 50 are unblocked in one run", "Among them: a.example, b.example.", "Let the next run unblock 60 values")
	w.change(settings.FlowImportIOCs, func(f *workflows.FlowStatus) { f.Waiting.Refused = "policy is locked" })
	page := w.get(acmeState)
	w.says(page, http.StatusOK, "Mimecast did not take 60 values off its lists: policy is locked")
	require.Nil(t, nodeOf(t, page, "do-approve-"+settings.FlowImportIOCs), "approval is not what is missing")
}

func TestAPausedIntegrationIsResumedAndNotPaused(t *testing.T) {
	w := newWorld(t)
	require.NotNil(t, nodeOf(t, w.get(acmeState), "do-pause"))
	require.Nil(t, nodeOf(t, w.get(acmeState), "do-resume"))
	w.temporal.status = paused(w.temporal.status)
	w.temporal.status.State = workflows.PermanentError // which hides the pause
	page := w.get(acmeState)
	require.Nil(t, nodeOf(t, page, "do-pause"))
	require.NotNil(t, nodeOf(t, page, "do-resume"))
	for _, flow := range settings.Flows() {
		require.Nil(t, nodeOf(t, page, "do-sync-"+flow))
	}
}

func TestTheStateIsShownWithoutWhatTheLedgerAndTheSchedulesAdd(t *testing.T) {
	broken := fakeLedger{failing: errors.New("the disk is full of canaries")}
	w := newWorld(t, func(o *console.Options) { o.Ledger = broken })
	w.temporal.schedule = errors.New("no such thing")
	page := w.get(acmeState)
	w.says(page, http.StatusOK, "connected since", "The ledger does not answer", "Temporal does not tell when the flows run next", "next run –", "Held back not known")
	require.NotContains(t, w.text(page), "0 shared", "nothing is made up")
	require.NotContains(t, page.Body.String(), "canaries")
	require.Contains(t, w.log.String(), "canaries")
}

func TestHeldValuesAreCountedUpToABound(t *testing.T) {
	for held, want := range map[int]string{0: "0 values", 5_000: "5,000 values", 5_001: "more than 5,000 values"} {
		w := newWorld(t, func(o *console.Options) { o.Ledger = fakeLedger{held: held} })
		w.says(w.get(acmeState), http.StatusOK, want)
	}
}

// bars gives the bars of the first flow's chart: their class, x, y and height.
func (w *world) bars() []string {
	var found []string
	for _, node := range under(nodeOf(w.t, w.get(acmeState), "state")) {
		if node.Data == "section" && len(found) > 0 && attribute(node, "aria-labelledby") == "flow-"+settings.FlowImportIOCs {
			break
		}
		if node.Data == "rect" {
			found = append(found, fmt.Sprint(attribute(node, "class"), " ", attribute(node, "x"), " ", attribute(node, "y"), " ", attribute(node, "height")))
		}
	}
	return found
}

func TestTheChartHasABarForEachDayWithHeldUponShared(t *testing.T) {
	day := func(back int) time.Time { return time.Date(2026, 11, 24-back, 0, 0, 0, 0, time.UTC) }
	count := func(back int, state ledger.State, n int) ledger.DayCount {
		return ledger.DayCount{Day: day(back), Source: indicator.URLDomains, State: state, N: n}
	}
	w := newWorld(t, func(o *console.Options) {
		o.Ledger = fakeLedger{days: []ledger.DayCount{
			count(30, ledger.Shared, 1_000_000), // before the chart begins
			count(29, ledger.Shared, 30), count(29, ledger.Held, 10),
			count(1, ledger.Shared, 1), count(1, ledger.Withdrawn, 100), // which the chart does not show
			count(0, ledger.Held, 40), count(-1, ledger.Shared, 5), // after its end
			{Day: day(0), Source: indicator.IOCDomains, State: ledger.Shared, N: 7}, // of another flow
		}}
	})
	require.Equal(t, []string{"bar-shared 1 22 58", "bar-held 1 3 19", "bar-shared 337 79 1", "bar-held 349 2 78"}, w.bars())
	w.says(w.get(acmeState), http.StatusOK, "2026-10-26 to 2026-11-24: 31 shared, 50 held; at most 40 on a day",
		"2026-10-26 30 10", "2026-11-23 1 0", "2026-11-24 0 40")
}

func TestAChartOfNothingIsALine(t *testing.T) {
	w := newWorld(t)
	require.Empty(t, w.bars())
	w.says(w.get(acmeState), http.StatusOK, "2026-10-26 to 2026-11-24: 0 shared, 0 held")
	require.NotContains(t, w.text(w.get(acmeState)), "on a day")
}

// What there is never leaves the picture, however much it is.
func TestBarsStayInsideTheChart(t *testing.T) {
	for _, shared := range []int{0, 1, 77, 78, 79, 1_000_000_000} {
		for _, held := range []int{1, 500, 1_000_000_000} {
			w := newWorld(t, func(o *console.Options) {
				o.Ledger = fakeLedger{days: []ledger.DayCount{
					{Day: now().Truncate(24 * time.Hour), Source: indicator.URLDomains, State: ledger.Shared, N: shared},
					{Day: now().Truncate(24 * time.Hour), Source: indicator.URLDomains, State: ledger.Held, N: held},
				}}
			})
			for _, node := range settingsNodes(t, w.get(acmeState)) {
				if node.Data == "rect" {
					require.GreaterOrEqual(t, number(t, node, "y"), 0, "%d shared, %d held", shared, held)
					require.LessOrEqual(t, number(t, node, "y")+number(t, node, "height"), 80)
					require.Positive(t, number(t, node, "height"))
				}
			}
		}
	}
}

func number(t *testing.T, node *html.Node, key string) int {
	t.Helper()
	value, err := strconv.Atoi(attribute(node, key))
	require.NoError(t, err)
	return value
}

// fakeLedger answers with what the test says.
type fakeLedger struct {
	entries  []ledger.Entry
	removals []ledger.Remediation
	days     []ledger.DayCount
	held     int
	failing  error
}

func (f fakeLedger) Browse(context.Context, ledger.Query) (ledger.Page, error) {
	return ledger.Page{Entries: f.entries}, f.failing
}

func (f fakeLedger) Search(context.Context, ledger.Query) ([]ledger.Entry, error) {
	return f.entries, f.failing
}

func (f fakeLedger) Daily(context.Context, string, time.Time) ([]ledger.DayCount, error) {
	return f.days, f.failing
}

func (f fakeLedger) CountState(context.Context, string, ledger.State, int) (int, error) {
	return f.held, f.failing
}

func (f fakeLedger) RemediationsOf(context.Context, string, indicator.Key, int) ([]ledger.Remediation, error) {
	return f.removals, f.failing
}
