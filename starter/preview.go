package main

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
)

type previewInput struct {
	Integration string `json:"integration"`
	Flow        string `json:"flow"`
}

// previewAnswer is what is shown of the result of a Preview. Items are the first of Total.
type previewAnswer struct {
	Flow    string                  `json:"flow"`
	More    bool                    `json:"more"`
	Counts  map[string]sourceAnswer `json:"counts"`
	Items   []previewItem           `json:"items"`
	Total   int                     `json:"total"`
	Waiting *waitingAnswer          `json:"waiting"`
	Full    string                  `json:"full"`
}

type previewItem struct {
	Verdict string `json:"verdict"`
	Source  string `json:"source"`
	Value   string `json:"value"`
	Reason  string `json:"reason"`
	Detail  string `json:"detail"`
}

func (a *app) previewCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "preview <name> [flow]",
		Short: "Show what the next run of every enabled flow, or of one of them, would share, hold and withdraw",
		Long: "Show what the next run of every enabled flow, or of one of them, would do: " + strings.Join(settings.Flows(), ", ") + `.

A preview reads and compares as a run does and writes nothing at either vendor. It works beside a run and while the
integration is paused.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			flow, err := chosenFlow(args[1:])
			if err != nil {
				return err
			}
			return a.withTemporal(cmd.Context(), func(ctx context.Context, c client.Client) error {
				return a.preview(ctx, c, args[0], flow, asJSON)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "answer in JSON, as the preview gives it; without a flow a list")
	return cmd
}

// chosenFlow is the flow that the arguments after a name choose; empty for every one.
func chosenFlow(args []string) (string, error) {
	if len(args) == 0 {
		return "", nil
	}
	if !slices.Contains(settings.Flows(), args[0]) {
		return "", badInput("flow %q: must be one of %s", args[0], strings.Join(settings.Flows(), ", "))
	}
	return args[0], nil
}

// preview shows what the next run would do; flow is empty for every enabled one. One that fails does not keep the others from
// being shown.
func (a *app) preview(ctx context.Context, c client.Client, name, flow string, asJSON bool) error {
	flows, err := enabledFlows(ctx, c, name, flow)
	if err != nil {
		return err
	}
	answers := make([]json.RawMessage, 0, len(flows))
	var problems []error
	for _, each := range flows {
		if !asJSON {
			a.print("%s of %s is read and compared …\n", each, name)
		}
		answer, err := a.previewOf(ctx, c, name, each)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		answers = append(answers, answer)
		var read previewAnswer
		switch {
		case asJSON:
		case json.Unmarshal(answer, &read) != nil: // what cannot be read is shown as it is
			problems = append(problems, a.printJSON(answer))
		default:
			a.showPreview(name, each, read)
		}
	}
	switch {
	case asJSON && flow == "":
		problems = append(problems, a.printJSON(answers))
	case asJSON && len(answers) > 0:
		problems = append(problems, a.printJSON(answers[0]))
	}
	if err := errors.Join(problems...); err != nil {
		return &failure{exitNotDone, err}
	}
	return nil
}

// enabledFlows are the flows that can be previewed: the one that was asked for, or every enabled one.
func enabledFlows(ctx context.Context, c client.Client, name, flow string) ([]string, error) {
	status, err := askStatus(ctx, c, name)
	if err != nil {
		return nil, err
	}
	var enabled []string
	for _, each := range settings.Flows() {
		if known, there := status.Flows[each]; there && known.State != flowDisabled {
			enabled = append(enabled, each)
		}
	}
	switch {
	case flow == "" && len(enabled) == 0:
		return nil, notDone("the settings of %s switch every flow off: there is nothing to preview", name)
	case flow == "":
		return enabled, nil
	case !slices.Contains(enabled, flow):
		return nil, notDone("%s of %s does not run: the settings switch it off", flow, name)
	default:
		return []string{flow}, nil
	}
}

func (a *app) previewOf(ctx context.Context, c client.Client, name, flow string) (json.RawMessage, error) {
	e := errand{
		id: wire.PreviewID(name, flow), what: "the preview of " + flow + " of " + name, again: "starter preview " + name + " " + flow,
	}
	call, cancel := a.patience(ctx)
	defer cancel()
	run, err := c.ExecuteWorkflow(call, client.StartWorkflowOptions{
		ID:                       e.id,
		TaskQueue:                taskQueue(),
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
	}, wire.Preview, previewInput{Integration: name, Flow: flow})
	if err != nil {
		return nil, explained(name, err)
	}
	wait, cancel := context.WithTimeout(ctx, errandTime)
	defer cancel()
	var answer json.RawMessage
	if err := a.result(wait, e, run, &answer); err != nil {
		return nil, err
	}
	return answer, nil
}

func (a *app) showPreview(name, flow string, preview previewAnswer) {
	verdicts := map[string]int{}
	t := newTable("verdict", "source", "value", "why")
	for _, item := range preview.Items {
		verdicts[item.Verdict]++
		t.AppendRow([]any{shown(item.Verdict), shown(item.Source), shown(item.Value), why(item)})
	}
	a.print("\n")
	if t.Length() > 0 {
		a.print("%s\n", t.Render())
	}
	switch more := preview.Total - len(preview.Items); {
	case preview.Total == 0 && len(preview.Items) == 0:
		a.print("%s of %s would change nothing\n", flow, name)
	case more > 0:
		a.print("the first %d: %s\nand %d more\n", len(preview.Items), counted(verdicts), more)
	default:
		a.print("in all %d: %s\n", len(preview.Items), counted(verdicts))
	}
	if preview.More {
		a.print("more is waiting at the vendor than one run takes: further runs take the rest\n")
	}
	read := newSourceTable()
	appendSources(read, preview.Counts, nil)
	if read.Length() > 0 {
		a.print("\n%s\n", read.Render())
		a.printKept(preview.Counts)
	}
	if preview.Full != "" {
		a.print("\nnot all hashes would be blocked: %s\n", lines(preview.Full))
	}
	if waiting := preview.Waiting; waiting != nil {
		a.print("\nthe deletion guard would stop the withdrawal: %s\nto let it, once a run has been stopped  %s\n", *waiting, approval(name, flow))
	}
	a.print("\nnothing was written at either vendor\n\n")
}

func why(item previewItem) string {
	if item.Reason != "" && item.Detail != "" {
		return shown(item.Reason + ": " + item.Detail)
	}
	return shown(item.Reason + item.Detail)
}
