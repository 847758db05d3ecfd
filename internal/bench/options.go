package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// options are how large the parts are.
type options struct {
	only                []string
	out                 string        // where the document goes; "": nowhere
	within              time.Duration // for everything
	seed                int
	records, indicators int // first, and cluster
	hashes, domains     int // back, and cluster
	expiring            bool
	perMinute, limited  int // limit
	fresh               int // latency
	during              time.Duration
	entries             int // console
	faulty              int // faults
	kills               int // recovery
	sizes               []int
	fleets              []int
	sick                int
}

// numbers is a flag of numbers with commas.
type numbers struct{ into *[]int }

func (n numbers) String() string {
	if n.into == nil { // the flag package asks a zero value
		return ""
	}
	var all []string
	for _, one := range *n.into {
		all = append(all, strconv.Itoa(one))
	}
	return strings.Join(all, ",")
}

func (n numbers) Set(text string) error {
	var all []int
	for one := range strings.SplitSeq(text, ",") {
		number, err := strconv.Atoi(one)
		if err != nil || number < 1 {
			return errors.New("wants numbers of at least 1, with commas")
		}
		all = append(all, number)
	}
	*n.into = all
	return nil
}

func readOptions(args []string) (options, error) {
	opts := options{sizes: []int{1000, 10_000, 100_000, 1_000_000}, fleets: []int{10, 100, 500}}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("only", "", "the `parts` to run, with commas; all of them if empty")
	flags.StringVar(&opts.out, "out", "", "the document to write; docs/benchmarks.md if all parts are run, otherwise none")
	flags.DurationVar(&opts.within, "within", 90*time.Minute, "how long everything may take; parts for which no time is left are not run")
	flags.IntVar(&opts.seed, "seed", 1, "random seed of the traffic and the faults")
	flags.IntVar(&opts.records, "records", 50_000, "first, cluster: log records")
	flags.IntVar(&opts.indicators, "indicators", 10_000, "first, cluster: distinct malicious values among them")
	flags.IntVar(&opts.hashes, "hashes", 100_000, "back, cluster: hashes on Falcon's IOC list")
	flags.IntVar(&opts.domains, "domains", 20_000, "back, cluster: domains on it")
	flags.BoolVar(&opts.expiring, "expiring", false, "back: every IOC has an expiration, which makes payloads larger")
	flags.IntVar(&opts.perMinute, "per-minute", 1200, "limit: calls per minute that each vendor allows; half as many while logs are read")
	flags.IntVar(&opts.limited, "limited", 10_000, "limit: domains on Falcon's IOC list; five times as many log records the other way")
	flags.IntVar(&opts.fresh, "fresh", 2000, "latency: indicators that are new on each side while the flows run")
	flags.DurationVar(&opts.during, "during", 2*time.Minute, "latency: how long that takes")
	flags.IntVar(&opts.entries, "entries", 100_000, "console: entries in the ledger of one of two integrations")
	flags.IntVar(&opts.faulty, "faulty", 100_000, "faults: indicators each way")
	flags.IntVar(&opts.kills, "kills", 5, "recovery: how often the worker is killed")
	flags.Var(numbers{&opts.sizes}, "sizes", "growth: how many indicators")
	flags.Var(numbers{&opts.fleets}, "integrations", "fleet: how many integrations on one worker")
	flags.IntVar(&opts.sick, "sick", -1,
		"fleet: how many of them have vendors that fail in a second round; -1: a tenth of the middle size, none of the others; 0: no second round")
	if err := flags.Parse(args); err != nil {
		return opts, err
	}
	for _, size := range opts.fleets {
		if opts.sick < -1 || opts.sick >= size {
			return opts, fmt.Errorf("-sick: between 0 and %d", size-1)
		}
	}
	return opts, opts.choose(*only)
}

// choose says which parts are run.
func (o *options) choose(only string) error {
	known := parts()
	if only == "" {
		for _, p := range known {
			o.only = append(o.only, p.name)
		}
		if o.out == "" {
			o.out = "docs/benchmarks.md"
		}
		return nil
	}
	for name := range strings.SplitSeq(only, ",") {
		if !slices.ContainsFunc(known, func(p part) bool { return p.name == name }) {
			return fmt.Errorf("-only: no part %q", name)
		}
		o.only = append(o.only, name)
	}
	return nil
}
