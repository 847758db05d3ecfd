package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
)

// waitingAnswer is a withdrawal that was not made: Mimecast has refused it, or the deletion guard has stopped it.
type waitingAnswer struct {
	Due     int      `json:"due"`
	Held    int      `json:"held"`
	Allowed int      `json:"allowed"`
	Refused string   `json:"refused"` // in Mimecast's words
	First   []string `json:"first"`   // some of them
}

func (w waitingAnswer) String() string {
	if w.Refused != "" {
		return fmt.Sprintf("%d values are due, and Mimecast refuses: %s", w.Due, lines(w.Refused))
	}
	said := fmt.Sprintf("%d of the %d values that are shared are due, and a run withdraws at most %d unasked", w.Due, w.Held, w.Allowed)
	if len(w.First) > 0 {
		said += "\nsuch as " + lines(strings.Join(w.First, ", "))
	}
	return said
}

// approval is the command that lets a withdrawal go on.
func approval(name, flow string) string { return "starter sync " + name + " " + flow + " --approve" }

type approveInput struct {
	Flow   string `json:"flow"`
	Values int    `json:"values"`
}

func (a *app) syncCommand() *cobra.Command {
	var approve bool
	cmd := &cobra.Command{
		Use:   "sync <name> [flow]",
		Short: "Run all enabled flows of an integration now, or one of them",
		Long: "Run all enabled flows of an integration now, or one of them: " + strings.Join(settings.Flows(), ", ") + `.

A flow that is running runs once more afterwards. Of an integration that is paused, or stopped by a permanent error, nothing
runs: exit code 1, with the reason and how to go on.

--approve is for a withdrawal that the deletion guard has stopped, which status shows: the next run may withdraw as many values
as wait there now, and not more. If none wait, nothing is done: exit code 1.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			flow, err := chosenFlow(args[1:])
			if err != nil {
				return err
			}
			return a.withTemporal(cmd.Context(), func(ctx context.Context, c client.Client) error {
				if approve {
					if err := a.approve(ctx, c, args[0], flow); err != nil {
						return err
					}
				}
				return a.sync(ctx, c, args[0], flow)
			})
		},
	}
	cmd.Flags().BoolVar(&approve, "approve", false, "let the run withdraw what the deletion guard has stopped")
	return cmd
}

// approve lets the next run withdraw as many values as wait; flow is empty for every one.
func (a *app) approve(ctx context.Context, c client.Client, name, flow string) error {
	status, err := askStatus(ctx, c, name)
	if err != nil {
		return err
	}
	approved := 0
	for _, each := range settings.Flows() {
		waiting := status.Flows[each].Waiting
		if waiting == nil || waiting.Due == 0 || waiting.Refused != "" || (flow != "" && flow != each) {
			continue
		}
		if err := update(ctx, c, name, wire.ApproveWithdrawal, nil, approveInput{Flow: each, Values: waiting.Due}); err != nil {
			return err
		}
		a.print("approved: the next run of %s of %s may withdraw up to %d values\n", each, name, waiting.Due)
		approved++
	}
	switch {
	case approved > 0:
		return nil
	case flow != "":
		return notDone("no withdrawal of %s of %s waits to be approved, and nothing runs", flow, name)
	default:
		return notDone("no withdrawal of %s waits to be approved, and nothing runs", name)
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
