// The worker runs the workflows and their activities. It reads its settings and the vendors' credentials from the
// environment (README.md), and runs until it is told to stop.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/boot"
	"github.com/threatshare/threatshare/internal/config"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// stopTime is how long a step at work may go on after the worker was told to stop: long enough for a request to end, short
// enough for a rolling restart. A step that is cut off is repeated elsewhere.
const stopTime = 20 * time.Second

func main() {
	cfg, err := config.Read(os.Environ())
	log := boot.Logger(cfg.LogFormat, cfg.LogLevel, os.Stderr)
	if err == nil {
		err = run(cfg, log)
	}
	if err != nil {
		log.Error("worker stopped", "error", err)
		os.Exit(1)
	}
}

func run(cfg config.Config, log *slog.Logger) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	health := boot.NewHealth()
	server, err := health.Serve(ctx, cfg.Listen, log)
	if err != nil {
		return err
	}
	defer server.Stop()

	lists, err := guardLists(cfg.Warninglists)
	if err != nil {
		return err
	}
	store, err := ledger.Open(ctx, cfg.Ledger.Reveal())
	if err != nil {
		return fmt.Errorf("open the ledger (THREATSHARE_LEDGER): %w", err)
	}
	defer store.Close() //nolint:errcheck // every write has been committed

	temporal, err := boot.DialTemporal(ctx, log, health.Waiting)
	if err != nil && ctx.Err() != nil {
		return nil // told to stop before the server was reached
	}
	if err != nil {
		return err
	}
	defer temporal.Close()

	steps := &activities.Activities{
		Vendors: newVendors(cfg), Ledger: store, Guard: lists, Temporal: temporal, Queue: cfg.TaskQueue, Now: time.Now,
	}
	if err := serve(ctx, temporal, cfg, steps, func() {
		health.Ready(func(ctx context.Context) error {
			return errors.Join(boot.TemporalReachable(ctx, temporal), store.Ping(ctx))
		})
		log.Info("worker ready", "task_queue", cfg.TaskQueue, "credential_sets", len(cfg.CredentialSets()))
		if len(cfg.CredentialSets()) == 0 {
			log.Warn("no vendor credentials in the environment: integrations will say which variables they miss")
		}
	}); err != nil {
		return err
	}
	log.Info("worker stopped")
	return nil
}

// serve registers everything, calls ready, and runs until ctx ends or the worker fails for good.
func serve(ctx context.Context, temporal client.Client, cfg config.Config, steps *activities.Activities, ready func()) error {
	failed := make(chan error, 1)
	w := worker.New(temporal, cfg.TaskQueue, worker.Options{
		WorkerStopTimeout:                  stopTime,
		MaxConcurrentActivityExecutionSize: 50,
		OnFatalError:                       func(err error) { failed <- err },
	})
	w.RegisterWorkflowWithOptions(workflows.Integration, workflow.RegisterOptions{Name: wire.Integration})
	w.RegisterWorkflowWithOptions(workflows.ShareTTPLogs, workflow.RegisterOptions{Name: wire.ShareTTPLogs})
	w.RegisterWorkflowWithOptions(workflows.ImportIOCs, workflow.RegisterOptions{Name: wire.ImportIOCs})
	w.RegisterWorkflowWithOptions(workflows.ImportAlerts, workflow.RegisterOptions{Name: wire.ImportAlerts})
	w.RegisterWorkflowWithOptions(workflows.Remediate, workflow.RegisterOptions{Name: wire.Remediate})
	w.RegisterWorkflowWithOptions(workflows.Preview, workflow.RegisterOptions{Name: wire.Preview})
	w.RegisterWorkflowWithOptions(workflows.Withdraw, workflow.RegisterOptions{Name: wire.Withdraw})
	w.RegisterActivity(steps)
	if err := w.Start(); err != nil {
		return fmt.Errorf("start the worker: %w", err)
	}
	defer w.Stop()
	ready()
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return fmt.Errorf("temporal: %w", err)
	}
}
