package console

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"go.temporal.io/api/serviceerror"

	"github.com/threatshare/threatshare/internal/settings"
)

// newPage is the form of an integration that does not run yet: everything is as the defaults have it, which is off.
func (c *Console) newPage(w http.ResponseWriter, r *http.Request) error {
	return c.showNew(w, r, http.StatusOK, c.newForm(nil))
}

func (c *Console) newForm(typed url.Values) *form {
	made := newForm("create", "/new", "Create the integration", typed, settings.Default())
	credentials := made.Of("credentials")
	credentials.Control, credentials.Options = choice, c.sets()
	if len(credentials.Options) == 0 {
		credentials.Problems = []string{"The worker has no credentials yet. Set MIMECAST_CLIENT_ID, MIMECAST_CLIENT_SECRET, FALCON_BASE_URL, " +
			"FALCON_CLIENT_ID and FALCON_CLIENT_SECRET where it runs, or ACME_MIMECAST_CLIENT_ID and so on for a set named acme, and start it again."}
	}
	return made
}

func (c *Console) showNew(w http.ResponseWriter, r *http.Request, status int, shown *form) error {
	return c.show(w, r, status, "create", page{Title: "New integration", Data: shown})
}

func (c *Console) create(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	shown := c.newForm(r.PostForm)
	wanted, err := shown.parse()
	if err != nil {
		shown.refuse(err)
		return c.showNew(w, r, http.StatusUnprocessableEntity, shown)
	}
	if risks := wanted.Warnings(); len(risks) > 0 && r.PostForm.Get("confirm") != digest(risks) {
		shown.ask(risks)
		shown.warn(risks)
		return c.showNew(w, r, http.StatusUnprocessableEntity, shown)
	}
	_, err = c.Desk.Start(r.Context(), wanted)
	if err == nil {
		http.Redirect(w, r, "/i/"+url.PathEscape(wanted.Name)+"?done=created", http.StatusSeeOther)
		return nil
	}
	if _, runs := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); runs {
		shown.refuse(settings.Problems{{Path: "name", Message: "an integration of this name runs already: choose another name, or change the settings of that one"}})
		return c.showNew(w, r, http.StatusConflict, shown)
	}
	why := failureOf(err)
	shown.Alert, shown.General = "The integration has not been started", []string{why.what}
	return c.showNew(w, r, why.status, shown)
}

// parse gives the settings that the form holds. The error is settings.Problems.
func (f *form) parse() (settings.Settings, error) {
	typed := map[string]any{}
	for _, one := range f.All() {
		typed[one.Path] = one.entry(one.Typed)
	}
	wanted, err := settings.Parse(nested(typed))
	problems, _ := errors.AsType[settings.Problems](err)
	credentials := f.Of("credentials")
	offered := slices.ContainsFunc(credentials.Options, func(o option) bool { return credentials.Chosen(o.Value) })
	if !offered && len(credentials.Options) > 0 {
		problems = append(problems, settings.Problem{Path: "credentials", Message: "must be one of the sets that the worker has"})
	}
	if !offered {
		return settings.Settings{}, problems
	}
	return wanted, err
}
