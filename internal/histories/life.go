package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// life takes an integration through what can happen to it.
type life struct {
	temporal client.Client
	vendors  *control.Client
}

type step func(ctx context.Context) error

func (l life) live(ctx context.Context) error {
	for i, step := range append(l.directions(), l.endings()...) {
		if err := step(ctx); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return nil
}

// directions are the flows with everything that they meet: new values, changed ones, refusals, and values taken back.
func (l life) directions() []step {
	deny := func(paths ...string) step {
		return func(ctx context.Context) error { return l.vendors.Deny(ctx, paths...) }
	}
	return []step{
		l.registerAttribute, l.listed, l.check, l.start, l.expect(workflows.Connected), l.allRan,
		l.signal(wire.ChangeSettings, map[string]any{"sendToFalcon": map[string]any{"expireAfter": "720h"}}),
		l.signal(wire.ChangeSettings, map[string]any{"name": "other"}),
		l.update(wire.Pause, map[string]string{"reason": "recording"}), l.expect(workflows.Paused),
		l.update(wire.Resume, nil), l.expect(workflows.Connected),

		deny("/api/ttp/url/get-logs"), l.signal(wire.ForgetCheckpoint, map[string]string{"flow": settings.FlowShareTTPLogs}),
		l.expect(workflows.PermanentError), deny(), l.thenRuns(settings.FlowShareTTPLogs, l.signal(wire.Reconnect, nil)),

		l.fewTakenBack, l.importsUntil(func(flow workflows.FlowStatus) bool { return flow.Sources[indicator.IOCHashes].Withdrawn == 1 }),
		l.manyTakenBack, l.preview(settings.FlowImportIOCs), l.importsUntil(func(flow workflows.FlowStatus) bool { return flow.Waiting != nil }),
		l.approve, l.importsUntil(func(flow workflows.FlowStatus) bool { return flow.Waiting == nil }),

		deny("/api/ttp/url/create-managed-url", "/api/ttp/url/get-all-managed-urls"), l.moreListed,
		l.update(wire.SyncNow, settings.FlowImportIOCs), l.expect(workflows.PermanentError),
		deny(), l.thenRuns(settings.FlowImportIOCs, l.update(wire.Reconnect, nil)), l.expect(workflows.Connected),

		l.unreadable, l.thenRuns(settings.FlowShareTTPLogs, l.update(wire.SyncNow, settings.FlowShareTTPLogs)), l.warned("could not be read"),
		l.thenRuns(settings.FlowShareTTPLogs, l.update(wire.Reconnect, nil)), l.warned("could not be read"), // the overlap is read again
	}
}

// endings look and take back.
func (l life) endings() []step {
	return []step{
		l.preview(settings.FlowShareTTPLogs), l.preview(settings.FlowImportAlerts), l.search,
		l.withdraw(true), l.withdraw(false),
		func(ctx context.Context) error { return l.temporal.CancelWorkflow(ctx, wire.IntegrationID(name), "") },
	}
}

// start starts the integration with everything on. Its flows run when they are told to.
func (l life) start(ctx context.Context) error {
	options := client.StartWorkflowOptions{ID: wire.IntegrationID(name), TaskQueue: wire.TaskQueue}
	_, err := l.temporal.ExecuteWorkflow(ctx, options, wire.Integration, document())
	return err
}

// document is the settings with everything on, and somebody to tell of what goes wrong.
func document() map[string]any {
	const never = "0 0 1 1 *"
	on := map[string]any{"enabled": true}
	domains := map[string]any{"enabled": true, "blockURLs": true, "remediate": true}
	return map[string]any{
		"name":           name,
		"notify":         []string{"soc@recorded.example"},
		"sendToFalcon":   map[string]any{"attachmentHashes": on, "urlDomains": on, "impersonationDomains": on},
		"sendToMimecast": map[string]any{"iocHashes": map[string]any{"enabled": true, "remediate": true}, "iocDomains": domains, "alertDomains": domains},
		"schedule":       map[string]any{"shareTTPLogs": never, "importIOCs": never, "importAlerts": never},
	}
}

// registerAttribute gives the namespace the search attribute of the state.
func (l life) registerAttribute(ctx context.Context) error {
	_, err := l.temporal.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace:        client.DefaultNamespace,
		SearchAttributes: map[string]enumspb.IndexedValueType{wire.StateAttribute: enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	})
	return err
}

func (l life) check(ctx context.Context) error {
	return l.toItsEnd(ctx, wire.CheckID(name), wire.Check, document(), nil)
}

func (l life) search(ctx context.Context) error {
	return l.toItsEnd(ctx, wire.HistoryID(name, "1"), wire.History, activities.SearchLedgerInput{Integration: name, Limit: 5}, nil)
}

// toItsEnd runs a workflow to its end and takes its result.
func (l life) toItsEnd(ctx context.Context, id, kind string, input, result any) error {
	run, err := l.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: wire.TaskQueue}, kind, input)
	if err != nil {
		return err
	}
	return run.Get(ctx, result)
}

func (l life) signal(request string, input any) step {
	return func(ctx context.Context) error {
		return l.temporal.SignalWorkflow(ctx, wire.IntegrationID(name), "", request, input)
	}
}

func (l life) update(request string, input any) step {
	return func(ctx context.Context) error {
		_, err := l.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
			WorkflowID: wire.IntegrationID(name), UpdateName: request, Args: []any{input}, WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		return err
	}
}

func (l life) expect(state string) step {
	return l.until("wait for "+state, func(status workflows.Status) error {
		if status.State != state {
			return errors.New("state is " + status.State + ": " + status.Reason)
		}
		return nil
	})
}

// warned waits until the status warns in these words.
func (l life) warned(words string) step {
	return l.until("wait for a warning", func(status workflows.Status) error {
		if !slices.ContainsFunc(status.Warnings, func(warning string) bool { return strings.Contains(warning, words) }) {
			return fmt.Errorf("warnings are %q", status.Warnings)
		}
		return nil
	})
}

// allRan waits until each flow has run well.
func (l life) allRan(ctx context.Context) error {
	return l.until("wait for a run of each flow", func(status workflows.Status) error {
		for _, flow := range settings.Flows() {
			if got := status.Flows[flow]; got.LastSuccess == "" || got.State != workflows.FlowIdle {
				return errors.New(flow + " is " + got.State + ": " + got.LastError)
			}
		}
		return nil
	})(ctx)
}

// thenRuns does something that makes a flow run, and waits until it has run well.
func (l life) thenRuns(flow string, do step) step {
	return func(ctx context.Context) error {
		before, err := l.status(ctx)
		if err != nil {
			return err
		}
		if err := do(ctx); err != nil {
			return err
		}
		return l.until("wait for another run of "+flow, func(status workflows.Status) error {
			if got := status.Flows[flow]; got.GoodRuns == before.Flows[flow].GoodRuns || got.State != workflows.FlowIdle {
				return fmt.Errorf("%s is %s, good runs %d", flow, got.State, got.GoodRuns)
			}
			return nil
		})(ctx)
	}
}

// importsUntil runs ImportIOCs again and again until its status is as it should be. Runs that were wanted before may come first.
func (l life) importsUntil(good func(flow workflows.FlowStatus) bool) step {
	return func(ctx context.Context) error {
		return harness.Until(ctx, "wait for an import", func() error {
			if err := l.thenRuns(settings.FlowImportIOCs, l.update(wire.SyncNow, settings.FlowImportIOCs))(ctx); err != nil {
				return err
			}
			status, err := l.status(ctx)
			if flow := status.Flows[settings.FlowImportIOCs]; err == nil && !good(flow) {
				err = fmt.Errorf("import-iocs is at %+v, waiting %+v", flow.Sources, flow.Waiting)
			}
			return err
		})
	}
}

// approve lets the next run withdraw what waits.
func (l life) approve(ctx context.Context) error {
	status, err := l.status(ctx)
	if err != nil {
		return err
	}
	waiting := status.Flows[settings.FlowImportIOCs].Waiting
	if waiting == nil {
		return errors.New("no withdrawal waits")
	}
	return l.update(wire.ApproveWithdrawal, workflows.Approval{Flow: settings.FlowImportIOCs, Values: waiting.Due})(ctx)
}

// until waits until the status is as it should be.
func (l life) until(what string, good func(status workflows.Status) error) step {
	return func(ctx context.Context) error {
		return harness.Until(ctx, what, func() error {
			status, err := l.status(ctx)
			if err != nil {
				return err
			}
			return good(status)
		})
	}
}

func (l life) status(ctx context.Context) (workflows.Status, error) {
	answer, err := l.temporal.QueryWorkflow(ctx, wire.IntegrationID(name), "", wire.Status)
	if err != nil {
		return workflows.Status{}, err
	}
	var status workflows.Status
	return status, answer.Get(&status)
}
