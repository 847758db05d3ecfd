// The worker runs the workflows and their activities. It reads its settings and the vendors' credentials from the
// environment (README.md), and runs until it is told to stop. `worker health` asks the worker on this machine whether it is
// ready.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/boot"
	"github.com/threatshare/threatshare/internal/config"
	"github.com/threatshare/threatshare/internal/mail"
	"github.com/threatshare/threatshare/internal/metrics"
	"github.com/threatshare/threatshare/internal/notify"
)

const usage = `usage:
  worker           run; README.md lists the variables that it reads
  worker health    ask the worker on this machine whether it is ready
`

func main() {
	switch args := os.Args[1:]; {
	case len(args) == 0:
		os.Exit(work())
	case slices.Equal(args, []string{"health"}):
		os.Exit(checkHealth(context.Background(), os.Environ(), os.Stdout))
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
}

// work gives the exit code.
func work() int {
	cfg, err := config.Read(os.Environ())
	log := boot.Logger(cfg.LogFormat, cfg.LogLevel, os.Stderr)
	if err == nil {
		err = run(cfg, log)
	}
	if err != nil {
		log.Error("worker stopped", "error", err)
		return 1
	}
	return 0
}

func run(cfg config.Config, log *slog.Logger) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	counted, err := metrics.New(log, time.Now)
	if err != nil {
		return err
	}
	health := boot.NewHealth()
	health.Handle("GET /metrics", counted.Handler())
	var pages lateHandler
	if cfg.Console == "on" {
		health.Handle("/", &pages)
	}
	server, err := health.Serve(ctx, cfg.Listen, log)
	if err != nil {
		return err
	}
	defer server.Stop()

	lists, err := guardLists(cfg.Warninglists)
	if err != nil {
		return err
	}
	sender, err := mail.New(mail.Config{URL: cfg.SMTPURL.Reveal(), From: cfg.MailFrom})
	if err != nil {
		return err
	}
	namespace, err := boot.TemporalNamespace()
	if err != nil {
		return err
	}
	keys, err := boot.CodecKeys() // before servers are waited for
	if err != nil {
		return err
	}

	if ids := keys.IDs(); len(ids) > 0 {
		log.Info("payloads are encrypted", "key", ids[0], "old_keys", ids[1:])
	}

	store, err := openLedger(ctx, cfg.Ledger.Reveal(), log, health.Waiting)
	if err != nil {
		return unlessToldToStop(ctx, err)
	}
	defer store.Close() //nolint:errcheck // every write has been committed
	temporal, err := boot.DialTemporal(ctx, log, health.Waiting, counted.Temporal())
	if err != nil {
		return unlessToldToStop(ctx, err)
	}
	defer temporal.Close()

	links := notify.Links{UI: cfg.TemporalUI, Console: cfg.ConsoleURL, Namespace: namespace}
	shown, err := newConsole(cfg, temporal, store, links, codecServer(keys, cfg.TemporalUI), log)
	if err != nil {
		return err
	}
	pages.arrive(shown)

	steps := &activities.Activities{
		Vendors: newVendors(cfg, counted.ObserveCall), Ledger: store, Guard: lists, Temporal: temporal, Queue: cfg.TaskQueue,
		Now: time.Now, Mail: counted.Mailer(sender), Links: links, Metrics: counted,
		Pseudonym: keys.Pseudonym(),
	}
	if err := serve(ctx, temporal, cfg.TaskQueue, steps, func() {
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

// unlessToldToStop is err, unless the worker was told to stop while it waited for a server: that is no failure.
func unlessToldToStop(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // asked for
	}
	return err
}
