package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	sim "github.com/threatshare/threatshare/internal/simulator"
)

// Binaries are the project's programs, built for this machine.
type Binaries struct {
	Worker, Starter, Simulator string
}

// Build builds the programs into dir.
func Build(ctx context.Context, dir string) (Binaries, error) {
	module, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return Binaries{}, fmt.Errorf("find the module: %w", err)
	}
	programs := []struct{ name, path string }{
		{"worker", "./worker"}, {"starter", "./starter"}, {"simulator", "./internal/simulator/cmd/simulator"},
	}
	for _, program := range programs {
		build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(dir, program.name), program.path)
		build.Dir = filepath.Dir(strings.TrimSpace(string(module)))
		if out, err := build.CombinedOutput(); err != nil {
			return Binaries{}, fmt.Errorf("build %s: %w\n%s", program.name, err, out)
		}
	}
	return Binaries{
		Worker: filepath.Join(dir, "worker"), Starter: filepath.Join(dir, "starter"), Simulator: filepath.Join(dir, "simulator"),
	}, nil
}

// TemporalCLI is the Temporal CLI: $TEMPORAL_CLI, or the one in .bin of the module, or the one on the PATH.
func TemporalCLI() (string, error) {
	if path := os.Getenv("TEMPORAL_CLI"); path != "" {
		return exec.LookPath(path)
	}
	if module, err := exec.Command("go", "env", "GOMOD").Output(); err == nil {
		path := filepath.Join(filepath.Dir(strings.TrimSpace(string(module))), ".bin", "temporal")
		if found, err := exec.LookPath(path); err == nil {
			return found, nil
		}
	}
	path, err := exec.LookPath("temporal")
	if err != nil {
		return "", errors.New("no Temporal CLI: run `make temporal`, or put one on the PATH")
	}
	return path, nil
}

// Server is a Temporal development server.
type Server struct {
	*Process

	CLI     string
	Address string
	UI      string // address of the UI, "" without
	db      string
	ports   [2]string
	logs    string
}

// StartTemporal starts a Temporal development server on free loopback ports and waits until it answers. Its state is in the
// file db, or only in memory if db is empty.
func StartTemporal(ctx context.Context, db, logs string, ui bool) (*Server, error) {
	cli, err := TemporalCLI()
	if err != nil {
		return nil, err
	}
	s := &Server{CLI: cli, db: db, logs: logs}
	for i := range s.ports {
		if s.ports[i], err = freePort(); err != nil {
			return nil, err
		}
	}
	s.Address = net.JoinHostPort("127.0.0.1", s.ports[0])
	if ui {
		s.UI = "http://" + net.JoinHostPort("127.0.0.1", s.ports[1])
	}
	return s, s.Restart(ctx)
}

// Restart starts the server on the same database and ports; the one before must have ended.
func (s *Server) Restart(ctx context.Context) error {
	args := []string{"server", "start-dev", "--ip", "127.0.0.1", "--port", s.ports[0], "--log-level", "error"}
	if s.db != "" {
		args = append(args, "--db-filename", s.db)
	}
	if s.UI != "" {
		args = append(args, "--ui-port", s.ports[1])
	} else {
		args = append(args, "--headless")
	}
	process, err := Start(Command{Name: "temporal", Path: s.CLI, Args: args}, s.logs)
	if err != nil {
		return err
	}
	s.Process = process
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return Until(ctx, "wait for the Temporal server", func() error {
		if ended(process) {
			return fmt.Errorf("it has ended: %s", process.Tail(5))
		}
		dialled, err := s.Dial(ctx)
		if err == nil {
			dialled.Close()
		}
		return err
	})
}

// Dial connects to the server's default namespace.
func (s *Server) Dial(ctx context.Context) (client.Client, error) {
	return s.DialNamespace(ctx, client.DefaultNamespace)
}

// DialNamespace connects to a namespace of the server.
func (s *Server) DialNamespace(ctx context.Context, namespace string) (client.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	dialled, err := client.DialContext(ctx, client.Options{HostPort: s.Address, Namespace: namespace, Logger: quiet{}})
	if err != nil {
		return nil, err
	}
	if _, err := dialled.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		dialled.Close()
		return nil, err
	}
	return dialled, nil
}

// quiet drops the SDK's own log lines: what matters comes back as an error.
type quiet struct{}

var _ log.Logger = quiet{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

// Simulator is both vendors.
type Simulator struct {
	*Process

	Mimecast string `json:"mimecast"` // base URLs
	Falcon   string `json:"falcon"`
	Admin    string `json:"admin"`
}

// StartSimulator starts both vendors and waits until they listen.
func StartSimulator(ctx context.Context, binary, logs string, args ...string) (*Simulator, error) {
	first := make(chan string, 1)
	process, err := Start(Command{Name: "simulator", Path: binary, Args: args, FirstLine: first}, logs)
	if err != nil {
		return nil, err
	}
	s := &Simulator{Process: process}
	select {
	case line := <-first:
		if err := json.Unmarshal([]byte(line), s); err != nil {
			process.Kill()
			return nil, fmt.Errorf("the simulator did not start: %s", process.Tail(5))
		}
		return s, nil
	case <-ctx.Done():
		process.Kill()
		return nil, ctx.Err()
	}
}

// WorkerEnv is the environment of a worker that serves the default credential set against the simulator.
func WorkerEnv(server *Server, simulator *Simulator, ledger, listen string) []string {
	return []string{
		"TEMPORAL_ADDRESS=" + server.Address,
		"MIMECAST_BASE_URL=" + simulator.Mimecast, "MIMECAST_CLIENT_ID=" + sim.DemoClientID, "MIMECAST_CLIENT_SECRET=" + sim.DemoMimecastSecret,
		"FALCON_BASE_URL=" + simulator.Falcon, "FALCON_CLIENT_ID=" + sim.DemoClientID, "FALCON_CLIENT_SECRET=" + sim.DemoFalconSecret,
		"THREATSHARE_LEDGER=" + ledger, "THREATSHARE_LISTEN=" + listen,
	}
}

// FreeAddress is a loopback address that nothing listens on.
func FreeAddress() (string, error) {
	port, err := freePort()
	return net.JoinHostPort("127.0.0.1", port), err
}

func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	return strconv.Itoa(port), listener.Close()
}

func ended(p *Process) bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}
