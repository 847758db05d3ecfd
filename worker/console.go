package main

import (
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/codec"
	"github.com/threatshare/threatshare/internal/config"
	"github.com/threatshare/threatshare/internal/console"
	"github.com/threatshare/threatshare/internal/integrations"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/notify"
)

// newConsole makes the pages for people.
func newConsole(
	cfg config.Config, temporal client.Client, store *ledger.Store, links notify.Links, payloads http.Handler, log *slog.Logger,
) (*console.Console, error) {
	pages, err := console.New(console.Options{
		Desk: integrations.Desk{Temporal: temporal, Queue: cfg.TaskQueue}, Ledger: store, CredentialSets: cfg.CredentialSets,
		Links: links, Listen: cfg.Listen, URL: cfg.ConsoleURL, Password: cfg.ConsolePassword, Codec: payloads, Log: log, Now: time.Now,
	})
	if err != nil {
		return nil, err
	}
	if why := pages.Closed(); why != "" && cfg.Console == "on" && cfg.Listen != "" { // else nobody expects one
		log.Warn("console closed", "reason", why)
	}
	return pages, nil
}

// codecServer reads payloads to those who may use the console; it is nil if there is no key.
func codecServer(keys *codec.Ring, temporalUI string) http.Handler {
	if keys.Empty() {
		return nil
	}
	return codec.Handler(keys, temporalUI)
}

// lateHandler stands in for a page that cannot be served before the servers behind it are reached.
type lateHandler struct{ arrived atomic.Pointer[http.Handler] }

func (l *lateHandler) arrive(handler http.Handler) { l.arrived.Store(&handler) }

func (l *lateHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if handler := l.arrived.Load(); handler != nil {
		(*handler).ServeHTTP(w, r)
		return
	}
	w.Header().Set("Retry-After", "3")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, "The worker is starting: /readyz says what it waits for.\n") // the reader may be gone
}
