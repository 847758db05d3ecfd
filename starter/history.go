package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/explain"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/wire"
)

// historyPage is how many entries one question gives at most.
const historyPage = 500

// historyInput is what a History is asked.
type historyInput struct {
	Integration string          `json:"integration"`
	Value       string          `json:"value,omitempty"`
	Kind        string          `json:"kind,omitempty"`
	List        string          `json:"list,omitempty"`
	State       string          `json:"state,omitempty"`
	Source      string          `json:"source,omitempty"`
	Since       time.Time       `json:"since,omitzero"`
	Limit       int             `json:"limit,omitempty"`
	After       json.RawMessage `json:"after,omitempty"`
}

// historyAnswer is a page. Entries are kept as they came for --json.
type historyAnswer struct {
	Entries []json.RawMessage `json:"entries"`
	Next    json.RawMessage   `json:"next"`
}

// historyEntry is what is shown of an entry of the ledger.
type historyEntry struct {
	Value        string              `json:"value"`
	Kind         string              `json:"kind"`
	List         string              `json:"list"`
	State        string              `json:"state"`
	Reason       indicator.Reason    `json:"reason"`
	Detail       string              `json:"detail"`
	Releasable   bool                `json:"releasable"`
	Source       indicator.Source    `json:"source"`
	Record       string              `json:"record"`
	Run          string              `json:"run"`
	Action       string              `json:"action"`
	Severity     string              `json:"severity"`
	VendorID     string              `json:"vendorId"`
	Tries        int                 `json:"tries"`
	DueReason    indicator.Reason    `json:"dueReason"`
	RecordedAt   time.Time           `json:"recordedAt"`
	ChangedAt    time.Time           `json:"changedAt"`
	SeenAt       time.Time           `json:"seenAt"`
	ExpiresAt    time.Time           `json:"expiresAt"`
	DueAt        time.Time           `json:"dueAt"`
	Remediations []remediationAnswer `json:"remediations"`
}

// remediationAnswer is a removal of delivered mail with the value in it, on one day.
type remediationAnswer struct {
	Day        string `json:"day"`
	State      string `json:"state"`
	Code       string `json:"code"`
	Detail     string `json:"detail"`
	Identified int    `json:"identified"`
	Successful int    `json:"successful"`
	Failed     int    `json:"failed"`
}

func (r remediationAnswer) String() string {
	said := strings.TrimSpace(shown(r.Day) + " " + shown(r.State) + " " + shown(r.Code))
	if r.Identified > 0 {
		said += fmt.Sprintf(" (messages: %d identified, %d successful, %d failed)", r.Identified, r.Successful, r.Failed)
	}
	if r.Detail != "" {
		said += ": " + indicator.Printable(r.Detail, longestMessage)
	}
	return said
}

type historyOptions struct {
	list, state, source, kind, since string

	limit         int
	all           bool
	asCSV, asJSON bool
}

// The words that filter.
func historyLists() []string {
	return []string{"iocs", "byoti", "blocked-senders", "sender-policies", "managed-urls"}
}

func historyStates() []string {
	return []string{"shared", "held", "quarantined", "withdrawn", "foreign"}
}

func historyKinds() []string { return []string{string(indicator.SHA256), string(indicator.Domain)} }

func (a *app) historyCommand() *cobra.Command {
	var options historyOptions
	cmd := &cobra.Command{
		Use:   "history <name> [value]",
		Short: "Tell from the ledger what became of a value and why, or what changed last",
		Long: `Tell from the ledger what became of a value and why: "why is evil.example blocked?"

  starter history acme evil.example              every list that it is on, why, since when, and how to release or unblock it
  starter history acme 'hxxps://EVIL[.]example/' a URL, a mail address, capitals and defanged text are understood too
  starter history acme --state held --since 7d   what was held in the last week
  starter history acme --all --csv > acme.csv    everything, for a spreadsheet

Without a value the newest changes come first. The integration need not be running; a worker has to, since it has the ledger.
A value that the ledger does not know is no failure: exit code 0, with what that can mean.

--json gives one JSON array of entries (docs/interface.md), [] if there are none. --csv gives a header line and one line for each
entry, times in UTC; a cell that a spreadsheet would take for a formula begins with an apostrophe.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := options.input(args[0], time.Now())
			if err != nil {
				return err
			}
			var asked *explain.Sought
			if len(args) == 2 {
				found := explain.Seek(args[1])
				asked, in.Value = &found, found.Value
			}
			return a.withTemporal(cmd.Context(), func(ctx context.Context, c client.Client) error {
				return a.history(ctx, c, in, asked, options)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&options.list, "list", "", "only this list: "+strings.Join(historyLists(), ", "))
	flags.StringVar(&options.state, "state", "", "only this state: "+strings.Join(historyStates(), ", "))
	flags.StringVar(&options.source, "source", "", "only this source: "+strings.Join(sourceNames(), ", "))
	flags.StringVar(&options.kind, "kind", "", "only this kind: "+strings.Join(historyKinds(), ", "))
	flags.StringVar(&options.since, "since", "", `only what changed since then: "24h", "7d", "2026-11-01" or "2026-11-01T08:00:00Z"`)
	flags.IntVar(&options.limit, "limit", 50, "at most so many entries")
	flags.BoolVar(&options.all, "all", false, "all entries, however many")
	flags.BoolVar(&options.asCSV, "csv", false, "answer in CSV")
	flags.BoolVar(&options.asJSON, "json", false, "answer in JSON, as the ledger gives it")
	cmd.MarkFlagsMutuallyExclusive("csv", "json")
	cmd.MarkFlagsMutuallyExclusive("limit", "all")
	return cmd
}

// input checks the filters, so that nothing is contacted for a word that does not exist.
func (o historyOptions) input(name string, now time.Time) (historyInput, error) {
	for _, filter := range []struct {
		flag, word string
		words      []string
	}{
		{"list", o.list, historyLists()}, {"state", o.state, historyStates()}, {"source", o.source, sourceNames()}, {"kind", o.kind, historyKinds()},
	} {
		if filter.word != "" && !slices.Contains(filter.words, filter.word) {
			return historyInput{}, badInput("--%s %q: must be one of %s", filter.flag, filter.word, strings.Join(filter.words, ", "))
		}
	}
	if o.limit < 1 {
		return historyInput{}, badInput("--limit %d: must be at least 1; for everything use --all", o.limit)
	}
	in := historyInput{Integration: name, List: o.list, State: o.state, Source: o.source, Kind: o.kind}
	if o.since != "" {
		var err error
		if in.Since, err = readSince(o.since, now); err != nil {
			return historyInput{}, err
		}
	}
	return in, nil
}

func (a *app) history(ctx context.Context, c client.Client, in historyInput, asked *explain.Sought, options historyOptions) error {
	raw, more, err := a.historyOf(ctx, c, in, options)
	if err != nil {
		return err
	}
	if options.asJSON {
		return a.printJSON(raw)
	}
	entries := make([]historyEntry, len(raw))
	for i, document := range raw {
		if err := json.Unmarshal(document, &entries[i]); err != nil {
			return notDone("read an entry of the ledger: %w; --json shows it as it is", err)
		}
	}
	switch {
	case options.asCSV:
		return a.writeCSV(entries)
	case asked != nil:
		a.showValue(ctx, c, in, *asked, entries)
	default:
		a.showChanges(in.Integration, entries, more)
	}
	return nil
}

// historyOf asks page by page, and says whether there is more than was asked for.
func (a *app) historyOf(ctx context.Context, c client.Client, in historyInput, options historyOptions) (entries []json.RawMessage, more bool, err error) {
	entries = []json.RawMessage{}
	for {
		in.Limit = historyPage
		if !options.all {
			in.Limit = min(historyPage, options.limit-len(entries))
		}
		page, err := a.historyPage(ctx, c, in)
		if err != nil {
			return nil, false, err
		}
		entries = append(entries, page.Entries...)
		if len(page.Next) == 0 || string(page.Next) == "null" {
			return entries, false, nil
		}
		if !options.all && len(entries) >= options.limit {
			return entries, true, nil
		}
		in.After = page.Next
	}
}

func (a *app) historyPage(ctx context.Context, c client.Client, in historyInput) (historyAnswer, error) {
	id := wire.HistoryID(in.Integration, strings.ToLower(rand.Text())) // people may ask at the same time
	e := errand{id: id, what: "the search in the ledger of " + in.Integration, again: "starter history " + in.Integration}
	call, cancel := a.patience(ctx)
	defer cancel()
	run, err := c.ExecuteWorkflow(call, client.StartWorkflowOptions{
		ID: e.id, TaskQueue: taskQueue(), WorkflowExecutionTimeout: errandTime,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
	}, wire.History, in)
	if err != nil {
		return historyAnswer{}, explained(in.Integration, err)
	}
	var answer historyAnswer
	if err := a.attend(ctx, c, e, run, answerTime, &answer); err != nil {
		return historyAnswer{}, err
	}
	return answer, nil
}
