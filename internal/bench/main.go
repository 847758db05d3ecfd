// The benchmark runs the real thing against a simulator without latency and prints what it cost, beside the least that it
// can cost. Absolute times say more about the machine than about the program: calls, events and writes are what counts.
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
	"strconv"
	"time"

	"github.com/threatshare/threatshare/internal/harness"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var size size
	flag.IntVar(&size.records, "records", 50_000, "log records")
	flag.IntVar(&size.indicators, "indicators", 10_000, "distinct malicious values among them")
	seed := flag.Int("seed", 1, "random seed of the traffic")
	flag.Parse()
	if err := run(ctx, size, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // run has stopped everything that it started
	}
}

type size struct{ records, indicators int }

func run(ctx context.Context, size size, seed int) (err error) {
	dir, err := os.MkdirTemp("", "threatshare-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	all, err := harness.StartAll(ctx, dir, filepath.Join(dir, "temporal.db"), "--plain", "--seed", strconv.Itoa(seed),
		"--records", strconv.Itoa(size.records), "--indicators", strconv.Itoa(size.indicators))
	defer func() { err = errors.Join(err, all.Stop()) }()
	if err != nil {
		return err
	}
	b := &bench{size: size, temporal: all.Temporal, vendors: all.Vendors, worker: all.Worker}
	fmt.Printf("%s, %d cores, %s/%s, seed %d, %s\n\n", runtime.Version(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, seed,
		time.Now().UTC().Format(time.DateOnly))
	if err := b.firstFlow(ctx); err != nil {
		return fmt.Errorf("%w\nworker's last lines:\n%s", err, all.Worker.Tail(15))
	}
	return nil
}
