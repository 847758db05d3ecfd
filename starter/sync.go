package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
)

// syncable are the flows that this version carries out; the others are in the settings already.
func syncable() []string { return []string{settings.FlowShareTTPLogs} }

func (a *app) syncCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "sync <name> [flow]",
		Short: "Run all enabled flows of an integration now, or one of them",
		Long: "Run all enabled flows of an integration now, or one of them: " + strings.Join(syncable(), ", ") + `.

A flow that is running runs once more afterwards. Of an integration that is paused, or stopped by a permanent error, nothing
runs: exit code 1, with the reason and how to go on.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, flow := args[0], ""
			if len(args) > 1 {
				flow = args[1]
			}
			if flow != "" && !slices.Contains(syncable(), flow) {
				return badInput("flow %q: must be one of %s", flow, strings.Join(syncable(), ", "))
			}
			return a.withTemporal(cmd.Context(), func(ctx context.Context, c client.Client) error {
				return a.sync(ctx, c, name, flow)
			})
		},
	}
}

// sync asks for a run; flow is empty for every one.
func (a *app) sync(ctx context.Context, c client.Client, name, flow string) error {
	input, asked := []any{}, "every enabled flow"
	if flow != "" {
		input, asked = []any{flow}, flow
	}
	var state statusAnswer
	if err := update(ctx, c, name, wire.SyncNow, &state, input...); err != nil {
		return err
	}
	if err := a.idle(name, flow, state); err != nil {
		return err
	}
	a.print("%s of %s runs now\n\nhow it does  starter status %s\n", asked, name, name)
	return nil
}

// idle says why what was asked for does not run, or not all of it; nil if it does.
func (a *app) idle(name, flow string, state statusAnswer) error {
	if flow != "" && state.Flows[flow].State == flowDisabled {
		return notDone("%s of %s does not run: the settings switch it off", flow, name)
	}
	remedies := strings.Join(a.remedies(name, state), "\n")
	switch {
	case state.State == permanentError:
		return notDone("integration %q is in a permanent error, and what that stops does not run: %s\n%s", name, lines(state.Reason), remedies)
	case state.isPaused():
		return notDone("integration %q is paused, and nothing runs: %s\n%s", name, lines(state.Reason), remedies)
	default:
		return nil
	}
}
