// The demo starts everything on this machine (a Temporal server, the simulator of both vendors, a mail server, a worker, one
// integration) and shows the first sync of both directions, and what follows a change in Falcon. At a terminal it stays up
// until Ctrl-C; elsewhere it ends after the summary.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"
	"golang.org/x/term"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

const (
	folder  = ".demo" // made anew each time
	name    = "demo"
	records = "5000"
	values  = "600"
	// remediationTime is how long Mimecast takes to remove mail: about until Remediate looks for the first time.
	remediationTime = "5s"
	// syncTime is how long a sync may take before the demo gives up.
	syncTime = 5 * time.Minute
)

const settingsText = `name: demo
description: the integration of make demo
sendToFalcon:
  attachmentHashes: {enabled: true, action: prevent, severity: high}
  urlDomains: {enabled: true, action: detect, severity: medium}
  impersonationDomains: {enabled: true, action: detect, severity: medium}
sendToMimecast:
  iocHashes: {enabled: true, remediate: true}
  iocDomains: {enabled: true, blockURLs: true, remediate: true}
  alertDomains: {enabled: true, blockURLs: true, remediate: true}
schedule:
  shareTTPLogs: "*/1 * * * *"
  importIOCs: "*/1 * * * *"
  importAlerts: "*/1 * * * *"
notify: [` + mailTo + `]
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch err := run(ctx, os.Stdout); {
	case ctx.Err() != nil: // Ctrl-C is how the demo ends; whatever it broke off is no error
		say(os.Stdout, "stopped")
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1) //nolint:gocritic // run has stopped everything that it started
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	if err := errors.Join(os.RemoveAll(folder), os.Mkdir(folder, 0o750)); err != nil {
		return err
	}
	say(out, "building the worker, the starter and the simulator")
	binaries, err := harness.Build(ctx, folder)
	if err != nil {
		return err
	}
	say(out, "starting a Temporal server (state in "+folder+"/temporal.db)")
	server, err := harness.StartTemporal(ctx, filepath.Join(folder, "temporal.db"), folder, true)
	if err != nil {
		return err
	}
	defer func() { err = ended(out, err, server.Process) }()
	temporal, err := server.Dial(ctx)
	if err != nil {
		return err
	}
	defer temporal.Close()
	if err := registerState(ctx, temporal); err != nil {
		return err
	}
	say(out, "starting the simulator of Mimecast and Falcon")
	simulator, err := harness.StartSimulator(ctx, absolute(binaries.Simulator), folder, "--records", records, "--indicators", values,
		"--remediation-time", remediationTime)
	if err != nil {
		return err
	}
	defer func() { err = ended(out, err, simulator.Process) }()
	say(out, "listing IOCs by hand, raising alerts, delivering mail")
	staged, err := setUp(ctx, control.New(simulator.Admin))
	if err != nil {
		return err
	}
	say(out, "starting a worker, and a mail server that delivers nothing")
	mails, err := catchMail(ctx, out)
	if err != nil {
		return err
	}
	console, err := harness.FreeAddress()
	if err != nil {
		return err
	}
	worker, err := startWorker(binaries, server, simulator, mails.URL("", ""), console)
	if err != nil {
		return err
	}
	defer func() { err = ended(out, err, worker) }()
	ctx, cancel := whileRunning(ctx, server.Process, simulator.Process, worker)
	defer cancel()
	if err := startIntegration(ctx, out, binaries, server); err != nil {
		return err
	}
	status, err := play(ctx, out, temporal, staged)
	if err != nil {
		return fmt.Errorf("%w; the logs are in %s", err, folder)
	}
	summary(out, status, server, simulator, console)
	if !term.IsTerminal(int(os.Stdout.Fd())) {
		say(out, "this is no terminal: everything is being stopped now, and the addresses above end with it")
		return nil
	}
	say(out, "everything stays up until you press Ctrl-C")
	<-ctx.Done()
	say(out, "stopping")
	return context.Cause(ctx)
}

// ended stops a process at the end of the demo. After an error a second one would only hide it, so that is told at once.
func ended(out io.Writer, err error, process *harness.Process) error {
	select {
	case <-process.Done():
		return err // by itself, which is known
	default:
	}
	stopped := process.Stop()
	switch {
	case stopped == nil:
		return err
	case err == nil:
		return fmt.Errorf("stop %s: %w", process.Name, stopped)
	default:
		say(out, fmt.Sprintf("stop %s: %s", process.Name, stopped))
		return err
	}
}

// play shows the first sync, then what follows a change in Falcon, and returns the status at the end.
func play(ctx context.Context, out io.Writer, temporal client.Client, staged stage) (workflows.Status, error) {
	if status, err := watch(ctx, temporal, newProgress(out, "first sync", staged.values), firstSync); err != nil {
		return status, fmt.Errorf("the first sync did not finish: %w", err)
	}
	say(out, "the first sync has finished; mail that was delivered before is being removed (about 10 s)")
	if err := mailRemoved(ctx, temporal); err != nil {
		return workflows.Status{}, err
	}
	say(out, "an analyst deletes "+domainGone+" in Falcon, and an alert is raised by an IOC that came from Mimecast")
	if err := staged.change(ctx); err != nil {
		return workflows.Status{}, err
	}
	if err := temporal.SignalWorkflow(ctx, wire.IntegrationID(name), "", wire.SyncNow, nil); err != nil {
		return workflows.Status{}, err
	}
	status, err := watch(ctx, temporal, newProgress(out, "second sync", 0), secondAct)
	if err != nil {
		return status, fmt.Errorf("the second sync did not finish: %w", err)
	}
	return status, nil
}

func startWorker(binaries harness.Binaries, server *harness.Server, simulator *harness.Simulator, mailServer, listen string) (*harness.Process, error) {
	env := append(harness.WorkerEnv(server, simulator, "sqlite:"+absolute(filepath.Join(folder, "ledger.db")), listen),
		"THREATSHARE_SMTP_URL="+mailServer, "THREATSHARE_MAIL_FROM="+mailFrom, "THREATSHARE_TEMPORAL_UI="+server.UI,
		"THREATSHARE_CONSOLE_URL=http://"+listen)
	return harness.Start(harness.Command{Name: "worker", Path: absolute(binaries.Worker), Env: env}, folder)
}

func startIntegration(ctx context.Context, out io.Writer, binaries harness.Binaries, server *harness.Server) error {
	path := filepath.Join(folder, "demo.yaml")
	if err := os.WriteFile(path, []byte(settingsText), 0o600); err != nil {
		return err
	}
	say(out, "starting the integration \""+name+"\": starter start -f "+path)
	starter, err := harness.Start(harness.Command{
		Name: "starter", Path: absolute(binaries.Starter), Args: []string{"start", "-f", path},
		Env: []string{"TEMPORAL_ADDRESS=" + server.Address},
	}, folder)
	if err != nil {
		return err
	}
	select {
	case <-starter.Done():
		if err := starter.Stop(); err != nil {
			return fmt.Errorf("starter: %w: %s", err, starter.Tail(10))
		}
		return nil
	case <-ctx.Done():
		starter.Kill()
		return context.Cause(ctx)
	}
}

func say(out io.Writer, text string) { _, _ = fmt.Fprintln(out, "==>", text) }

func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}
