package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
)

const (
	// soonest is how often an integration may be asked: each answer costs a worker a little.
	soonest = 200 * time.Millisecond
	// idleAnswers is how many answers in a row have to say that no run is at work: one that was asked for just now begins a
	// little later.
	idleAnswers = 3
)

type watchOptions struct {
	every     time.Duration
	untilIdle bool
}

func (a *app) watchCommand() *cobra.Command {
	var options watchOptions
	cmd := &cobra.Command{
		Use:   "watch <name>",
		Short: "Watch an integration at work: states, counts, and how far its runs are",
		Long: `Watch an integration at work: its state, and of each flow the state, the counts over all runs and how far the run at work is. At
a terminal a run has a bar: of the records of the list, or of the time that is still to be read; where the whole is not known it
has a counter. Elsewhere there is a line whenever something has changed.

It ends with Ctrl-C (exit code 0), or with --until-idle as soon as no run is at work: exit code 1 if a flow is parked or its
last run has failed. An integration that does not answer is asked again, for as long as it takes.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if options.every < soonest {
				return badInput("--every %s: must be at least %s", options.every, soonest)
			}
			return a.withTemporal(cmd.Context(), func(ctx context.Context, c client.Client) error {
				return a.watch(ctx, c, args[0], options, newView(a.out, args[0]))
			})
		},
	}
	cmd.Flags().DurationVar(&options.every, "every", time.Second, "how often the integration is asked")
	cmd.Flags().BoolVar(&options.untilIdle, "until-idle", false, "end as soon as no run is at work")
	return cmd
}

// watch asks, shows and waits, one after the other: a slow answer is waited for and no second one is asked for meanwhile.
func (a *app) watch(ctx context.Context, c client.Client, name string, options watchOptions, seen *view) error {
	tick := time.NewTicker(options.every)
	defer tick.Stop()
	idle := 0
	for {
		status, err := lookAt(ctx, c, name)
		switch {
		case ctx.Err() != nil: // Ctrl-C
			return nil
		case isOver(err):
			return explained(name, err)
		case err != nil:
			seen.trouble(explained(name, err))
		default:
			seen.show(status)
			if idle++; isBusy(ctx, c, status) {
				idle = 0
			}
		}
		if options.untilIdle && idle == idleAnswers {
			return unwell(name, status)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// lookAt gives the status of an integration, or a failure if it is not running any more.
func lookAt(ctx context.Context, c client.Client, name string) (statusAnswer, error) {
	running, err := isRunning(ctx, c, name)
	if err != nil {
		return statusAnswer{}, err
	}
	if !running {
		return statusAnswer{}, notRunning(name)
	}
	return ask[statusAnswer](ctx, c, name, wire.Status)
}

// isOver says whether asking again is of no use.
func isOver(err error) bool {
	_, stopped := errors.AsType[*failure](err)
	_, unknown := errors.AsType[*serviceerror.NotFound](err)
	_, nowhere := errors.AsType[*serviceerror.NamespaceNotFound](err)
	return stopped || unknown || nowhere
}

// isBusy says whether a run is at work or about to begin.
func isBusy(ctx context.Context, c client.Client, status statusAnswer) bool {
	if status.State == connecting { // good connections let the flows run
		return true
	}
	for _, flow := range status.Flows {
		if flow.More && flow.State == flowIdle { // the next run begins at once
			return true
		}
	}
	flow, _ := atWork(ctx, c, status)
	return flow != ""
}

// unwell is the failure of what was watched until its end; nil if all went well.
func unwell(name string, status statusAnswer) error {
	var wrong []string
	for _, flow := range inOrder(status.Flows, settings.Flows()) {
		known := status.Flows[flow]
		switch {
		case known.State == flowParked || len(known.Parked) > 0:
			wrong = append(wrong, fmt.Sprintf("%s is parked, or a part of it: %s", shown(flow), indicator.Printable(whyParked(known), longestMessage)))
		case known.LastError != "":
			wrong = append(wrong, fmt.Sprintf("the last run of %s failed: %s", shown(flow), indicator.Printable(known.LastError, longestMessage)))
		}
	}
	if len(wrong) == 0 && status.State == permanentError {
		wrong = append(wrong, withReason(status.State, status.Reason))
	}
	if len(wrong) == 0 {
		return nil
	}
	return notDone("no run of %s is at work, and not all is well:\n%s\nwhat it needs  starter check %s", name, strings.Join(wrong, "\n"), name)
}

// whyParked is why a flow, or a part of it, does not run.
func whyParked(flow flowAnswer) string {
	for _, part := range sorted(flow.Parked) {
		return part + ": " + flow.Parked[part]
	}
	if flow.Reason != "" {
		return flow.Reason
	}
	return flow.LastError
}
