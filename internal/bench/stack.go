package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/simulator/control"
)

// stack is on what a measurement runs.
type stack string

const (
	developmentServer stack = "development server on SQLite"
	cluster           stack = "two server processes on PostgreSQL"
)

// bench is one measurement's stack and how large it is.
type bench struct {
	*run

	stack    stack
	dir      string // where the processes keep their files
	all      *harness.All
	temporal client.Client
	vendors  *control.Client
	worker   *harness.Process
}

// on measures with vendors, a Temporal server and a worker of its own, which it stops afterwards.
func (r *run) on(ctx context.Context, kind stack, simulator []string, measure func(*bench) error) (err error) {
	dir, err := os.MkdirTemp("", "threatshare-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var all *harness.All
	arguments := append([]string{"--seed", fmt.Sprint(r.seed)}, simulator...)
	if kind == cluster {
		all, err = harness.StartAllOnCluster(ctx, dir, arguments...)
	} else {
		all, err = harness.StartAll(ctx, dir, filepath.Join(dir, "temporal.db"), arguments...)
	}
	defer func() { err = errors.Join(err, all.Stop()) }()
	if err != nil {
		return err
	}
	b := &bench{run: r, stack: kind, dir: dir, all: all, temporal: all.Temporal, vendors: all.Vendors, worker: all.Worker}
	if err := measure(b); err != nil {
		return &brokenOff{cause: err, worker: b.worker.Tail(15)}
	}
	return nil
}

// brokenOff is a measurement that could not be made.
type brokenOff struct {
	cause  error
	worker string // its last lines
}

func (e *brokenOff) Error() string { return e.cause.Error() + "\nworker's last lines:\n" + e.worker }

func (e *brokenOff) Unwrap() error { return e.cause }

// inOneLine is the reason for the document, without what a process has printed.
func inOneLine(err error) string {
	if stopped, ok := errors.AsType[*brokenOff](err); ok {
		err = stopped.cause
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return first
}
