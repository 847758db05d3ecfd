package console

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/threatshare/threatshare/internal/integrations"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// lookAgain is how many seconds a browser waits before it loads a page anew that waits for something.
const lookAgain = "3"

func (c *Console) errandPages() map[string]handler {
	return map[string]handler{
		"GET /i/{name}/preview":           c.preview,
		"POST /i/{name}/preview":          c.startPreview,
		"GET /i/{name}/withdraw":          c.withdraw,
		"POST /i/{name}/withdraw":         c.countWithdrawal,
		"POST /i/{name}/withdraw/confirm": c.startWithdrawal,
	}
}

// previewPage is what the next run of a flow would do.
type previewPage struct {
	Enabled []string // flows that can be previewed
	Flow    string   // that is shown; empty: none yet
	Last    integrations.Errand
	Plan    workflows.Plan
	Problem string // why there is no plan
}

func (c *Console) preview(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	shown := previewPage{Flow: r.URL.Query().Get("flow")}
	status, err := c.known(r.Context(), name)
	if err != nil {
		return err
	}
	shown.Enabled = enabledFlows(status)
	if shown.Flow != "" && !slices.Contains(shown.Enabled, shown.Flow) {
		return notFound("There is no such flow, or the settings switch it off.")
	}
	if shown.Flow != "" {
		if shown.Last, err = c.Desk.Errand(r.Context(), wire.PreviewID(name, shown.Flow), &shown.Plan); err != nil {
			return err
		}
	}
	if shown.Last.Failed != nil {
		shown.Problem = failureOf(shown.Last.Failed).what
	}
	if shown.Last.AtWork() {
		w.Header().Set("Refresh", lookAgain)
	}
	return c.show(w, r, http.StatusOK, "preview", page{Title: "Preview", Integration: name, Tab: "preview", Data: shown})
}

func (c *Console) startPreview(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	name, flow := r.PathValue("name"), r.PostFormValue("flow")
	status, err := c.known(r.Context(), name)
	if err != nil {
		return err
	}
	if !slices.Contains(enabledFlows(status), flow) {
		return refused("There is no such flow, or the settings switch it off.")
	}
	if _, err := c.Desk.Preview(r.Context(), name, flow); err != nil {
		return err
	}
	http.Redirect(w, r, "/i/"+url.PathEscape(name)+"/preview?flow="+url.QueryEscape(flow), http.StatusSeeOther)
	return nil
}

func enabledFlows(status workflows.Status) []string {
	return slices.DeleteFunc(settings.Flows(), func(flow string) bool {
		known, there := status.Flows[flow]
		return !there || known.State == workflows.FlowDisabled
	})
}

// Title says which way the flow goes.
func (previewPage) Title(flow string) string { return flowTitle(flow) }

// Verdicts counts the items that are shown, by what would become of them.
func (p previewPage) Verdicts() map[string]int {
	counts := map[string]int{}
	for _, item := range p.Plan.Items {
		counts[verdict(item.Verdict)]++
	}
	return counts
}

// Rest is how many items are not shown.
func (p previewPage) Rest() int { return p.Plan.Total - len(p.Plan.Items) }
