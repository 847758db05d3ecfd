package main

import (
	"fmt"
	"io"
	"maps"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/settings"
	sim "github.com/threatshare/threatshare/internal/simulator"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// Columns that have reasons, which can be many.
const (
	heldColumn    = "held"
	droppedColumn = "not wanted"
	longestCell   = 34
)

// summary shows what became of everything, and how to go on from here.
func summary(out io.Writer, status workflows.Status, server *harness.Server, simulator *harness.Simulator, console string) {
	for _, flow := range settings.Flows() {
		_, _ = fmt.Fprintf(out, "\n%s\n%s\n", titleOf(flow), flowTable(flow, status.Flows[flow]))
	}
	_, _ = fmt.Fprintf(out, "\nconnection: %s since %s\n", status.State, status.Since)
	if made := status.Remediations; made != nil {
		_, _ = fmt.Fprintf(out, "delivered mail: %d removals done, %d of %d messages removed, %d could not be\n",
			made.Done, made.Messages.Successful, made.Messages.Identified, made.Messages.Failed)
	}
	if n := len(status.Warnings); n > 0 {
		_, _ = fmt.Fprintf(out, "warnings: %d, since everything is switched on; the state below names them\n", n)
	}
	lookAt(out, server, simulator, console)
}

func titleOf(flow string) string {
	return map[string]string{
		settings.FlowShareTTPLogs: "Mimecast's TTP logs → Falcon's IOC list (share-ttp-logs)",
		settings.FlowImportIOCs:   "Falcon's IOC list → Mimecast: hashes to BYOTI, domains to Blocked Senders and managed URLs (import-iocs)",
		settings.FlowImportAlerts: "Falcon's alerts → Mimecast: a Blocked Senders policy and a managed URL for each domain (import-alerts)",
	}[flow]
}

// flowTable has a row for each source of the flow. Columns that are empty in all rows are left out.
func flowTable(flow string, status workflows.FlowStatus) string {
	t := table.NewWriter()
	t.AppendHeader(table.Row{
		"source", "read", "malicious", "shared", "blocked", "URLs too", "already there", "somebody else's", "our own", "withdrawn", heldColumn, droppedColumn,
	})
	for _, source := range settings.SourcesOf(flow) {
		counts := status.Sources[source]
		row := table.Row{source, counts.Read, counts.Malicious}
		if flow == settings.FlowShareTTPLogs {
			row = append(row, counts.Shared, "", "")
		} else {
			row = append(row, "", counts.Shared, ifAny(counts.URLsBlocked))
		}
		t.AppendRow(append(row, counts.AlreadyThere, ifAny(counts.Foreign), ifAny(counts.Echo), ifAny(counts.Withdrawn),
			reasons(counts.Held), reasons(counts.Dropped)))
	}
	t.SuppressEmptyColumns()
	t.SetColumnConfigs([]table.ColumnConfig{
		{Name: heldColumn, WidthMax: longestCell, WidthMaxEnforcer: text.WrapSoft},
		{Name: droppedColumn, WidthMax: longestCell, WidthMaxEnforcer: text.WrapSoft},
	})
	return t.Render()
}

func ifAny(n int) any {
	if n == 0 {
		return ""
	}
	return n
}

func reasons[K ~string](counts map[K]int) string {
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[reason], reason))
	}
	return strings.Join(parts, ", ")
}

// lookAt says where to look, and what to try.
func lookAt(out io.Writer, server *harness.Server, simulator *harness.Simulator, console string) {
	starter := quoted("./"+filepath.Join(folder, "starter")) + " --address " + server.Address
	temporal := quoted(server.CLI) + " --address " + server.Address
	_, _ = fmt.Fprintf(out, `
In the console:
the integration              http://%s/i/%s
  its state, settings, held values, ledger, previews and the way to take everything back

`, console, name)
	_, _ = fmt.Fprintf(out, `In the Temporal UI:
all runs                     %s
the integration              %s
  its details (Markdown) say how things stand; signals and updates can be sent from there
mail of a sender removed     %s
  a child of the first ImportIOCs; its timeline has the incident and the durable timers between the looks at it
the newest ImportIOCs        %s
  the timeline shows its steps; their summaries say how many values each one took

To try:
state                        %s status %s
what a run would do          %[5]s preview %[6]s %[7]s
a change                     %[5]s change %[6]s --set sendToFalcon.urlDomains.enabled=false
a run now                    %[5]s sync %[6]s
what it needs, and has       %[5]s check %[6]s
break Falcon's credentials   %[11]s && curl -X POST %[12]s/falcon/tokens/revoke
  within a minute or so a mail says what is wrong and what to do; it shows here
mend them                    %[13]s && %[5]s reconnect %[6]s
undo everything              %[5]s withdraw %[6]s          (shows it; --yes removes it)
the same with Temporal's own %[8]s workflow query --workflow-id %[9]s --type connection-state
logs                         %[10]s

`, page(server, ""), page(server, wire.IntegrationID(name)), page(server, wire.RemediateID(name, domainInMail)),
		server.UI+"/namespaces/default/workflows?query="+url.QueryEscape(`WorkflowType="`+wire.ImportIOCs+`"`),
		starter, name, settings.FlowImportIOCs, temporal, wire.IntegrationID(name), folder,
		letFalconTake(simulator, "another-secret"), simulator.Admin, letFalconTake(simulator, sim.DemoFalconSecret))
}

// letFalconTake is the command after which the simulated Falcon takes no other secret than this one.
func letFalconTake(simulator *harness.Simulator, secret string) string {
	return fmt.Sprintf(`curl -X PUT %s/falcon/credentials -d '{"clientId":"%s","clientSecret":"%s"}'`, simulator.Admin, sim.DemoClientID, secret)
}

// page is the address of a workflow in the UI, or of the list of all.
func page(server *harness.Server, workflowID string) string {
	address := server.UI + "/namespaces/default/workflows"
	if workflowID == "" {
		return address
	}
	return address + "/" + url.PathEscape(workflowID)
}

// plainPath is a path that needs no quotes.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9_./+,:@-]+$`)

// quoted gives a path as a shell takes it.
func quoted(path string) string {
	if plainPath.MatchString(path) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
