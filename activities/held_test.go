package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/wire"
)

// unheard is a name beneath a top-level domain that is in no list: the guard holds it, and a person may release it.
const unheard = "evil.notatld"

func TestWhatTheGuardHoldsIsRecordedOnceWithItsReason(t *testing.T) {
	w := newWorld(t)
	w.settings.Protect.Domains = []string{"acme.top"}
	at := w.clock.now().Add(-time.Minute)
	w.logged(indicator.URLDomains,
		click(at, "https://login.acme.top/"), click(at, "https://login.acme.top/again"), click(at, "https://192.0.2.7/x"),
		click(at, "https://"+unheard), click(at, "https://evil.top"))
	first := w.fetch(indicator.URLDomains, activities.Cursor{})
	require.Equal(t, []string{"evil.top"}, values(first.Indicators))
	require.Equal(t, map[indicator.Reason]int{"protected": 1, "ip-literal": 1, "unknown-tld": 1}, first.Counts.Held)
	before := w.everything()
	require.Len(t, before, 3)
	for _, entry := range before {
		require.Equal(t, ledger.Held, entry.State)
		require.NotEmpty(t, entry.Reason)
		require.NotEmpty(t, entry.Detail)
		require.NotEmpty(t, entry.Run)
	}
	require.Equal(t, indicator.Reason("protected"), w.entry(indicator.Domain, "login.acme.top").Reason)

	w.clock.pass(5 * time.Minute)
	w.fetch(indicator.URLDomains, first.Cursor)
	require.Equal(t, before, w.everything(), "read again, recorded once")
}

func TestADryRunRecordsAndWritesNothing(t *testing.T) {
	w := newWorld(t)
	w.settings.DryRun = true
	at := w.clock.now().Add(-time.Minute)
	w.logged(indicator.URLDomains, click(at, "https://"+unheard), click(at, "https://evil.top"))
	got := w.fetch(indicator.URLDomains, activities.Cursor{})
	require.Equal(t, 1, got.Counts.HeldInAll())
	counts := w.upload(got.Indicators...)
	require.Equal(t, 1, counts[indicator.URLDomains].WouldShare)
	require.Zero(t, counts[indicator.URLDomains].Shared)
	require.Empty(t, w.everything())
	require.Zero(t, w.writes(fault.Falcon))
}

// A link is a stranger's text. None may keep its log from being read.
func TestALinkWithoutAnyHostDoesNotStopTheLog(t *testing.T) {
	w := newWorld(t)
	at := w.clock.now().Add(-time.Minute)
	w.logged(indicator.URLDomains, click(at, "?x=1"), click(at, "#"), click(at, "https://evil.top"))
	got, err := run[activities.FetchTTPLogsResult](w, w.FetchTTPLogs, w.fetchInput(indicator.URLDomains, activities.Cursor{}))
	require.NoError(t, err)
	require.Equal(t, []string{"evil.top"}, values(got.Indicators))
}

// What is shown of a refused text leaves its query out, and can then look like a good value.
func TestARefusedTextDoesNotHideTheValueThatItLooksLike(t *testing.T) {
	w := newWorld(t)
	at := w.clock.now().Add(-time.Minute)
	w.logged(indicator.URLDomains, click(at, "evil.top?x=1"), click(at.Add(time.Second), "https://evil.top/"))
	require.Equal(t, []string{"evil.top"}, values(w.fetch(indicator.URLDomains, activities.Cursor{}).Indicators))
}

// planned makes the Integration answer the query of a run that starts.
func (w *world) planned(plan activities.RunPlan) {
	w.t.Helper()
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(plan)
	require.NoError(w.t, err)
	w.temporal.On("QueryWorkflow", anyCalls(5)...).Return(encoded{payloads}, nil)
	w.temporal.On("SignalWorkflow", anyCalls(5)...).Return(nil)
}

func (w *world) load() activities.LoadIntegrationResult {
	w.t.Helper()
	in := activities.LoadIntegrationInput{Integration: acme, Flow: "share-ttp-logs"}
	loaded, err := run[activities.LoadIntegrationResult](w, w.LoadIntegration, in)
	require.NoError(w.t, err)
	return loaded
}

func (w *world) holds(address string) {
	w.t.Helper()
	w.logged(indicator.URLDomains, click(w.clock.now().Add(-time.Minute), address))
	require.Empty(w.t, w.fetch(indicator.URLDomains, activities.Cursor{}).Indicators)
}

func TestAHeldValueThatAPersonAllowsIsReleasedOnce(t *testing.T) {
	w := newWorld(t)
	w.holds("https://" + unheard)
	w.settings.Protect.Allow = []string{unheard, "never-met.top", hash(1)}
	w.planned(activities.RunPlan{Settings: w.settings})
	loaded := w.load()
	require.Len(t, loaded.Again, 1)
	require.Len(t, loaded.Again[indicator.URLDomains], 1)
	released := loaded.Again[indicator.URLDomains][0]
	require.Equal(t, unheard, released.Value)
	require.NotEmpty(t, released.Record)
	w.temporal.AssertCalled(t, "SignalWorkflow", anyCalls(1)[0], wire.IntegrationID(acme), "", wire.RunStarted, anyCalls(1)[0])

	w.upload(domain(released.Value, indicator.URLDomains, released.SeenAt))
	require.Contains(t, w.iocs(), unheard)
	require.Equal(t, ledger.Shared, w.entry(indicator.Domain, unheard).State)
	require.Empty(t, w.load().Again)
}

func TestAHardStopIsNotReleasedWhateverAPersonAllows(t *testing.T) {
	w := newWorld(t)
	w.settings.Protect.Domains = []string{"acme.top"}
	w.holds("https://login.acme.top/")
	require.NoError(t, w.vendors.SetInternalDomains(t.Context(), "acme-mail.top"))
	w.clock.pass(2 * time.Hour)
	w.holds("https://acme-mail.top/")
	w.settings.Protect.Allow = []string{"login.acme.top", "acme-mail.top"}
	w.planned(activities.RunPlan{Settings: w.settings})
	require.Empty(t, w.load().Again)
}

func TestAReleasedValueOfASourceThatIsSwitchedOffStaysHeld(t *testing.T) {
	w := newWorld(t)
	w.holds("https://" + unheard)
	w.settings.Protect.Allow = []string{unheard}
	w.settings.SendToFalcon.URLDomains.Enabled = false
	w.planned(activities.RunPlan{Settings: w.settings})
	require.Empty(t, w.load().Again)
}
