// Command simulator runs both vendors on loopback addresses. When it is ready it prints one line of JSON with their URLs
// on standard output; it stops on SIGINT or SIGTERM. Logs go to standard error. With -probe it asks one that is running
// whether it answers, for the health check of a container.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/threatshare/threatshare/internal/simulator"
)

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	err := run(os.Args[1:], os.Stdout, log)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		log.Error("simulator stopped", "error", err)
		os.Exit(1)
	}
}

// command is what the flags say.
type command struct {
	simulator.Options
	probe   bool
	forward passage
}

func run(args []string, out io.Writer, log *slog.Logger) error {
	cmd, err := parse(args)
	if err != nil {
		return err
	}
	cmd.Log = log
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if cmd.probe {
		return probe(ctx, cmd.AdminAddr)
	}

	sim, err := simulator.Start(ctx, cmd.Options)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	if err := cmd.forward.open(ctx, log); err != nil {
		return errors.Join(err, sim.Close(ctx))
	}
	if err := json.NewEncoder(out).Encode(sim.URLs); err != nil {
		return fmt.Errorf("print the addresses: %w", err)
	}
	select {
	case <-ctx.Done():
	case err = <-sim.Failed():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if closed := sim.Close(closing); closed != nil {
		log.Warn("running calls were cut off", "error", closed)
	}
	return err
}

func parse(args []string) (command, error) {
	var opts command
	flags := flag.NewFlagSet("simulator", flag.ContinueOnError)
	flags.StringVar(&opts.MimecastAddr, "mimecast", "127.0.0.1:0", "loopback `address` of Mimecast")
	flags.StringVar(&opts.FalconAddr, "falcon", "127.0.0.1:0", "loopback `address` of Falcon")
	flags.StringVar(&opts.AdminAddr, "admin", "127.0.0.1:0", "loopback `address` of the admin API")
	flags.Uint64Var(&opts.Traffic.Seed, "seed", 1, "random seed of traffic, ids and faults")
	flags.IntVar(&opts.Traffic.Records, "records", 0, "log records to generate")
	flags.IntVar(&opts.Traffic.Indicators, "indicators", 0, "distinct malicious values among them")
	flags.BoolVar(&opts.Traffic.Plain, "plain", false, "every record is malicious and worth sharing")
	flags.BoolVar(&opts.Traffic.Hostile, "hostile", false, "add records whose values try to hurt")
	flags.IntVar(&opts.PerMinute, "rate-limit", 0, "calls per minute and vendor; 0 for no limit")
	flags.DurationVar(&opts.Latency, "latency", 0, "least duration of a vendor call")
	flags.DurationVar(&opts.TokenLife, "token-life", 0, "how long tokens are good; 0 for the vendors' own")
	flags.DurationVar(&opts.RemediationTime, "remediation-time", 0, "how long a Mimecast incident takes; 0 for 30 s")
	flags.StringVar(&opts.MimecastClientID, "mimecast-client-id", simulator.DemoClientID, "client `id` for Mimecast")
	flags.StringVar(&opts.MimecastClientSecret, "mimecast-client-secret", simulator.DemoMimecastSecret, "client `secret` for Mimecast")
	flags.StringVar(&opts.FalconClientID, "falcon-client-id", simulator.DemoClientID, "client `id` for Falcon")
	flags.StringVar(&opts.FalconClientSecret, "falcon-client-secret", simulator.DemoFalconSecret, "client `secret` for Falcon")
	flags.StringVar(&opts.FalconRegion, "falcon-region", "us-1", "the `region` that Falcon answers from")
	flags.BoolVar(&opts.probe, "probe", false, "start nothing; ask the one whose admin API is at -admin whether it answers")
	flags.Var(&opts.forward, "forward",
		"`from=to`: hand connections to the loopback address from on to the address to, such as a mail catcher in another container")
	if err := flags.Parse(args); err != nil {
		return opts, fmt.Errorf("read flags: %w", err)
	}
	if flags.NArg() > 0 {
		return opts, fmt.Errorf("read flags: unexpected argument %q", flags.Arg(0))
	}
	if opts.PerMinute < 0 || opts.Latency < 0 || opts.TokenLife < 0 || opts.RemediationTime < 0 {
		return opts, errors.New("read flags: rate-limit, latency, token-life and remediation-time are not below 0")
	}
	return opts, nil
}
