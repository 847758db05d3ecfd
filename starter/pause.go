package main

import (
	"context"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/wire"
)

type pauseInput struct {
	Reason string `json:"reason"`
}

func (a *app) pauseCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "pause <name>",
		Short: "Pause an integration: its Schedules stop, and a run at work ends by itself",
		Long: `Pause an integration: its Schedules stop, with the reason as their note. A run that is at work ends by itself. What was shared
stays, and nothing is lost: after resume the flows go on from where they were. Pausing what is paused changes the reason.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTemporal(cmd.Context(), func(ctx context.Context, c client.Client) error {
				return a.pause(ctx, c, args[0], reason)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for those who look at it later")
	return cmd
}

func (a *app) pause(ctx context.Context, c client.Client, name, reason string) error {
	var input []any
	if reason != "" {
		input = append(input, pauseInput{Reason: reason})
	}
	var state statusAnswer
	if err := update(ctx, c, name, wire.Pause, &state, input...); err != nil {
		return err
	}
	a.print("integration %s is paused", name)
	if state.State == paused {
		a.print(": %s", lines(state.Reason))
	}
	a.print("\na run that is at work ends by itself; to wait for it  starter watch %s --until-idle\nto go on  starter resume %s\n", name, name)
	return nil
}

func (a *app) resumeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "resume <name>",
		Short: "Let a paused integration go on",
		Long: `Let a paused integration go on: its Schedules start runs again. To run at once use starter sync as well. A permanent error
stays what it is: see starter reconnect.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTemporal(cmd.Context(), func(ctx context.Context, c client.Client) error {
				return a.resume(ctx, c, args[0])
			})
		},
	}
}

func (a *app) resume(ctx context.Context, c client.Client, name string) error {
	var state statusAnswer
	if err := update(ctx, c, name, wire.Resume, &state); err != nil {
		return err
	}
	if state.State == permanentError {
		return notDone("integration %q is not paused any more, and in a permanent error: %s\nwhen it is mended  starter reconnect %s --wait",
			name, lines(state.Reason), name)
	}
	a.print("integration %s goes on: %s\n\nto run now  starter sync %s\n", name, withReason(state.State, state.Reason), name)
	return nil
}
