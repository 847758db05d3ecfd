package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/settings"
	sim "github.com/threatshare/threatshare/internal/simulator"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// askAgain is how often the integrations are asked how they are: not often, for a query is work for server and worker as well.
const askAgain = 5 * time.Second

// member is one integration of the fleet.
type member struct {
	name string // of its credential set, too
	sick bool   // its vendors are those that fail in the second round
}

// members are all of them, the sick evenly among the others.
func (t fleet) members() []member {
	all := make([]member, t.integrations)
	for i := range all {
		sick := (i+1)*t.sick/t.integrations > i*t.sick/t.integrations
		all[i] = member{name: fmt.Sprintf("it-%03d", i+1), sick: sick}
	}
	return all
}

func flowsOfAMember() []string {
	return []string{settings.FlowShareTTPLogs, settings.FlowImportIOCs, settings.FlowImportAlerts}
}

// fleetLogs are the arguments of a simulator with little data.
func fleetLogs() []string { return []string{"--records", "40", "--indicators", "10"} }

// credentials are the variables of a credential set for each member: as for a provider with that many customers, each of whom
// has tenants, tokens and waits of his own.
func (t fleet) credentials(members []member, sick *harness.Simulator) []string {
	var env []string
	for _, m := range members {
		vendors := t.all.Simulator
		if m.sick {
			vendors = sick
		}
		prefix := strings.ToUpper(strings.ReplaceAll(m.name, "-", "_")) + "_"
		env = append(env,
			prefix+"MIMECAST_BASE_URL="+vendors.Mimecast, prefix+"MIMECAST_CLIENT_ID="+sim.DemoClientID,
			prefix+"MIMECAST_CLIENT_SECRET="+sim.DemoMimecastSecret,
			prefix+"FALCON_BASE_URL="+vendors.Falcon, prefix+"FALCON_CLIENT_ID="+sim.DemoClientID,
			prefix+"FALCON_CLIENT_SECRET="+sim.DemoFalconSecret)
	}
	return env
}

// replaceWorker starts a worker in place of the one that has ended, with these variables too.
func (b *bench) replaceWorker(name string, env ...string) error {
	all := b.all
	worker, err := harness.Start(harness.Command{
		Name: name, Path: all.Binaries.Worker,
		Env: append(harness.WorkerEnv(all.Server, all.Simulator, b.ledger(), "off"), env...),
	}, b.dir)
	if err != nil {
		return err
	}
	all.Worker, b.worker = worker, worker
	return nil
}

// ledger is where the workers of a development server keep theirs.
func (b *bench) ledger() string { return "sqlite:" + filepath.Join(b.dir, "ledger.db") }

// everything are settings with all flows of a member switched on.
func (t fleet) everything(m member) map[string]any {
	on := map[string]any{"enabled": true}
	return map[string]any{
		"name": m.name, "credentials": m.name,
		"sendToFalcon":   map[string]any{"attachmentHashes": on, "urlDomains": on, "impersonationDomains": on},
		"sendToMimecast": map[string]any{"iocHashes": on, "iocDomains": on, "alertDomains": on},
		"schedule":       map[string]any{"shareTTPLogs": t.cron(), "importIOCs": t.cron(), "importAlerts": t.cron()},
	}
}

// startAll starts all members at once. It returns after how long all were connected, and after how long the first runs of
// all flows had ended well.
func (t fleet) startAll(ctx context.Context, members []member) (connected, settled time.Duration, err error) {
	started := time.Now()
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	starting, startCtx := errgroup.WithContext(ctx)
	starting.SetLimit(20)
	for _, m := range members {
		starting.Go(func() error {
			options := client.StartWorkflowOptions{ID: wire.IntegrationID(m.name), TaskQueue: wire.TaskQueue}
			_, err := t.temporal.ExecuteWorkflow(startCtx, options, wire.Integration, t.everything(m))
			return err
		})
	}
	if err := starting.Wait(); err != nil {
		return 0, 0, fmt.Errorf("start the integrations: %w", err)
	}
	if err := t.untilAll(ctx, members, func(status workflows.Status) bool { return status.State == workflows.Connected }); err != nil {
		return 0, 0, err
	}
	connected = time.Since(started).Round(time.Second)
	err = t.untilAll(ctx, members, func(status workflows.Status) bool {
		for _, flow := range flowsOfAMember() {
			if now := status.Flows[flow]; now.GoodRuns == 0 || now.More {
				return false
			}
		}
		return true
	})
	return connected, time.Since(started).Round(time.Second), err
}

// untilAll waits until the status of every member has been good once.
func (t fleet) untilAll(ctx context.Context, members []member, good func(workflows.Status) bool) error {
	waiting := members
	for {
		var left []member
		var last workflows.Status
		for _, m := range waiting {
			status, err := t.statusOf(ctx, m.name)
			if err != nil || !good(status) {
				left, last = append(left, m), status
			}
		}
		if waiting = left; len(waiting) == 0 {
			return nil
		}
		if err := sleepUntil(ctx, time.Now().Add(askAgain)); err != nil {
			return fmt.Errorf("%d integrations are not where they should be, one is %s: %s (%w)", len(waiting), last.State, last.Reason, err)
		}
	}
}
