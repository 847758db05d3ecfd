package mimecast

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// maxIsolation is how many calls a refused one may cost on top. It parts about five bad hashes from the thousand of a call; a
// call that holds more is not worth thousands of calls at once, what stays open is tried again later.
const maxIsolation = 100

// noReason stands for the words of a vendor that gave none.
const noReason = "refused without a reason"

// writing is one kind of write of many values. Every one of these writes may be repeated: what is there already or gone
// already is no harm. So what an answer does not settle is sent again, alone or in halves, until each value has its own
// outcome. That takes at most 2·⌈log₂ n⌉ calls more for each bad value of n.
type writing struct {
	kind indicator.Kind
	most int // values in one call

	// send makes one call. It gives an id for each value that was done, and what the answer says about values and not in
	// an error. A value with neither is open.
	send func(ctx context.Context, values []string) (done map[string]string, items []vendorapi.Item, err error)
	// already says whether a refusal means that there was nothing to do.
	already func(status int, item vendorapi.Item) bool
	// spelled gives a value as the answer names it; nil: as it is.
	spelled func(value string) string
	// doubted finds out what became of values that were refused without a word; nil, or none for a value: it counts as refused.
	doubted func(ctx context.Context, values []string) (map[string]indicator.Outcome, error)
}

// run is a writing under way.
type run struct {
	writing

	outcomes map[string]indicator.Outcome // of the values that are settled, without their keys
	silent   []string                     // values that are refused in no words
	left     int                          // calls that the current batch may still cost on top
}

// write settles all values, or as many as it can before an error that is not about values: one outcome for each value in
// order, empty for one that was not settled. A value that could only be refused is not sent.
func (w writing) write(ctx context.Context, values []string) ([]indicator.Outcome, error) {
	r := &run{writing: w, outcomes: make(map[string]indicator.Outcome, len(values))}
	err := r.writeAll(ctx, values)
	return r.inOrder(values), err
}

// unfit says why a value could only be refused, "" if it could not.
func unfit(kind indicator.Kind, value string) string {
	made, err := indicator.New(indicator.Sighting{Kind: kind, Raw: value}, "")
	switch {
	case err != nil:
		return "not sent: " + err.Error()
	case made.Value != value:
		return "not sent: not in canonical form"
	default:
		return ""
	}
}

func (r *run) inOrder(values []string) []indicator.Outcome {
	outcomes := make([]indicator.Outcome, 0, len(values))
	for _, value := range values {
		outcome := r.outcomes[value]
		outcome.Key = indicator.Key{Kind: r.kind, Value: value}
		outcomes = append(outcomes, outcome)
	}
	return outcomes
}

func (r *run) writeAll(ctx context.Context, values []string) error {
	fit := make([]string, 0, len(values))
	met := make(map[string]bool, len(values))
	for _, value := range values {
		if met[value] {
			continue
		}
		met[value] = true
		if reason := unfit(r.kind, value); reason != "" {
			r.refuse(value, reason)
			continue
		}
		fit = append(fit, value)
	}
	if err := r.batches(ctx, fit); err != nil {
		r.leaveSilent()
		return err
	}
	return r.ask(ctx)
}

// batches writes one batch after the other. One that fails between good ones is left for the next try, since a step of many
// calls would otherwise need as many tries as it meets faults; but a first one, or a second in a row, tells of a vendor who is
// not there, and one that the vendor asks to wait for, or that no repetition mends, is the last one at once.
func (r *run) batches(ctx context.Context, values []string) error {
	var first error
	goesWell := false
	for batch := range slices.Chunk(values, r.most) {
		r.left = maxIsolation
		err := r.settle(ctx, batch)
		if first == nil {
			first = err
		}
		if err != nil && !(goesWell && passing(err)) {
			return err
		}
		goesWell = err == nil
	}
	return first
}

// passing says whether a failure may be of one call only.
func passing(err error) bool {
	refusal, ok := errors.AsType[*vendorapi.Error](err)
	return ok && (refusal.Class == vendorapi.Unavailable && refusal.RetryAfter == 0 || refusal.Class == vendorapi.Contract)
}

// leaveSilent leaves the values open that were refused without a word and could not be asked about.
func (r *run) leaveSilent() {
	if r.doubted == nil {
		return
	}
	for _, value := range r.silent {
		delete(r.outcomes, value)
	}
}

// ask settles the values that were refused without a word.
func (r *run) ask(ctx context.Context) error {
	if r.doubted == nil || len(r.silent) == 0 {
		return nil
	}
	told, err := r.doubted(ctx, r.silent)
	for _, value := range r.silent {
		outcome, known := told[value]
		switch {
		case known:
			r.outcomes[value] = outcome
		case err != nil:
			delete(r.outcomes, value)
		default:
		}
	}
	return err
}

// settle makes one call for values and goes on with those that it leaves open.
func (r *run) settle(ctx context.Context, values []string) error {
	done, items, err := r.send(ctx, values)
	status := http.StatusOK
	refused, failed := errors.AsType[*vendorapi.Error](err)
	if failed {
		refused = worst(refused)
		err, status, items = refused, refused.Status, append(items, refused.Items...)
	}
	for _, value := range values {
		if id := done[value]; id != "" {
			r.outcomes[value] = indicator.Outcome{ID: id}
		}
	}
	r.believe(values, status, items)
	open := slices.DeleteFunc(slices.Clone(values), r.settled)
	switch {
	case len(open) == 0:
		return nil // all are settled, whatever is said beside
	case err != nil && !(failed && aboutValues(refused)):
		return err
	case len(values) == 1:
		r.rule(open[0], status, blame(items, refused))
		return nil
	case r.left <= 0:
		return contractError("write many values", status, fmt.Sprintf("%d of them are neither done nor refused after %d calls", len(open), maxIsolation))
	case len(open) < len(values):
		r.left--
		return r.settle(ctx, open)
	}
	r.left -= 2
	half := (len(open) + 1) / 2
	if err := r.settle(ctx, open[:half]); err != nil {
		return err
	}
	return r.settle(ctx, open[half:])
}

func (r *run) settled(value string) bool {
	_, settled := r.outcomes[value]
	return settled
}

// believe settles the values that items name.
func (r *run) believe(values []string, status int, items []vendorapi.Item) {
	byName := make(map[string]string, len(values))
	for _, value := range values {
		name := value
		if r.spelled != nil {
			name = r.spelled(value)
		}
		byName[sameName(name)] = value
	}
	for _, item := range items {
		value, named := byName[sameName(item.Value)]
		if named && !r.settled(value) && !beyond(classOf(status, item)) {
			r.rule(value, status, item)
		}
	}
}

// rule settles a value as the vendor says.
func (r *run) rule(value string, status int, item vendorapi.Item) {
	switch {
	case r.already(status, item):
		r.outcomes[value] = indicator.Outcome{Duplicate: true}
	case item.Type == "" && item.Message == "":
		r.silent = append(r.silent, value)
		r.refuse(value, noReason)
	default:
		r.refuse(value, strings.Trim(item.Type+": "+item.Message, ": "))
	}
}

func (r *run) refuse(value, reason string) {
	r.outcomes[value] = indicator.Outcome{Refused: reason}
}

// blame gives what was said about the only value of a call.
func blame(items []vendorapi.Item, refused *vendorapi.Error) vendorapi.Item {
	switch {
	case len(items) > 0:
		return items[0]
	case refused != nil:
		return vendorapi.Item{Type: refused.Code, Message: refused.Message}
	default:
		return vendorapi.Item{}
	}
}

// sameName gives the form in which an answer may repeat a value: case, a final slash and a final dot vary.
func sameName(name string) string {
	return strings.TrimRight(strings.ToLower(strings.TrimSpace(name)), "/.")
}

// classOf is the class of what is said about one value. Whether the vendor calls it retryable does not count: one value that
// is never accepted would hold up all others for ever.
func classOf(status int, item vendorapi.Item) vendorapi.Class {
	return classify(status, fault{Code: text(item.Type), Message: text(item.Message)})
}

// beyond says whether an error is about more than the value beside which it stands.
func beyond(class vendorapi.Class) bool {
	return class != vendorapi.Rejected && class != vendorapi.Contract
}

// worst gives a refusal the class of what it says about the call, if its first error is about a value only.
func worst(refused *vendorapi.Error) *vendorapi.Error {
	at := slices.IndexFunc(refused.Items, func(item vendorapi.Item) bool { return beyond(classOf(refused.Status, item)) })
	if at < 0 {
		return refused
	}
	told := *refused
	told.Class, told.Code, told.Message = classOf(refused.Status, told.Items[at]), told.Items[at].Type, told.Items[at].Message
	return &told
}

// aboutValues says whether a refusal is about what was sent, so that other values may pass.
func aboutValues(refused *vendorapi.Error) bool {
	if slices.ContainsFunc(refused.Items, func(item vendorapi.Item) bool { return beyond(classOf(refused.Status, item)) }) {
		return false
	}
	pointed := func(item vendorapi.Item) bool {
		return item.Value != "" || strings.HasPrefix(strings.ToLower(item.Type), "err_")
	}
	switch {
	case slices.ContainsFunc(refused.Items, pointed):
		return true
	case notOffered(refused), refused.Status == http.StatusUnsupportedMediaType:
		return false
	case len(refused.Items) > 0:
		return true
	default:
		return refused.Class == vendorapi.Rejected || refused.Class == vendorapi.Contract && refused.Code != ""
	}
}

// said gives what an answer holds about single values beside its data, and an error if one of it is about the whole call.
func said(path string, answer vendorapi.Answer, failed []failEntry) ([]vendorapi.Item, error) {
	items := itemsOf(failed)
	for _, item := range items {
		if beyond(classOf(answer.Status, item)) {
			return items, partial(path, answer, []failEntry{{Code: text(item.Type), Message: text(item.Message)}})
		}
	}
	return items, nil
}

// exists says whether a refusal means that the value is there already.
func exists(status int, item vendorapi.Item) bool {
	words := strings.ToLower(item.Type + " " + item.Message)
	return status == http.StatusConflict || strings.Contains(words, "exists") || strings.Contains(words, "already a member")
}

// absent says whether a refusal means that there is nothing to remove.
func absent(_ int, item vendorapi.Item) bool {
	words := strings.ToLower(item.Type + " " + item.Message)
	for _, form := range []string{"not_found", "not found", "does not exist", "not a member"} {
		if strings.Contains(words, form) {
			return true
		}
	}
	return false
}

// refusedAsAbsent says whether a classic removal failed because there is nothing to remove. A function that is not there is not
// found either.
func refusedAsAbsent(err error) bool {
	refused, failed := errors.AsType[*vendorapi.Error](err)
	if !failed || beyond(refused.Class) || notOffered(err) && !strings.HasPrefix(strings.ToLower(refused.Code), "err_") {
		return false
	}
	return absent(refused.Status, vendorapi.Item{Type: refused.Code, Message: refused.Message})
}
