package console

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
)

// onlyPost answers who opens what only a button does.
func onlyPost(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Allow", http.MethodPost)
	return &failure{status: http.StatusMethodNotAllowed, title: "Not done", what: "This is done by a button, and not by opening an address."}
}

// act does what a button of the state page says, by the update of that name.
func (c *Console) act(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	var done string
	var input []any
	what := r.PathValue("what")
	switch what {
	case wire.Reconnect:
		done = "reconnecting"
	case wire.Pause:
		done = "paused"
		if reason := r.PostFormValue("reason"); reason != "" {
			input = []any{map[string]string{"reason": reason}}
		}
	case wire.Resume:
		done = "resumed"
	case wire.SyncNow:
		flow := r.PostFormValue("flow")
		if !slices.Contains(settings.Flows(), flow) {
			return refused("There is no such flow.")
		}
		done, input = "started", []any{flow}
	case wire.ApproveWithdrawal:
		values, err := strconv.Atoi(r.PostFormValue("values"))
		if err != nil || values <= 0 {
			return refused("The number of values to be withdrawn cannot be read.")
		}
		done, input = "approved", []any{map[string]any{"flow": r.PostFormValue("flow"), "values": values}}
	default:
		return notFound("There is nothing of that name to do.")
	}
	name := r.PathValue("name")
	if _, err := c.known(r.Context(), name); err != nil {
		return err
	}
	if err := c.Desk.Update(r.Context(), name, what, nil, input...); err != nil {
		return err
	}
	http.Redirect(w, r, "/i/"+url.PathEscape(name)+"?done="+done, http.StatusSeeOther)
	return nil
}

// refused is about a form that no page of the console sends.
func refused(what string) *failure {
	return &failure{status: http.StatusUnprocessableEntity, title: "Not done", what: what}
}
