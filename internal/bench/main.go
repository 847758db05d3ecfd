// The benchmark runs the real thing against the simulator, part by part, and prints what it cost beside the least that it
// can cost, or beside the bound that it has to keep. Absolute times say more about the machine than about the program: calls,
// events, writes and shares of a limit are what counts. A bound that does not hold makes the exit code 1.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/harness"
)

// part is one measurement, with vendors, a Temporal server and a worker of its own.
type part struct {
	name      string
	simulator []string // its arguments
	measure   func(*bench, context.Context, *figures) error
}

func parts(opts options) []part {
	seed := []string{"--seed", fmt.Sprint(opts.seed)}
	return []part{
		{"first", append(seed, "--plain", "--records", fmt.Sprint(opts.records), "--indicators", fmt.Sprint(opts.indicators)), (*bench).first},
		{"back", seed, (*bench).back},
		{"limit", append(seed, "--latency", "20ms", "--rate-limit", fmt.Sprint(opts.perMinute)), (*bench).limit},
		{"latency", seed, (*bench).latency},
		{"fleet", fleetSeed(opts.seed), (*bench).fleet},
	}
}

// options are how large the parts are.
type options struct {
	only                []string
	seed                int
	records, indicators int // first
	hashes, domains     int // back
	expiring            bool
	perMinute, limited  int // limit
	fresh               int // latency
	during              time.Duration
	integrations, sick  int // fleet
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	opts, err := readOptions(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err == nil:
		err = run(ctx, opts)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // run has stopped everything that it started
	}
}

func readOptions(args []string) (options, error) {
	var opts options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("only", "first,back,limit,latency,fleet", "the `parts` to run, with commas")
	flags.IntVar(&opts.seed, "seed", 1, "random seed of the traffic")
	flags.IntVar(&opts.records, "records", 50_000, "first: log records")
	flags.IntVar(&opts.indicators, "indicators", 10_000, "first: distinct malicious values among them")
	flags.IntVar(&opts.hashes, "hashes", 100_000, "back: hashes on Falcon's IOC list")
	flags.IntVar(&opts.domains, "domains", 20_000, "back: domains on it")
	flags.BoolVar(&opts.expiring, "expiring", false, "back: every IOC has an expiration, which makes payloads larger")
	flags.IntVar(&opts.perMinute, "per-minute", 1200, "limit: calls per minute that each vendor allows")
	flags.IntVar(&opts.limited, "limited", 20_000, "limit: domains on Falcon's IOC list")
	flags.IntVar(&opts.fresh, "fresh", 1000, "latency: IOCs that are listed while the flow runs")
	flags.DurationVar(&opts.during, "during", 3*time.Minute, "latency: how long that takes")
	flags.IntVar(&opts.integrations, "integrations", 200, "fleet: integrations on one worker")
	flags.IntVar(&opts.sick, "sick", -1, "fleet: how many of them have vendors that fail in the second round; -1: a tenth; 0: no second round")
	if err := flags.Parse(args); err != nil {
		return opts, err
	}
	switch {
	case opts.integrations < 1:
		return opts, errors.New("-integrations: at least 1")
	case opts.sick == -1:
		opts.sick = opts.integrations / 10
	case opts.sick < 0 || opts.sick >= opts.integrations:
		return opts, fmt.Errorf("-sick: between 0 and %d", opts.integrations-1)
	}
	known := parts(opts)
	for name := range strings.SplitSeq(*only, ",") {
		if !slices.ContainsFunc(known, func(p part) bool { return p.name == name }) {
			return opts, fmt.Errorf("-only: no part %q", name)
		}
		opts.only = append(opts.only, name)
	}
	return opts, nil
}

func run(ctx context.Context, opts options) error {
	fmt.Printf("%s, %d cores, %s/%s, seed %d, %s\n", runtime.Version(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, opts.seed,
		time.Now().UTC().Format(time.DateOnly))
	var problems []error
	for _, p := range parts(opts) {
		if !slices.Contains(opts.only, p.name) || ctx.Err() != nil {
			continue
		}
		if err := measured(ctx, opts, p); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", p.name, err))
		}
	}
	return errors.Join(problems...)
}

// measured runs one part and prints its table. It fails if the part does, or if a bound does not hold.
func measured(ctx context.Context, opts options, p part) (err error) {
	dir, err := os.MkdirTemp("", "threatshare-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	fmt.Fprintf(os.Stderr, "\n%s …\n", p.name)
	all, err := harness.StartAll(ctx, dir, filepath.Join(dir, "temporal.db"), p.simulator...)
	defer func() { err = errors.Join(err, all.Stop()) }()
	if err != nil {
		return err
	}
	b := &bench{options: opts, dir: dir, all: all, temporal: all.Temporal, vendors: all.Vendors, worker: all.Worker}
	figures := newFigures()
	if err := p.measure(b, ctx, figures); err != nil {
		return fmt.Errorf("%w\nworker's last lines:\n%s", err, b.worker.Tail(15))
	}
	figures.print(os.Stdout)
	return figures.err()
}
