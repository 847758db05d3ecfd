package workflows

import (
	"fmt"
	"strings"

	"github.com/threatshare/threatshare/internal/wire"
)

// details tells a person who opens the workflow in the Temporal UI how things stand. Markdown; what came from outside is
// escaped.
func (in *integration) details() string {
	state, reason := in.state()
	var b strings.Builder
	fmt.Fprintf(&b, "### %s: %s since %s\n\n", in.settings.Name, state, stamp(in.memory.Since))
	if reason != "" {
		fmt.Fprintf(&b, "%s\n\n", plain(reason))
	}
	if state == PermanentError {
		fmt.Fprintf(&b, "When it is mended: `temporal workflow signal --workflow-id %s --name %s`\n\n",
			wire.IntegrationID(in.settings.Name), wire.Reconnect)
	}
	b.WriteString("| flow | state | last good run | shared | held | last error |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, flow := range flows() {
		s := in.flowState(flow.name)
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %d | %s |\n", flow.name, s.State, s.LastSuccess, s.Shared, s.Held, plain(s.LastError))
	}
	for _, warning := range in.warnings() {
		fmt.Fprintf(&b, "\n- %s", plain(warning))
	}
	if rejected := in.memory.LastRejected; rejected != nil {
		fmt.Fprintf(&b, "\n\nLast input refused (%s, %s): %s\n", plain(rejected.Name), stamp(rejected.At), plain(rejected.Problem))
	}
	return b.String()
}

// plain shows text as it is, whatever Markdown or HTML would make of it.
func plain(text string) string {
	return strings.NewReplacer(
		`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "|", `\|`,
		"#", `\#`, "~", `\~`, "!", `\!`, "\n", " ", "\r", " ",
	).Replace(text)
}
