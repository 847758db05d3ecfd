package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

const (
	askEvery = 200 * time.Millisecond
	// answerTime is how long the integration may take to answer one question.
	answerTime = 5 * time.Second
)

// errSilent is told instead of a context's error, which says nothing about the cause.
var errSilent = errors.New("the integration does not answer in time: is the worker at work?")

// whileRunning gives a context that ends when one of the processes does; its cause says which, why, and what it wrote last.
func whileRunning(ctx context.Context, processes ...*harness.Process) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	for _, process := range processes {
		go func() {
			select {
			case <-process.Done():
				cancel(deadOf(process))
			case <-ctx.Done():
			}
		}()
	}
	return ctx, func() { cancel(nil) }
}

// deadOf says how a process ended that nobody had stopped.
func deadOf(process *harness.Process) error {
	how := "exit code 0"
	if err := process.Stop(); err != nil {
		how = err.Error()
	}
	return fmt.Errorf("%s has ended (%s); the last lines of %s:\n%s", process.Name, how, process.Log, process.Tail(5))
}

// watch shows how far the first sync is, and returns the status once it has ended well.
func watch(ctx context.Context, out io.Writer, temporal client.Client, vendors *control.Client) (workflows.Status, error) {
	expected, err := vendors.Expected(ctx)
	if err != nil {
		return workflows.Status{}, err
	}
	bar := newProgress(out, len(expected))
	defer bar.end()
	ctx, cancel := context.WithTimeout(ctx, syncTime)
	defer cancel()
	var status workflows.Status
	err = until(ctx, func() (bool, error) {
		answer, err := ask(ctx, temporal)
		if err != nil {
			if ctx.Err() == nil {
				bar.trouble(err)
			}
			return false, err
		}
		status = answer
		if status.State == workflows.PermanentError {
			return true, errors.New(status.Reason) // waiting longer mends nothing
		}
		flow := status.Flows["share-ttp-logs"]
		bar.show(flow)
		if flow.LastSuccess == "" || flow.More {
			return false, fmt.Errorf("the flow is %s %s", flow.State, flow.LastError)
		}
		return true, nil
	})
	return status, err
}

// ask asks for the status once.
func ask(ctx context.Context, temporal client.Client) (workflows.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var status workflows.Status
	answer, err := temporal.QueryWorkflow(ctx, wire.IntegrationID(name), "", wire.Status)
	if err == nil {
		err = answer.Get(&status)
	}
	if _, late := errors.AsType[*serviceerror.DeadlineExceeded](err); late || ctx.Err() != nil {
		err = errSilent
	}
	return status, err
}

// until calls try until that says done. When ctx ends first, it returns why: the cause, or for a time-out what try said last.
func until(ctx context.Context, try func() (done bool, err error)) error {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		done, err := try()
		if done {
			return err
		}
		select {
		case <-ctx.Done():
			if cause := context.Cause(ctx); !errors.Is(cause, context.DeadlineExceeded) {
				return cause
			}
			return fmt.Errorf("there is no more time: %w", err)
		case <-tick.C:
		}
	}
}
