package workflows

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
)

// Bounds of what is taken and remembered of a signal or update. The largest sensible one is a list of protected domains.
const (
	maxInput   = 256 << 10 // bytes
	maxName    = 60        // characters
	maxProblem = 2000
)

// request is one of the things that people ask for, as a signal or as an update. check refuses bad input without changing
// anything; take changes the state and says what was done.
type request struct {
	name  string
	about string // shown by the Temporal UI
	check func(now time.Time, input []byte) error
	take  func(ctx workflow.Context, input []byte) any
	// seen, if there is one, reads the second argument of an update: what whoever asks takes for true. It refuses if that is
	// not true any more.
	seen func(was []byte) error
}

func (in *integration) requests() []request {
	return []request{
		{wire.ChangeSettings, "JSON merge patch on the settings", in.checkChange, in.changeSettings, in.checkSeen},
		{wire.Pause, `stop the Schedules; {"reason": "…"} or nothing`, checkReason, in.pause, nil},
		{wire.Resume, "go on after a pause", checkReason, in.resume, nil},
		{wire.Reconnect, "check both connections and go on after a permanent error", checkNothing, in.reconnect, nil},
		{wire.SyncNow, "run now: nothing, or a flow as JSON string", checkFlow, in.syncNow, nil},
		{wire.ForgetCheckpoint, `read again: {"flow": "…", "from": "2026-11-01T00:00:00Z"}`, checkForget, in.forgetCheckpoint, nil},
		{wire.ApproveWithdrawal, `withdraw more than the deletion guard lets: {"flow": "import-iocs", "values": 42}`, in.checkApproval, in.approveWithdrawal, nil},
	}
}

// reports are what runs tell. They come as signals only, and may come from anybody, so they are checked like the others.
func (in *integration) reports() []request {
	return []request{
		// Reports first: the end of a run must not be passed by the start of the next, which waits in a queue of its own.
		{wire.RunReported, "internal: from the runs of the flows", checkReport, in.runReported, nil},
		{wire.RunStarted, "internal: from the runs of the flows", checkRun, in.runStarted, nil},
	}
}

// listen sets up queries and updates, and returns what the main loop waits on: signals, updates that left work, cancellation.
func (in *integration) listen(ctx workflow.Context) (workflow.Selector, error) {
	inbox := workflow.NewSelector(ctx)
	for _, request := range in.requests() {
		in.onSignal(ctx, inbox, request)
		if err := in.onUpdate(ctx, request); err != nil {
			return nil, err
		}
	}
	for _, request := range in.reports() {
		in.onSignal(ctx, inbox, request)
	}
	inbox.AddReceive(in.woken, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) })
	inbox.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {})
	workflow.Go(ctx, in.rejectStrays)
	return inbox, in.answer(ctx)
}

// answer sets up the queries.
func (in *integration) answer(ctx workflow.Context) error {
	about := func(text string) workflow.QueryHandlerOptions { return workflow.QueryHandlerOptions{Description: text} }
	return errors.Join(
		workflow.SetQueryHandlerWithOptions(ctx, wire.ConnectionState,
			func() (ConnectionState, error) { return in.connectionState(), nil }, about("state of the connections and flows")),
		workflow.SetQueryHandlerWithOptions(ctx, wire.Settings,
			func() (settings.Settings, error) { return in.settings, nil }, about("the settings in force")),
		workflow.SetQueryHandlerWithOptions(ctx, wire.Status,
			func() (Status, error) { return in.status(), nil }, about("everything: state, counts, checkpoints, refused input")),
		workflow.SetQueryHandlerWithOptions(ctx, wire.RunPlan, in.runPlan, about("internal: for the runs of the flows")),
	)
}

// onSignal takes a signal; one that is refused changes nothing and is remembered, since nobody waits for an answer.
func (in *integration) onSignal(ctx workflow.Context, inbox workflow.Selector, request request) {
	channel := workflow.GetSignalChannelWithOptions(ctx, request.name, workflow.SignalChannelOptions{Description: request.about})
	inbox.AddReceive(channel, func(c workflow.ReceiveChannel, _ bool) {
		var input converter.RawValue
		c.Receive(ctx, &input)
		if why, refused := in.refused(ctx, input); refused {
			in.reject(ctx, request.name, why)
			return
		}
		data := input.Payload().GetData()
		if err := checked(workflow.Now(ctx), request, data); err != nil {
			in.reject(ctx, request.name, err.Error())
			return
		}
		request.take(ctx, data)
	})
}

// reject remembers what was not taken.
func (in *integration) reject(ctx workflow.Context, name, problem string) {
	in.memory.Rejected++
	in.memory.LastRejected = &Rejected{
		At:      workflow.Now(ctx).UTC().Truncate(time.Second),
		Name:    indicator.Printable(name, maxName),
		Problem: indicator.Printable(problem, maxProblem),
	}
}

// rejectStrays takes note of signals that nobody has a name for, such as a misspelt one, for as long as ctx lasts.
func (in *integration) rejectStrays(ctx workflow.Context) {
	for workflow.Await(ctx, func() bool { return len(in.strays(ctx)) > 0 }) == nil {
		in.rejectWaiting(ctx)
	}
}

// rejectWaiting takes note of all strays that are there. A new run of the Integration does not get them.
func (in *integration) rejectWaiting(ctx workflow.Context) {
	for names := in.strays(ctx); len(names) > 0; names = in.strays(ctx) {
		for _, name := range names {
			var input converter.RawValue
			workflow.GetSignalChannel(ctx, name).ReceiveAsync(&input)
			in.reject(ctx, name, "no such signal; there are: "+strings.Join(in.requestNames(), ", "))
		}
	}
}

// reserved begins the names that Temporal keeps for itself: asking for such a signal panics, and so would stop the Integration
// for as long as it is there.
const reserved = "__temporal_"

// strays are the names of signals that wait and that nothing will ever receive.
func (in *integration) strays(ctx workflow.Context) []string {
	known := append(in.requestNames(), wire.RunStarted, wire.RunReported)
	names := slices.DeleteFunc(workflow.GetUnhandledSignalNames(ctx), func(name string) bool {
		return slices.Contains(known, name) || strings.HasPrefix(name, reserved)
	})
	slices.Sort(names)
	return names
}

func (in *integration) requestNames() []string {
	names := make([]string, 0, len(in.requests()))
	for _, request := range in.requests() {
		names = append(names, request.name)
	}
	return names
}

// onUpdate takes an update; one that is refused leaves no trace but its answer.
func (in *integration) onUpdate(ctx workflow.Context, request request) error {
	handler := func(ctx workflow.Context, input, _ converter.RawValue) (any, error) {
		awaitKey(sealed(input)) // it was read when it was taken
		answer := request.take(ctx, input.Payload().GetData())
		in.woken.SendAsync(nil)
		return answer, nil
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, request.name, handler, workflow.UpdateHandlerOptions{
		Description: request.about,
		Validator: func(ctx workflow.Context, input, was converter.RawValue) error {
			if why := cmp.Or(sealed(input), sealed(was)); why != "" {
				return temporal.NewNonRetryableApplicationError(request.name+": "+why+sendAgain, activities.InvalidInput, nil)
			}
			if err := checked(workflow.Now(ctx), request, input.Payload().GetData()); err != nil {
				return temporal.NewNonRetryableApplicationError(err.Error(), activities.InvalidInput, nil)
			}
			if request.seen == nil || absent(was.Payload().GetData()) {
				return nil
			}
			return request.seen(was.Payload().GetData())
		},
	})
}

func checked(now time.Time, request request, input []byte) error {
	if len(input) > maxInput {
		return fmt.Errorf("%s: input of %d bytes; at most %d are taken", request.name, len(input), maxInput)
	}
	if err := request.check(now, input); err != nil {
		return fmt.Errorf("%s: %w", request.name, err)
	}
	return nil
}
