package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
)

func (a *app) reconnectCommand() *cobra.Command {
	var wait bool
	var longest time.Duration
	cmd := &cobra.Command{
		Use:   "reconnect <name>",
		Short: "Let an integration check its connections anew and take up what a permanent error has stopped",
		Long: `Let an integration check its connections anew, when what was wrong is mended. If they are good, everything that a permanent
error has stopped runs again, from where it was: nothing is lost in between.

New secrets are read when a worker starts: restart the workers first.

--wait waits until the check has answered and shows what is still wrong, if anything is: exit code 1. A run that comes after it
can still meet what a check cannot see.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTemporal(cmd.Context(), func(ctx context.Context, c client.Client) error {
				return a.reconnect(ctx, c, args[0], wait, longest)
			})
		},
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until the connections are checked")
	cmd.Flags().DurationVar(&longest, "wait-at-most", 5*time.Minute, "with --wait: give up after this time")
	return cmd
}

func (a *app) reconnect(ctx context.Context, c client.Client, name string, wait bool, longest time.Duration) error {
	if err := update(ctx, c, name, wire.Reconnect, nil); err != nil {
		return err
	}
	a.print("integration %s checks its connections\n", name)
	if !wait {
		a.print("\nhow it does       starter status %s\nwhat it needs     starter check %s\n", name, name)
		return nil
	}
	status, err := a.waitUntilChecked(ctx, c, name, longest)
	if err != nil {
		return err
	}
	a.print("\nstate        %s\nmimecast     %s\nfalcon       %s\n", withReason(status.State, status.Reason),
		withReason(status.Mimecast.State, status.Mimecast.Reason), withReason(status.Falcon.State, status.Falcon.Reason))
	if wrong := stillWrong(status); len(wrong) > 0 {
		return notDone("still wrong with %s: %s\nwhat it needs      starter check %s\nwhen it is mended  starter reconnect %s --wait",
			name, strings.Join(wrong, "\n"), name, name)
	}
	if status.isPaused() {
		a.print("\nit is paused; to go on  starter resume %s\n", name)
	}
	return nil
}

// waitUntilChecked waits until both connections are in a state that a check gave them. The update has made them connecting.
func (a *app) waitUntilChecked(ctx context.Context, c client.Client, name string, longest time.Duration) (statusAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		status, err := askStatus(ctx, c, name)
		if err == nil && status.Mimecast.State != connecting && status.Falcon.State != connecting {
			return status, nil
		}
		if err != nil {
			if running, unknown := isRunning(ctx, c, name); unknown == nil && !running {
				return statusAnswer{}, notRunning(name)
			}
		}
		select {
		case <-ctx.Done():
			if err != nil {
				return statusAnswer{}, err
			}
			return statusAnswer{}, notDone("integration %q is still checking its connections after %s\nhow it does  starter status %s", name, longest, name)
		case <-tick.C:
		}
	}
}

// stillWrong is what a person has to mend, or what does not answer, each with its reason.
func stillWrong(status statusAnswer) []string {
	var wrong []string
	for _, vendor := range []struct {
		name  string
		state vendorAnswer
	}{{"mimecast", status.Mimecast}, {"falcon", status.Falcon}} {
		if vendor.state.State != connected {
			wrong = append(wrong, vendor.name+" is "+withReason(vendor.state.State, vendor.state.Reason))
		}
	}
	for _, flow := range inOrder(status.Flows, settings.Flows()) {
		for _, part := range sorted(status.Flows[flow].Parked) {
			wrong = append(wrong, fmt.Sprintf("%s of %s is parked: %s", shown(part), shown(flow), indicator.Printable(status.Flows[flow].Parked[part], longestMessage)))
		}
	}
	if len(wrong) == 0 && (status.State == permanentError || status.State == degraded) {
		wrong = append(wrong, withReason(status.State, status.Reason))
	}
	return wrong
}
