package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/internal/vendorapi"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// undo runs a Withdraw to its end.
func (w *world) undo(in workflows.WithdrawInput) (workflows.Progress, error) {
	w.t.Helper()
	in.Integration = integrationName
	var progress workflows.Progress
	err := w.prepared(workflows.Withdraw).execute(in, &progress)
	return progress, err
}

// lived is a world in which all flows have made something, beside what somebody else made.
func lived(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.settings.SendToMimecast.IOCDomains.BlockURLs = true
	w.settings.SendToMimecast.AlertDomains.BlockURLs = true
	at := w.clock.now()
	w.log(mimecast.Attachment, attachment(at, sha(90), 0))
	w.log(mimecast.URL, click(at, "clicked.top", 0, nil), click(at, "clicked-too.top", 1, nil))
	w.lists(manyIOCs(6, 4)...)
	w.alerts(alertsOf(3)...)
	w.run(settings.Flows()...)
	return w
}

// found is by list what a Withdraw has found; each list has to be done.
func found(t *testing.T, progress workflows.Progress) map[ledger.List]int {
	t.Helper()
	require.True(t, progress.Done)
	require.Len(t, progress.Lists, len(ledger.Lists()))
	counts := map[ledger.List]int{}
	for _, list := range progress.Lists {
		require.True(t, list.Done, list.List)
		counts[list.List] = list.Found
	}
	return counts
}

func made() map[ledger.List]int {
	return map[ledger.List]int{ledger.FalconIOCs: 3, ledger.BYOTI: 6, ledger.BlockedSenders: 4, ledger.SenderPolicies: 3, ledger.ManagedURLs: 7}
}

func TestUndoListsFirstAndThenRemovesWhatTheIntegrationMadeAndNothingElse(t *testing.T) {
	w := lived(t)
	before := w.blocked()
	w.writes()
	listed, err := w.undo(workflows.WithdrawInput{DryRun: true})
	require.NoError(t, err)
	require.True(t, listed.DryRun)
	require.Equal(t, made(), found(t, listed))
	require.Len(t, listed.Items, 23)
	require.Zero(t, w.writes())
	require.Equal(t, before, w.blocked())

	removed, err := w.undo(workflows.WithdrawInput{})
	require.NoError(t, err)
	require.Equal(t, made(), found(t, removed))
	for _, list := range removed.Lists {
		require.Equal(t, list.Found, list.Removed, list.List)
		require.Zero(t, list.Left)
		require.Empty(t, list.Detail)
	}
	require.Empty(t, removed.Items)
	require.Equal(t, blocked{}, w.blocked())
	require.Empty(t, w.ownIOCs())
	iocs, err := w.vendors.FalconIOCs(t.Context())
	require.NoError(t, err)
	theirs := 0
	for _, ioc := range iocs {
		if ioc.Source != ownName && !ioc.Deleted {
			theirs++
		}
	}
	require.Equal(t, 10, theirs, "what somebody else made is there still")
	state, err := w.vendors.MimecastState(t.Context())
	require.NoError(t, err)
	require.Len(t, state.Groups, 2, "those of a fresh tenant")
	require.Len(t, state.Policies, 1)
	for _, list := range ledger.Lists() {
		require.Empty(t, w.booked(list, ledger.Shared))
		require.Len(t, w.booked(list, ledger.Withdrawn), made()[list])
	}

	w.writes()
	again, err := w.undo(workflows.WithdrawInput{})
	require.NoError(t, err)
	require.Zero(t, w.writes())
	for list, n := range found(t, again) {
		require.Zero(t, n, list)
	}
}

func TestUndoGoesOnWhereItStopped(t *testing.T) {
	w := lived(t)
	w.after = func(r *runtime, _ string, number int) error {
		if number == 2 {
			r.env.SetContinueAsNewSuggested(true)
		}
		return nil
	}
	_, err := w.undo(workflows.WithdrawInput{})
	again, ok := errors.AsType[*workflow.ContinueAsNewError](err)
	require.True(t, ok, err)
	require.Equal(t, wire.Withdraw, again.WorkflowType.Name)
	var in workflows.WithdrawInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &in))
	require.False(t, in.Progress.Done)
	require.Equal(t, 3, in.Progress.Lists[0].Removed)
	require.Equal(t, 6, in.Progress.Lists[1].Removed)

	w.after = nil
	w.writes()
	progress, err := w.undo(in)
	require.NoError(t, err)
	require.Equal(t, made(), found(t, progress), "all of it, over both runs")
	require.Equal(t, blocked{}, w.blocked())
}

func TestAnUndoThatWasKilledIsFinishedByAnother(t *testing.T) {
	for at := 1; at <= 5; at++ {
		w := lived(t)
		w.before = func(r *runtime, _ string, number int) error {
			if number == at {
				r.kill()
			}
			return nil
		}
		_, err := w.undo(workflows.WithdrawInput{})
		require.ErrorIs(t, err, errKilled)
		w.before = nil
		progress, err := w.undo(workflows.WithdrawInput{})
		require.NoError(t, err)
		require.True(t, progress.Done)
		require.Equal(t, blocked{}, w.blocked())
		require.Empty(t, w.ownIOCs())
	}
}

func TestUndoTellsHowFarItIs(t *testing.T) {
	w := lived(t)
	w.lists(manyIOCs(0, 700)[4:]...)
	w.run(settings.FlowImportIOCs)
	r := w.prepared(workflows.Withdraw)
	var seen []workflows.Progress
	ask := func() {
		var progress workflows.Progress
		value, err := r.env.QueryWorkflow(wire.Progress)
		require.NoError(t, err)
		require.NoError(t, value.Get(&progress))
		seen = append(seen, progress)
	}
	tries := 0
	w.before = func(_ *runtime, _ string, _ int) error {
		if tries++; tries%2 == 1 {
			return errors.New("once more, please")
		}
		return nil
	}
	for n := range 30 { // each step is tried twice, a second apart
		r.env.RegisterDelayedCallback(ask, time.Duration(n+1)*300*time.Millisecond)
	}
	var result workflows.Progress
	require.NoError(t, r.execute(workflows.WithdrawInput{Integration: integrationName}, &result))
	ask()
	require.Equal(t, result, seen[len(seen)-1], "the answer at the end is the result")
	grown := false
	for i, progress := range seen[1:] {
		for n, list := range progress.Lists {
			require.GreaterOrEqual(t, list.Removed, seen[i].Lists[n].Removed)
			grown = grown || !progress.Done && list.Removed > 0
		}
	}
	require.True(t, grown, "asked while it was at work")
}

func TestAListThatAVendorForbidsIsLeftAndTheOthersGoOn(t *testing.T) {
	for name, tc := range map[string]struct {
		forbid func(w *world) error
		left   []ledger.List
	}{
		"falcon":       {func(w *world) error { return w.vendors.SetScopes(t.Context(), "Alerts: Read") }, []ledger.List{ledger.FalconIOCs}},
		"managed URLs": {func(w *world) error { return w.vendors.Deny(t.Context(), "/api/ttp/url/") }, []ledger.List{ledger.ManagedURLs}},
		"the group":    {func(w *world) error { return w.vendors.Deny(t.Context(), "/directory/", "/api/directory/") }, []ledger.List{ledger.BlockedSenders}},
	} {
		t.Run(name, func(t *testing.T) {
			w := lived(t)
			require.NoError(t, tc.forbid(w))
			progress, err := w.undo(workflows.WithdrawInput{})
			require.NoError(t, err)
			require.True(t, progress.Done)
			for _, list := range progress.Lists {
				if list.List == tc.left[0] {
					require.NotZero(t, list.Left)
					require.NotEmpty(t, list.Detail)
					require.Zero(t, list.Removed)
					continue
				}
				require.Equal(t, made()[list.List], list.Removed, list.List)
				require.Zero(t, list.Left, list.List)
			}
			require.NoError(t, w.vendors.Deny(t.Context()))
			require.NoError(t, w.vendors.SetScopes(t.Context(), "IOC Management: Read", "IOC Management: Write"))
			progress, err = w.undo(workflows.WithdrawInput{})
			require.NoError(t, err)
			require.Equal(t, made()[tc.left[0]], found(t, progress)[tc.left[0]])
			require.Equal(t, blocked{}, w.blocked())
			require.Empty(t, w.ownIOCs())
		})
	}
}

// endless is Falcon with a list that does not come to an end.
type endless struct {
	activities.Falcon

	refuses bool // each page after the first
}

func (e endless) ListIOCs(ctx context.Context, q indicator.ListQuery) (indicator.ListPage, error) {
	if e.refuses && q.After != "" {
		return indicator.ListPage{}, &vendorapi.Error{Class: vendorapi.Contract, Vendor: "falcon", Code: vendorapi.PageTokenRefused}
	}
	page, err := e.Falcon.ListIOCs(ctx, indicator.ListQuery{})
	page.Next = "further"
	return page, err
}

type endlessVendors struct {
	vendors

	refuses bool
}

func (v endlessVendors) Falcon(name string) (activities.Falcon, error) {
	falcon, err := v.vendors.Falcon(name)
	return endless{falcon, v.refuses}, err
}

func TestFault_V16_AnUndoOfAListThatDoesNotEndComesToAnEnd(t *testing.T) {
	for name, c := range map[string]struct {
		refuses      bool
		before, most int // steps
	}{
		"its pages are refused": {true, 0, 20},
		"it goes on and on":     {false, 9_990, 10_000},
	} {
		t.Run(name, func(t *testing.T) {
			w := lived(t)
			w.Vendors = endlessVendors{w.clients(100), c.refuses}
			progress, err := w.undo(workflows.WithdrawInput{DryRun: true, Progress: &workflows.Progress{DryRun: true, Lists: []workflows.ListProgress{
				{ListAt: activities.ListAt{List: ledger.FalconIOCs, Vendor: "falcon"}, Steps: c.before}, {ListAt: activities.ListAt{List: ledger.BYOTI, Vendor: "mimecast"}},
			}}})
			require.NoError(t, err)
			require.True(t, progress.Done)
			endless, others := progress.Lists[0], progress.Lists[1]
			require.LessOrEqual(t, endless.Steps, c.most)
			require.Positive(t, endless.Left)
			require.Contains(t, endless.Detail, "does not come to an end")
			require.Zero(t, others.Left)
			require.Equal(t, made()[ledger.BYOTI], others.Found)
		})
	}
}

func TestAnUndoWithoutAnIntegrationIsRefused(t *testing.T) {
	w := newWorld(t)
	var progress workflows.Progress
	requireFailed(t, w.prepared(workflows.Withdraw).execute(workflows.WithdrawInput{}, &progress), activities.InvalidInput)
	w.writes()
}

func TestAnUndoThatIsCancelledStops(t *testing.T) {
	w := lived(t)
	w.before = func(r *runtime, _ string, number int) error {
		if number == 2 {
			r.env.CancelWorkflow()
		}
		return nil
	}
	_, err := w.undo(workflows.WithdrawInput{})
	require.True(t, temporal.IsCanceledError(err), err)
	require.NotEmpty(t, w.blocked().Senders)
}

// A person may have taken away by hand what the integration made.
func TestWhatIsGoneAlreadyIsCountedAsMissing(t *testing.T) {
	w := lived(t)
	require.NoError(t, w.vendors.DeleteFalconIOC(t.Context(), "clicked.top"))
	progress, err := w.undo(workflows.WithdrawInput{})
	require.NoError(t, err)
	require.Equal(t, 2, progress.Lists[0].Removed)
	require.Equal(t, 1, progress.Lists[0].Missing)
	require.Equal(t, blocked{}, w.blocked())
}
