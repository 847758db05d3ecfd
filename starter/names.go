package main

import (
	"strings"

	"github.com/threatshare/threatshare/internal/wire"
)

func workflowID(name string) string { return wire.IntegrationID(name) }

// integrationName is the other way round; false if the id is not one of an integration.
func integrationName(id string) (string, bool) {
	name, found := strings.CutPrefix(id, wire.IntegrationID(""))
	return name, found && name != "" && !strings.Contains(name, "/")
}

// cli gives a command of the Temporal CLI about an integration, as it can be pasted.
func (a *app) cli(command, name string, more ...string) string {
	return a.cliOf(command, workflowID(name), more...)
}

// cliOf is cli for any workflow, by its id.
func (a *app) cliOf(command, id string, more ...string) string {
	words := []string{"temporal workflow", command, "--workflow-id", id}
	if a.address != "" {
		words = append(words, "--address", a.address)
	}
	if a.namespace != "" {
		words = append(words, "--namespace", a.namespace)
	}
	return strings.Join(append(words, more...), " ")
}

// remedies are the commands that get a stopped integration going again, each behind what it is for.
func (a *app) remedies(name string, status statusAnswer) []string {
	var remedies []string
	if status.State == permanentError {
		remedies = append(remedies, "when it is mended  "+a.cli("signal", name, "--name", wire.Reconnect))
	}
	if status.isPaused() {
		remedies = append(remedies, "to go on           "+a.cli("signal", name, "--name", wire.Resume))
	}
	return remedies
}

// whereToLook tells what to do next.
func (a *app) whereToLook(name string) {
	a.print(`
how it does       starter status %s
history           %s
connection state  %s
change settings   %s
run now           %s
`, name, a.cli("show", name),
		a.cli("query", name, "--type", wire.ConnectionState),
		a.cli("signal", name, "--name", wire.ChangeSettings, "--input", `'{"dryRun":true}'`),
		a.cli("signal", name, "--name", wire.SyncNow))
}
