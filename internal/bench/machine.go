package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/threatshare/threatshare/internal/harness"
)

const unknown = "unknown"

// machine is what the figures were measured on.
func machine() string {
	model := field("/proc/cpuinfo", "model name")
	if model == "" {
		model = unknown + " processor"
	}
	return fmt.Sprintf("%s, %d cores, %s of memory, %s/%s", model, runtime.NumCPU(), memory(field("/proc/meminfo", "MemTotal")),
		runtime.GOOS, runtime.GOARCH)
}

// load is how busy the machine was before, by the system's average of the last minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return unknown
	}
	average, _, _ := strings.Cut(string(text), " ")
	return average
}

// field is the first value with that name in a file of /proc.
func field(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return fieldOf(string(text), name)
}

func fieldOf(text, name string) string {
	for line := range strings.Lines(text) {
		if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// memory reads the 16384000 kB of /proc/meminfo.
func memory(text string) string {
	kib, err := strconv.Atoi(strings.TrimSuffix(text, " kB"))
	if err != nil {
		return unknown
	}
	return fmt.Sprintf("%.1f GiB", float64(kib)/(1<<20))
}

// version is which version of something was used.
type version struct{ Name, Version string }

func versions(ctx context.Context) []version {
	all := []version{{"Go", strings.TrimPrefix(runtime.Version(), "go")}}
	for _, module := range []version{{"Temporal SDK", "go.temporal.io/sdk"}, {"SQLite", "modernc.org/sqlite"}, {"pgx", "github.com/jackc/pgx/v5"}} {
		all = append(all, version{module.Name, moduleVersion(module.Version)})
	}
	development := unknown
	if cli, err := harness.TemporalCLI(); err == nil {
		development = fmt.Sprintf("%s (%s)", programVersion(cli), between(firstLine(ctx, cli, "--version"), "(", ","))
	}
	return append(all,
		version{"Temporal CLI with its development server", development},
		version{"Temporal server of the part cluster", programVersion(filepath.Join(".bin", "temporal-server"))},
		version{"PostgreSQL", between(firstLine(ctx, "postgres", "--version"), "(PostgreSQL) ", " ")},
	)
}

// moduleVersion is the version of a module in this program.
func moduleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return unknown
	}
	at := slices.IndexFunc(info.Deps, func(m *debug.Module) bool { return m.Path == path })
	if at < 0 {
		return "not in this program"
	}
	return info.Deps[at].Version
}

// programVersion is the version that a Go program was built in.
func programVersion(path string) string {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return "not built"
	}
	return info.Main.Version
}

// between is what stands in a text after one word and before another, or all of it if they are not there.
func between(text, from, to string) string {
	_, rest, found := strings.Cut(text, from)
	if !found {
		return text
	}
	inner, _, _ := strings.Cut(rest, to)
	return inner
}

// firstLine is the first line that a program prints.
func firstLine(ctx context.Context, program string, args ...string) string {
	out, err := exec.CommandContext(ctx, program, args...).Output()
	if err != nil {
		return unknown
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}
