package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/samber/lo"
	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/wire"
)

// widestDetail is where what was found is wrapped: what to do stands at its end, so nothing of it is cut.
const widestDetail = 70

// Outcomes of a check, in the order in which they are shown.
const (
	checkFailed  = "failed"
	checkUnknown = "unknown"
	checkWarning = "warning"
	checkOK      = "ok"
)

// checkAnswer is what is shown of the result of a Check.
type checkAnswer struct {
	Findings []findingAnswer `json:"findings"`
}

type findingAnswer struct {
	Where   string   `json:"where"`
	Check   string   `json:"check"`
	Outcome string   `json:"outcome"`
	Detail  string   `json:"detail"`
	Parts   []string `json:"parts"`
}

// checked is what is to be checked.
type checked struct {
	name     string
	document json.RawMessage // its settings
	again    string          // the command that checks it once more
	mended   string          // what to do when what failed is mended
}

func (a *app) checkCommand() *cobra.Command {
	var file string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check (<name> | -f settings.yaml)",
		Short: "Check everything that an integration needs: credentials, scopes, products, room, mail",
		Long: `Check everything that an integration needs at both vendors and of the worker: credentials, region, each scope, product and
permission that what its settings switch on needs, room on the lists, the mail server, the clock. A worker does it: it has the
credentials. Nothing is written.

A name checks a running integration by its settings. -f checks a settings file, YAML or JSON ("-" reads standard input): before
the first start, or before a change.

Outcomes:
  failed   a person has to mend it; the table says what and where, and which parts of the settings cannot work until then
  unknown  it could not be told, such as because a vendor did not answer; not a failure
  warning  works, and is worth a look
  ok

Exit codes: 0 nothing failed, 1 something failed or nothing could be checked, 2 bad input. Of two checks of one name the
newer one ends the older one.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 0) == (file == "") {
				return badInput("give either the name of a running integration or -f; see starter check --help")
			}
			var wanted checked
			if file != "" {
				parsed, err := a.readSettings(file)
				if err != nil {
					return err
				}
				document, err := json.Marshal(parsed)
				if err != nil {
					return fmt.Errorf("write the settings: %w", err)
				}
				wanted = checked{parsed.Name, document, "starter check -f " + file, "starter start -f " + file}
			}
			return a.withTemporal(cmd.Context(), func(ctx context.Context, c client.Client) error {
				if file == "" {
					document, err := askRunning(ctx, c, args[0], wire.Settings)
					if err != nil {
						return err
					}
					wanted = checked{args[0], document, "starter check " + args[0], "starter reconnect " + args[0] + " --wait"}
				}
				return a.check(ctx, c, wanted, asJSON)
			})
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "settings file, YAML or JSON")
	cmd.Flags().BoolVar(&asJSON, "json", false, "answer in JSON, as the check gives it")
	return cmd
}

func (a *app) check(ctx context.Context, c client.Client, wanted checked, asJSON bool) error {
	e := errand{id: wire.CheckID(wanted.name), what: "the check of " + wanted.name, again: wanted.again}
	if !asJSON {
		a.print("what %s needs is checked …\n\n", wanted.name)
	}
	call, cancel := a.patience(ctx)
	defer cancel()
	run, err := c.ExecuteWorkflow(call, client.StartWorkflowOptions{
		ID:                       e.id,
		TaskQueue:                taskQueue(),
		WorkflowExecutionTimeout: errandTime,
		// One that is at work may be about other settings.
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
	}, wire.Check, wanted.document)
	if err != nil {
		return explained(wanted.name, err)
	}
	var document json.RawMessage
	if err := a.attend(ctx, c, e, run, answerTime, &document); err != nil {
		return err
	}
	var answer checkAnswer
	unread := json.Unmarshal(document, &answer)
	switch {
	case asJSON || unread != nil: // what cannot be read is shown as it is
		err = a.printJSON(document)
	default:
		a.showFindings(answer.Findings)
	}
	return errors.Join(err, missing(wanted, answer.Findings))
}

// missing is the failure of a check that found something wrong, or nothing at all; nil if nothing is.
func missing(wanted checked, findings []findingAnswer) error {
	var failed []string
	for _, finding := range findings {
		if finding.Outcome == checkFailed {
			failed = append(failed, shown(finding.Where+": "+finding.Check))
		}
	}
	switch {
	case len(findings) == 0:
		return notDone("the worker has checked nothing; is it older than this starter?")
	case len(failed) > 0:
		return notDone("%s cannot do all that its settings want: %s\nto check again     %s\nwhen it is mended  %s",
			wanted.name, strings.Join(failed, "; "), wanted.again, wanted.mended)
	default:
		return nil
	}
}

// showFindings shows what failed first and otherwise keeps the order.
func (a *app) showFindings(findings []findingAnswer) {
	if len(findings) == 0 {
		return
	}
	first := []string{checkFailed, checkUnknown, checkWarning, checkOK}
	rank := func(finding findingAnswer) int { return slices.Index(first, finding.Outcome) } // a word that is new comes first of all
	counts := map[string]int{}
	t := newTable("where", "what", "outcome", "what was found", "needed by")
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 4, WidthMax: widestDetail, WidthMaxEnforcer: text.WrapSoft}})
	for _, finding := range slices.SortedStableFunc(slices.Values(findings), func(x, y findingAnswer) int { return cmp.Compare(rank(x), rank(y)) }) {
		counts[finding.Outcome]++
		parts := lo.Map(finding.Parts, func(part string, _ int) string { return shown(part) })
		t.AppendRow(table.Row{
			shown(finding.Where), shown(finding.Check), shown(finding.Outcome), indicator.Printable(finding.Detail, longestMessage),
			strings.Join(parts, "\n"),
		})
	}
	var outcomes []string
	for _, outcome := range inOrder(counts, first) {
		outcomes = append(outcomes, fmt.Sprintf("%d %s", counts[outcome], shown(outcome)))
	}
	a.print("%s\nchecked %d: %s\n", t.Render(), len(findings), strings.Join(outcomes, ", "))
}
