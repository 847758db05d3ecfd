package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// progress is a bar at a terminal and a line now and then elsewhere.
type progress struct {
	out      io.Writer
	bar      *progressbar.ProgressBar
	expected int
	lastLine time.Time
	failures int
}

// failuresToTell is how many questions in a row go unanswered before that is worth a line: the first ones come before the
// worker is up.
const failuresToTell = 5

const longestTrouble = 300 // characters

// plainPath is a path that needs no quotes.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9_./+,:@-]+$`)

func newProgress(out io.Writer, expected int) *progress {
	p := &progress{out: out, expected: expected}
	if term.IsTerminal(int(os.Stdout.Fd())) {
		p.bar = progressbar.NewOptions(expected, progressbar.OptionSetWriter(out),
			progressbar.OptionSetDescription("first sync"), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
	}
	return p
}

func (p *progress) show(flow workflows.FlowStatus) {
	p.failures = 0
	if p.bar != nil {
		_ = p.bar.Set(min(flow.Shared, p.expected)) // a bar that cannot be drawn is no reason to stop
		return
	}
	if p.due(2 * time.Second) {
		say(p.out, fmt.Sprintf("first sync: %d of about %d shared, %d held", flow.Shared, p.expected, flow.Held))
	}
}

// trouble tells that the status is not to be had, now and then while that lasts.
func (p *progress) trouble(err error) {
	p.failures++
	if errors.Is(err, errSilent) { // which has taken its time
		p.failures = max(p.failures, failuresToTell)
	}
	if p.failures < failuresToTell || !p.due(10*time.Second) {
		return
	}
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	say(p.out, "first sync: no status yet: "+indicator.Printable(err.Error(), longestTrouble))
}

// due says whether it is time for another line.
func (p *progress) due(every time.Duration) bool {
	if time.Since(p.lastLine) < every {
		return false
	}
	p.lastLine = time.Now()
	return true
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

// quoted gives a path as a shell takes it.
func quoted(path string) string {
	if plainPath.MatchString(path) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// summary shows what became of everything, and how to go on from here.
func summary(out io.Writer, status workflows.Status, server *harness.Server) {
	flow := status.Flows["share-ttp-logs"]
	t := table.NewWriter()
	t.SetOutputMirror(out)
	t.AppendHeader(table.Row{"source", "records read", "malicious", "shared", "already there", "somebody else's", "held"})
	for _, source := range settings.FalconSources() {
		counts := flow.Sources[source]
		t.AppendRow(table.Row{
			source, counts.Read, counts.Malicious, counts.Shared, counts.AlreadyThere, counts.Foreign, reasons(counts.Held),
		})
	}
	_, _ = fmt.Fprintln(out)
	t.Render()
	temporal, id := quoted(server.CLI)+" --address "+server.Address, wire.IntegrationID(name)
	_, _ = fmt.Fprintf(out, `
connection: %s since %s

Temporal UI      %s
ask for state    %s workflow query --workflow-id %[5]s --type connection-state
change settings  %[4]s workflow signal --workflow-id %[5]s --name change-settings --input '{"sendToFalcon":{"urlDomains":{"enabled":false}}}'
run now          %[4]s workflow signal --workflow-id %[5]s --name sync-now
logs             %s

`, status.State, status.Since, server.UI, temporal, id, folder)
}

func reasons[K ~string](held map[K]int) string {
	if len(held) == 0 {
		return "0"
	}
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(held)) {
		parts = append(parts, fmt.Sprintf("%d %s", held[reason], reason))
	}
	return strings.Join(parts, ", ")
}
