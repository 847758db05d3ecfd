package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
)

// troubleAfter is how long a step retries before its Integration is told: until then it is the ordinary noise of a network.
const troubleAfter = 10 * time.Minute

// maxTrouble bounds the reason that is told, in characters.
const maxTrouble = 500

// stuck is patient for a step at a vendor. One that has been retrying for a while tells the Integration why, so that the
// connection state shows it; telling is worth one try, since the step's own failure is what counts.
func (a *Activities) stuck(ctx context.Context, integration string, err error) error {
	failed := patient(ctx, err)
	info := activity.GetInfo(ctx)
	refusal, ok := errors.AsType[*temporal.ApplicationError](failed)
	if !ok || refusal.NonRetryable() || a.Now().Sub(info.ScheduledTime) < troubleAfter {
		return failed
	}
	report := Report{
		Run:     Run{Flow: flowOf(info.WorkflowType.Name), WorkflowID: info.WorkflowExecution.ID, RunID: info.WorkflowExecution.RunID},
		Trouble: indicator.Printable(refusal.Message(), maxTrouble),
	}
	if err := a.Temporal.SignalWorkflow(ctx, wire.IntegrationID(integration), "", wire.RunReported, report); err != nil {
		activity.GetLogger(ctx).Warn("trouble not reported", "error", err)
	}
	return failed
}

// flowOf is the flow whose runs are workflows of this type.
func flowOf(workflowType string) string {
	switch workflowType {
	case wire.ImportIOCs:
		return settings.FlowImportIOCs
	case wire.ImportAlerts:
		return settings.FlowImportAlerts
	default:
		return settings.FlowShareTTPLogs
	}
}
