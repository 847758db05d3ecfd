package workflows_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/workflows"
)

// mixed is a world in which each flow finds every case: new, known, changed, held, foreign, refused before, and taken back.
func mixed(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.settings.SendToMimecast.IOCDomains.BlockURLs = true
	w.settings.SendToMimecast.AlertDomains.BlockURLs = true
	at := w.clock.now().Add(-time.Minute)
	w.log(mimecast.URL, click(at, "known.top", 1, nil))
	w.lists(manyIOCs(3, 3)...)
	w.alerts(control.DomainAlert("before.top"), control.DomainAlert("stubborn.top"))
	require.NoError(t, w.vendors.SetLimits(t.Context(), mimecast.Limits{RefusedHashes: []string{sha(2)}, RefusedDomains: []string{"stubborn.top"}}))
	w.run(settings.Flows()...)
	require.NoError(t, w.vendors.SetLimits(t.Context(), mimecast.Limits{}))
	w.clock.pass(10 * time.Minute)

	at = w.clock.now().Add(-time.Minute)
	w.settings.SendToFalcon.URLDomains.Severity = "high" // what was listed as medium is changed
	w.log(mimecast.URL, click(at, "known.top", 2, nil), click(at, "fresh.top", 3, nil), click(at, "evil.notatld", 4, nil), click(at, "theirs.top", 5, nil))
	w.log(mimecast.Attachment, attachment(at, sha(50), 6), attachment(at, sha(0), 7)) // the second is an echo
	w.log(mimecast.Impersonation, impersonation(at, "forged.top", 8), impersonation(at, "gmail.com", 9))
	w.lists(domainIOC("theirs.top"), hashIOC(20), domainIOC("new.top"), domainIOC("gmail.com"), domainIOC("co.uk"),
		control.IOC{Type: "sha256", Value: sha(21), Action: "allow"}, control.IOC{Type: "domain", Value: "old.top", Action: "detect", Severity: "low", Expired: true})
	w.alerts(control.DomainAlert("loud.top"), control.DomainAlert("gmail.com"), control.DomainAlert("known.top").OfCustomIOC(), control.DomainAlert("stubborn.top"))
	require.NoError(t, w.vendors.DeleteFalconIOC(t.Context(), sha(0)))
	require.NoError(t, w.vendors.SetFalconAction(t.Context(), "no_action", bad(0)))
	return w
}

// done is what a real run has done, in the words of a plan: what the ledger says now and did not say before.
func (w *world) done(before []ledger.Entry) []string {
	w.t.Helper()
	was := map[string]ledger.Entry{}
	for _, entry := range before {
		was[fmt.Sprint(entry.List, entry.Key)] = entry
	}
	done := []string{}
	for _, entry := range w.books() {
		old := was[fmt.Sprint(entry.List, entry.Key)]
		var verdict activities.Verdict
		switch {
		case old.State == ledger.Shared && entry.State == ledger.Shared && old.Severity != entry.Severity:
			verdict = activities.VerdictUpdate
		case old.State == entry.State:
			continue
		case entry.State == ledger.Held:
			verdict = activities.VerdictHold
		case entry.State == ledger.Withdrawn && entry.List != ledger.ManagedURLs: // those go with their domain
			verdict = activities.VerdictWithdraw
		case entry.State != ledger.Shared:
			continue
		case entry.List == ledger.FalconIOCs:
			verdict = activities.VerdictShare
		case entry.List == ledger.ManagedURLs:
			verdict = activities.VerdictBlockURLs
		default:
			verdict = activities.VerdictBlock
		}
		done = append(done, fmt.Sprintf("%s %s %s", verdict, entry.List, entry.Value))
	}
	slices.Sort(done)
	return done
}

func planned(plan workflows.Plan) []string {
	items := []string{}
	for _, item := range plan.Items {
		items = append(items, fmt.Sprintf("%s %s %s", item.Verdict, item.List, item.Value))
	}
	slices.Sort(items)
	return items
}

func TestFault_N14_APreviewShowsExactlyWhatTheNextRunDoesAndWritesNothing(t *testing.T) {
	want := map[string][]string{
		settings.FlowShareTTPLogs: {
			"hold iocs evil.notatld", "hold iocs gmail.com", "share iocs " + sha(50), "share iocs forged.top", "share iocs fresh.top", "update iocs known.top",
		},
		settings.FlowImportIOCs: {
			"block blocked-senders new.top", "block blocked-senders theirs.top", "block byoti " + sha(2), "block byoti " + sha(20),
			"block-urls managed-urls new.top", "block-urls managed-urls theirs.top", "hold blocked-senders co.uk", "hold blocked-senders gmail.com",
			"withdraw blocked-senders " + bad(0), "withdraw byoti " + sha(0),
		},
		settings.FlowImportAlerts: {
			"block sender-policies loud.top", "block sender-policies stubborn.top",
			"block-urls managed-urls loud.top", "block-urls managed-urls stubborn.top", "hold sender-policies gmail.com",
		},
	}
	for _, name := range settings.Flows() {
		t.Run(name, func(t *testing.T) {
			w := mixed(t)
			w.writes()
			before := w.books()
			plan, again := w.preview(name), w.preview(name)
			require.Equal(t, plan.Digest, again.Digest, "the same plan, the same digest")
			require.Equal(t, plan.Items, again.Items)
			require.Equal(t, want[name], planned(plan))
			require.Equal(t, len(plan.Items), plan.Total)
			require.False(t, plan.More)
			require.Equal(t, name, plan.Flow)

			// A dryRun setting does the same by the flow itself.
			reports := len(w.reports)
			w.settings.DryRun = true
			dry := w.run(name)
			require.Equal(t, plan.Digest, dry.Plan.Digest)
			require.Equal(t, plan.Counts, dry.Plan.Counts)
			require.True(t, w.told(name).DryRun)
			require.Empty(t, w.told(name).Cursors, "what was only tried is still to be done")
			require.Greater(t, len(w.reports), reports)
			w.settings.DryRun = false

			require.Zero(t, w.writes(), "at the vendors")
			require.Equal(t, before, w.books(), "in the ledger")

			w.run(name)
			require.NotZero(t, w.writes())
			require.Equal(t, want[name], w.done(before))
			done := w.books()
			after := w.preview(name)
			require.NotEqual(t, plan.Digest, after.Digest)
			w.run(name)
			require.Equal(t, w.done(done), planned(after))
			require.Empty(t, planned(after), "it has been done")
		})
	}
}

func TestAPreviewTellsNobodyAndWorksBesideARunAndAPause(t *testing.T) {
	w := mixed(t)
	started := activities.Run{Flow: settings.FlowImportIOCs, WorkflowID: "w", RunID: "another"}
	w.of(settings.FlowImportIOCs).current = started
	told := len(w.reports)
	plan := w.preview(settings.FlowImportIOCs)
	require.NotEmpty(t, plan.Items)
	require.Len(t, w.reports, told)
	require.Equal(t, started, w.of(settings.FlowImportIOCs).current)
}

func TestAPreviewSaysWhatTheDeletionGuardWouldStop(t *testing.T) {
	w := newWorld(t)
	w.lists(manyIOCs(40, 0)...)
	w.run(settings.FlowImportIOCs)
	for n := range 15 {
		require.NoError(t, w.vendors.DeleteFalconIOC(t.Context(), sha(n)))
	}
	w.clock.pass(5 * time.Minute)
	w.writes()
	want := &activities.Waiting{Due: 15, Held: 40, Allowed: 10}
	for n := range 15 {
		want.First = append(want.First, sha(n))
	}
	slices.Sort(want.First)
	plan := w.preview(settings.FlowImportIOCs)
	require.Equal(t, want, plan.Waiting)
	require.Empty(t, plan.Items)

	w.run(settings.FlowImportIOCs)
	require.Equal(t, want, w.told(settings.FlowImportIOCs).Waiting)
	require.Zero(t, w.writes())
	require.Equal(t, want, w.preview(settings.FlowImportIOCs).Waiting, "now that the ledger knows")

	w.approve(settings.FlowImportIOCs, 15)
	plan = w.preview(settings.FlowImportIOCs)
	require.Nil(t, plan.Waiting)
	require.Len(t, plan.Items, 15)
	before := w.books()
	w.run(settings.FlowImportIOCs)
	require.Equal(t, planned(plan), w.done(before))
	require.Len(t, w.blocked().Hashes, 25)
	require.Nil(t, w.told(settings.FlowImportIOCs).Waiting)
}

func TestALongPlanShowsAThousandItemsAndCountsAll(t *testing.T) {
	w := newWorld(t)
	w.lists(manyIOCs(1_500, 0)...)
	plan := w.preview(settings.FlowImportIOCs)
	require.Len(t, plan.Items, 1_000)
	require.Equal(t, 1_500, plan.Total)
	require.Equal(t, 1_500, plan.Counts[indicator.IOCHashes].WouldShare)
	require.NoError(t, w.vendors.DeleteFalconIOC(t.Context(), sha(1_499)))
	changed := w.preview(settings.FlowImportIOCs)
	require.Equal(t, plan.Items, changed.Items)
	require.NotEqual(t, plan.Digest, changed.Digest, "the digest is over all of them")
}

// A full list of hashes lets only the first ones in: a plan that shows more would promise too much.
func TestAPlanShowsNoMoreHashesThanThereIsRoomFor(t *testing.T) {
	w := newWorld(t)
	w.roomFor(3)
	w.lists(manyIOCs(5, 1)...)
	plan := w.preview(settings.FlowImportIOCs)
	_, err := w.attempt(settings.FlowImportIOCs)
	requireFailed(t, err, activities.VendorQuota)
	require.Equal(t, planned(plan), w.done(nil))
}

func TestAPreviewIsOfAFlowThatThereIsAndThatIsOn(t *testing.T) {
	w := newWorld(t)
	err := w.prepared(workflows.Preview).execute(workflows.PreviewInput{Integration: integrationName, Flow: "no-such-flow"}, &workflows.Plan{})
	requireFailed(t, err, activities.InvalidInput)
	w.settings.SendToMimecast.AlertDomains.Enabled = false
	plan := w.preview(settings.FlowImportAlerts)
	require.NotEmpty(t, plan.Idle)
	require.Empty(t, plan.Items)
}
