package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/explain"
	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/wire"
)

// allowTries is how often a change that somebody else's overtook is made again: it only adds to a list.
const allowTries = 5

// allow puts a held value on protect.allow.
func (c *Console) allow(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	typed := r.PostFormValue("value")
	sought := explain.Seek(typed)
	if len(typed) > maxSought || sought.Kind == "" {
		return refused("This is no value that could be allowed.")
	}
	name := r.PathValue("name")
	if _, err := c.known(r.Context(), name); err != nil {
		return err
	}
	held, err := c.Ledger.Search(r.Context(), ledger.Query{Integration: name, Kind: sought.Kind, Value: sought.Value, State: ledger.Held})
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(held, func(e ledger.Entry) bool { return !guard.Hard(e.Reason) }) {
		return refused("It is not held for a reason that a person may overrule: it was released meanwhile, or a hard stop keeps it back.")
	}
	if err := c.addAllowed(r.Context(), name, sought.Value); err != nil {
		return err
	}
	http.Redirect(w, r, "/i/"+url.PathEscape(name)+"/held?done=allowed", http.StatusSeeOther)
	return nil
}

// addAllowed replaces the list with one that has the value too. A list is replaced as a whole, so it must be the one that was
// read: otherwise what somebody else has added meanwhile would be lost.
func (c *Console) addAllowed(ctx context.Context, name, value string) error {
	for try := 1; ; try++ {
		inForce, err := c.settingsOf(ctx, name)
		if err != nil {
			return err
		}
		if slices.Contains(inForce.Protect.Allow, value) {
			return nil
		}
		err = c.Desk.Update(ctx, name, wire.ChangeSettings, nil,
			allowing(append(slices.Clone(inForce.Protect.Allow), value)), allowing(inForce.Protect.Allow))
		refusal, is := errors.AsType[*temporal.ApplicationError](err)
		if overtaken := is && refusal.Type() == activities.SettingsChanged; !overtaken || try == allowTries {
			return err
		}
	}
}

// allowing is a merge patch that makes protect.allow the list.
func allowing(list []string) map[string]any {
	return map[string]any{"protect": map[string]any{"allow": list}}
}
