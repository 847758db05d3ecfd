package console

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/explain"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/notify"
)

//go:embed pages
var templates embed.FS

// longest bounds what is shown of a text from outside, in characters.
const longest = 2000

// page is what every page shows around its own part.
type page struct {
	Title       string
	Integration string // that the page is about; empty: none
	Tab         string // of the integration that is open
	Said        string // what was done by what led here
	Data        any

	SignedIn bool         // there is a session to end
	Links    notify.Links // to the Temporal UI
	Now      time.Time
}

// pages are the templates by name.
type pages map[string]*template.Template

// readPages parses pages/layout.html, and the form of settings that two pages share, together with each other file.
func readPages() (pages, error) {
	names, err := fs.Glob(templates, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("find the console's pages: %w", err)
	}
	made := pages{}
	for _, name := range names {
		base := strings.TrimSuffix(path.Base(name), ".html")
		if base == "layout" || base == "form" {
			continue
		}
		parsed, err := template.New("layout.html").Funcs(functions()).ParseFS(templates, "pages/layout.html", "pages/form.html", name)
		if err != nil {
			return nil, fmt.Errorf("read the console's page %s: %w", base, err)
		}
		made[base] = parsed
	}
	return made, nil
}

// functions are what the pages say things with.
func functions() template.FuncMap {
	return template.FuncMap{
		"shown": shown[any],
		"when":  when,
		"ago":   ago,
		"count": count,
		"word":  word,
		"mend":  mend,
		// What guards and plans have words for.
		"reason":  explain.Reason,
		"verdict": verdict,
	}
}

// shown makes a text from outside fit to show.
func shown[T any](text T) string { return indicator.Printable(fmt.Sprint(text), longest) }

// handler answers a request, or says why not.
type handler func(w http.ResponseWriter, r *http.Request) error

// page makes a handler's error a page.
func (c *Console) page(serve handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := serve(w, r)
		if err == nil || r.Context().Err() != nil { // the reader is gone
			return
		}
		told := failureOf(err)
		if told.status >= http.StatusInternalServerError {
			c.Log.Warn("console: page not shown", "path", r.URL.Path, "error", err)
		}
		if err := c.show(w, r, told.status, "failure", page{Title: told.title, Integration: told.about(r), Data: told}); err != nil {
			http.Error(w, told.what, told.status)
		}
	}
}

// show writes a page, whole or not at all.
func (c *Console) show(w http.ResponseWriter, r *http.Request, status int, name string, p page) error {
	made, there := c.pages[name]
	if !there {
		return fmt.Errorf("there is no page %q", name)
	}
	p.Links, p.Now = c.Links, c.Now().UTC()
	p.SignedIn = c.doors.password != nil && c.doors.password.signedIn(r, c.doors.secure)
	if p.Said == "" {
		p.Said = said(r.URL.Query().Get("done"))
	}
	var body bytes.Buffer
	if err := made.Execute(&body, p); err != nil {
		return fmt.Errorf("write the page %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // the reader may be gone
	return nil
}

// readForm reads what a form sent.
func readForm(r *http.Request) error {
	err := r.ParseForm()
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return &failure{status: http.StatusRequestEntityTooLarge, title: "Too much at once", what: fmt.Sprintf("A form may send at most %d KiB, and nothing of this one was done.", maxForm>>10)}
	}
	if err != nil {
		return &failure{status: http.StatusBadRequest, title: "Not understood", what: "What the form sent cannot be read, and nothing of it was done."}
	}
	return nil
}
