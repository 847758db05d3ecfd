package falcon

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// writing is a write of many entries and what became of each so far. One bad entry refuses a whole call (contract 2.4), so
// what a refusal names is taken out and the rest sent again; if it names nothing, the call is halved until the bad entry
// stands alone. That takes at most 2·⌈log₂ n⌉ calls more for each bad entry of n.
type writing struct {
	outcomes []indicator.Outcome // of every entry; one with none of the three is not settled
	rowOf    map[string]int      // by what Falcon may name an entry with: its value, its id
	// send makes one call for the entries with these rows and gives the records of those that it made.
	send func(ctx context.Context, rows []int) ([]record, error)
	// made finds the entry that a record is of.
	made func(record) (row int, found bool)

	unconfirmed []int // rows that a successful call said nothing about
	distrust    bool  // a suspicion was wrong once, so no more are followed
}

// write settles rows, or as many of them as it can before an error that is not about entries.
func (w *writing) write(ctx context.Context, rows []int) error {
	if len(rows) == 0 {
		return nil
	}
	records, err := w.send(ctx, rows)
	open := w.settle(rows, records)
	refused, ok := errors.AsType[*vendorapi.Error](err)
	switch {
	case err == nil:
		w.unconfirmed = append(w.unconfirmed, open...)
		return nil
	case !ok || !aboutEntries(refused):
		return err
	case len(open) == 0:
		return nil // all were made, whatever the errors beside them say
	case len(open) == 1:
		w.refuse(open[0], w.reasonFor(open[0], refused))
		return nil
	}
	return w.isolate(ctx, rows, open, refused.Items)
}

// settle notes the entries that were made and gives the rows of the others.
func (w *writing) settle(rows []int, records []record) []int {
	made := make(map[int]bool, len(records))
	for _, record := range records {
		if row, found := w.made(record); found && record.ID != "" {
			w.outcomes[row].ID = record.ID
			made[row] = true
		}
	}
	open := make([]int, 0, len(rows)-min(len(made), len(rows)))
	for _, row := range rows {
		if !made[row] {
			open = append(open, row)
		}
	}
	return open
}

// isolate parts the bad entries of a refused call from the good ones. sent are the rows of the call, open those of them that
// it has not settled.
func (w *writing) isolate(ctx context.Context, sent, open []int, items []vendorapi.Item) error {
	named, suspects := w.point(sent, open, items)
	for row, reason := range named {
		w.refuse(row, reason)
	}
	rest := slices.DeleteFunc(slices.Clone(open), func(row int) bool {
		_, out := named[row]
		return out || slices.Contains(suspects, row)
	})
	told := len(named)+len(suspects) > 0
	for _, row := range suspects {
		if err := w.write(ctx, []int{row}); err != nil {
			return err
		}
		if w.outcomes[row].ID != "" { // it was innocent, so the bad one is among the rest
			told, w.distrust = false, true
		}
	}
	if told {
		return w.write(ctx, rest)
	}
	half := (len(rest) + 1) / 2
	if err := w.write(ctx, rest[:half]); err != nil {
		return err
	}
	return w.write(ctx, rest[half:])
}

// point reads which entries a refusal is about. One that is named by its value, or quoted alone in a message, is refused
// with that message. Two things are suspicions only, and such an entry is sent alone: a row, since it is not known what the
// vendor counts from, and a warning, since warnings do not refuse a call beside a real error.
func (w *writing) point(sent, open []int, items []vendorapi.Item) (named map[int]string, suspects []int) {
	named = make(map[int]string)
	var byRow, warned []int
	for _, item := range items {
		row, found := w.name(item)
		switch {
		case found && mild(item):
			warned = append(warned, row)
		case found && slices.Contains(open, row):
			named[row] = reasonOf(item)
		case !found && item.Row >= 1 && item.Row <= len(sent) && mild(item):
			warned = append(warned, sent[item.Row-1])
		case !found && item.Row >= 1 && item.Row <= len(sent):
			byRow = append(byRow, sent[item.Row-1])
		default:
		}
	}
	if w.distrust {
		return named, nil
	}
	suspects = byRow
	if len(named)+len(byRow) == 0 {
		suspects = warned // nothing worse is named
	}
	slices.Sort(suspects)
	return named, slices.DeleteFunc(slices.Compact(suspects), func(row int) bool {
		_, known := named[row]
		return known || !slices.Contains(open, row)
	})
}

// mild says whether an item is a warning. A duplicate is none, whatever it is called: the entry cannot be made.
func mild(item vendorapi.Item) bool {
	return strings.EqualFold(item.Type, warning) && !duplicate(item.Message)
}

func duplicate(message string) bool { return strings.Contains(strings.ToLower(message), duplicateType) }

var quotedText = regexp.MustCompile("['\"`“‘]([^'\"`“”‘’]{1,300})['\"`”’]")

// name finds the entry that an item names by value or id, or that its message quotes if it quotes just one.
func (w *writing) name(item vendorapi.Item) (row int, found bool) {
	if row, found = w.rowOf[canonicalValue(item.Value)]; found {
		return row, true
	}
	rows := make(map[int]bool)
	for _, match := range quotedText.FindAllStringSubmatch(item.Message, -1) {
		if row, ok := w.rowOf[canonicalValue(match[1])]; ok {
			rows[row] = true
		}
	}
	if len(rows) != 1 {
		return 0, false
	}
	return slices.Collect(maps.Keys(rows))[0], true
}

// refuse settles an entry as not made: because it is there already, or with the vendor's words.
func (w *writing) refuse(row int, reason string) {
	if duplicate(reason) {
		w.outcomes[row].Duplicate = true
		return
	}
	w.outcomes[row].Refused = reason
}

// aboutEntries says whether a refusal is about what was sent, so that other entries may pass.
func aboutEntries(refused *vendorapi.Error) bool {
	if refused.Class != vendorapi.Rejected {
		return false
	}
	// A path that is not there is no entry's fault; an id that is not there is.
	byID := strings.HasPrefix(refused.Operation, http.MethodPatch) || strings.HasPrefix(refused.Operation, http.MethodDelete)
	return refused.Status != http.StatusNotFound || byID && notThere(refused)
}

// reasonFor is why the only entry that is left of a call was refused. What is said about an entry says more than what is
// said about the call, and an error more than a warning.
func (w *writing) reasonFor(only int, refused *vendorapi.Error) string {
	reason, best := refused.Message, 0
	for _, item := range refused.Items {
		if row, found := w.name(item); found && row != only {
			continue
		}
		weight := 1
		switch {
		case item.Message == "" || item.Message == refused.Message:
			weight = 0
		case item.Type != "" && !mild(item):
			weight = 3
		case item.Type != "":
			weight = 2
		default:
		}
		if weight > best {
			reason, best = item.Message, weight
		}
	}
	return reasonOf(vendorapi.Item{Message: reason})
}

func reasonOf(item vendorapi.Item) string {
	if item.Message == "" {
		return "refused without a reason"
	}
	return item.Message
}
