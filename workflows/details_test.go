package workflows_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	sdkpb "go.temporal.io/api/sdk/v1"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/wire"
)

// shown is what a person reads of the Integration in the Temporal UI.
func (d *desk) shown() string {
	d.t.Helper()
	var metadata sdkpb.WorkflowMetadata
	value, err := d.env.QueryWorkflow("__temporal_workflow_metadata")
	require.NoError(d.t, err)
	require.NoError(d.t, value.Get(&metadata))
	return metadata.GetCurrentDetails()
}

func TestTheDetailsShowHowThingsStandAndHowToMendThem(t *testing.T) {
	d := newDesk(t)
	d.then(func() {
		require.Contains(t, d.shown(), "### acme: connected since 2026-11-16T14:49:18Z")
		require.NotContains(t, d.shown(), wire.Reconnect)
		d.started("1")
		d.reported("1", activities.Report{Finished: true, Failed: problem(activities.VendorAuth, "falcon")})
	})
	d.then(func() {
		require.Contains(t, d.shown(), "### acme: permanent_error since 2026-11-16T14:50:18Z")
		require.Contains(t, d.shown(), "temporal workflow signal --workflow-id threatshare/acme --name reconnect")
		d.signal(wire.SyncNow, `"x"`)
	})
	d.then(func() { require.Contains(t, d.shown(), "Last input refused (sync-now, 2026-11-16T14:51:18Z)") })
	d.run(document, nil)
}

func TestFault_D13_WordsFromOutsideStandInTheDetailsAsTheyAre(t *testing.T) {
	d := newDesk(t)
	hostile := "a`b | c\n# title\r| x | <img src=x> [link](http://evil.example)"
	d.then(func() { d.started("1") })
	d.then(func() {
		d.reported("1", activities.Report{Finished: true, Failed: activities.Problem{Type: activities.VendorQuota, Vendor: "falcon", Reason: hostile}})
	})
	d.then(func() {
		found := false
		for line := range strings.SplitSeq(d.shown(), "\n") {
			require.NotContains(t, line, "\r", "ends a line as well")
			require.False(t, strings.HasPrefix(line, "# "), line)
			if strings.HasPrefix(line, "| "+flow) {
				found = true
				require.Equal(t, 7, strings.Count(line, "|")-strings.Count(line, `\|`), "six cells: %s", line)
			}
			require.NotContains(t, line, "<img")
			require.NotContains(t, line, " [link](")
			require.Equal(t, strings.Count(line, "`") > 1, strings.Contains(line, "temporal workflow signal"), "no code begins: %s", line)
		}
		require.True(t, found)
	})
	d.run(document, nil)
}
