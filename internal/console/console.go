// Package console is the pages in the browser: every integration with its state, its settings, what it holds back and what
// its ledger knows, and what a person can do about it. Pages are made on the server and work without JavaScript; a script
// that is served with them refreshes numbers by itself. What is changed goes the way of everybody else: through the updates
// of the Integration.
package console

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/threatshare/threatshare/internal/config"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/integrations"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/notify"
)

//go:embed static
var static embed.FS

// maxForm bounds what a form sends, in bytes. The largest sensible one holds ten thousand protected domains.
const maxForm = 1 << 20

// Ledger is what the pages ask of the ledger.
type Ledger interface {
	Browse(ctx context.Context, q ledger.Query) (ledger.Page, error)
	Search(ctx context.Context, q ledger.Query) ([]ledger.Entry, error)
	Daily(ctx context.Context, integration string, since time.Time) ([]ledger.DayCount, error)
	CountState(ctx context.Context, integration string, state ledger.State, atMost int) (int, error)
	RemediationsOf(ctx context.Context, integration string, key indicator.Key, limit int) ([]ledger.Remediation, error)
}

// Options is what the pages are made of.
type Options struct {
	Desk           integrations.Desk
	Ledger         Ledger
	CredentialSets func() []string // that the worker has; "" is the default one
	Links          notify.Links    // to the Temporal UI

	// Listen is the address that the worker listens on, host:port; URL how people reach it, empty if that is the same.
	Listen, URL string
	Password    config.Secret // empty: nobody is asked, which only an address on loopback allows

	Codec http.Handler // of /codec/; nil if payloads are not encrypted
	Log   *slog.Logger
	Now   func() time.Time
}

// Console serves the pages.
type Console struct {
	Options

	pages  pages
	doors  *doors
	seals  seals
	served http.Handler
}

// New makes the console.
func New(o Options) (*Console, error) {
	made, err := readPages()
	if err != nil {
		return nil, err
	}
	doors, err := newDoors(o.Listen, o.URL, o.Password, o.Now)
	if err != nil {
		return nil, err
	}
	c := &Console{Options: o, pages: made, doors: doors, seals: newSeals(doors.password)}
	c.served = c.routes()
	return c, nil
}

// Closed says why nobody is let in, empty if people are.
func (c *Console) Closed() string { return c.doors.closed }

// ServeHTTP serves everything below /.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.served.ServeHTTP(w, r) }

// routes is the whole of what is served. What is outside guarded is for everybody.
func (c *Console) routes() http.Handler {
	files, err := fs.Sub(static, "static")
	if err != nil { // cannot be: the name is one
		files = static
	}
	open, guarded := http.NewServeMux(), http.NewServeMux()
	open.Handle("GET /static/", cached(http.StripPrefix("/static/", http.FileServerFS(files))))
	open.HandleFunc("GET /sign-in", c.page(c.signIn))
	open.HandleFunc("POST /sign-in", c.page(c.signedIn))
	open.HandleFunc("POST /sign-out", c.page(c.signOut))
	open.HandleFunc("/sign-out", c.page(onlyPost))
	open.Handle("/", c.doors.guard(guarded))

	for _, group := range []map[string]handler{c.overviewPages(), c.statePages(), c.settingsPages(), c.ledgerPages(), c.errandPages()} {
		for pattern, serve := range group {
			guarded.HandleFunc(pattern, c.page(serve))
		}
	}
	if c.Codec != nil {
		guarded.Handle("/codec/", http.StripPrefix("/codec", c.Codec))
	}
	return c.doors.door(open)
}
