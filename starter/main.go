// The starter is the command for people: it checks and starts integrations, shows how they do and what became of a value,
// changes their settings and stops them.
// All it does can be done with the Temporal CLI as well. It holds no rules of its own: settings are judged by the settings
// package, everything else by the integration itself.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
)

const manual = `starter checks, starts, shows, changes and stops Threat Share integrations, tells what became of a value and why, and takes
back what they shared.

The Temporal server is found as the Temporal CLI finds it: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_TLS_…,
TEMPORAL_API_KEY, TEMPORAL_PROFILE, or the profile file. --address and --namespace come first.
THREATSHARE_TASK_QUEUE is the task queue of the workers, "threatshare" if it is not set.

Exit codes:
  0  done
  1  not done, or not all of it: Temporal or the integration not reached, unknown, already running, or in a permanent error;
     a check that found something missing; a preview or a withdrawal that failed, or a vendor that refused to let go of something
  2  bad input: arguments, a settings file or a change; every problem is listed and nothing was changed`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], &app{in: os.Stdin, out: os.Stdout, dial: dialTemporal}, os.Stderr)
	stop()
	os.Exit(code)
}

// app is what the commands share.
type app struct {
	in        io.Reader
	out       io.Writer
	address   string
	namespace string
	dial      func(ctx context.Context, address, namespace string) (client.Client, error)
}

// run runs one command and gives the exit code. What went wrong is said to errOut.
func run(ctx context.Context, args []string, a *app, errOut io.Writer) int {
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	failed, ours := errors.AsType[*failure](err)
	if !ours { // cobra's: an unknown command or flag, a missing argument
		failed = badInput("%w\nsee starter --help", err)
	}
	_, _ = fmt.Fprintln(errOut, failed.Error())
	return failed.code
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "starter",
		Short:         "Start, show, change and stop Threat Share integrations",
		Long:          manual,
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.PersistentFlags().StringVar(&a.address, "address", "", "address of the Temporal server, host:port")
	root.PersistentFlags().StringVar(&a.namespace, "namespace", "", "Temporal namespace")
	root.AddCommand(a.checkCommand(), a.startCommand(), a.statusCommand(), a.watchCommand(), a.settingsCommand(), a.changeCommand(),
		a.previewCommand(), a.syncCommand(), a.pauseCommand(), a.resumeCommand(), a.reconnectCommand(), a.historyCommand(), a.stopCommand(),
		a.withdrawCommand(), a.schemaCommand(), a.versionCommand())
	return root
}

func (a *app) print(format string, args ...any) {
	_, _ = fmt.Fprintf(a.out, format, args...) // nobody is left to tell if standard output is gone
}
