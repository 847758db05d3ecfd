package harness

import (
	"context"
	"errors"
	"path/filepath"

	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/simulator/control"
)

// All is the real thing, running: a Temporal server, both vendors, and a worker that serves the default task queue.
type All struct {
	Binaries  Binaries
	Server    *Server
	Simulator *Simulator
	Vendors   *control.Client
	Worker    *Process
	Temporal  client.Client
}

// StartAll builds the programs into dir and starts everything there. The server's state is in the file db, or in memory if
// that is empty; simulatorArgs say what the vendors hold. The caller stops it, also after an error.
func StartAll(ctx context.Context, dir, db string, simulatorArgs ...string) (*All, error) {
	all := &All{}
	var err error
	if all.Binaries, err = Build(ctx, dir); err != nil {
		return all, err
	}
	if all.Server, err = StartTemporal(ctx, db, dir, false); err != nil {
		return all, err
	}
	if all.Simulator, err = StartSimulator(ctx, all.Binaries.Simulator, dir, simulatorArgs...); err != nil {
		return all, err
	}
	all.Vendors = control.New(all.Simulator.Admin)
	all.Worker, err = Start(Command{
		Name: "worker", Path: all.Binaries.Worker,
		Env: WorkerEnv(all.Server, all.Simulator, "sqlite:"+filepath.Join(dir, "ledger.db"), "off"),
	}, dir)
	if err != nil {
		return all, err
	}
	all.Temporal, err = all.Server.Dial(ctx)
	return all, err
}

// Stop stops what was started, last first.
func (a *All) Stop() error {
	var problems []error
	if a.Temporal != nil {
		a.Temporal.Close()
	}
	if a.Worker != nil {
		problems = append(problems, a.Worker.Stop())
	}
	if a.Simulator != nil {
		problems = append(problems, a.Simulator.Stop())
	}
	if a.Server != nil && a.Server.Process != nil { // it may have failed to start
		problems = append(problems, a.Server.Stop())
	}
	return errors.Join(problems...)
}
