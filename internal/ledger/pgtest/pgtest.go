// Package pgtest gives tests a PostgreSQL server of their own. It belongs to tests only; it knows nothing of what is kept
// in the databases.
package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

const (
	superuser = "threatshare"
	password  = "canary-of-pgtest" // of a server on loopback that lives as long as a test

	startTime = time.Minute
	stopTime  = 15 * time.Second
	lookAgain = 50 * time.Millisecond
	// tries is how often another port is taken when somebody else was faster to listen on it.
	tries = 3
)

// Server is a running PostgreSQL server on loopback, with a password.
type Server struct {
	port      int
	databases atomic.Int64
}

// Start runs a server that ends with tb. It skips tb where PostgreSQL is not installed and says what to install.
func Start(tb testing.TB) *Server {
	tb.Helper()
	initdb, postgres := find(tb, "initdb"), find(tb, "postgres")

	// The path of tb.TempDir is too long for a Unix socket, and closed to the account that the server runs as.
	directory, err := os.MkdirTemp("", "pgtest") //nolint:usetesting // for the reasons above
	if err != nil {
		tb.Fatalf("make the server's directory: %v", err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(directory); err != nil {
			tb.Errorf("remove the server's directory: %v", err)
		}
	})
	account := chooseAccount(tb, directory)

	secret := filepath.Join(directory, "password")
	data := filepath.Join(directory, "data")
	if err := os.WriteFile(secret, []byte(password), 0o600); err != nil {
		tb.Fatalf("write the server's password: %v", err)
	}
	account.own(tb, secret)
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	//nolint:gosec // the program is the one that find found
	setUp := exec.CommandContext(ctx, initdb, "-D", data, "-U", superuser, "-A", "scram-sha-256", "--pwfile", secret,
		"-E", "UTF8", "--no-locale", "--no-sync")
	account.run(setUp, directory)
	if output, err := setUp.CombinedOutput(); err != nil {
		tb.Fatalf("initdb: %v\n%s", err, output)
	}

	for range tries {
		if server := launch(ctx, tb, postgres, data, directory, account); server != nil {
			return server
		}
	}
	tb.Fatalf("PostgreSQL did not start")
	return nil
}

// Database makes an empty database and gives its address. It goes with the server.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	db, err := sql.Open("pgx", s.address("postgres"))
	if err != nil {
		tb.Fatalf("connect to the test server: %v", err)
	}
	defer func() { _ = db.Close() }()
	name := fmt.Sprintf("test_%d", s.databases.Add(1))
	if _, err := db.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		tb.Fatalf("make database %s: %v", name, err)
	}
	return s.address(name)
}

func (s *Server) address(database string) string {
	return (&url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), Path: "/" + database,
	}).String()
}

// launch starts the server on a free port and waits until it answers. It gives nil if the server ended by itself.
func launch(ctx context.Context, tb testing.TB, postgres, data, directory string, account account) *Server {
	tb.Helper()
	server := &Server{port: freePort(ctx, tb)}
	said, err := os.Create(filepath.Join(directory, "log")) //nolint:gosec // in the directory that Start made
	if err != nil {
		tb.Fatalf("make the server's log: %v", err)
	}
	defer func() { _ = said.Close() }()
	// Not with ctx, which ends when the server answers.
	//nolint:gosec // the program is the one that find found
	command := exec.CommandContext(context.Background(), postgres, "-D", data,
		"-p", strconv.Itoa(server.port), "-h", "127.0.0.1", "-k", directory,
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "shared_buffers=16MB", "-c", "max_connections=60")
	account.run(command, directory)
	command.Stdout, command.Stderr = said, said
	if err := command.Start(); err != nil {
		tb.Fatalf("start PostgreSQL: %v", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = command.Wait() // how it ended is in its log
	}()
	if server.answers(ctx, ended) {
		tb.Cleanup(func() { stop(tb, command.Process, ended) })
		return server
	}
	stop(tb, command.Process, ended)
	text, _ := os.ReadFile(said.Name())
	tb.Logf("PostgreSQL on port %d did not answer:\n%s", server.port, text)
	return nil
}

func (s *Server) answers(ctx context.Context, ended <-chan struct{}) bool {
	db, err := sql.Open("pgx", s.address("postgres"))
	if err != nil {
		return false
	}
	defer func() { _ = db.Close() }()
	for db.PingContext(ctx) != nil {
		select {
		case <-ended:
			return false
		case <-ctx.Done():
			return false
		case <-time.After(lookAgain):
		}
	}
	return true
}

// stop asks for a fast shutdown, which ends the connections still open, and insists if that takes too long.
func stop(tb testing.TB, process *os.Process, ended <-chan struct{}) {
	tb.Helper()
	if err := process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		tb.Errorf("stop PostgreSQL: %v", err)
	}
	select {
	case <-ended:
	case <-time.After(stopTime):
		_ = process.Kill()
		<-ended
	}
}

func freePort(ctx context.Context, tb testing.TB) int {
	tb.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("find a free port: %v", err)
	}
	defer func() { _ = listener.Close() }()
	address, err := netip.ParseAddrPort(listener.Addr().String())
	if err != nil {
		tb.Fatalf("read the free port: %v", err)
	}
	return int(address.Port())
}

// find looks on the PATH first; Debian keeps the server's programs off it.
func find(tb testing.TB, program string) string {
	tb.Helper()
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	paths, err := filepath.Glob(filepath.Join("/usr/lib/postgresql/*/bin", program))
	if err != nil || len(paths) == 0 {
		tb.Skipf("NOT TESTED ON POSTGRESQL: no %s on the PATH or in /usr/lib/postgresql/*/bin. Install the Debian package postgresql.", program)
	}
	return slices.MaxFunc(paths, func(a, b string) int { return version(a) - version(b) })
}

// version reads the 15 of /usr/lib/postgresql/15/bin/initdb.
func version(path string) int {
	number, _, _ := strings.Cut(strings.TrimPrefix(path, "/usr/lib/postgresql/"), "/")
	n, err := strconv.Atoi(number)
	if err != nil {
		return 0
	}
	return n
}
