package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
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
	a.print("integration  %s\nstate        %s", name, withReason(status.State, status.Reason))
	if status.Since != "" {
		a.print(" since %s", shown(status.Since))
	}
	a.print("\nmimecast     %s\nfalcon       %s\n", withReason(status.Mimecast.State, status.Mimecast.Reason),
		withReason(status.Falcon.State, status.Falcon.Reason))
	for _, remedy := range a.remedies(name, status) {
		a.print("%s\n", remedy)
	}
	if status.DryRun {
		a.print("dry run      nothing is written at either vendor\n")
	}
	a.print("\n%s\n", flowTable(status))
	if sources, read := sourceTable(status); read {
		a.print("\n%s\n", sources)
	}
	a.printReasons(status)
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
	t := newTable("source", "read", "malicious", "shared", "already there", "somebody else's", "held", "refused", "read up to")
	for _, flow := range inOrder(status.Flows, settings.Flows()) {
		sources := status.Flows[flow].Sources
		for _, name := range inOrder(sources, sourceNames()) {
			source := sources[name]
			read := status.Checkpoints[flow][name]
			if source.Read == 0 && read == "" {
				continue
			}
			var shared any = source.Shared
			if source.WouldShare > 0 {
				shared = fmt.Sprintf("%d, would be %d more", source.Shared, source.WouldShare)
			}
			t.AppendRow(table.Row{
				shown(name), source.Read, source.Malicious, shared, source.AlreadyThere, source.Foreign, total(source.Held),
				source.Quarantined, shown(read),
			})
		}
	}
	return t.Render(), t.Length() > 0
}

// printReasons tells why values were held and records dropped, and what is parked.
func (a *app) printReasons(status statusAnswer) {
	for _, name := range inOrder(status.Flows, settings.Flows()) {
		flow := status.Flows[name]
		for _, source := range inOrder(flow.Sources, sourceNames()) {
			for _, kept := range []struct {
				word    string
				reasons map[string]int
			}{{"held", flow.Sources[source].Held}, {"dropped", flow.Sources[source].Dropped}} {
				if total(kept.reasons) > 0 {
					a.print("%s of %s: %s\n", kept.word, shown(source), counted(kept.reasons))
				}
			}
		}
		for _, source := range sorted(flow.Parked) {
			a.print("%s of %s is parked: %s\n", shown(source), shown(name), lines(flow.Parked[source]))
		}
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
	return lo.Map(settings.FalconSources(), func(source indicator.Source, _ int) string { return string(source) })
}

func withReason(state, reason string) string {
	if reason == "" {
		return cmp.Or(shown(state), "not known")
	}
	return shown(state) + " (" + indicator.Printable(reason, longestMessage) + ")"
}

// shown makes a text from outside fit for a cell.
func shown(text string) string { return indicator.Printable(text, longestCell) }
