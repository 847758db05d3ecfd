package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/wire"
)

type withdrawInput struct {
	Integration string `json:"integration"`
	Credentials string `json:"credentials"`
	DryRun      bool   `json:"dryRun"`
}

// withdrawAnswer is what is shown of the result of a Withdraw, which it also tells while it is at work. Items are the first
// of what was found, in a dry run only.
type withdrawAnswer struct {
	Done   bool           `json:"done"`
	DryRun bool           `json:"dryRun"`
	Lists  []listAnswer   `json:"lists"`
	Items  []withdrawItem `json:"items"`
}

type listAnswer struct {
	List    string `json:"list"`
	Vendor  string `json:"vendor"`
	Found   int    `json:"found"`
	Removed int    `json:"removed"`
	Missing int    `json:"missing"`
	Left    int    `json:"left"`
	Detail  string `json:"detail"`
}

type withdrawItem struct {
	List  string `json:"list"`
	Value string `json:"value"`
}

type withdrawOptions struct {
	yes         bool
	asJSON      bool
	credentials string
	given       bool // the credential set was named, "" too
}

func (a *app) withdrawCommand() *cobra.Command {
	var options withdrawOptions
	cmd := &cobra.Command{
		Use:   "withdraw <name>",
		Short: "Show everything that an integration made at both vendors; with --yes remove it",
		Long: `Show everything that an integration made at both vendors and that the ledger knows of; with --yes remove it. What others made
is never touched.

With --yes a running integration is paused first: its flows would share everything again. A withdrawal goes on when this
command is interrupted, and the same command joins it. What a vendor refuses to let go of is left, with the vendor's words:
exit code 1, and the same command tries again.

An integration that was stopped is known as long as Temporal keeps its history; after that --credentials says which credential
set of the worker's environment is used.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			options.given = cmd.Flags().Changed("credentials")
			return a.withTemporal(cmd.Context(), func(ctx context.Context, c client.Client) error {
				return a.withdraw(ctx, c, args[0], options)
			})
		},
	}
	cmd.Flags().BoolVar(&options.yes, "yes", false, "remove it")
	cmd.Flags().StringVar(&options.credentials, "credentials", "", `credential set of an integration that Temporal does not know any more; "" is the default set`)
	cmd.Flags().BoolVar(&options.asJSON, "json", false, "answer in JSON, as the withdrawal gives it")
	return cmd
}

func (a *app) withdraw(ctx context.Context, c client.Client, name string, options withdrawOptions) error {
	running, err := isRunning(ctx, c, name)
	if _, unknown := errors.AsType[*serviceerror.NotFound](err); err != nil && !unknown {
		return explained(name, err)
	}
	credentials, err := credentialsOf(ctx, c, name, options)
	if err != nil {
		return err
	}
	if options.yes && running {
		say := a.print
		if options.asJSON {
			say = func(string, ...any) {}
		}
		if err := a.standStill(ctx, c, name, say); err != nil {
			return err
		}
	}
	e := errand{id: wire.WithdrawID(name), what: "the withdrawal of " + name, again: withdrawal(name, options)}
	run, err := a.startWithdrawal(ctx, c, e, withdrawInput{Integration: name, Credentials: credentials, DryRun: !options.yes})
	if err != nil {
		return err
	}
	var document json.RawMessage
	if options.yes && !options.asJSON {
		document, err = a.follow(ctx, c, e, run)
	} else {
		err = a.resultInTime(ctx, e, run, options.yes, &document)
	}
	if err != nil {
		return err
	}
	var answer withdrawAnswer
	unread := json.Unmarshal(document, &answer)
	switch {
	case unread == nil && answer.DryRun == options.yes: // somebody else's came between
		return notDone("another withdrawal of %s came first; try again: %s", name, e.again)
	case options.asJSON || unread != nil: // what cannot be read is shown as it is
		return errors.Join(a.printJSON(document), leftover(name, answer, e.again))
	case !options.yes:
		options.yes = true
		a.showFound(name, answer, withdrawal(name, options))
		return nil
	}
	a.showWithdrawn(name, answer, running)
	return leftover(name, answer, e.again)
}

// resultInTime waits for the result: of a dry run, which only reads, no longer than errandTime.
func (a *app) resultInTime(ctx context.Context, e errand, run client.WorkflowRun, forLong bool, into any) error {
	if !forLong {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, errandTime)
		defer cancel()
	}
	return a.result(ctx, e, run, into)
}

// withdrawal is the command with those options, as it can be pasted.
func withdrawal(name string, options withdrawOptions) string {
	command := "starter withdraw " + name
	if options.yes {
		command += " --yes"
	}
	if options.given {
		command += " --credentials '" + options.credentials + "'"
	}
	return command
}

// leftover is the failure of a withdrawal that a vendor has refused a part of; nil if nothing is left.
func leftover(name string, answer withdrawAnswer, again string) error {
	left := 0
	for _, list := range answer.Lists {
		left += list.Left
	}
	if answer.DryRun || left == 0 {
		return nil
	}
	return notDone("%d of what %s made could not be removed\nto try again  %s", left, name, again)
}

// credentialsOf gives the credential set of an integration. Temporal still tells the settings of one that has ended.
func credentialsOf(ctx context.Context, c client.Client, name string, options withdrawOptions) (string, error) {
	known, err := ask[struct {
		Credentials *string `json:"credentials"`
	}](ctx, c, name, wire.Settings)
	switch {
	case err == nil && known.Credentials == nil:
		return "", notDone("the settings of %q name no credential set", name)
	case err == nil && options.given && options.credentials != *known.Credentials:
		return "", badInput("--credentials: integration %q uses the credential set %q, not %q", name, *known.Credentials, options.credentials)
	case err == nil:
		return *known.Credentials, nil
	case silent(err):
		return "", explained(name, err)
	case options.given:
		return options.credentials, nil
	default:
		return "", notDone(`Temporal does not know the settings of an integration %q; if there was one, name its credential set, "" for the default:
starter withdraw %s --credentials ''
(%s)`, name, name, indicator.Printable(err.Error(), longestMessage))
	}
}

// startWithdrawal starts the workflow, or joins one of the same sort that is at work.
func (a *app) startWithdrawal(ctx context.Context, c client.Client, e errand, in withdrawInput) (client.WorkflowRun, error) {
	for {
		run, err := executeWithdrawal(ctx, c, e, in)
		if err == nil {
			return run, nil
		}
		if _, already := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); !already {
			return nil, explained(in.Integration, err)
		}
		now, err := askWorkflow[withdrawAnswer](ctx, c, e.id, wire.Progress)
		switch {
		case err != nil:
			return nil, explained(in.Integration, err)
		case now.DryRun == in.DryRun:
			return c.GetWorkflow(ctx, e.id, ""), nil
		case in.DryRun:
			return nil, notDone("a withdrawal of %s is at work; to follow it  %s", in.Integration, e.again+" --yes")
		}
		if err := a.waitForDryRun(ctx, c, e); err != nil {
			return nil, err
		}
	}
}

// waitForDryRun waits until a dry run that is in the way has ended, well or not: it writes nothing and does not take long.
func (a *app) waitForDryRun(ctx context.Context, c client.Client, e errand) error {
	ctx, cancel := context.WithTimeout(ctx, errandTime)
	defer cancel()
	err := a.result(ctx, e, c.GetWorkflow(ctx, e.id, ""), nil)
	if ctx.Err() != nil {
		return err
	}
	return nil
}

func executeWithdrawal(ctx context.Context, c client.Client, e errand, in withdrawInput) (client.WorkflowRun, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	return c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       e.id,
		TaskQueue:                                taskQueue(),
		WorkflowIDConflictPolicy:                 enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, wire.Withdraw, in)
}
