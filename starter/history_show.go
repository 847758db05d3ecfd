package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/explain"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/wire"
)

// showValue tells everything about one value.
func (a *app) showValue(ctx context.Context, c client.Client, in historyInput, asked explain.Sought, entries []historyEntry) {
	a.print("searched  %s in the ledger of %s\n", asked, in.Integration)
	if len(entries) == 0 {
		a.showUnknown(in, asked)
		return
	}
	protect := protectionOf(ctx, c, in.Integration)
	for _, entry := range entries {
		a.print("\n%s at %s: %s\n%s\n", shown(entry.List), vendorOf(entry.List), shown(entry.State), indented(entry.meaning()))
		if remedy := entry.remedy(in.Integration, protect); remedy != "" {
			a.print("%s\n", indented(remedy))
		}
		a.print("\n")
		for _, fact := range entry.facts() {
			a.print("  %-14s  %s\n", fact[0], fact[1])
		}
	}
}

func indented(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }

// facts are the fields of an entry that are there, each with its name.
func (e historyEntry) facts() [][2]string {
	var facts [][2]string
	add := func(name, text string) {
		if text != "" {
			facts = append(facts, [2]string{name, indicator.Printable(text, longestMessage)})
		}
	}
	moment := func(name string, at time.Time) {
		if !at.IsZero() {
			add(name, explain.At(at))
		}
	}
	reason := string(e.Reason)
	if e.Detail != "" {
		reason = strings.TrimPrefix(reason+": "+e.Detail, ": ")
	}
	add("reason", reason)
	add("source", string(e.Source))
	add("record", e.Record)
	add("run", e.Run)
	add("vendor id", e.VendorID)
	moment("seen", e.SeenAt)
	moment("first written", e.RecordedAt)
	moment("changed", e.ChangedAt)
	moment("expires", e.ExpiresAt)
	moment("due", e.DueAt)
	for _, removal := range e.Remediations {
		add("mail removed", removal.String())
	}
	return facts
}

// showUnknown says what it can mean that the ledger has nothing.
func (a *app) showUnknown(in historyInput, asked explain.Sought) {
	if in.List+in.State+in.Source+in.Kind != "" || !in.Since.IsZero() {
		a.print("\nno entry of it passes the filters\nwithout them  starter history %s %s\n", in.Integration, quoted(asked.Value))
		return
	}
	a.print(`
no entry. What that can mean:
- no vendor has told of it since the integration reads, or its source is switched off  (starter status %[1]s)
- what a vendor told of it was no threat to begin with: such records are only counted, under "dropped"  (starter status %[1]s)
- it was met in dry runs only, which record nothing  (starter preview %[1]s)
- it is blocked or listed by somebody else, and this integration has never met it
- it was met in another spelling  (starter history %[1]s --state held)
`, in.Integration)
	if above := asked.Parent(); above != "" {
		a.print("- the domain above it is what is blocked  (starter history %s %s)\n", in.Integration, above)
	}
}

// quoted makes a value one word for a shell.
func quoted(value string) string {
	if pastes([]string{value}) {
		return value
	}
	return "'" + strings.ReplaceAll(shown(value), "'", `'\''`) + "'"
}

// protectionOf asks for the settings. One that does not run, or does not answer, is no reason not to tell the rest.
func protectionOf(ctx context.Context, c client.Client, name string) protection {
	answer, err := askRunning(ctx, c, name, wire.Settings)
	if err != nil {
		return protection{}
	}
	var settings struct {
		Protect struct {
			Domains []string `json:"domains"`
			Allow   []string `json:"allow"`
		} `json:"protect"`
	}
	if json.Unmarshal(answer, &settings) != nil {
		return protection{}
	}
	return protection{known: true, domains: settings.Protect.Domains, allow: settings.Protect.Allow}
}

// showChanges lists entries, the newest change first.
func (a *app) showChanges(name string, entries []historyEntry, more bool) {
	if len(entries) == 0 {
		a.print("the ledger has no such entries of %s\n", name)
		return
	}
	t := newTable("changed", "list", "value", "state", "why", "source")
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 3, WidthMax: widestDetail, WidthMaxEnforcer: text.WrapHard}, {Number: 5, WidthMax: widestDetail, WidthMaxEnforcer: text.WrapSoft},
	})
	for _, e := range entries {
		reason := string(e.Reason)
		if e.Detail != "" {
			reason = strings.TrimPrefix(reason+": "+e.Detail, ": ")
		}
		t.AppendRow(table.Row{
			explain.At(e.ChangedAt), shown(e.List), shown(e.Value), shown(e.State), indicator.Printable(reason, longestMessage), shown(string(e.Source)),
		})
	}
	count := fmt.Sprintf("all %d", len(entries))
	if more {
		count = fmt.Sprintf("the newest %d; more with --limit or --all", len(entries))
	}
	a.print("%s\n%s\n\neverything about one  starter history %s <value>\n", t.Render(), count, name)
}
