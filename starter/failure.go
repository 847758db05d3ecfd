package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
)

const (
	exitNotDone  = 1
	exitBadInput = 2
)

// longestMessage bounds what is shown of a text from a server, in characters.
const longestMessage = 2000

// failure is why a command did not do what it was asked to, and the exit code that says so.
type failure struct {
	code  int
	cause error
}

func (f *failure) Error() string { return f.cause.Error() }
func (f *failure) Unwrap() error { return f.cause }

func notDone(format string, args ...any) *failure {
	return &failure{exitNotDone, fmt.Errorf(format, args...)}
}

func badInput(format string, args ...any) *failure {
	return &failure{exitBadInput, fmt.Errorf(format, args...)}
}

// badSettings lists every problem, each with the place where an editor finds it. from is a file or a flag.
func badSettings(from string, err error) *failure {
	problems, ok := errors.AsType[settings.Problems](err)
	if !ok {
		return badInput("%s: %w", from, err)
	}
	said := make([]error, len(problems))
	for i, problem := range problems {
		place := from
		if problem.Line > 0 {
			place = fmt.Sprintf("%s:%d", from, problem.Line)
			problem.Line = 0
		}
		said[i] = fmt.Errorf("%s: %s", place, problem)
	}
	return &failure{exitBadInput, errors.Join(said...)}
}

// explained says in the words of this command what Temporal answered to a call about an integration.
func explained(name string, err error) *failure {
	if failed, done := errors.AsType[*failure](err); done {
		return failed
	}
	if _, unknown := errors.AsType[*serviceerror.NamespaceNotFound](err); unknown {
		return notDone("the Temporal server has no such namespace: %w", err)
	}
	if _, unknown := errors.AsType[*serviceerror.NotFound](err); unknown {
		return notRunning(name)
	}
	if refused, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return badInput("integration %q refuses: %s", name, lines(refused.Message()))
	}
	if _, stuck := errors.AsType[*serviceerror.WorkflowNotReady](err); stuck {
		return notDone("integration %q cannot go on at the moment, and the worker's log says why; "+
			"if payloads are encrypted, look for a key that is missing in THREATSHARE_CODEC_KEYS (mended, it goes on within ten minutes): %w", name, err)
	}
	if silent(err) {
		return notDone("integration %q does not answer: is a worker running, and on the task queue that the integration was started on? "+
			"(temporal workflow describe --workflow-id %s)", name, workflowID(name))
	}
	return notDone("integration %q: %s", name, indicator.Printable(err.Error(), longestMessage))
}

func notRunning(name string) *failure {
	return notDone(`no integration %q is running
those that are       starter status
also those that were temporal workflow list --query 'WorkflowType="Integration"'`, name)
}

// silent says whether nobody was there to answer.
func silent(err error) bool {
	if _, late := errors.AsType[*serviceerror.DeadlineExceeded](err); late {
		return true
	}
	if _, absent := errors.AsType[*serviceerror.FailedPrecondition](err); absent { // no poller on the task queue
		return true
	}
	return errors.Is(err, context.DeadlineExceeded)
}

// answerTime is how long an integration is waited for.
const answerTime = 15 * time.Second

func (a *app) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, answerTime)
}
