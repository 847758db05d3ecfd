package workflows

import (
	"fmt"
	"strings"

	"github.com/samber/lo"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/wire"
)

const (
	// shownOfList is how many values of a list a dry run shows; the others are only counted.
	shownOfList = 200
	// maxSteps is more than the longest list of a vendor has pages, and maxAgain more than its place can be lost in: a list that
	// leads in a circle would otherwise be read for ever.
	maxSteps = 10_000
	maxAgain = 10
)

// WithdrawInput says what is to be taken back: everything that the integration made at both vendors.
type WithdrawInput struct {
	Integration string `json:"integration"`
	Credentials string `json:"credentials,omitempty"`
	DryRun      bool   `json:"dryRun,omitempty"` // only list it
	// Progress is how far the run before this one has come.
	Progress *Progress `json:"progress,omitempty"`
}

// Progress is how far a Withdraw is, and its result. Its JSON is an outside name.
type Progress struct {
	Done   bool                    `json:"done"`
	DryRun bool                    `json:"dryRun"`
	Lists  []ListProgress          `json:"lists"`
	Items  []activities.ListedItem `json:"items,omitempty"` // dry run: the first 200 of each list
}

// ListProgress is how far one list is. Found counts what was met so far.
type ListProgress struct {
	activities.ListAt

	Found   int    `json:"found"`
	Removed int    `json:"removed"`
	Missing int    `json:"missing"`
	Left    int    `json:"left"` // not removed; Detail says why
	Detail  string `json:"detail,omitempty"`
	Done    bool   `json:"done"`

	Next  string `json:"next,omitempty"`  // where the last step stopped
	Steps int    `json:"steps,omitempty"` // so far
	Again int    `json:"again,omitempty"` // how many of them had to begin at the start of the list
}

// Withdraw takes back everything that an integration made at both vendors, list by list, or only says what that is. It goes on
// where it stopped, however often the worker is restarted. A list that meets a permanent error is left; the others go on.
func Withdraw(ctx workflow.Context, in WithdrawInput) (Progress, error) {
	progress := in.Progress
	if progress == nil {
		progress = &Progress{DryRun: in.DryRun, Lists: lo.Map(activities.Lists(), func(list activities.ListAt, _ int) ListProgress {
			return ListProgress{ListAt: list}
		})}
	}
	if err := workflow.SetQueryHandler(ctx, wire.Progress, func() (Progress, error) { return *progress, nil }); err != nil {
		return Progress{}, err
	}
	if in.Integration == "" {
		return *progress, temporal.NewNonRetryableApplicationError(
			`the input of Withdraw is {"integration": "<name>", "dryRun": true}: integration is missing`, activities.InvalidInput, nil)
	}
	for i := range progress.Lists {
		list := &progress.Lists[i]
		for !list.Done {
			if historyFull(ctx) {
				in.Progress = progress
				return *progress, workflow.NewContinueAsNewError(ctx, Withdraw, in)
			}
			progress.step(ctx, in, list)
			if err := ctx.Err(); err != nil {
				return *progress, err
			}
			workflow.SetCurrentDetails(ctx, progress.details())
		}
	}
	progress.Done = true
	return *progress, nil
}

// step takes the next values off a list.
func (p *Progress) step(ctx workflow.Context, in WithdrawInput, list *ListProgress) {
	var a *activities.Activities
	var step activities.WithdrawListResult
	err := workflow.ExecuteActivity(writing(ctx, string(list.List)), a.WithdrawList, activities.WithdrawListInput{
		Integration: in.Integration, Credentials: in.Credentials, List: list.List, DryRun: in.DryRun, Next: list.Next,
	}).Get(ctx, &step)
	if err != nil {
		list.Detail, list.Done = activities.ProblemOf(err).Reason, true
		list.Left++ // at least one: how many is not known
		return
	}
	p.Items = append(p.Items, step.Items[:max(0, min(len(step.Items), shownOfList-list.Found))]...)
	list.Found += step.Found
	list.Removed += step.Removed
	list.Missing += step.Missing
	list.Left += step.Left
	list.Next, list.Done = step.Next, !step.More
	if step.Detail != "" {
		list.Detail = step.Detail
	}
	if list.Steps++; step.Again {
		list.Again++
	}
	if !list.Done && (list.Steps >= maxSteps || list.Again >= maxAgain) {
		list.Detail, list.Done = "the list does not come to an end, or its pages are refused: withdraw again later, and report this if it stays so", true
		list.Left++ // how many is not known
	}
}

// details shows a person in the Temporal UI how far it is.
func (p *Progress) details() string {
	var b strings.Builder
	b.WriteString("| list | vendor | found | removed | missing | left | |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, list := range p.Lists {
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %d | %s |\n",
			list.List, list.Vendor, list.Found, list.Removed, list.Missing, list.Left, plain(list.Detail))
	}
	return b.String()
}
