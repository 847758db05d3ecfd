package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/workflows"
)

// A step that fails says how long it waits. What the retry policy says is for one whose worker was killed, and Temporal counts all
// tries: after a long outage the next worker would not be asked for many minutes.
func TestFault_P1_AStepWhoseWorkerWasKilledIsRepeatedSoonHoweverOftenItHasFailed(t *testing.T) {
	for _, name := range settings.Flows() {
		t.Run(name, func(t *testing.T) {
			w := newBusy(t)
			w.more()
			w.log("url", click(w.clock.now().Add(-time.Hour), host(1), 1, nil))
			r := w.prepared(workflowOf(name))
			var result workflows.FlowResult
			require.NoError(t, r.execute(activities.FlowInput{Integration: integrationName}, &result))
			require.NotEmpty(t, r.tried)
			for step, policy := range r.tried {
				require.Zero(t, policy.MaximumAttempts, "%s is tried for as long as it takes", step)
				require.LessOrEqual(t, policy.MaximumInterval, 5*time.Second, step)
			}
		})
	}
}
