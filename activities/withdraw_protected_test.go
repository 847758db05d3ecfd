package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator/fault"
)

func (w *world) alertsWithdrawal() activities.WithdrawBlocksInput {
	in := w.withdrawInput()
	in.Sources, in.GuardOnly = []indicator.Source{indicator.AlertDomains}, true
	return in
}

func TestFault_D9_ADomainThatAPersonProtectsLaterIsUnblockedEverywhere(t *testing.T) {
	w := newImports(t)
	w.listed(iocDomain("mail.partner.top"), iocDomain("evil.top"))
	cursor := w.imported(activities.Cursor{}).Cursor
	w.blockAlerted(findings("mail.partner.top", "worse.top")...)
	w.blockURLs(indicator.IOCDomains)
	require.Zero(t, w.withdraw(w.withdrawInput()))

	w.nextRun()
	w.settings.Protect.Domains = []string{"partner.top"}
	w.imported(cursor)
	require.Equal(t, 1, w.withdraw(w.withdrawInput()).Counts[indicator.IOCDomains].Withdrawn, "though Falcon lists it")
	require.Equal(t, 1, w.withdraw(w.alertsWithdrawal()).Counts[indicator.AlertDomains].Withdrawn)
	require.Equal(t, []string{"evil.top"}, w.members(ownName))
	require.Equal(t, []string{"worse.top"}, w.policed(ownName))
	require.NotContains(t, w.managed(), "https://mail.partner.top")
	require.Contains(t, w.managed(), "https://evil.top")
	require.Equal(t, indicator.Reason("protected"), w.on(ledger.BlockedSenders, "mail.partner.top").Reason)
	require.Equal(t, indicator.Reason("protected"), w.on(ledger.SenderPolicies, "mail.partner.top").Reason)
}

func TestFault_S5_AProtectionThatIsTakenBackInTimeUnblocksNothing(t *testing.T) {
	w := newImports(t)
	domains, cursor := w.manyListed(20)
	w.settings.Protect.Domains = domains[:15]
	require.NotNil(t, w.withdraw(w.withdrawInput()).Waiting, "too many at once")
	w.nextRun()
	w.settings.Protect.Domains = nil
	w.imported(cursor)
	w.writes(fault.Mimecast)
	require.Zero(t, w.withdraw(w.withdrawInput()))
	require.Zero(t, w.writes(fault.Mimecast))
	require.Zero(t, w.on(ledger.BlockedSenders, domains[0]).DueAt)
}

// What Falcon has taken back stays blocked where the settings say so, and where alerts have asked for it.
func TestWhereOnlyTheGuardCountsWhatFalconTookBackStays(t *testing.T) {
	w := newImports(t)
	_, cursor := w.manyListed(2)
	w.blockAlerted(findings(host(0))...)
	w.deleted(host(0), host(1))
	w.imported(cursor)
	w.settings.Protect.Domains = []string{host(1)}
	in := w.withdrawInput()
	in.GuardOnly = true
	w.withdraw(in)
	w.withdraw(w.alertsWithdrawal())
	require.Contains(t, w.members(ownName), host(0))
	require.Equal(t, []string{host(0)}, w.policed(ownName))
}

func TestADryRunShowsWhatAProtectionWouldUnblock(t *testing.T) {
	w := newImports(t)
	w.manyListed(3)
	w.settings.Protect.Domains = []string{host(1)}
	before := w.everything()
	w.writes(fault.Mimecast)
	w.settings.DryRun = true
	would := w.withdraw(w.withdrawInput())
	require.Equal(t, []activities.Item{{
		Verdict: "withdraw", List: ledger.BlockedSenders, Source: indicator.IOCDomains, Value: host(1), Reason: "protected",
	}}, would.Items)
	require.Equal(t, before, w.everything())
	require.Zero(t, w.writes(fault.Mimecast))
}
