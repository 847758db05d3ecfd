// The benchmark runs the real thing against the simulator, part by part, prints what it cost beside the least that it can
// cost, or beside the bound that it has to keep, and writes docs/benchmarks.md. Absolute times say more about the machine
// than about the program: calls, events, writes and shares of a limit are what counts. A bound that does not hold makes the
// exit code 1.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/samber/lo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	opts, err := readOptions(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err == nil:
		err = measureAll(ctx, opts)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // measureAll has stopped everything that it started
	}
}

// run is all measurements of one call of the benchmark.
type run struct {
	options

	samples *samples
}

// measureAll runs the parts, prints each one's table, and writes the document after each of them, so that it tells what was
// measured even if this program is stopped. It fails if a part does, or if a bound does not hold.
func measureAll(ctx context.Context, opts options) error {
	ctx, cancel := context.WithTimeout(ctx, opts.within)
	defer cancel()
	doc := newDocument(ctx, opts)
	fmt.Printf("%s, seed %d, %s\n", doc.Machine, opts.seed, doc.Date)
	r := &run{options: opts, samples: newSamples()}
	var problems []error
	for i, p := range parts() {
		if !slices.Contains(opts.only, p.name) {
			continue
		}
		if ctx.Err() != nil {
			problems = append(problems, fmt.Errorf("%s: not run: %w", p.name, context.Cause(ctx)))
			continue
		}
		fmt.Fprintf(os.Stderr, "\n%s …\n", p.name)
		f, err := p.measured(ctx, r)
		f.print(os.Stdout)
		doc.take(i, f, err)
		if err = errors.Join(err, f.err()); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", p.name, err))
		}
		if err := doc.write(opts.out); err != nil {
			return errors.Join(append(problems, err)...)
		}
	}
	if opts.out == "" {
		fmt.Fprintln(os.Stderr, "\nNot all parts were run: docs/benchmarks.md stays as it is. -out writes a document of these.")
	}
	return errors.Join(problems...)
}

// part is one measurement.
type part struct {
	name    string
	about   string // for the document: what is measured, and how
	rounds  int    // how often, for the medians of times
	measure func(*run, context.Context, *figures) error
}

// measured runs the part as often as it has rounds. The figures are those of the last round, the broken bounds those of all.
func (p part) measured(ctx context.Context, r *run) (*figures, error) {
	var before []string
	for round := 1; ; round++ {
		f := &figures{}
		err := p.measure(r, ctx, f)
		if f.broken = lo.Uniq(append(before, f.broken...)); err != nil || round >= p.rounds {
			return f, err
		}
		before = f.broken
	}
}

func sleepUntil(ctx context.Context, at time.Time) error {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
