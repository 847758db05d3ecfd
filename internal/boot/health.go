package boot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	checkEvery   = 3 * time.Second // an answer of /readyz is reused so long: probes must not become load
	checkTimeout = 2 * time.Second
	stopTimeout  = 5 * time.Second
)

// Health is what a program tells over HTTP about itself: /healthz answers 200 while it runs, /readyz 200 once it does its
// work and 503 with a reason otherwise. It starts not ready. Safe for concurrent use.
type Health struct {
	mux *http.ServeMux

	mu        sync.Mutex
	reason    string
	check     func(context.Context) error
	checkedAt time.Time
}

// NewHealth makes the pages; Serve shows them.
func NewHealth() *Health {
	h := &Health{mux: http.NewServeMux(), reason: "starting"}
	h.Handle("GET /healthz", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
	}))
	h.Handle("GET /readyz", http.HandlerFunc(h.readyz))
	return h
}

// Handle adds a page, before Serve is called. The pattern is one of http.ServeMux.
func (h *Health) Handle(pattern string, page http.Handler) { h.mux.Handle(pattern, page) }

// Waiting makes the program not ready. The reason is shown to whoever asks: it must hold no secret.
func (h *Health) Waiting(reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reason, h.check = reason, nil
}

// Ready makes the program ready as long as check gives nil. It is called when somebody asks, but only every few seconds and
// not twice at a time, and has two seconds. Its error is shown to whoever asks: it must hold no secret.
func (h *Health) Ready(check func(context.Context) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reason, h.check, h.checkedAt = "", check, time.Time{}
}

// state gives the reason why the program is not ready, empty if it is.
func (h *Health) state() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.check == nil || !h.checkedAt.IsZero() && time.Since(h.checkedAt) < checkEvery {
		return h.reason
	}
	// Not the request's context: a prober that hangs up must not turn the answer for everybody else red.
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
	defer cancel()
	h.reason = ""
	if err := h.check(ctx); err != nil {
		h.reason = err.Error()
	}
	h.checkedAt = time.Now()
	return h.reason
}

// readiness is the answer of /readyz.
type readiness struct {
	Ready  bool   `json:"ready"`
	Reason string `json:"reason,omitempty"`
}

func (h *Health) readyz(w http.ResponseWriter, _ *http.Request) {
	answer := readiness{Reason: h.state()}
	answer.Ready = answer.Reason == ""
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !answer.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(answer) // the prober may be gone
}

// Server is a Health that is being served.
type Server struct {
	server *http.Server
	addr   string
	done   chan struct{}
}

// Serve shows the pages on listen (host:port), in the background. An empty listen, or "off", serves nothing and is no error.
// An address that cannot be listened on is one. The caller stops the server.
func (h *Health) Serve(ctx context.Context, listen string, logger *slog.Logger) (*Server, error) {
	if listen == "" || listen == "off" {
		return &Server{}, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("serve health (THREATSHARE_LISTEN): %w", err)
	}
	s := &Server{
		addr: listener.Addr().String(),
		done: make(chan struct{}),
		server: &http.Server{
			Handler:           h.mux,
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       10 * time.Second,
			WriteTimeout:      30 * time.Second,
			IdleTimeout:       time.Minute,
			MaxHeaderBytes:    16 << 10,
			ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		},
	}
	go func() {
		defer close(s.done)
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("health page stopped", "error", err)
		}
	}()
	logger.Info("health page served", "address", s.addr)
	return s, nil
}

// Addr is the address that is listened on, with the port that was chosen if the setting left it open; empty if none is.
func (s *Server) Addr() string { return s.addr }

// Stop lets requests that are being answered finish, for some seconds, and closes the port.
func (s *Server) Stop() {
	if s.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil {
		_ = s.server.Close()
	}
	<-s.done
}
