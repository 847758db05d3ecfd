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
	Cluster   *Cluster // nil on a development server
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
	return all, all.complete(ctx, dir, "sqlite:"+filepath.Join(dir, "ledger.db"), simulatorArgs)
}

// StartAllOnCluster is StartAll with a Temporal server of two processes and the worker's ledger, both on PostgreSQL.
func StartAllOnCluster(ctx context.Context, dir string, simulatorArgs ...string) (*All, error) {
	all := &All{}
	var err error
	if all.Binaries, err = Build(ctx, dir); err != nil {
		return all, err
	}
	if all.Cluster, err = StartCluster(ctx, dir); err != nil {
		return all, err
	}
	all.Server = all.Cluster.Server
	return all, all.complete(ctx, dir, all.Cluster.Ledger, simulatorArgs)
}

// complete starts what stands beside the Temporal server.
func (a *All) complete(ctx context.Context, dir, ledger string, simulatorArgs []string) error {
	var err error
	if a.Simulator, err = StartSimulator(ctx, a.Binaries.Simulator, dir, simulatorArgs...); err != nil {
		return err
	}
	a.Vendors = control.New(a.Simulator.Admin)
	a.Worker, err = Start(Command{
		Name: "worker", Path: a.Binaries.Worker,
		Env: WorkerEnv(a.Server, a.Simulator, ledger, "off"),
	}, dir)
	if err != nil {
		return err
	}
	a.Temporal, err = a.Server.Dial(ctx)
	return err
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
	if a.Server != nil && a.Server.Process != nil { // it may have failed to start, or be a cluster's
		problems = append(problems, a.Server.Stop())
	}
	if a.Cluster != nil {
		problems = append(problems, a.Cluster.Stop())
	}
	return errors.Join(problems...)
}
