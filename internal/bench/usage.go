package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/harness"
)

// tick is the unit of processor times in /proc, the same on all Linux systems that Go runs on.
const tick = 10 * time.Millisecond

// usage is what the worker and the server have used of the machine.
type usage struct {
	worker, server             time.Duration // processor time
	workerMemory, serverMemory int64         // resident, in bytes; the worker's is its peak
}

func (u usage) less(before usage) usage {
	u.worker, u.server = u.worker-before.worker, u.server-before.server
	return u
}

func (b *bench) used() (usage, error) {
	var u usage
	var err error
	if u.worker, err = processorTime(b.worker); err != nil {
		return u, err
	}
	if u.server, err = processorTime(b.all.Server.Process); err != nil {
		return u, err
	}
	if u.workerMemory, err = b.worker.PeakMemory(); err != nil {
		return u, err
	}
	u.serverMemory, err = b.all.Server.PeakMemory()
	return u, err
}

// processorTime is how long a process has been computing, in user and kernel mode.
func processorTime(p *harness.Process) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		return 0, err
	}
	return parseStat(string(text))
}

// parseStat reads the processor time from a line of /proc/…/stat. The second field is a name that may hold anything.
func parseStat(line string) (time.Duration, error) {
	const user, kernel = 11, 12 // counted after the name
	_, rest, _ := strings.Cut(line[strings.LastIndex(line, ")")+1:], " ")
	fields := strings.Fields(rest)
	if len(fields) <= kernel {
		return 0, fmt.Errorf("read processor time: %d fields", len(fields))
	}
	var sum time.Duration
	for _, field := range []string{fields[user], fields[kernel]} {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read processor time: %w", err)
		}
		sum += time.Duration(ticks) * tick
	}
	return sum, nil
}

// cost is what the runs of some time cost.
type cost struct {
	used       usage
	took       time.Duration
	calls      int // to vendors
	writes     int
	violations int
}

// show shows the cost for each run beside its bounds.
func (c cost) show(f *figures, runs int) {
	atMost(f, "calls to vendors per run", times(c.calls, max(runs, 1)), 3)
	exactly(f, "writes", c.writes, 0)
	exactly(f, "contract violations", c.violations, 0)
	f.note("processor time per run, worker / server", fmt.Sprintf("%s / %s", perRun(c.used.worker, runs), perRun(c.used.server, runs)))
	f.note("processors in use, worker / server", fmt.Sprintf("%.2f / %.2f",
		c.used.worker.Seconds()/c.took.Seconds(), c.used.server.Seconds()/c.took.Seconds()))
	atMost(f, "worker's peak memory, MiB", c.used.workerMemory>>20, maxMemoryMiB)
	f.demanded()
	f.note("server's peak memory, MiB", c.used.serverMemory>>20)
}

func perRun(d time.Duration, runs int) time.Duration {
	return (d / time.Duration(max(runs, 1))).Round(100 * time.Microsecond)
}
