package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
)

// furthestBack is how far back a flow can be asked to read again: Mimecast keeps its logs for 30 days.
const furthestBack = 30 * 24 * time.Hour

// Changed is the answer to the update change-settings.
type Changed struct {
	Applied  string   `json:"applied"`
	Warnings []string `json:"warnings"`
}

func (in *integration) checkChange(_ time.Time, input []byte) error {
	_, err := in.settings.Patch(input)
	return err
}

// checkSeen refuses a change whose author has not seen the settings as they are: was is a merge patch with the values that
// are to be replaced.
func (in *integration) checkSeen(was []byte) error {
	if len(was) > maxInput {
		return temporal.NewNonRetryableApplicationError(fmt.Sprintf("%s: at most %d bytes are compared", wire.ChangeSettings, maxInput), activities.InvalidInput, nil)
	}
	seen, err := in.settings.Patch(was)
	if err != nil {
		return temporal.NewNonRetryableApplicationError(fmt.Sprintf("%s: what was seen: %v", wire.ChangeSettings, err), activities.InvalidInput, nil)
	}
	if paths := settings.Differing(in.settings, seen); len(paths) > 0 {
		return temporal.NewNonRetryableApplicationError(
			"changed by somebody else meanwhile: "+strings.Join(paths, ", "), activities.SettingsChanged, nil, paths)
	}
	return nil
}

func (in *integration) changeSettings(_ workflow.Context, input []byte) any {
	patched, err := in.settings.Patch(input)
	if err != nil {
		return Changed{Applied: "not at all: " + err.Error()}
	}
	in.settings = patched
	in.todo.schedules, in.todo.check = true, true
	return Changed{Applied: "from the next run", Warnings: patched.Warnings()}
}

// Reason is the input of pause and resume.
type Reason struct {
	Reason string `json:"reason"`
}

func checkReason(_ time.Time, input []byte) error {
	_, err := readReason(input)
	return err
}

func readReason(input []byte) (string, error) {
	var given Reason
	if absent(input) {
		return "", nil
	}
	if err := strictly(input, &given); err != nil {
		return "", fmt.Errorf(`input must be nothing or {"reason": "…"}: %w`, err)
	}
	return indicator.Printable(given.Reason, 200), nil
}

func (in *integration) pause(_ workflow.Context, input []byte) any {
	reason, _ := readReason(input)
	if reason == "" {
		reason = "by hand"
	}
	in.memory.Paused, in.memory.PauseReason = true, reason
	in.todo.schedules = true
	return in.connectionState()
}

func (in *integration) resume(workflow.Context, []byte) any {
	in.memory.Paused, in.memory.PauseReason = false, ""
	in.todo.schedules = true
	return in.connectionState()
}

func checkNothing(_ time.Time, input []byte) error {
	if absent(input) || string(input) == "{}" {
		return nil
	}
	return errors.New("takes no input")
}

// reconnect gives whatever a permanent error has stopped another chance, once both connections are good.
func (in *integration) reconnect(workflow.Context, []byte) any {
	in.memory.unpark()
	in.todo.check = true
	return in.connectionState()
}

func checkFlow(_ time.Time, input []byte) error {
	_, err := readFlow(input)
	return err
}

// readFlow reads a flow's name; nothing at all means every flow.
func readFlow(input []byte) ([]string, error) {
	var name string
	if absent(input) {
		return flowNames(), nil
	}
	if err := strictly(input, &name); err != nil || !isFlow(name) {
		return nil, fmt.Errorf("input must be nothing or one of %q as a JSON string", flowNames())
	}
	return []string{name}, nil
}

func (in *integration) syncNow(_ workflow.Context, input []byte) any {
	wanted, _ := readFlow(input)
	in.wantRun(wanted...)
	return in.connectionState()
}

// Forget is the input of forget-checkpoint. Without From the flow reads from where a first run would.
type Forget struct {
	Flow string    `json:"flow"`
	From time.Time `json:"from,omitzero"`
}

func checkForget(now time.Time, input []byte) error {
	given, err := readForget(input)
	if err != nil {
		return err
	}
	oldest := now.Add(-furthestBack)
	if given.Flow == settings.FlowImportIOCs {
		oldest = time.Time{} // the list holds what was changed at any time
	}
	if !given.From.IsZero() && (given.From.Before(oldest) || given.From.After(now)) {
		return fmt.Errorf("from %s: must lie between %s and now", stamp(given.From), stamp(oldest))
	}
	return nil
}

func readForget(input []byte) (Forget, error) {
	var given Forget
	if err := strictly(input, &given); err != nil {
		return given, fmt.Errorf(`input must be {"flow": "…", "from": "2026-11-01T00:00:00Z"}, from may be left out: %w`, err)
	}
	if !isFlow(given.Flow) {
		return given, fmt.Errorf("flow %q: must be one of %q", indicator.Printable(given.Flow, maxName), flowNames())
	}
	return given, nil
}

func (in *integration) forgetCheckpoint(ctx workflow.Context, input []byte) any {
	given, _ := readForget(input)
	flow := in.memory.flow(given.Flow)
	flow.Cursors, flow.ReadFrom = nil, given.From
	if given.From.IsZero() && given.Flow != settings.FlowImportIOCs { // which is read whole
		flow.ReadFrom = workflow.Now(ctx).Add(-time.Duration(in.settings.FetchDuration))
	}
	// A run at work would report its own checkpoint over this one: from now on it is not the current one any more.
	flow.Current = activities.Run{}
	in.wantRun(given.Flow)
	return in.connectionState()
}

// Approval is the input of approve-withdrawal: as many values may be withdrawn in the next run, whatever the deletion guard says.
type Approval struct {
	Flow   string `json:"flow"`
	Values int    `json:"values"`
}

func (in *integration) checkApproval(_ time.Time, input []byte) error {
	given, err := readApproval(input)
	if err != nil {
		return err
	}
	waiting := in.memory.flow(given.Flow).Waiting
	if waiting == nil {
		return fmt.Errorf("nothing of %s waits to be withdrawn", given.Flow)
	}
	if given.Values < 1 || given.Values > waiting.Due {
		return fmt.Errorf("values %d: must be between 1 and the %d that wait", given.Values, waiting.Due)
	}
	return nil
}

func readApproval(input []byte) (Approval, error) {
	var given Approval
	if err := strictly(input, &given); err != nil {
		return given, fmt.Errorf(`input must be {"flow": "import-iocs", "values": 42}: %w`, err)
	}
	if given.Flow != settings.FlowImportIOCs && given.Flow != settings.FlowImportAlerts {
		return given, fmt.Errorf("flow %q: only %s and %s withdraw", indicator.Printable(given.Flow, maxName), settings.FlowImportIOCs, settings.FlowImportAlerts)
	}
	return given, nil
}

func (in *integration) approveWithdrawal(_ workflow.Context, input []byte) any {
	given, _ := readApproval(input)
	in.memory.flow(given.Flow).Approved = given.Values
	return in.connectionState()
}

func absent(input []byte) bool {
	text := strings.TrimSpace(string(input))
	return text == "" || text == "null"
}

// strictly decodes JSON and refuses fields that nothing would read.
func strictly(input []byte, into any) error {
	decoder := json.NewDecoder(strings.NewReader(string(input)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if decoder.More() {
		return errors.New("more than one JSON value")
	}
	return nil
}
