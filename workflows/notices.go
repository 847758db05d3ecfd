package workflows

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/samber/lo"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/notify"
	"github.com/threatshare/threatshare/internal/settings"
)

const (
	// longTrouble is how long a flow fails before people are told although it is still being tried.
	longTrouble = time.Hour
	// mailsAnHour bounds what an integration that goes up and down sends. What is held back is told later, as it then is.
	mailsAnHour = 6
	// waitingNotices bounds those that a mail server has not taken yet.
	waitingNotices = 20
	// A mail that is refused, or has no server, waits for a person to change something: it is tried again for a day.
	refusedAgain = time.Hour
	refusedTries = 24
)

// Told is what people have been told of by mail, and what they are still to be told.
type Told struct {
	Problems []notify.Problem `json:"problems,omitempty"` // what they believe to be wrong
	Number   int              `json:"number,omitempty"`   // of the last notice
	At       []time.Time      `json:"at,omitempty"`       // the notices of the last hour
	Waiting  []notify.Notice  `json:"waiting,omitempty"`  // not sent yet, oldest first
	Refused  int              `json:"refused,omitempty"`  // how often the oldest was refused
	Last     *LastMail        `json:"last,omitempty"`
}

// LastMail is what became of the last notice.
type LastMail struct {
	At      time.Time   `json:"at"`
	Kind    notify.Kind `json:"kind"`
	Problem string      `json:"problem,omitempty"` // why it was not sent
}

// takeNote decides whether there is something to tell people: once for each problem that is new, however many runs meet it,
// and once when all of it is over.
func (in *integration) takeNote(ctx workflow.Context, now time.Time) {
	told := &in.memory.Told
	told.At = lo.Filter(told.At, func(at time.Time, _ int) bool { return now.Sub(at) < time.Hour })
	if len(told.At) >= mailsAnHour || !in.memory.Checked {
		return
	}
	problems, kind := in.troubles(now)
	if len(problems) > 0 {
		in.forgetWhatIsOver(ctx, problems)
	}
	news := lo.Filter(problems, func(problem notify.Problem, _ int) bool { return !known(told.Problems, problem) })
	switch {
	case len(news) > 0:
		in.tell(now, kind, problems)
		told.Problems = append(told.Problems, news...)
	case len(problems) == 0 && len(told.Problems) > 0 && in.wellSince(in.memory.CheckedAt):
		in.tell(now, notify.Recovered, told.Problems)
		told.Problems = nil
	}
}

// forgetWhatIsOver lets go of what people were told and what is well again while something else is still wrong: should it
// break once more, that is news.
func (in *integration) forgetWhatIsOver(ctx workflow.Context, problems []notify.Problem) {
	told := &in.memory.Told
	left := lo.Filter(told.Problems, func(problem notify.Problem, _ int) bool { return known(problems, problem) || !in.provenWell(problem) })
	// A run of the Integration that was begun before it forgot has told, and not told, otherwise.
	if len(left) < len(told.Problems) && workflow.GetVersion(ctx, "notices-forget-what-is-over", workflow.DefaultVersion, 1) != workflow.DefaultVersion {
		told.Problems = left
	}
}

// provenWell says whether a flow that the problem kept from running has had a good run since the last check.
func (in *integration) provenWell(problem notify.Problem) bool {
	concerned := lo.Filter(flowNames(), func(flow string, _ int) bool {
		return flow == problem.What || slices.Contains(settings.Parts(flow), settings.Part(problem.What))
	})
	if len(concerned) == 0 { // a vendor as a whole
		concerned = in.enabledFlows()
	}
	return lo.SomeBy(concerned, func(flow string) bool { return in.memory.flow(flow).LastSuccess.After(in.memory.CheckedAt) })
}

// troubles are what a person should know of: permanent errors, flows that have failed for long, and records that could not be
// read. The kind is that of the worst.
func (in *integration) troubles(now time.Time) (problems []notify.Problem, kind notify.Kind) {
	m := in.memory
	add := func(what, reason string) { problems = append(problems, notify.Problem{What: what, Reason: reason}) }
	for _, vendor := range []struct {
		name  string
		state VendorState
	}{{"Mimecast", m.Mimecast}, {"Falcon", m.Falcon}} {
		if vendor.state.State == PermanentError {
			add(vendor.name, vendor.state.Reason)
		}
	}
	for _, flow := range in.enabledFlows() {
		memory := m.flow(flow)
		if memory.Failed.Type != "" && !ofVendor(memory.Failed) {
			add(flow, memory.Failed.Reason)
		}
		for _, part := range settings.Parts(flow) {
			if problem, parked := memory.Parked[part]; parked && in.settings.PartEnabled(part) && !ofVendor(problem) {
				add(string(part), problem.Reason)
			}
		}
	}
	kind = notify.PermanentError
	worst := func(of notify.Kind) {
		if len(problems) == 0 {
			kind = of
		}
	}
	worst(notify.Degraded)
	for _, flow := range in.enabledFlows() {
		if memory := m.flow(flow); memory.Trouble != "" && now.Sub(memory.TroubledAt) >= longTrouble && !m.Paused {
			add(flow, memory.Trouble)
		}
	}
	worst(notify.Unread)
	for _, flow := range in.enabledFlows() {
		problems = append(problems, in.unread(flow, degrades)...)
	}
	return problems, kind
}

// ofVendor says whether a problem is the vendor's as a whole, and told by the vendor's name.
func ofVendor(problem activities.Problem) bool { return problem.Type == activities.VendorAuth }

// wellSince says whether every flow has had a good run since then. A connection that is checked and good is not enough: what
// parked a flow may show again in its next run.
func (in *integration) wellSince(at time.Time) bool {
	state, _ := in.state()
	return state == Connected && lo.EveryBy(in.enabledFlows(), func(flow string) bool {
		return in.memory.flow(flow).LastSuccess.After(at)
	})
}

func known(told []notify.Problem, problem notify.Problem) bool {
	return slices.ContainsFunc(told, func(before notify.Problem) bool {
		return before.What == problem.What && before.Unread == problem.Unread
	})
}

// tell leaves a notice for the mail. Without anybody to tell there is nothing to do.
func (in *integration) tell(now time.Time, kind notify.Kind, problems []notify.Problem) {
	told := &in.memory.Told
	told.Number++
	if len(in.settings.Notify) == 0 {
		return
	}
	told.At = append(told.At, now)
	if len(told.Waiting) == waitingNotices {
		told.Waiting = told.Waiting[1:]
	}
	told.Waiting = append(told.Waiting, notify.Notice{
		Integration: in.settings.Name, Number: told.Number, Kind: kind, Since: now.UTC().Truncate(time.Second), Problems: problems,
	})
}

// tellOfGaps tells of what was missed for good.
func (in *integration) tellOfGaps(report activities.Report) {
	var problems []notify.Problem
	for _, source := range settings.SourcesOf(report.Flow) {
		gap, missed := report.Gaps[source]
		if !missed || in.memory.flow(report.Flow).Gaps[source] == gap {
			continue
		}
		problems = append(problems, notify.Problem{What: string(source), Reason: missedBetween(gap)})
	}
	if len(problems) > 0 {
		in.tell(report.At, notify.Gap, problems)
	}
}

func missedBetween(gap activities.Gap) string {
	const minutes = "2006-01-02 15:04"
	return fmt.Sprintf("records between %s and %s UTC (%s) were never read and are gone from Mimecast's logs, which keep 30 days: "+
		"look there for what was found in that time", gap.From.UTC().Format(minutes), gap.To.UTC().Format(minutes),
		gap.To.Sub(gap.From).Truncate(time.Minute))
}

// sendNotices mails the notices one after the other for as long as ctx lasts, beside everything else: mail that does not go
// out holds nothing up.
func (in *integration) sendNotices(ctx workflow.Context) {
	told := &in.memory.Told
	for workflow.Await(ctx, func() bool { return len(told.Waiting) > 0 }) == nil {
		notice := told.Waiting[0]
		if len(in.settings.Notify) == 0 || !sendsMail(ctx) { // nobody is to be told any more
			told.Waiting = nil
			continue
		}
		in.sending = true
		sent, err := notifyPeople(ctx, activities.NotifyInput{To: in.settings.Notify, Notice: notice})
		in.sending = false
		if ctx.Err() != nil {
			return
		}
		told.Last = &LastMail{At: workflow.Now(ctx).UTC().Truncate(time.Second), Kind: notice.Kind, Problem: cmp.Or(sent.Skipped, sent.Refused)}
		if err != nil {
			told.Last.Problem = activities.ProblemOf(err).Reason
		}
		in.woken.SendAsync(nil) // the status has something new
		switch {
		case err == nil && sent.Skipped == "":
			told.forget(notice)
		case err != nil && worthAnotherTry(err):
		case told.Refused+1 == refusedTries:
			told.forget(notice)
		default:
			told.Refused++
			_ = workflow.Sleep(ctx, refusedAgain) // ended early only by the end of ctx
		}
	}
}

func (t *Told) forget(notice notify.Notice) {
	t.Waiting = slices.DeleteFunc(t.Waiting, func(waiting notify.Notice) bool { return waiting.Number == notice.Number })
	t.Refused = 0
}

// sendsMail is false for a run of the Integration that was begun before there was mail: its history has none to replay.
func sendsMail(ctx workflow.Context) bool {
	return workflow.GetVersion(ctx, "notices-are-mailed", workflow.DefaultVersion, 1) != workflow.DefaultVersion
}

func notifyPeople(ctx workflow.Context, in activities.NotifyInput) (activities.NotifyResult, error) {
	var a *activities.Activities
	var sent activities.NotifyResult
	err := workflow.ExecuteActivity(mailing(ctx, string(in.Notice.Kind)), a.Notify, in).Get(ctx, &sent)
	return sent, err
}

// worthAnotherTry says whether a mail may still go out. A time-out only ends one long series of tries.
func worthAnotherTry(err error) bool {
	refused, ok := errors.AsType[*temporal.ApplicationError](err)
	return !ok || !refused.NonRetryable()
}
