// Package harness starts the real thing on this machine: a Temporal development server, the simulator of both vendors,
// workers and starters, each as a process of its own. The demo, the benchmark and the end-to-end tests stand on it. It is
// not part of the product.
package harness

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stopTime is how long a process may take to end after SIGTERM.
const stopTime = 30 * time.Second

// Process is a child process whose output goes to a file.
type Process struct {
	Name string
	Log  string // path of the file
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// Command is what to start.
type Command struct {
	Name string
	Path string
	Args []string
	Env  []string // added to a bare environment: no credential of whoever runs the harness reaches a child
	Dir  string
	// FirstLine gets the first line of standard output; nil if nobody waits for it.
	FirstLine chan<- string
}

// Start starts a process. On Linux it dies with this one. Its output goes to a file in logs.
func Start(command Command, logs string) (*Process, error) {
	path := filepath.Join(logs, command.Name+".log")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", command.Name, err)
	}
	cmd := exec.Command(command.Path, command.Args...)
	cmd.Env = append(bareEnvironment(), command.Env...)
	cmd.Dir = command.Dir
	cmd.Stderr = log
	// A group of its own: Ctrl-C at a terminal ends the harness, which then ends its children in order.
	cmd.SysProcAttr = ownGroup()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", command.Name, err), log.Close())
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", command.Name, err), log.Close())
	}
	p := &Process{Name: command.Name, Log: path, cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		copyOutput(out, log, command.FirstLine)
		p.err = errors.Join(cmd.Wait(), log.Close())
	}()
	return p, nil
}

func copyOutput(out io.Reader, log io.Writer, first chan<- string) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if first != nil {
			first <- lines.Text()
			first = nil
		}
		_, _ = fmt.Fprintln(log, lines.Text()) // a full disk must not stop the child
	}
	if first != nil {
		close(first)
	}
	_, _ = io.Copy(io.Discard, out)
}

func bareEnvironment() []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if value, found := os.LookupEnv(name); found {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// PID is the id of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed once the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Stop asks the process to end and waits; one that does not is killed. It returns how it ended: nil for exit code 0.
func (p *Process) Stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // one that has ended already is as good
	select {
	case <-p.done:
		return p.err
	case <-time.After(stopTime):
		p.Kill()
		return fmt.Errorf("%s did not end within %s", p.Name, stopTime)
	}
}

// Kill ends the process at once, as a crash would.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Tail returns the last lines that the process wrote.
func (p *Process) Tail(lines int) string {
	text, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// PeakMemory is the largest resident size that the process has had, in bytes.
func (p *Process) PeakMemory() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("no VmHWM in /proc status")
}

// Until calls try until it succeeds or ctx ends; the last error says why it did not.
func Until(ctx context.Context, what string, try func() error) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w (%w)", what, err, ctx.Err())
		case <-tick.C:
		}
	}
}
