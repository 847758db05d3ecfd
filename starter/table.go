package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/samber/lo"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
)

// A vendor's error text can be long.
const (
	longestCell   = 120
	longestReason = 60 // in a list; status with a name shows the whole reason
)

func newTable(columns ...any) table.Writer {
	t := table.NewWriter()
	style := table.StyleLight
	style.Format.Header = 0 // as written
	t.SetStyle(style)
	t.AppendHeader(columns)
	return t
}

func (a *app) showList(statuses []statusAnswer) {
	t := newTable("integration", "state", "since", "mimecast", "falcon", "shared", "held", "reason")
	for _, status := range statuses {
		shared, held := 0, 0
		for _, flow := range sorted(status.Flows) {
			shared += status.Flows[flow].Shared
			held += status.Flows[flow].Held
		}
		t.AppendRow(table.Row{
			shown(status.Integration), shown(status.State), shown(status.Since), shown(status.Mimecast.State),
			shown(status.Falcon.State), shared, held, indicator.Printable(status.Reason, longestReason),
		})
	}
	a.print("%s\n", t.Render())
}

func (a *app) showStatus(name string, status statusAnswer) {
	a.print("integration  %s\nstate        %s\nmimecast     %s\nfalcon       %s\n", name, withTime(status.State, status.Reason, status.Since),
		withTime(status.Mimecast.State, status.Mimecast.Reason, status.Mimecast.Since),
		withTime(status.Falcon.State, status.Falcon.Reason, status.Falcon.Since))
	for _, remedy := range a.remedies(name, status) {
		a.print("%s\n", remedy)
	}
	a.printToldAndChecked(status)
	a.printLists(status)
	if status.DryRun {
		a.print("dry run      nothing is written at either vendor\n")
	}
	a.print("\n%s\n", flowTable(status))
	if sources, read := sourceTable(status); read {
		a.print("\n%s\n", sources)
	}
	a.printReasons(name, status)
	if rejected := status.LastRejected; rejected != nil && rejected.Name != "" {
		a.print("\nlast refused input: %s at %s: %s\n", shown(rejected.Name), shown(rejected.At), lines(rejected.Problem))
	}
	if len(status.Warnings) > 0 {
		a.print("\n")
		a.printWarnings(status.Warnings)
	}
	a.print("\nhistory  %s\n", a.cli("show", name))
}

func flowTable(status statusAnswer) string {
	t := newTable("flow", "state", "last run", "last good run", "shared", "held", "last error")
	for _, name := range inOrder(status.Flows, settings.Flows()) {
		flow := status.Flows[name]
		state := flow.State
		if flow.More {
			state += ", more is waiting"
		}
		t.AppendRow(table.Row{
			shown(name), shown(state), cmp.Or(shown(flow.LastRun), "never"), cmp.Or(shown(flow.LastSuccess), "never"),
			flow.Shared, flow.Held, shown(flow.LastError),
		})
	}
	return t.Render()
}

// sourceTable shows what became of the records of every source that has been read.
func sourceTable(status statusAnswer) (string, bool) {
	t := newSourceTable()
	for _, flow := range inOrder(status.Flows, settings.Flows()) {
		appendSources(t, status.Flows[flow].Sources, status.Checkpoints[flow])
	}
	return t.Render(), t.Length() > 0
}

// newSourceTable has a column for what only some sources do if one of them has done it.
func newSourceTable() table.Writer {
	t := newTable("source", "read", "malicious", "shared", "URLs blocked", "already there", "our own", "somebody else's", "held", "refused",
		"withdrawn", "read up to")
	t.SuppressEmptyColumns()
	var columns []table.ColumnConfig
	for number := 2; number <= 11; number++ { // also where a cell is empty or has words
		columns = append(columns, table.ColumnConfig{Number: number, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(columns)
	return t
}

func appendSources(t table.Writer, sources map[string]sourceAnswer, readTo map[string]string) {
	for _, name := range inOrder(sources, sourceNames()) {
		source := sources[name]
		if source.idle() && readTo[name] == "" {
			continue
		}
		t.AppendRow(table.Row{
			shown(name), source.Read, source.Malicious, withMore(source.Shared, source.WouldShare), ifAny(source.URLsBlocked, source.WouldBlockURLs),
			source.AlreadyThere, ifAny(source.Echo, 0), source.Foreign, total(source.Held), source.Quarantined,
			ifAny(source.Withdrawn, source.WouldWithdraw), shown(readTo[name]),
		})
	}
}

// withMore gives a number, and how much a dry run would add.
func withMore(n, would int) string {
	if would == 0 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d, would be %d more", n, would)
}

// ifAny is withMore with nothing for none.
func ifAny(n, would int) string {
	if n == 0 && would == 0 {
		return ""
	}
	return withMore(n, would)
}

// printReasons tells why values were held and records dropped, what is parked, and what waits for a person.
func (a *app) printReasons(name string, status statusAnswer) {
	for _, flowName := range inOrder(status.Flows, settings.Flows()) {
		flow := status.Flows[flowName]
		a.printKept(flow.Sources)
		if flow.State == flowRetrying && flow.Reason != "" {
			a.print("%s is retrying: %s\n", shown(flowName), lines(flow.Reason))
		}
		for _, part := range sorted(flow.Parked) {
			a.print("%s of %s is parked: %s\n", shown(part), shown(flowName), lines(flow.Parked[part]))
		}
		if waiting := flow.Waiting; waiting != nil {
			a.print("withdrawal of %s waits: %s\n", shown(flowName), *waiting)
			if waiting.Refused == "" {
				a.print("to let it  %s\n", approval(name, shown(flowName)))
			}
		}
	}
}

// printKept tells why values were held and records dropped.
func (a *app) printKept(sources map[string]sourceAnswer) {
	for _, source := range inOrder(sources, sourceNames()) {
		for _, kept := range []struct {
			word    string
			reasons map[string]int
		}{{"held", sources[source].Held}, {"dropped", sources[source].Dropped}} {
			if total(kept.reasons) > 0 {
				a.print("%s of %s: %s\n", kept.word, shown(source), counted(kept.reasons))
			}
		}
	}
}

// printToldAndChecked tells when the connections were checked last, and what became of the last mail to people.
func (a *app) printToldAndChecked(status statusAnswer) {
	if status.Check != nil {
		a.print("checked      %s\n", shown(status.Check.At))
	}
	if mail := status.Mail; mail != nil {
		became := "sent"
		if mail.Problem != "" {
			became = "not sent: " + indicator.Printable(mail.Problem, longestMessage)
		}
		a.print("last mail    %s of %s: %s\n", shown(mail.Kind), shown(mail.At), became)
	}
}

// printLists tells how full Mimecast's list of hashes is, and what became of delivered mail.
func (a *app) printLists(status statusAnswer) {
	if quota := status.BYOTI; quota != nil && quota.Limit > 0 {
		whose := "used"
		if !quota.Known {
			whose = "by our own count; Mimecast does not tell"
		}
		a.print("byoti        %d of %d hashes %s\n", quota.Used, quota.Limit, whose)
	}
	if made := status.Remediations; made != nil {
		a.print("remediation  %d wanted, %d started, %d done, %d with nothing found, %d failed; messages: %d identified, %d successful, %d failed\n",
			made.Wanted, made.Started, made.Done, made.NothingFound, made.Failed,
			made.Messages.Identified, made.Messages.Successful, made.Messages.Failed)
	}
}

// counted gives "2 free-mail, 1 public-suffix".
func counted(reasons map[string]int) string {
	var parts []string
	for _, reason := range sorted(reasons) {
		if reasons[reason] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", reasons[reason], shown(reason)))
		}
	}
	return strings.Join(parts, ", ")
}

func total(reasons map[string]int) int {
	sum := 0
	for _, n := range reasons {
		sum += n
	}
	return sum
}

func sorted[V any](values map[string]V) []string { return slices.Sorted(maps.Keys(values)) }

// inOrder gives the names of values: those of first first, then the others by name.
func inOrder[V any](values map[string]V, first []string) []string {
	var names []string
	for _, name := range first {
		if _, found := values[name]; found {
			names = append(names, name)
		}
	}
	for _, name := range sorted(values) {
		if !slices.Contains(first, name) {
			names = append(names, name)
		}
	}
	return names
}

func sourceNames() []string {
	return lo.Map(settings.Sources(), func(source indicator.Source, _ int) string { return string(source) })
}

func withReason(state, reason string) string {
	if reason == "" {
		return cmp.Or(shown(state), "not known")
	}
	return shown(state) + " (" + indicator.Printable(reason, longestMessage) + ")"
}

// withTime is withReason and since when, where that is known.
func withTime(state, reason, since string) string {
	if since == "" {
		return withReason(state, reason)
	}
	return withReason(state, reason) + " since " + shown(since)
}

// shown makes a text from outside fit for a cell.
func shown(text string) string { return indicator.Printable(text, longestCell) }
