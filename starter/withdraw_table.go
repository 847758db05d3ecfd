package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/threatshare/threatshare/internal/wire"
)

// firstValues is how many values of a list are shown.
const firstValues = 5

// showFound shows what a withdrawal would remove. remove is the command that does it.
func (a *app) showFound(name string, answer withdrawAnswer, remove string) {
	values := map[string][]string{}
	for _, item := range answer.Items {
		values[item.List] = append(values[item.List], item.Value)
	}
	t := newTable("list", "at", "found", "first values")
	found := 0
	for _, list := range answer.Lists {
		if list.Found == 0 {
			continue
		}
		found += list.Found
		t.AppendRow(table.Row{shown(list.List), shown(list.Vendor), list.Found, first(values[list.List], list.Found)})
	}
	if found == 0 {
		a.print("%s has nothing at either vendor\n", name)
	} else {
		a.print("%s\n", t.Render())
	}
	a.printDetails(answer.Lists)
	if found > 0 {
		a.print("\nnothing was removed\nto remove all %d  %s\n", found, remove)
	}
}

// first gives the first values, one a line, and how many more there are.
func first(values []string, found int) string {
	var cell []string
	for _, value := range values[:min(len(values), firstValues)] {
		cell = append(cell, shown(value))
	}
	if more := found - len(cell); more > 0 && len(cell) > 0 {
		cell = append(cell, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(cell, "\n")
}

// showWithdrawn shows what was removed, what stays, and how to go on.
func (a *app) showWithdrawn(name string, answer withdrawAnswer, running bool) {
	t := newTable("list", "at", "found", "removed", "missing", "left")
	missing := 0
	for _, list := range answer.Lists {
		if list.Found == 0 && list.Left == 0 {
			continue
		}
		missing += list.Missing
		t.AppendRow(table.Row{shown(list.List), shown(list.Vendor), list.Found, list.Removed, list.Missing, list.Left})
	}
	if t.Length() == 0 {
		a.print("%s has nothing at either vendor\n", name)
	} else {
		a.print("%s\n", t.Render())
	}
	if missing > 0 {
		a.print("missing: somebody had removed it already\n")
	}
	a.printDetails(answer.Lists)
	a.print("\nstays      what others made, and the ledger with what it knows of %s\n", name)
	if running {
		a.print("to go on   %s   (what is new, or an hour old at most, is shared again; what is not wanted is to be switched off first)\nor to end  starter stop %s\n", a.cli("signal", name, "--name", wire.Resume), name)
	}
}

// printDetails gives the vendors' words about what they did not remove.
func (a *app) printDetails(lists []listAnswer) {
	for _, list := range lists {
		switch {
		case list.Left > 0:
			a.print("%d left on %s at %s: %s\n", list.Left, shown(list.List), shown(list.Vendor), cmp.Or(lines(list.Detail), "no reason given"))
		case list.Detail != "":
			a.print("%s at %s: %s\n", shown(list.List), shown(list.Vendor), lines(list.Detail))
		}
	}
}
