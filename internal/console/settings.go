package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/integrations"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

func (c *Console) settingsPages() map[string]handler {
	return map[string]handler{
		"GET /i/{name}/settings":  c.settingsPage,
		"POST /i/{name}/settings": c.changeSettings,
		"GET /new":                c.newPage,
		"POST /new":               c.create,
	}
}

func (c *Console) settingsPage(w http.ResponseWriter, r *http.Request) error {
	inForce, err := c.settingsOf(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	shown := settingsForm(inForce, nil, seenOf(inForce).String())
	shown.warn(inForce.Warnings())
	return c.showSettings(w, r, http.StatusOK, shown)
}

// settingsOf gives the settings of an integration that runs.
func (c *Console) settingsOf(ctx context.Context, name string) (settings.Settings, error) {
	if _, err := c.known(ctx, name); err != nil {
		return settings.Settings{}, err
	}
	return integrations.Ask[settings.Settings](ctx, c.Desk, wire.IntegrationID(name), wire.Settings)
}

// settingsForm is the form with what was typed. The name and the credential set are always those in force.
func settingsForm(inForce settings.Settings, typed url.Values, seen string) *form {
	made := newForm("settings", "/i/"+url.PathEscape(inForce.Name)+"/settings", "Change the settings", typed, inForce)
	made.Seen = seen
	for path, value := range map[string]string{"name": inForce.Name, "credentials": inForce.Credentials} {
		if one := made.Of(path); one != nil {
			one.Control, one.Typed = fixed, []string{value}
		}
	}
	return made
}

func (c *Console) showSettings(w http.ResponseWriter, r *http.Request, status int, shown *form) error {
	return c.show(w, r, status, "settings", page{Title: "Settings", Integration: r.PathValue("name"), Tab: "settings", Data: shown})
}

func (c *Console) changeSettings(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	typed, name := withoutFixed(r.PostForm), r.PathValue("name")
	inForce, err := c.settingsOf(r.Context(), name)
	if err != nil {
		return err
	}
	before, is := readSeen(typed.Get("seen"), name)
	if !is {
		before = seen{}
	}
	wanted, err := changeOf(inForce, before, typed)
	shown := settingsForm(inForce, typed, before.String())
	switch {
	case !is:
		shown.Alert = "Nothing has been done: this form was not made for the integration " + name + " as it runs here. Look at the values, and send it again"
		shown.overtake(before, wanted.Touched, inForce)
		return c.showSettings(w, r, http.StatusBadRequest, shown)
	case err != nil:
		shown.refuse(err)
		shown.warn(inForce.Warnings())
		return c.showSettings(w, r, http.StatusUnprocessableEntity, shown)
	case len(wanted.Paths) == 0:
		http.Redirect(w, r, shown.Action+"?done=unchanged", http.StatusSeeOther)
		return nil
	case len(wanted.Lost) > 0:
		return c.showLost(w, r, shown, before, wanted, inForce)
	case len(wanted.Risks) > 0 && typed.Get("confirm") != digest(wanted.Risks):
		shown.ask(wanted.Risks)
		shown.warn(wanted.Next.Warnings())
		return c.showSettings(w, r, http.StatusUnprocessableEntity, shown)
	}
	return c.apply(w, r, shown, before, wanted, inForce)
}

// withoutFixed leaves out what a form may not carry: the name and the credential set are chosen once.
func withoutFixed(sent url.Values) url.Values {
	typed := url.Values{}
	for path, values := range sent {
		if path != "name" && path != "credentials" {
			typed[path] = values
		}
	}
	return typed
}

// apply sends the change, together with the values that it replaces.
func (c *Console) apply(w http.ResponseWriter, r *http.Request, shown *form, before seen, wanted change, inForce settings.Settings) error {
	var answer workflows.Changed
	err := c.Desk.Update(r.Context(), inForce.Name, wire.ChangeSettings, &answer, patch(wanted.Next, wanted.Paths), patch(inForce, wanted.Paths))
	if refused, is := errors.AsType[*temporal.ApplicationError](err); is && refused.Type() == activities.SettingsChanged {
		fresh, err := c.settingsOf(r.Context(), inForce.Name)
		if err != nil {
			return err
		}
		return c.showLost(w, r, shown, before, wanted, fresh)
	}
	told := ""
	status := http.StatusConflict
	switch {
	case err != nil:
		why := failureOf(err)
		told, status = why.what, why.status
	case strings.HasPrefix(answer.Applied, "not at all"): // somebody else's change came between the look and the change
		told = "Not applied: " + indicator.Printable(answer.Applied, longest)
	default:
		http.Redirect(w, r, shown.Action+"?done=changed", http.StatusSeeOther) //nolint:gosec // a path of the console: it begins with /i/
		return nil
	}
	shown.Alert, shown.General = "The settings have not been changed", []string{told}
	shown.warn(inForce.Warnings())
	return c.showSettings(w, r, status, shown)
}

// showLost says that somebody else was faster, and shows what they made of it beside what was typed.
func (c *Console) showLost(w http.ResponseWriter, r *http.Request, shown *form, before seen, wanted change, inForce settings.Settings) error {
	shown.Alert = "Nothing has been done: somebody else has changed the settings since you opened this page"
	shown.General = []string{"What you typed is still here, with the value in force beside it. Send it again to replace that value."}
	shown.overtake(before, wanted.Touched, inForce)
	if len(shown.Overtaken()) == 0 {
		shown.General = []string{"What you typed is still here. Look at the other values, and send it again."}
	}
	shown.warn(inForce.Warnings())
	return c.showSettings(w, r, http.StatusConflict, shown)
}

// sets are the credential sets to choose from, the default one first.
func (c *Console) sets() []option {
	if c.CredentialSets == nil {
		return nil
	}
	named := c.CredentialSets()
	slices.Sort(named)
	var found []option
	for _, set := range slices.Compact(named) {
		text := set
		if set == "" {
			text = "default"
		}
		found = append(found, option{Value: set, Text: text})
	}
	return found
}
