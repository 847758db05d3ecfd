package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"go.yaml.in/yaml/v3"

	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
)

func (a *app) settingsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "settings <name>",
		Short: "Show the settings of an integration, as a file that start and change take",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTemporal(cmd.Context(), func(ctx context.Context, c client.Client) error {
				answer, err := askRunning(ctx, c, args[0], wire.Settings)
				if err != nil {
					return err
				}
				if asJSON {
					return a.printJSON(answer)
				}
				text, err := asYAML(answer)
				if err != nil {
					return err
				}
				a.print("%s", text)
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "answer in JSON")
	return cmd
}

// asYAML writes JSON as YAML and keeps the order of its fields.
func asYAML(document []byte) ([]byte, error) {
	var tree yaml.Node
	if err := yaml.Unmarshal(document, &tree); err != nil {
		return nil, fmt.Errorf("read the settings: %w", err)
	}
	plain(&tree)
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(&tree); err != nil {
		return nil, fmt.Errorf("write the settings: %w", err)
	}
	return text.Bytes(), nil
}

// plain takes off the braces and quotes that JSON needs; the encoder puts back those that YAML needs. Lists stay on one line.
func plain(node *yaml.Node) {
	if node.Kind != yaml.SequenceNode {
		node.Style = 0
	}
	for _, child := range node.Content {
		plain(child)
	}
}

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of settings files, for editors",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			schema, err := settings.Schema()
			if err != nil {
				return notDone("%w", err)
			}
			a.print("%s", schema)
			return nil
		},
	}
}
