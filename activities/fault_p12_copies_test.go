package activities_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	simulated "github.com/threatshare/threatshare/internal/simulator/mimecast"
)

// killedWhileMaking lets a step's worker be killed while Mimecast carries out its create of a policy, and another worker take
// the step over before the list shows what was made. It gives the step's answer to the second worker.
func killedWhileMaking[T any](w *world, quirks simulated.Quirks, step, in any) T {
	w.t.Helper()
	quirks.LagMS = 30_000
	require.NoError(w.t, w.vendors.SetQuirks(w.t.Context(), quirks))
	require.NoError(w.t, w.vendors.AddFaults(w.t.Context(), fault.Rule{Method: http.MethodPost, Path: restPolicies, Kind: fault.ResetAfter, Count: 1}))
	_, err := run[T](w, step, in)
	refusedAs(w.t, err, activities.VendorUnavailable, true)
	w.Vendors = w.clients(100)
	answer, err := run[T](w, step, in)
	require.NoError(w.t, err)
	w.clock.pass(time.Minute) // and now both show
	return answer
}

// idQuirks are tenants whose ids stay, and those whose ids are others at every read.
func idQuirks() map[string]simulated.Quirks {
	changing := simulated.DefaultQuirks()
	changing.ChangingIDs = true
	return map[string]simulated.Quirks{"ids that stay": simulated.DefaultQuirks(), "ids that change": changing}
}

func TestFault_P12_ThePolicyOfTheGroupThatTwoWorkersMadeIsRemovedAtTheNextRun(t *testing.T) {
	for name, quirks := range idQuirks() {
		t.Run(name, func(t *testing.T) {
			w := newImports(t)
			w.asPerson("/api/directory/create-group", map[string]any{"description": ownName})
			w.clock.pass(time.Minute)
			w.policyOf("foreign.top", "block_sender")
			killedWhileMaking[activities.SenderGroup](w, quirks, w.EnsureSenderGroup, activities.EnsureSenderGroupInput{Integration: acme})
			require.Len(t, w.ownPolicies(), 2)
			w.writes(fault.Mimecast)
			first := w.mimecast().Policies

			require.Empty(t, w.senderGroup().Warning)
			require.Len(t, w.ownPolicies(), 1)
			require.Equal(t, 1, w.writes(fault.Mimecast), "nothing but the copy is removed")
			require.Len(t, w.mimecast().Policies, len(first)-1)
			require.Equal(t, ownName, w.ownPolicies()[0].FromValue)

			w.senderGroup()
			require.Zero(t, w.writes(fault.Mimecast))
			require.Len(t, w.ownPolicies(), 1)
		})
	}
}

func TestFault_P12_PoliciesOfOneDomainThatTwoWorkersMadeAreRemovedWhenTheListIsReadNext(t *testing.T) {
	for name, quirks := range idQuirks() {
		t.Run(name, func(t *testing.T) {
			w := newImports(t)
			w.policyOf("alerted.top", "block_sender")
			w.asREST(http.MethodPatch, restPolicies+"/"+w.mimecast().Policies[len(w.mimecast().Policies)-1].ID, map[string]any{"enabled": false})
			killedWhileMaking[activities.BlockResult](w, quirks, w.BlockAlertDomains, w.blockInput(indicator.AlertDomains, findings("alerted.top")...))
			require.Equal(t, []string{"alerted.top", "alerted.top"}, w.policed(ownName))
			w.writes(fault.Mimecast)

			require.Equal(t, activities.Counts{Shared: 1}, w.blockAlerted(findings("other.top")...).Counts)
			require.ElementsMatch(t, []string{"alerted.top", "other.top"}, w.policed(ownName))
			require.Equal(t, []string{"alerted.top"}, w.policed("by hand"), "what a person made is no copy")
			require.Equal(t, 2, w.writes(fault.Mimecast), "one is removed, one is made")
			require.Equal(t, ledger.Shared, w.on(ledger.SenderPolicies, "alerted.top").State)

			w.blockAlerted(findings("third.top")...)
			require.Equal(t, 1, w.writes(fault.Mimecast))
		})
	}
}

// A person who sees two of the same and changes one has decided about it: neither it nor the one that is left is removed.
func TestFault_P12_APolicyThatAPersonHasChangedIsNoCopy(t *testing.T) {
	for name, change := range map[string]map[string]any{
		"switched off":      {"enabled": false},
		"an exemption":      {"option": "no_action"},
		"other recipients":  {"to": map[string]any{"type": "individual_email_address", "emailAddress": "vip@own.example"}},
		"another sender":    {"fromPart": "header_from"},
		"an end":            {"toEternal": false, "toDateTime": "2027-01-01T00:00:00+0000"},
		"a beginning":       {"fromEternal": false, "fromDateTime": "2026-01-01T00:00:00+0000"},
		"an address":        {"sourceIPs": []string{"192.0.2.0/24"}},
		"a host":            {"hostnames": []string{"mail.other.example"}},
		"an SPF domain":     {"spfDomains": []string{"other.example"}},
		"both ways":         {"bidirectional": true},
		"above others":      {"override": true},
		"enforced":          {"enforced": true},
		"a comment":         {"comment": "keep this one"},
		"another name":      {"description": "of the SOC"},
		"everybody instead": {"to": map[string]any{"type": "everyone"}},
	} {
		for at, which := range []string{"the first", "the second"} {
			t.Run(name+", "+which, func(t *testing.T) {
				w := newImports(t)
				killedWhileMaking[activities.BlockResult](w, simulated.DefaultQuirks(), w.BlockAlertDomains, w.blockInput(indicator.AlertDomains, findings("alerted.top")...))
				w.asREST(http.MethodPatch, restPolicies+"/"+w.ownPolicies()[at].ID, change)
				before := w.mimecast().Policies
				w.writes(fault.Mimecast)
				w.blockAlerted(findings("other.top")...)
				require.Equal(t, before, w.mimecast().Policies[:len(before)])
				require.Equal(t, 1, w.writes(fault.Mimecast))
			})
		}
	}
}

func TestFault_P12_ACopyOfTheGroupsPolicyThatAPersonSwitchedOffStaysAndTheOtherBlocks(t *testing.T) {
	for at, which := range []string{"the first", "the second"} {
		t.Run(which, func(t *testing.T) {
			w := newImports(t)
			w.asPerson("/api/directory/create-group", map[string]any{"description": ownName})
			w.clock.pass(time.Minute)
			killedWhileMaking[activities.SenderGroup](w, simulated.DefaultQuirks(), w.EnsureSenderGroup, activities.EnsureSenderGroupInput{Integration: acme})
			w.asREST(http.MethodPatch, restPolicies+"/"+w.ownPolicies()[at].ID, map[string]any{"enabled": false})
			w.writes(fault.Mimecast)
			require.Empty(t, w.senderGroup().Warning, "the other one blocks")
			require.Len(t, w.ownPolicies(), 2)
			require.Zero(t, w.writes(fault.Mimecast))
		})
	}
}

func TestFault_P12_WhatWasMadeTwiceIsTakenBackWhole(t *testing.T) {
	for name, quirks := range idQuirks() {
		t.Run("undone, "+name, func(t *testing.T) {
			w := newImports(t)
			fresh := len(w.mimecast().Policies)
			w.asPerson("/api/directory/create-group", map[string]any{"description": ownName})
			w.clock.pass(time.Minute)
			killedWhileMaking[activities.SenderGroup](w, quirks, w.EnsureSenderGroup, activities.EnsureSenderGroupInput{Integration: acme})
			killedWhileMaking[activities.BlockResult](w, quirks, w.BlockAlertDomains, w.blockInput(indicator.AlertDomains, findings("alerted.top")...))
			require.Len(t, w.ownPolicies(), 4)
			w.undo(ledger.SenderPolicies, false)
			w.undo(ledger.BlockedSenders, false)
			require.Empty(t, w.ownPolicies())
			require.Len(t, w.mimecast().Policies, fresh)
		})
		t.Run("unblocked, "+name, func(t *testing.T) {
			w := newImports(t)
			w.blockAlerted(findings("stays.top")...)
			killedWhileMaking[activities.BlockResult](w, quirks, w.BlockAlertDomains, w.blockInput(indicator.AlertDomains, findings("alerted.top")...))
			w.settings.Protect.Domains = []string{"alerted.top"}
			w.withdraw(w.alertsWithdrawal())
			require.Equal(t, []string{"stays.top"}, w.policed(ownName))
		})
	}
}

// A killed worker's group may show only after another worker has made a second one of the name, and the policy of the first is not
// that of the second: who took it for that would fill a group that nothing blocks.
func TestFault_P12_ThePolicyOfAnotherGroupOfTheNameIsNotTakenForOurs(t *testing.T) {
	for name, quirks := range idQuirks() {
		t.Run(name, func(t *testing.T) {
			w := newImports(t)
			w.senderGroup()
			w.asPerson("/api/directory/create-group", map[string]any{"description": ownName})
			second := w.mimecast().Groups[len(w.mimecast().Groups)-1]
			require.Equal(t, ownName, second.Name)
			require.NoError(t, w.vendors.SetQuirks(t.Context(), quirks))
			w.Vendors = w.clients(100)
			in := activities.EnsureSenderGroupInput{Integration: acme, Remembered: second.ID}
			group, err := run[activities.SenderGroup](w, w.EnsureSenderGroup, in)
			if quirks.ChangingIDs { // which of the two the policy applies from cannot be told
				refusedAs(t, err, activities.VendorRejected, false)
				require.Len(t, w.ownPolicies(), 1)
				return
			}
			require.NoError(t, err)
			require.Equal(t, second.ID, group.ID)
			require.Len(t, w.ownPolicies(), 2, "each group has its own")
			w.writes(fault.Mimecast)
			_, err = run[activities.SenderGroup](w, w.EnsureSenderGroup, in)
			require.NoError(t, err)
			require.Zero(t, w.writes(fault.Mimecast))
		})
	}
}
