package main

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/internal/indicator"
)

// errandTime is how long the result of a workflow that only reads is waited for, and the end of a run that is at work.
const errandTime = 10 * time.Minute

// errand is a workflow that a command starts, or joins where it is at work already, and waits for. It goes on without the
// command.
type errand struct {
	id    string // of the workflow
	what  string // as people call it, such as "the preview of import-iocs of acme"
	again string // the command that joins it
}

// result waits for what run gives.
func (a *app) result(ctx context.Context, e errand, run client.WorkflowRun, into any) error {
	if err := run.Get(ctx, into); err != nil {
		return a.unfinished(ctx, e, err)
	}
	return nil
}

// unfinished says why there is no result, and what to do about it.
func (a *app) unfinished(ctx context.Context, e errand, err error) *failure {
	history := a.cliOf("show", e.id)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return notDone("%s has given no result in time and goes on: is a worker running?\nto join it  %s\nhistory     %s", e.what, e.again, history)
	case ctx.Err() != nil:
		return notDone("%s goes on by itself\nto join it  %s\nhistory     %s", e.what, e.again, history)
	}
	if _, ended := errors.AsType[*temporal.TerminatedError](err); ended {
		return notDone("%s was ended from outside, such as by a newer one\nto do it again  %s\nhistory         %s", e.what, e.again, history)
	}
	why := indicator.Printable(err.Error(), longestMessage)
	if refused, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		why = lines(refused.Message())
	}
	return notDone("%s failed: %s\nhistory  %s", e.what, why, history)
}
