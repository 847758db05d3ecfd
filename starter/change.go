package main

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/wire"
)

// changed is the answer to a change of settings.
type changed struct {
	Applied  string   `json:"applied"`
	Warnings []string `json:"warnings"`
}

func (a *app) changeCommand() *cobra.Command {
	var file string
	var assignments []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "change <name> (-f patch.yaml | --set path=value)",
		Short: "Change settings of a running integration",
		Long: `Change settings of a running integration: what is named changes, everything else stays.

-f takes a file with only what is to change, YAML or JSON ("-" reads standard input); null gives the default back, a list
is replaced as a whole (a JSON merge patch, RFC 7386). --set changes one field and can be repeated; it comes after -f:

  --set sendToFalcon.urlDomains.enabled=false
  --set fetchDuration=24h
  --set protect.domains=acme.example,acme.test
  --set description=null

name and credentials cannot be changed. A change that is not valid changes nothing: every problem is listed, exit code 2.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if file == "" && len(assignments) == 0 {
				return badInput("nothing to change: give -f or --set; see starter change --help")
			}
			patch, err := a.readChange(args[0], file, assignments)
			if err != nil {
				return err
			}
			return a.withTemporal(cmd.Context(), func(ctx context.Context, c client.Client) error {
				return a.change(ctx, c, args[0], patch, asJSON)
			})
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "file with what is to change, YAML or JSON")
	cmd.Flags().StringArrayVar(&assignments, "set", nil, "set one field: path=value; can be repeated")
	cmd.Flags().BoolVar(&asJSON, "json", false, "answer in JSON")
	return cmd
}

func (a *app) change(ctx context.Context, c client.Client, name string, patch []byte, asJSON bool) error {
	var answer changed
	if err := update(ctx, c, name, wire.ChangeSettings, &answer, json.RawMessage(patch)); err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(answer)
	}
	a.print("settings of %s are changed and apply %s\n", name, indicator.Printable(answer.Applied, longestMessage))
	a.printWarnings(answer.Warnings)
	a.print("\nsee them  starter settings %s\n", name)
	return nil
}
