package workflows

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/samber/lo"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
)

// How many values one step takes.
const (
	hashesAtOnce   = 1_000 // one call
	domainsAtOnce  = 500   // fifty calls
	policiesAtOnce = 200   // a call each, and the list of policies
	dueAtOnce      = 1_000 // dry run: more are only counted
)

// blocking is what an import has to do at Mimecast and has met there.
type blocking struct {
	queue   map[indicator.Source][]activities.Finding // read and not yet blocked
	quota   *indicator.Quota
	full    string // dry run: why not all hashes would be blocked
	group   activities.SenderGroup
	waiting *activities.Waiting
	due     []activities.Item // dry run: what would be marked as taken back
}

func newBlocking() blocking { return blocking{queue: map[indicator.Source][]activities.Finding{}} }

func (r *flowRun) queue(source indicator.Source, found []activities.Finding) {
	if r.active(settings.PartOf(source)) {
		r.blocking.queue[source] = append(r.blocking.queue[source], found...)
	}
}

// amount says how much of the queue is to be blocked now.
type amount bool

const (
	fullSteps  amount = false // what makes full steps; the rest waits for more
	everything amount = true
)

// block blocks what is queued. Once nothing is left, what was read is settled.
func (r *flowRun) block(ctx workflow.Context, how amount) {
	for _, source := range r.sources() {
		switch source {
		case indicator.IOCHashes:
			r.addHashes(ctx, how)
		case indicator.IOCDomains:
			r.blockSenders(ctx, how)
		default:
			r.blockAlertDomains(ctx)
		}
	}
	if !r.failed() && lo.EveryBy(r.sources(), func(source indicator.Source) bool { return len(r.blocking.queue[source]) == 0 }) {
		r.settle()
	}
}

// next takes the next step's worth off the queue; nothing if there is not enough.
func (r *flowRun) next(source indicator.Source, size int, how amount) []activities.Finding {
	queue := r.blocking.queue[source]
	if r.failed() || len(queue) == 0 || len(queue) < size && how == fullSteps {
		return nil
	}
	size = min(size, len(queue))
	r.blocking.queue[source] = queue[size:]
	return queue[:size]
}

func (r *flowRun) input(source indicator.Source, findings []activities.Finding) activities.BlockInput {
	return activities.BlockInput{
		Integration: r.integration, Credentials: r.plan.Settings.Credentials, Source: source, Findings: findings,
		Remediate: r.plan.Settings.PartEnabled(settings.RemediatePart(source)), DryRun: r.dryRun(),
	}
}

// addHashes adds hashes one step after the other: each needs to know how much room the one before has left.
func (r *flowRun) addHashes(ctx workflow.Context, how amount) {
	var a *activities.Activities
	const source = indicator.IOCHashes
	for step := r.next(source, hashesAtOnce, how); step != nil; step = r.next(source, hashesAtOnce, how) {
		var added activities.AddBYOTIHashesResult
		err := workflow.ExecuteActivity(writing(ctx, counted(len(step), "hashes")), a.AddBYOTIHashes, activities.AddBYOTIHashesInput{
			BlockInput: r.input(source, step), Limit: r.plan.Settings.SendToMimecast.BYOTIQuota, Quota: r.blocking.quota,
		}).Get(ctx, &added)
		if err != nil {
			r.park(settings.PartOf(source), err)
			return
		}
		r.blocking.quota = &added.Quota
		r.took(source, added.BlockResult)
		switch {
		case added.Full.Type == "":
		case r.dryRun():
			r.blocking.full = added.Full.Reason
		default:
			r.keepOut(settings.PartOf(source), added.Full)
			return
		}
	}
}

// blockSenders puts domains into the integration's own group, some steps side by side.
func (r *flowRun) blockSenders(ctx workflow.Context, how amount) {
	var a *activities.Activities
	const source = indicator.IOCDomains
	var steps []workflow.Future
	for step := r.next(source, domainsAtOnce, how); step != nil; step = r.next(source, domainsAtOnce, how) {
		if !r.hasGroup(ctx) {
			return
		}
		steps = append(steps, workflow.ExecuteActivity(writing(ctx, counted(len(step), "domains")), a.BlockSenderDomains,
			activities.BlockSenderDomainsInput{BlockInput: r.input(source, step), GroupID: r.blocking.group.ID}))
	}
	r.takeAll(ctx, source, steps)
}

// hasGroup makes sure of the integration's own group, once in a run and only if it is needed. A dry run makes none.
func (r *flowRun) hasGroup(ctx workflow.Context) bool {
	var a *activities.Activities
	if r.blocking.group.ID != "" || r.dryRun() {
		return true
	}
	err := workflow.ExecuteActivity(writing(ctx, "group and policy"), a.EnsureSenderGroup, activities.EnsureSenderGroupInput{
		Integration: r.integration, Credentials: r.plan.Settings.Credentials, Remembered: r.plan.SenderGroup,
	}).Get(ctx, &r.blocking.group)
	if err != nil {
		r.park(settings.PartOf(indicator.IOCDomains), err)
	}
	return err == nil
}

func (r *flowRun) blockAlertDomains(ctx workflow.Context) {
	var a *activities.Activities
	const source = indicator.AlertDomains
	for step := r.next(source, policiesAtOnce, everything); step != nil; step = r.next(source, policiesAtOnce, everything) {
		r.takeAll(ctx, source, []workflow.Future{
			workflow.ExecuteActivity(writing(ctx, counted(len(step), "domains")), a.BlockAlertDomains, r.input(source, step)),
		})
	}
}

// takeAll waits for steps and takes over what they say. A permanent error parks the source.
func (r *flowRun) takeAll(ctx workflow.Context, source indicator.Source, steps []workflow.Future) {
	var failed error
	for _, step := range steps {
		var blocked activities.BlockResult
		if err := step.Get(ctx, &blocked); err != nil {
			failed = err
			continue
		}
		r.took(source, blocked)
	}
	if failed != nil {
		r.park(settings.PartOf(source), failed)
	}
}

func (r *flowRun) took(source indicator.Source, blocked activities.BlockResult) {
	r.countOf(source, blocked.Counts)
	r.items = append(r.items, blocked.Items...)
}

// blockURLs blocks the URLs of the source's blocked domains, where the option is on.
func (r *flowRun) blockURLs(ctx workflow.Context, source indicator.Source) {
	var a *activities.Activities
	in := activities.BlockURLsInput{Integration: r.integration, Credentials: r.plan.Settings.Credentials, Source: source, DryRun: r.dryRun()}
	var rehearsed []string // domains that a dry run would have blocked by now
	for _, item := range r.items {
		if item.Verdict == activities.VerdictBlock && item.Source == source {
			rehearsed = append(rehearsed, item.Value)
		}
	}
	for more := true; more && !r.failed() && r.active(settings.URLPart(source)) && roomAtTheEnd(ctx); {
		in.Domains = rehearsed[:min(len(rehearsed), domainsAtOnce)]
		rehearsed = rehearsed[len(in.Domains):]
		var blocked activities.BlockURLsResult
		if err := workflow.ExecuteActivity(writing(ctx, "links to "+string(source)), a.BlockURLs, in).Get(ctx, &blocked); err != nil {
			r.park(settings.URLPart(source), err)
			return
		}
		r.took(source, blocked.BlockResult)
		more = blocked.More || len(rehearsed) > 0
	}
}

// withdraw unblocks what Falcon has taken back and what is under protection now, as far as the deletion guard or a person lets it.
func (r *flowRun) withdraw(ctx workflow.Context) {
	var a *activities.Activities
	in := activities.WithdrawBlocksInput{
		Integration: r.integration, Credentials: r.plan.Settings.Credentials, Approved: r.plan.Approved,
		// Also those that are parked: what was taken back before makes room on a list that is full.
		Sources: lo.Filter(settings.SourcesOf(r.run.Flow), func(source indicator.Source, _ int) bool { return r.plan.Settings.SourceEnabled(source) }),
		GroupID: lo.CoalesceOrEmpty(r.blocking.group.ID, r.plan.SenderGroup), DryRun: r.dryRun(),
		Due: r.blocking.due[:min(len(r.blocking.due), dueAtOnce)], MoreDue: max(0, len(r.blocking.due)-dueAtOnce),
		Protect: r.plan.Settings.Protect, GuardOnly: !r.plan.Settings.SendToMimecast.Withdraw,
	}
	more := len(in.Sources) > 0
	for more && !r.failed() && roomAtTheEnd(ctx) {
		var withdrawn activities.WithdrawBlocksResult
		if err := workflow.ExecuteActivity(writing(ctx, "what is not to be blocked any more"), a.WithdrawBlocks, in).Get(ctx, &withdrawn); err != nil {
			r.fail(err)
			return
		}
		for _, source := range in.Sources {
			r.countOf(source, withdrawn.Counts[source])
			in.Approved -= withdrawn.Counts[source].Withdrawn
		}
		r.items = append(r.items, withdrawn.Items...)
		r.blocking.waiting, more = withdrawn.Waiting, withdrawn.More
	}
}

// remediate starts the removal of delivered mail for the next values that wait for it. The removals go on by themselves.
func (r *flowRun) remediate(ctx workflow.Context) {
	var a *activities.Activities
	sources := lo.Filter(r.sources(), func(source indicator.Source, _ int) bool { return r.active(settings.RemediatePart(source)) })
	if r.failed() || r.dryRun() {
		return
	}
	started := 0
	for _, source := range sources {
		var selected []activities.RemediateInput
		err := workflow.ExecuteActivity(writing(ctx, "delivered mail with "+string(source)), a.SelectRemediations, activities.SelectRemediationsInput{
			Integration: r.integration, Credentials: r.plan.Settings.Credentials, Sources: []indicator.Source{source},
			Brackets: r.plan.Settings.SendToMimecast.MessageIDBrackets, Started: started,
		}).Get(ctx, &selected)
		if err != nil {
			r.park(settings.RemediatePart(source), err)
			continue
		}
		started += len(selected)
		for _, value := range selected {
			r.startRemediation(ctx, value)
		}
	}
}

// startRemediation starts a child that outlives the run. One that is at work on the value already is left to it.
func (r *flowRun) startRemediation(ctx workflow.Context, value activities.RemediateInput) {
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:        cmp.Or(value.Workflow, wire.RemediateID(r.integration, value.Value)),
		ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON,
		StaticSummary:     fmt.Sprintf("mail with %s, delivered before", value.Value),
	}), Remediate, value)
	err := child.GetChildWorkflowExecution().Get(ctx, nil)
	if _, atWork := errors.AsType[*temporal.ChildWorkflowExecutionAlreadyStartedError](err); err != nil && !atWork {
		workflow.GetLogger(ctx).Warn("removal of mail not started", "error", err)
	}
}

// roomAtTheEnd says whether the history has room for what comes after the reading. What is left over waits in the ledger.
func roomAtTheEnd(ctx workflow.Context) bool {
	return workflow.GetInfo(ctx).GetCurrentHistoryLength() < maxEvents+50
}
