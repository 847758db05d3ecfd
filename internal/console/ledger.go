package console

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/threatshare/threatshare/internal/explain"
	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/settings"
)

const (
	// rowsShown is how many entries a page shows.
	rowsShown = 50
	// maxSought bounds what is searched for, in bytes: the longest URL that people paste.
	maxSought = 4096
	// removalsShown is how many removals of delivered mail are shown of a value.
	removalsShown = 10
)

func (c *Console) ledgerPages() map[string]handler {
	return map[string]handler{
		"GET /i/{name}/held":      c.held,
		"GET /i/{name}/ledger":    c.ledger,
		"POST /i/{name}/do/allow": c.allow,
	}
}

// ledgerPage is what was searched for in the ledger, and a page of what was found.
type ledgerPage struct {
	Typed, Problem      string // in the field of the value
	Sought              *explain.Sought
	State, List, Source string
	States, Lists       []string
	Sources             []string

	Rows     []row
	Older    template.URL // the query of the next page; empty: this is the last
	Removals []ledger.Remediation
}

// row is an entry as a page shows it: ready to show, since a template that makes the same of fifty entries takes most of the
// time of their page.
type row struct {
	N     int    // its place on the page
	Whole string // the value as the ledger spells it, to link to and to send back

	Value, Kind, List, State, Source, ID string
	Meaning, Detail                      string // what became of it and why, as a sentence; what the guard or a vendor told

	Seen, Changed, Ends string
	Due                 string // since when it is to be withdrawn; empty: it is not

	Allowed bool // a person has released it already
	May     bool // a person may release it
}

func (c *Console) ledger(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	inForce, err := c.settingsOf(r.Context(), name)
	if err != nil {
		return err
	}
	asked := r.URL.Query()
	shown := ledgerPage{
		Typed: asked.Get("value"), State: asked.Get("state"), List: asked.Get("list"), Source: asked.Get("source"),
		States: texts(ledger.States()), Lists: texts(ledger.Lists()), Sources: texts(settings.Sources()),
	}
	query := ledger.Query{
		Integration: name, State: ledger.State(shown.State), List: ledger.List(shown.List), Source: indicator.Source(shown.Source),
	}
	status := http.StatusOK
	switch {
	case shown.State != "" && !slices.Contains(shown.States, shown.State),
		shown.List != "" && !slices.Contains(shown.Lists, shown.List),
		shown.Source != "" && !slices.Contains(shown.Sources, shown.Source):
		return refused("There is no such state, list or source in the ledger.")
	case len(shown.Typed) > maxSought:
		shown.Problem, shown.Typed, status = "This is too long for a domain, a URL or a hash.", "", http.StatusUnprocessableEntity
		return c.show(w, r, status, "ledger", page{Title: "Ledger", Integration: name, Tab: "ledger", Data: shown})
	case strings.TrimSpace(shown.Typed) != "":
		sought := explain.Seek(shown.Typed)
		shown.Sought, query.Value = &sought, sought.Value
		if sought.Why != "" {
			shown.Problem, status = "This is no domain, URL, mail address or SHA-256 hash that could be shared: "+indicator.Printable(sought.Why, longest), http.StatusUnprocessableEntity
		}
	}
	if shown.Rows, shown.Older, err = c.rows(r.Context(), query, asked, inForce); err != nil {
		return err
	}
	if shown.Sought != nil && shown.Sought.Kind != "" {
		key := indicator.Key{Kind: shown.Sought.Kind, Value: shown.Sought.Value}
		if shown.Removals, err = c.Ledger.RemediationsOf(r.Context(), name, key, removalsShown); err != nil {
			return err
		}
	}
	return c.show(w, r, status, "ledger", page{Title: "Ledger", Integration: name, Tab: "ledger", Data: shown})
}

// heldPage is a page of what the guard keeps back.
type heldPage struct {
	Rows  []row
	Older template.URL
}

func (c *Console) held(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	inForce, err := c.settingsOf(r.Context(), name)
	if err != nil {
		return err
	}
	var there heldPage
	query := ledger.Query{Integration: name, State: ledger.Held}
	if there.Rows, there.Older, err = c.rows(r.Context(), query, url.Values{"after": r.URL.Query()["after"]}, inForce); err != nil {
		return err
	}
	return c.show(w, r, http.StatusOK, "held", page{Title: "Held", Integration: name, Tab: "held", Data: there})
}

// rows reads a page of entries, and gives the query of the page after it.
func (c *Console) rows(ctx context.Context, q ledger.Query, asked url.Values, inForce settings.Settings) (rows []row, older template.URL, err error) {
	if after := asked.Get("after"); after != "" {
		if q.After, err = readPosition(after); err != nil {
			return nil, "", refused("The place in the list cannot be read: begin again at its start.")
		}
	}
	q.Limit = rowsShown
	found, err := c.Ledger.Browse(ctx, q)
	if errors.Is(err, ledger.ErrInvalid) {
		return nil, "", refused("There can be no such entry in the ledger: begin again at its start.")
	}
	if err != nil {
		return nil, "", err
	}
	if found.Next != (ledger.Position{}) {
		next := url.Values{"after": {writePosition(found.Next)}}
		for _, name := range []string{"value", "state", "list", "source"} {
			if asked.Get(name) != "" {
				next.Set(name, asked.Get(name))
			}
		}
		older = template.URL(next.Encode()) //nolint:gosec // escaped by Encode
	}
	for i, entry := range found.Entries {
		rows = append(rows, rowOf(i, entry, inForce))
	}
	return rows, older, nil
}

func rowOf(i int, e ledger.Entry, inForce settings.Settings) row {
	made := row{
		N: i, Whole: e.Value,
		Value: shown(e.Value), Kind: shown(e.Kind), List: shown(e.List), State: string(e.State), Source: shown(e.Source), ID: shown(e.VendorID),
		Meaning: shown(explain.Entry{
			Kind: string(e.Kind), Value: e.Value, List: string(e.List), State: string(e.State), Action: e.Action, Severity: e.Severity,
			Reason: e.Reason, Source: e.Source, Tries: e.Tries, ChangedAt: e.ChangedAt,
		}.Meaning()),
		Detail: shown(e.Detail),
		Seen:   when(e.SeenAt), Changed: when(e.ChangedAt), Ends: when(e.ExpiresAt),
		Allowed: slices.Contains(inForce.Protect.Allow, e.Value),
		May:     e.State == ledger.Held && !guard.Hard(e.Reason),
	}
	if !e.DueAt.IsZero() {
		made.Due = when(e.DueAt)
	}
	return made
}

// position is a ledger.Position as it stands in an address.
func writePosition(p ledger.Position) string {
	text, err := json.Marshal(p)
	if err != nil { // cannot be: times of the ledger have years of four digits
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func readPosition(text string) (ledger.Position, error) {
	var p ledger.Position
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(decoded, &p)
}

func texts[T ~string](words []T) []string {
	list := make([]string, len(words))
	for i, word := range words {
		list[i] = string(word)
	}
	return list
}
