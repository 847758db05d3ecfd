// This program records histories of real runs for the replay test: `make histories`. It starts the real thing, takes each
// workflow through its life, and writes what the Temporal server has recorded to workflows/testdata.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/threatshare/threatshare/internal/harness"
)

const (
	name  = "recorded"
	limit = 5 * time.Minute
)

func main() {
	version := flag.String("version", "v0.4", "release that the histories are of; part of the file names")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := run(ctx, filepath.Join("workflows", "testdata"), *version); err != nil {
		fmt.Fprintln(os.Stderr, "histories:", err)
		os.Exit(1) //nolint:gocritic // run has stopped everything that it started
	}
}

func run(ctx context.Context, out, version string) (err error) {
	dir, err := os.MkdirTemp("", "threatshare-histories-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	all, err := harness.StartAll(ctx, dir, "", "--records", "120", "--indicators", "30", "--remediation-time", "12s")
	defer func() { err = errors.Join(err, all.Stop()) }()
	if err != nil {
		return err
	}
	l := life{temporal: all.Temporal, vendors: all.Vendors}
	if err := l.live(ctx); err != nil {
		return err
	}
	return record(ctx, all.Temporal, out, version)
}
