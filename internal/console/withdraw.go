package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"go.temporal.io/api/serviceerror"

	"github.com/threatshare/threatshare/internal/integrations"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// withdrawPage is what an integration has made at both vendors, counted or being taken back.
//
// It is counted while the integration is paused and none of its runs is at work, so that nothing is added between the count
// that a person confirms and the withdrawal. Such a count is sealed, together with what had run until then; should anything
// have run since, the seal is broken and the person is asked again.
type withdrawPage struct {
	Paused bool
	AtWork string // a flow whose run is still at work
	Seal   string // on the count: it was begun at a standstill, and nothing has run since
	Broken bool   // what led here was sealed, and something has run or was counted since

	Last     integrations.Errand
	Progress workflows.Progress // of the last withdrawal or count
	Problem  string             // why the last one gave no result
	Typed    string
	Wrong    string // with what was typed

	ran string // another one after each run
}

// Found is how many values there are in all.
func (p withdrawPage) Found() int {
	total := 0
	for _, list := range p.Progress.Lists {
		total += list.Found
	}
	return total
}

// Left is how many could not be removed.
func (p withdrawPage) Left() int {
	total := 0
	for _, list := range p.Progress.Lists {
		total += list.Left
	}
	return total
}

// Counted says whether all that is there was counted, and nothing has been added since.
func (p withdrawPage) Counted() bool {
	return p.Seal != "" && !p.Last.AtWork() && p.Last.Failed == nil && p.Progress.DryRun && p.Left() == 0 && p.Still()
}

// Still says whether nothing is being added.
func (p withdrawPage) Still() bool { return p.Paused && p.AtWork == "" }

// Unread says whether some lists could not be counted.
func (p withdrawPage) Unread() bool {
	return p.Last.RunID != "" && !p.Last.AtWork() && p.Last.Failed == nil && p.Progress.DryRun && p.Left() > 0
}

// Removed says whether the last one was a withdrawal that has ended.
func (p withdrawPage) Removed() bool {
	return p.Last.RunID != "" && !p.Last.AtWork() && p.Last.Failed == nil && !p.Progress.DryRun
}

func (c *Console) withdraw(w http.ResponseWriter, r *http.Request) error {
	shown, err := c.withdrawal(r.Context(), r.PathValue("name"), r.URL.Query().Get("count"))
	if err != nil {
		return err
	}
	if shown.Last.AtWork() || shown.Paused && shown.AtWork != "" {
		w.Header().Set("Refresh", lookAgain)
	}
	return c.showWithdraw(w, r, http.StatusOK, shown)
}

func (c *Console) showWithdraw(w http.ResponseWriter, r *http.Request, status int, shown withdrawPage) error {
	return c.show(w, r, status, "withdraw", page{Title: "Withdraw", Integration: r.PathValue("name"), Tab: "withdraw", Data: shown})
}

// withdrawal looks where things stand. seal is that on the count which led here, if one did.
func (c *Console) withdrawal(ctx context.Context, name, seal string) (withdrawPage, error) {
	var shown withdrawPage
	status, err := c.known(ctx, name)
	if err != nil {
		return shown, err
	}
	shown.Paused, shown.ran = isPaused(status), ran(status)
	for _, flow := range settings.Flows() {
		run := status.Flows[flow].Running
		atWork, err := c.Desk.AtWork(ctx, run.WorkflowID, run.RunID)
		if err != nil {
			return shown, err
		}
		if atWork {
			shown.AtWork = flow
		}
	}
	id := wire.WithdrawID(name)
	if shown.Last, err = c.Desk.Errand(ctx, id, &shown.Progress); err != nil {
		return shown, err
	}
	if c.seals.is(seal, name, shown.Last.RunID, shown.ran) {
		shown.Seal = seal
	}
	shown.Broken = seal != "" && shown.Seal == ""
	switch {
	case shown.Last.AtWork():
		shown.Progress, err = integrations.Ask[workflows.Progress](ctx, c.Desk, id, wire.Progress)
	case shown.Last.Failed != nil:
		shown.Problem = failureOf(shown.Last.Failed).what
	}
	return shown, err
}

// ran is what the runs of all flows have left behind. The last start alone would not do: it is told in whole seconds.
func ran(status workflows.Status) string {
	var all strings.Builder
	for _, name := range settings.Flows() {
		flow := status.Flows[name]
		_, _ = fmt.Fprintf(&all, "%q %q %q %d\n", name, flow.LastRun, flow.LastError, flow.GoodRuns) // never fails
	}
	return all.String()
}

// isPaused says whether an integration is paused, which a permanent error hides in its state.
func isPaused(status workflows.Status) bool {
	for _, flow := range status.Flows {
		if flow.State == workflows.Paused {
			return true
		}
	}
	return status.State == workflows.Paused
}

// countWithdrawal pauses the integration, and counts once none of its runs is at work.
func (c *Console) countWithdrawal(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	name := r.PathValue("name")
	shown, err := c.withdrawal(r.Context(), name, "")
	if err != nil {
		return err
	}
	if !shown.Paused {
		reason := map[string]string{"reason": "somebody is about to withdraw everything that was shared; after resume what is new, or an hour old at most, is shared again"}
		if err := c.Desk.Update(r.Context(), name, wire.Pause, nil, reason); err != nil {
			return err
		}
		if shown, err = c.withdrawal(r.Context(), name, ""); err != nil { // again: a run may have begun before the pause
			return err
		}
	}
	to := "/i/" + url.PathEscape(name) + "/withdraw"
	if shown.AtWork == "" && !shown.Last.AtWork() {
		run, err := c.executeWithdrawal(r.Context(), name, true)
		if err != nil {
			return err
		}
		if run != "" {
			to += "?count=" + c.seals.on(name, run, shown.ran)
		}
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// startWithdrawal takes back what was counted, once a person has confirmed that count.
func (c *Console) startWithdrawal(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	name := r.PathValue("name")
	shown, err := c.withdrawal(r.Context(), name, r.PostFormValue("count"))
	if err != nil {
		return err
	}
	to := "/i/" + url.PathEscape(name) + "/withdraw"
	shown.Typed = r.PostFormValue("confirmed")
	switch {
	case shown.Last.AtWork(): // such as after a second click: what is at work is shown
		http.Redirect(w, r, to, http.StatusSeeOther)
		return nil
	case !shown.Counted():
		shown.Typed = ""
		shown.Wrong = "Something has happened since it was counted, so that nothing was withdrawn: look at what stands here now, and confirm that."
		return c.showWithdraw(w, r, http.StatusConflict, shown)
	case strings.TrimSpace(shown.Typed) != name:
		shown.Wrong = "This is not the name of the integration, so that nothing was withdrawn."
		return c.showWithdraw(w, r, http.StatusUnprocessableEntity, shown)
	}
	if _, err := c.executeWithdrawal(r.Context(), name, false); err != nil {
		return err
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// executeWithdrawal starts one and gives its run; empty if another was faster, which is what the page then shows.
func (c *Console) executeWithdrawal(ctx context.Context, name string, dryRun bool) (string, error) {
	inForce, err := c.settingsOf(ctx, name)
	if err != nil {
		return "", err
	}
	run, err := c.Desk.Withdraw(ctx, name, inForce.Credentials, dryRun)
	if _, already := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); already {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return run.GetRunID(), nil
}
