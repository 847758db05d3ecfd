package wire_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
)

// Other programs are written against these, and runs of an earlier version are found by them: they do not change.
func TestIDsStayAsTheyAre(t *testing.T) {
	for want, id := range map[string]string{
		"threatshare/acme":                       wire.IntegrationID("acme"),
		"threatshare/acme/import-iocs":           wire.ScheduleID("acme", settings.FlowImportIOCs),
		"threatshare/acme/remediate/evil.top":    wire.RemediateID("acme", "evil.top"),
		"threatshare/acme/preview/import-alerts": wire.PreviewID("acme", settings.FlowImportAlerts),
		"threatshare/acme/withdraw":              wire.WithdrawID("acme"),
		"threatshare/acme/check":                 wire.CheckID("acme"),
		"threatshare/acme/history/7":             wire.HistoryID("acme", "7"),
	} {
		require.Equal(t, want, id)
	}
}

func TestEveryNameIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/interface.md")
	require.NoError(t, err)
	for _, name := range []string{
		wire.Integration, wire.ShareTTPLogs, wire.ImportIOCs, wire.ImportAlerts, wire.Remediate, wire.Preview, wire.Withdraw, wire.Check, wire.History,
		wire.StateAttribute, wire.ChangeSettings, wire.Pause, wire.Resume, wire.Reconnect, wire.SyncNow, wire.ForgetCheckpoint, wire.ApproveWithdrawal,
		wire.ConnectionState, wire.Settings, wire.Status,
	} {
		require.Contains(t, string(text), name)
	}
}
