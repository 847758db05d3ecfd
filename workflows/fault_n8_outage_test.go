package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/workflows"
)

// The test environment gives up where a server does not: so the tries of a day are counted by what the server is told. That a
// run goes on after an outage is TestAnOutageInTheMiddleOnlyTakesTime.
func TestFault_N8_ADayOfOutageCostsAStepAHundredTriesAtMost(t *testing.T) {
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
				tries := triesIn(24*time.Hour, policy)
				require.LessOrEqual(t, tries, 100, step)
				require.LessOrEqual(t, policy.MaximumInterval, 20*time.Minute, "%s goes on soon after the outage", step)
			}
		})
	}
}

// triesIn is how often a server tries a step that fails at once, in so long a time.
func triesIn(outage time.Duration, policy temporal.RetryPolicy) int {
	tries, wait := 0, policy.InitialInterval
	for passed := time.Duration(0); passed < outage; passed += wait {
		if tries++; tries > 1 {
			wait = min(time.Duration(float64(wait)*policy.BackoffCoefficient), policy.MaximumInterval)
		}
	}
	return tries
}
