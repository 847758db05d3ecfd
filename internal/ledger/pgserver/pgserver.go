// Package pgserver runs a PostgreSQL server of its own on loopback, for tests and the benchmark. It knows nothing of what is
// kept in the databases, and the product does not use it.
package pgserver

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
	"regexp"
	"strconv"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// The server's superuser. It lives on loopback, as long as a test or a measurement.
const (
	User     = "threatshare"
	Password = "canary-of-pgtest"
)

const (
	startTime = time.Minute
	stopTime  = 15 * time.Second
	lookAgain = 50 * time.Millisecond
	// tries is how often another port is taken when somebody else was faster to listen on it.
	tries = 3
)

// ErrUnavailable is why no server can run on this machine; the text says what to install.
var ErrUnavailable = errors.New("no PostgreSQL")

// Options are how the server runs. The zero value is for tests: it loses everything with the machine, and is quick.
type Options struct {
	// Durable writes to the disk before it answers, as in production.
	Durable bool
	// Connections are how many it takes at the same time; 60 if 0.
	Connections int
}

// Server is a running PostgreSQL server on loopback, with a password.
type Server struct {
	Port      int
	directory string
	command   func() *exec.Cmd // of its program, on its data and port
	process   *os.Process
	ended     chan struct{}
}

// Start runs a server. The caller stops it.
func Start(options Options) (*Server, error) {
	initdb, err := find("initdb")
	if err != nil {
		return nil, err
	}
	postgres, err := find("postgres")
	if err != nil {
		return nil, err
	}
	// Short, for the path of a Unix socket, and not below a folder that is closed to the account the server runs as.
	directory, err := os.MkdirTemp("", "pgserver")
	if err != nil {
		return nil, fmt.Errorf("make the server's directory: %w", err)
	}
	s := &Server{directory: directory}
	if err := s.setUp(initdb, postgres, options); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Server) setUp(initdb, postgres string, options Options) error {
	account, err := chooseAccount(s.directory)
	if err != nil {
		return err
	}
	secret, data := filepath.Join(s.directory, "password"), filepath.Join(s.directory, "data")
	if err := os.WriteFile(secret, []byte(Password), 0o600); err != nil {
		return fmt.Errorf("write the server's password: %w", err)
	}
	if err := account.own(secret); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	//nolint:gosec // the program is the one that find found
	command := exec.CommandContext(ctx, initdb, "-D", data, "-U", User, "-A", "scram-sha-256", "--pwfile", secret,
		"-E", "UTF8", "--no-locale", "--no-sync")
	account.run(command, s.directory)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, output)
	}
	for range tries {
		if err = s.launch(ctx, postgres, data, account, options); err == nil {
			return nil
		}
	}
	return err
}

// launch starts the server on a free port and waits until it answers.
func (s *Server) launch(ctx context.Context, postgres, data string, account account, options Options) error {
	var err error
	if s.Port, err = freePort(ctx); err != nil {
		return err
	}
	connections := options.Connections
	if connections == 0 {
		connections = 60
	}
	args := []string{
		"-D", data, "-p", strconv.Itoa(s.Port), "-h", "127.0.0.1", "-k", s.directory, "-c", "max_connections=" + strconv.Itoa(connections),
	}
	if options.Durable {
		args = append(args, "-c", "shared_buffers=128MB")
	} else {
		args = append(args, "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "shared_buffers=16MB")
	}
	s.command = func() *exec.Cmd {
		// Not with ctx, which ends when the server answers.
		//nolint:gosec // the program is the one that find found
		command := exec.CommandContext(context.Background(), postgres, args...)
		account.run(command, s.directory)
		return command
	}
	return s.run(ctx)
}

// run starts the server's program and waits until it answers.
func (s *Server) run(ctx context.Context) error {
	path := filepath.Join(s.directory, "log")
	said, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // in the directory that Start made
	if err != nil {
		return fmt.Errorf("open the server's log: %w", err)
	}
	defer func() { _ = said.Close() }()
	command := s.command()
	command.Stdout, command.Stderr = said, said
	if err := command.Start(); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	s.process, s.ended = command.Process, make(chan struct{})
	go func(ended chan struct{}) {
		defer close(ended)
		_ = command.Wait() // how it ended is in its log
	}(s.ended)
	if s.answers(ctx) {
		return nil
	}
	stopped := s.end()
	text, _ := os.ReadFile(path) //nolint:gosec // the same
	return errors.Join(fmt.Errorf("PostgreSQL on port %d did not answer:\n%s", s.Port, text), stopped)
}

// Crash ends the server at once, without a word to those who are connected. What was committed is kept.
func (s *Server) Crash() error {
	if err := s.process.Signal(syscall.SIGQUIT); err != nil {
		return fmt.Errorf("crash PostgreSQL: %w", err)
	}
	<-s.ended
	return nil
}

// Restart starts a server that has crashed, on the same port, and waits until it answers.
func (s *Server) Restart() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	return s.run(ctx)
}

func (s *Server) answers(ctx context.Context) bool {
	db, err := sql.Open("pgx", s.Address("postgres"))
	if err != nil {
		return false
	}
	defer func() { _ = db.Close() }()
	for db.PingContext(ctx) != nil {
		select {
		case <-s.ended:
			return false
		case <-ctx.Done():
			return false
		case <-time.After(lookAgain):
		}
	}
	return true
}

// Database makes an empty database and gives its address.
func (s *Server) Database(name string) (string, error) {
	if !regexp.MustCompile(`^[a-z][a-z0-9_]*$`).MatchString(name) {
		return "", fmt.Errorf("make database: %q is not a plain name", name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	db, err := sql.Open("pgx", s.Address("postgres"))
	if err != nil {
		return "", fmt.Errorf("connect to the server: %w", err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return "", fmt.Errorf("make database %s: %w", name, err)
	}
	return s.Address(name), nil
}

// Address is where a database is, with the password.
func (s *Server) Address(database string) string {
	return (&url.URL{
		Scheme: "postgres", User: url.UserPassword(User, Password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)), Path: "/" + database,
	}).String()
}

// Stop ends the server and removes what it has kept.
func (s *Server) Stop() error {
	var ended error
	if s.process != nil {
		ended = s.end()
	}
	if err := os.RemoveAll(s.directory); err != nil {
		return errors.Join(ended, fmt.Errorf("remove the server's directory: %w", err))
	}
	return ended
}

// end asks for a fast shutdown, which ends the connections still open, and insists if that takes too long.
func (s *Server) end() error {
	err := s.process.Signal(os.Interrupt)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	select {
	case <-s.ended:
	case <-time.After(stopTime):
		_ = s.process.Kill()
		<-s.ended
	}
	if err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return nil
}

func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	address, err := netip.ParseAddrPort(listener.Addr().String())
	if err != nil {
		return 0, fmt.Errorf("read the free port: %w", err)
	}
	return int(address.Port()), nil
}
