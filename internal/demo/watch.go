package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
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

// condition says whether a status is what is waited for, and if not, why not.
type condition func(workflows.Status) error

// firstSync is met once every flow has ended well and has nothing left to do.
func firstSync(status workflows.Status) error {
	for _, name := range settings.Flows() {
		if flow := status.Flows[name]; flow.LastSuccess == "" || flow.More {
			return fmt.Errorf("%s is %s %s", name, flow.State, flow.LastError)
		}
	}
	return nil
}

// secondAct is met once what has changed in Falcon has come to Mimecast, and all mail is removed that was to be.
func secondAct(status workflows.Status) error {
	iocs, alerts := status.Flows[settings.FlowImportIOCs], status.Flows[settings.FlowImportAlerts]
	made := status.Remediations
	switch {
	case iocs.Sources[indicator.IOCDomains].Withdrawn == 0 || iocs.State != workflows.FlowIdle:
		return fmt.Errorf("%s has not withdrawn yet what was deleted: it is %s %s", settings.FlowImportIOCs, iocs.State, iocs.LastError)
	case alerts.Sources[indicator.AlertDomains].Echo == 0 || alerts.State != workflows.FlowIdle:
		return fmt.Errorf("%s has not read the newest alert yet: it is %s %s", settings.FlowImportAlerts, alerts.State, alerts.LastError)
	case made == nil || made.Wanted+made.Started > 0:
		return errors.New("mail is still being removed")
	}
	return nil
}

// watch shows how far the integration is, and returns its status once that is what is waited for.
func watch(ctx context.Context, temporal client.Client, bar *progress, wanted condition) (workflows.Status, error) {
	defer bar.end()
	ctx, cancel := context.WithTimeout(ctx, syncTime)
	defer cancel()
	var status workflows.Status
	err := until(ctx, func() (bool, error) {
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
		bar.show(status)
		err = wanted(status)
		return err == nil, err
	})
	return status, err
}

// mailRemoved waits until the removals of delivered mail have ended that the first sync has started.
func mailRemoved(ctx context.Context, temporal client.Client) error {
	ctx, cancel := context.WithTimeout(ctx, syncTime)
	defer cancel()
	for _, value := range []string{hashInMail(), domainInMail, alertInMail} {
		if err := temporal.GetWorkflow(ctx, wire.RemediateID(name, value), "").Get(ctx, nil); err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return fmt.Errorf("remove the mail with %s: %w", value, err)
		}
	}
	return nil
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
