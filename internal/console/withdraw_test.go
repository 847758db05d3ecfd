package console_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

const (
	acmeWithdraw = "/i/acme/withdraw"
	acmeConfirm  = acmeWithdraw + "/confirm"
)

// at is the last withdrawal or count of acme.
func (w *world) at(last errand) { w.temporal.errands[wire.WithdrawID(acme)] = last }

// found is a progress in which each list has so many values.
func found(dryRun bool, iocs, hashes int) workflows.Progress {
	return workflows.Progress{DryRun: dryRun, Lists: []workflows.ListProgress{
		{ListAt: activities.ListAt{Vendor: "falcon", List: ledger.FalconIOCs}, Found: iocs, Done: true},
		{ListAt: activities.ListAt{Vendor: "mimecast", List: ledger.BYOTI}, Found: hashes, Done: true},
		{ListAt: activities.ListAt{Vendor: "mimecast", List: ledger.BlockedSenders}, Done: true},
	}}
}

// count counts as a person does, and gives where that leads.
func (w *world) count(result workflows.Progress) string {
	answer := w.post(acmeWithdraw)
	require.Equal(w.t, http.StatusSeeOther, answer.Code, w.text(answer))
	w.at(errand{run: "run-of-" + wire.WithdrawID(acme), began: now(), ended: now(), result: result})
	return answer.Header().Get("Location")
}

// confirm sends the form that confirms a count, with what was typed.
func (w *world) confirm(page *httptest.ResponseRecorder, typed string) *httptest.ResponseRecorder {
	form := nodeOf(w.t, page, "confirm-withdraw")
	require.NotNil(w.t, form, w.text(page))
	require.Equal(w.t, acmeConfirm, attribute(form, "action"))
	var seal string
	for _, node := range under(form) {
		if attribute(node, "name") == "count" {
			seal = attribute(node, "value")
		}
	}
	return w.post(acmeConfirm, "count", seal, "confirmed", typed)
}

func TestCountingPausesFirstSoThatNothingIsAddedMeanwhile(t *testing.T) {
	w := newWorld(t)
	page := w.get(acmeWithdraw)
	w.says(page, http.StatusOK, "Pause the integration and count what there is")
	require.Nil(t, nodeOf(t, page, "confirm-withdraw"))
	w.temporal.first = nil
	require.Equal(t, http.StatusSeeOther, w.post(acmeWithdraw).Code)
	require.Len(t, w.temporal.asked, 1)
	require.Equal(t, wire.Pause, w.temporal.asked[0].Name)
	require.Contains(t, w.temporal.asked[0].Args[0], "somebody is about to withdraw everything")
	require.Equal(t, []string{wire.WithdrawID(acme) + ` {"credentials":"","dryRun":true,"integration":"acme"}`}, w.temporal.began)
}

func TestAWithdrawalIsConfirmedWithTheCountsAndTheNameTyped(t *testing.T) {
	w := newWorld(t)
	w.temporal.status = paused(idle())
	where := w.count(found(true, 1200, 34))
	require.Empty(t, w.temporal.asked, "it is paused already")
	page := w.get(where)
	w.says(page, http.StatusOK, "What was counted", "Withdraw 1,234 values", "1,200 on the list iocs at falcon", "34 on the list byoti at mimecast",
		"Type the name of the integration, acme, to confirm", "The integration stays paused afterwards")
	require.NotContains(t, textOf(t, page, "confirm-withdraw"), "blocked-senders", "nothing is there")

	for _, typed := range []string{"", "Acme", "acme2", `"><script>`} {
		answer := w.confirm(page, typed)
		w.says(answer, http.StatusUnprocessableEntity, "This is not the name of the integration, so that nothing was withdrawn", "Withdraw 1,234 values now")
		require.Equal(t, typed, attribute(nodeOf(t, answer, "confirmed"), "value"), "what was typed is kept")
		require.Equal(t, "true", attribute(nodeOf(t, answer, "confirmed"), "aria-invalid"))
	}
	require.Len(t, w.temporal.began, 1, "the count")
	answer := w.confirm(page, " acme ")
	require.Equal(t, acmeWithdraw, answer.Header().Get("Location"))
	require.JSONEq(t, `{"credentials":"","dryRun":false,"integration":"acme"}`, strings.TrimPrefix(w.temporal.began[1], wire.WithdrawID(acme)))
}

func TestACountThatIsNotOfNowConfirmsNothing(t *testing.T) {
	for name, meanwhile := range map[string]func(w *world){
		"a run began and ended": func(w *world) {
			w.change(settings.FlowImportIOCs, func(f *workflows.FlowStatus) { f.LastRun, f.GoodRuns = "2026-11-24T09:31:00Z", f.GoodRuns+1 })
		},
		"a run ended that began in the same second": func(w *world) {
			w.change(settings.FlowImportIOCs, func(f *workflows.FlowStatus) { f.GoodRuns++ })
		},
		"a run failed": func(w *world) {
			w.change(settings.FlowImportIOCs, func(f *workflows.FlowStatus) { f.LastError = "the last page is missing" })
		},
		"a run is at work": func(w *world) {
			w.change(settings.FlowImportIOCs, func(f *workflows.FlowStatus) { f.Running = activities.Run{WorkflowID: "flow", RunID: "r"} })
			w.temporal.errands["flow"] = errand{run: "r", began: now()}
		},
		"somebody resumed": func(w *world) { w.temporal.status = idle() },
		"somebody counted again": func(w *world) {
			w.at(errand{run: "another", began: now(), ended: now(), result: found(true, 2000, 0)})
		},
		"a list cannot be counted any more": func(w *world) {
			progress := found(true, 1, 0)
			progress.Lists[0].Left, progress.Lists[0].Detail = 1, "Falcon does not answer"
			w.at(errand{run: "run-of-" + wire.WithdrawID(acme), began: now(), ended: now(), result: progress})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.temporal.status = paused(idle())
			where := w.count(found(true, 1200, 34))
			page := w.get(where)
			meanwhile(w)
			answer := w.confirm(page, "acme")
			w.says(answer, http.StatusConflict, "Something has happened since it was counted, so that nothing was withdrawn")
			require.Nil(t, nodeOf(t, answer, "confirm-withdraw"), "there is nothing to confirm")
			require.NotNil(t, nodeOf(t, answer, "withdraw"), "but to count again")
			require.Len(t, w.temporal.began, 1, "the count")
			require.Nil(t, nodeOf(t, w.get(where), "confirm-withdraw"), "nor on the page when it is loaded anew")
		})
	}
}

func TestACountThatARunHasOvertakenSaysSo(t *testing.T) {
	w := newWorld(t)
	w.temporal.status = paused(idle())
	where := w.count(found(true, 3, 4))
	require.NotContains(t, w.text(w.get(where)), "count again")
	w.change(settings.FlowShareTTPLogs, func(f *workflows.FlowStatus) { f.GoodRuns++ })
	w.says(w.get(where), http.StatusOK, "Something has run since it was counted: count again.")
}

// A run may end in the very second in which it is counted, and be counted with what is there.
func TestACountRightAfterARunHoldsGood(t *testing.T) {
	w := newWorld(t)
	w.temporal.status = paused(idle())
	w.change(settings.FlowImportIOCs, func(f *workflows.FlowStatus) { f.LastRun = now().Format(time.RFC3339) })
	require.NotNil(t, nodeOf(t, w.get(w.count(found(true, 3, 4))), "confirm-withdraw"))
}

func TestACountThatTheConsoleDidNotSealConfirmsNothing(t *testing.T) {
	w := newWorld(t)
	w.temporal.status = paused(idle())
	where := w.count(found(true, 3, 4))
	another := newWorld(t)
	another.temporal.status = paused(idle())
	foreign, err := url.Parse(another.count(found(true, 3, 4)))
	require.NoError(t, err)
	for _, seal := range []string{"", "x", `"><script>`, foreign.Query().Get("count")} {
		w.says(w.post(acmeConfirm, "count", seal, "confirmed", "acme"), http.StatusConflict, "nothing was withdrawn")
		require.Nil(t, nodeOf(t, w.get(acmeWithdraw+"?count="+url.QueryEscape(seal)), "confirm-withdraw"))
	}
	require.NotNil(t, nodeOf(t, w.get(where), "confirm-withdraw"))
	require.Len(t, w.temporal.began, 1, "the count")
}

// With a password, what one worker has sealed another knows, and the same one after a restart.
func TestASealedCountHoldsOnEveryWorkerWithTheSamePassword(t *testing.T) {
	w := newWorld(t, withPassword)
	w.temporal.status = paused(idle())
	signed := w.request(http.MethodPost, acmeWithdraw, nil, "Authorization: Bearer "+secret)
	where := w.send(signed).Header().Get("Location")
	w.at(errand{run: "run-of-" + wire.WithdrawID(acme), began: now(), ended: now(), result: found(true, 3, 4)})
	w.pages = w.console(withPassword)
	require.NotNil(t, nodeOf(t, w.header(http.MethodGet, where, "Authorization: Bearer "+secret), "confirm-withdraw"))
}

func TestWhileARunIsAtWorkNothingIsCounted(t *testing.T) {
	w := newWorld(t)
	w.temporal.status = paused(idle())
	w.change(settings.FlowImportIOCs, func(f *workflows.FlowStatus) { f.Running = activities.Run{WorkflowID: "flow", RunID: "r"} })
	w.temporal.errands["flow"] = errand{run: "r", began: now()}
	require.Equal(t, acmeWithdraw, w.post(acmeWithdraw).Header().Get("Location"))
	require.Empty(t, w.temporal.began)
	page := w.get(acmeWithdraw)
	w.says(page, http.StatusOK, "A run of import-iocs is still at work: once it has ended, count.")
	require.Equal(t, "3", page.Header().Get("Refresh"))
	w.temporal.errands["flow"] = errand{run: "r", began: now(), ended: now()} // ended from outside: the integration knows nothing of it
	require.Contains(t, w.post(acmeWithdraw).Header().Get("Location"), "?count=")
}

func TestAWithdrawalAtWorkIsShownAndNotStartedTwice(t *testing.T) {
	w := newWorld(t)
	w.temporal.status = paused(idle())
	progress := found(false, 1200, 0)
	progress.Lists[0].Removed, progress.Lists[0].Missing, progress.Lists[0].Left = 1000, 150, 7
	w.at(errand{run: "r", began: now(), progress: progress})
	page := w.get(acmeWithdraw)
	w.says(page, http.StatusOK, "Withdrawing since 2026-11-24 09:30:00 UTC. It goes on whether or not this page is open", "iocs falcon 1,200 1,000 150 7")
	require.Equal(t, "3", page.Header().Get("Refresh"))
	require.Nil(t, nodeOf(t, page, "withdraw"))
	require.Equal(t, acmeWithdraw, w.post(acmeWithdraw).Header().Get("Location"))
	require.Equal(t, acmeWithdraw, w.post(acmeConfirm, "confirmed", "acme").Header().Get("Location"), "a second click is no mistake")
	require.Empty(t, w.temporal.began)
}

func TestWhatAWithdrawalLeftIsShownWithTheReason(t *testing.T) {
	w := newWorld(t)
	w.temporal.status = paused(idle())
	progress := found(false, 1200, 34)
	w.at(errand{run: "r", began: now(), ended: now(), result: progress})
	page := w.get(acmeWithdraw)
	w.says(page, http.StatusOK, "Withdrawn at 2026-11-24 09:30:00 UTC.")
	require.NotContains(t, w.text(page), "are left")
	progress.Lists[1].Left, progress.Lists[1].Detail = 2, "add the permission to edit"
	w.at(errand{run: "r", began: now(), ended: now(), result: progress})
	w.says(w.get(acmeWithdraw), http.StatusOK, "2 values are left, for the reasons below", "add the permission to edit")

	w.at(errand{run: "r", began: now(), ended: now(), failed: temporal.NewNonRetryableApplicationError("it was cancelled", "x", nil)})
	w.says(w.get(acmeWithdraw), http.StatusOK, "The last one, of 2026-11-24 09:30:00 UTC, failed: it was cancelled")
}

func TestNothingToWithdrawAndWhatCouldNotBeCountedAreToldApart(t *testing.T) {
	w := newWorld(t)
	w.temporal.status = paused(idle())
	page := w.get(w.count(found(true, 0, 0)))
	w.says(page, http.StatusOK, "There is nothing to withdraw.")
	require.Nil(t, nodeOf(t, page, "confirm-withdraw"))
	progress := found(true, 5, 0)
	progress.Lists[1].Left, progress.Lists[1].Detail = 1, "Mimecast refuses"
	page = w.get(w.count(progress))
	w.says(page, http.StatusOK, "Not everything could be counted", "Mimecast refuses")
	require.Nil(t, nodeOf(t, page, "confirm-withdraw"), "what is not known is not confirmed")
}

func TestTheWithdrawalOfAnIntegrationThatDoesNotRunIsNotFound(t *testing.T) {
	w := newWorld(t)
	w.says(w.get("/i/other/withdraw"), http.StatusNotFound, "is running")
	w.says(w.post("/i/other/withdraw"), http.StatusNotFound, "is running")
	w.says(w.post("/i/other/withdraw/confirm", "confirmed", "other"), http.StatusNotFound, "is running")
	require.Empty(t, w.temporal.began)
}
