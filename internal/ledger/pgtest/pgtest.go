// Package pgtest gives tests a PostgreSQL server of their own. It belongs to tests only; how the server is run is pgserver's.
package pgtest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/threatshare/threatshare/internal/ledger/pgserver"
)

// Server is a running PostgreSQL server on loopback, with a password.
type Server struct {
	running   *pgserver.Server
	databases atomic.Int64
}

// Start runs a server that ends with tb. It skips tb where PostgreSQL is not installed and says what to install.
func Start(tb testing.TB) *Server {
	tb.Helper()
	running, err := pgserver.Start(pgserver.Options{})
	if errors.Is(err, pgserver.ErrUnavailable) {
		tb.Skipf("NOT TESTED ON POSTGRESQL: %v.", err)
	}
	if err != nil {
		tb.Fatalf("start PostgreSQL: %v", err)
	}
	tb.Cleanup(func() {
		if err := running.Stop(); err != nil {
			tb.Errorf("stop PostgreSQL: %v", err)
		}
	})
	return &Server{running: running}
}

// Database makes an empty database and gives its address. It goes with the server.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	address, err := s.running.Database(fmt.Sprintf("test_%d", s.databases.Add(1)))
	if err != nil {
		tb.Fatalf("make a database: %v", err)
	}
	return address
}

// Crash ends the server at once, without a word to those who are connected. What was committed is kept.
func (s *Server) Crash(tb testing.TB) {
	tb.Helper()
	if err := s.running.Crash(); err != nil {
		tb.Fatal(err)
	}
}

// Restart starts a server that has crashed, on the same port, and waits until it answers.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	if err := s.running.Restart(); err != nil {
		tb.Fatal(err)
	}
}
