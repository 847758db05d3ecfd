package activities_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	simulated "github.com/threatshare/threatshare/internal/simulator/mimecast"
)

// undo takes one list back, step by step, and adds up what the steps did.
func (w *world) undo(list ledger.List, dryRun bool) activities.WithdrawListResult {
	w.t.Helper()
	var sum activities.WithdrawListResult
	in := activities.WithdrawListInput{Integration: acme, List: list, DryRun: dryRun}
	for steps := 0; steps == 0 || sum.More; steps++ {
		require.Less(w.t, steps, 20, "it does not end")
		step, err := run[activities.WithdrawListResult](w, w.WithdrawList, in)
		require.NoError(w.t, err)
		inOne(w.t, step)
		sum.Found, sum.Removed = sum.Found+step.Found, sum.Removed+step.Removed
		sum.Missing, sum.Left = sum.Missing+step.Missing, sum.Left+step.Left
		sum.Items, sum.More = append(sum.Items, step.Items...), step.More
		if step.Detail != "" {
			sum.Detail = step.Detail
		}
		in.Next = step.Next
	}
	return sum
}

// everywhere puts values on every list, ours and somebody else's.
func (w *world) everywhere() {
	w.t.Helper()
	w.upload(w.clicked("clicked.top"), w.impersonated("boss.top"))
	w.listed(iocDomain("foreign.top"))
	other := iocDomain("of-another.top")
	other.Source = "Mimecast Threat Share: other"
	w.listed(other)
	w.addHashes(findings(hash(1), hash(2))...)
	w.asPerson(batchCall, map[string]any{"operationType": "BLOCK", "hashList": []any{map[string]any{"hash": hash(9)}}})
	w.blockDomains(findings("evil.top", "worse.top")...)
	w.blockAlerted(findings("alerted.top")...)
	w.policyOf("foreign.top", "block_sender")
	w.urlOf("foreign.top", "block")
	w.blockURLs(indicator.IOCDomains)
	w.blockURLs(indicator.AlertDomains)
}

// ours is how many values the integration has on each list after everywhere.
func ours() map[ledger.List]int {
	return map[ledger.List]int{
		ledger.FalconIOCs: 2, ledger.BYOTI: 2, ledger.BlockedSenders: 2, ledger.SenderPolicies: 1, ledger.ManagedURLs: 3,
	}
}

func TestEverythingOfOursIsTakenBackAndNothingOfOthers(t *testing.T) {
	w := newImports(t)
	fresh := w.mimecast()
	w.everywhere()
	for list, n := range ours() {
		require.Equal(t, activities.WithdrawListResult{Found: n, Removed: n}, w.undo(list, false), list)
	}
	left := w.mimecast()
	require.Equal(t, []string{hash(9)}, w.blockedHashes())
	require.Len(t, left.Groups, len(fresh.Groups))
	require.Len(t, left.Policies, len(fresh.Policies)+1)
	require.Equal(t, []simulated.URLState{{URL: "https://foreign.top", MatchType: "domain", Action: "block", Comment: "by hand"}}, left.ManagedURLs)
	require.Equal(t, []string{"foreign.top"}, w.policed("by hand"))
	iocs := w.iocs()
	require.Len(t, iocs, 2)
	require.Contains(t, iocs, "foreign.top")
	require.Contains(t, iocs, "of-another.top")
	for _, entry := range w.everything() {
		require.Equal(t, ledger.Withdrawn, entry.State, entry.Value)
		require.Equal(t, indicator.Reason("undone"), entry.Reason)
	}
	w.writes(fault.Mimecast)
	for list := range ours() {
		require.Zero(t, w.undo(list, false), list)
	}
	require.Zero(t, w.writes(fault.Mimecast)+w.writes(fault.Falcon))
}

func TestADryRunOfTheUndoListsWhatItWouldTakeBack(t *testing.T) {
	w := newImports(t)
	w.everywhere()
	mimecast, iocs, before := w.mimecast(), w.iocs(), w.everything()
	w.writes(fault.Mimecast)
	for list, n := range ours() {
		would := w.undo(list, true)
		require.Equal(t, n, would.Found, list)
		require.Len(t, would.Items, n, list)
		for _, item := range would.Items {
			require.Equal(t, list, item.List)
			require.NotEmpty(t, item.Value)
		}
	}
	require.Equal(t, mimecast, w.mimecast())
	require.Equal(t, iocs, w.iocs())
	require.Equal(t, before, w.everything())
	require.Zero(t, w.writes(fault.Mimecast)+w.writes(fault.Falcon))
}

func TestAnUndoThatWasKilledInTheMiddleIsResumed(t *testing.T) {
	for list, path := range map[ledger.List]string{
		ledger.FalconIOCs: created, ledger.BYOTI: batchCall, ledger.BlockedSenders: restGroups, ledger.SenderPolicies: restPolicies,
		ledger.ManagedURLs: "/api/ttp/url/delete-managed-url",
	} {
		for _, lost := range []fault.Kind{fault.ResetAfter, fault.ResetBefore} {
			t.Run(fmt.Sprintf("%s, %s", list, lost), func(t *testing.T) {
				w := newImports(t)
				w.everywhere()
				method := http.MethodPost
				if list == ledger.FalconIOCs || list == ledger.SenderPolicies {
					method = http.MethodDelete
				}
				require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{Method: method, Path: path, Kind: lost, Count: 1}))
				_, err := run[activities.WithdrawListResult](w, w.WithdrawList, activities.WithdrawListInput{Integration: acme, List: list})
				refusedAs(t, err, activities.VendorUnavailable, true)
				w.Vendors = w.clients(100)
				w.undo(list, false)
				require.Empty(t, w.undo(list, true).Items)
				left, err := w.store.Search(t.Context(), ledger.Query{Integration: acme, List: list, State: ledger.Shared, Limit: 100})
				require.NoError(t, err)
				require.Empty(t, left, "nothing is there any more, and the ledger knows")
				if list == ledger.BlockedSenders {
					require.Empty(t, w.members(ownName))
				}
			})
		}
	}
}

func TestTheUndoOfALongListTakesSeveralSteps(t *testing.T) {
	w := newImports(t)
	for start := 0; start < 1_100; start += 1_000 {
		w.addHashes(findings(hashes(start, min(1_000, 1_100-start))...)...)
	}
	require.Equal(t, 1_100, w.undo(ledger.BYOTI, true).Found)
	require.Equal(t, activities.WithdrawListResult{Found: 1_100, Removed: 1_100}, w.undo(ledger.BYOTI, false))
	require.Empty(t, w.blockedHashes())
}

func TestTheUndoOfALongListAtFalconLosesNothing(t *testing.T) {
	w := newImports(t)
	w.pagesOf(10)
	for i := range 45 {
		own := control.IOC{Type: "domain", Value: host(i), Action: "detect", Severity: "low", Source: ownName, Tags: []string{ownTag}}
		w.listed(own, iocDomain(fmt.Sprintf("foreign-%d.top", i)))
		w.clock.pass(time.Second)
	}
	require.Len(t, w.undo(ledger.FalconIOCs, true).Items, 45)
	require.Equal(t, activities.WithdrawListResult{Found: 45, Removed: 45}, w.undo(ledger.FalconIOCs, false))
	require.Len(t, w.iocs(), 45)
}

// A page token of Falcon's runs out while the worker is down.
func TestAnUndoWithAStaleTokenStartsAgain(t *testing.T) {
	w := newImports(t)
	w.upload(w.clicked("evil.top"))
	step, err := run[activities.WithdrawListResult](w, w.WithdrawList, activities.WithdrawListInput{
		Integration: acme, List: ledger.FalconIOCs, Next: "a token of yesterday",
	})
	require.NoError(t, err)
	require.Equal(t, 1, step.Removed)
	require.Empty(t, w.iocs())
}

// A dry run lists what it finds in one step, and only so much of it goes into one result.
func TestADryRunOfTheUndoFitsIntoItsResultHoweverLongTheList(t *testing.T) {
	w := newImports(t)
	var objects []any
	for i := range 1_000 {
		objects = append(objects, map[string]any{"url": "https://" + longDomain(i), "action": "block", "matchType": "domain", "comment": ownName})
		if len(objects) == 20 {
			w.asREST(http.MethodPost, makeURL, map[string]any{"data": objects})
			objects = nil
		}
	}
	require.Equal(t, 1_000, w.undo(ledger.ManagedURLs, true).Found)
}

func TestAGroupWithSomebodyElsesMemberStaysWithItsPolicy(t *testing.T) {
	for name, member := range map[string]map[string]any{
		"a domain": {"domain": "foreign.top"}, "an address": {"emailAddress": "boss@foreign.top"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newImports(t)
			w.blockDomains(findings("evil.top")...)
			member["id"] = w.senderGroup().ID
			w.asPerson("/api/directory/add-group-member", member)
			undone := w.undo(ledger.BlockedSenders, false)
			require.Equal(t, 1, undone.Removed)
			require.Contains(t, undone.Detail, "somebody else")
			require.Len(t, w.members(ownName), 1)
			require.Len(t, w.ownPolicies(), 1, "it blocks that member")
		})
	}
}

func TestWhatCannotBeTakenBackIsCountedAndSaid(t *testing.T) {
	w := newImports(t)
	w.addHashes(findings(hash(1), hash(2))...)
	require.NoError(t, w.vendors.SetLimits(t.Context(), simulated.Limits{RefusedHashes: []string{hash(1)}}))
	undone := w.undo(ledger.BYOTI, false)
	require.Equal(t, 2, undone.Found)
	require.Equal(t, 1, undone.Removed)
	require.Equal(t, 1, undone.Left)
	require.Contains(t, undone.Detail, hash(1))
	require.Equal(t, ledger.Shared, w.on(ledger.BYOTI, hash(1)).State)
	require.NoError(t, w.vendors.SetLimits(t.Context(), simulated.Limits{}))
	require.Equal(t, 1, w.undo(ledger.BYOTI, false).Removed)
}

func TestWhatIsGoneAlreadyCountsAsMissing(t *testing.T) {
	w := newImports(t)
	w.blockDomains(findings("evil.top", "worse.top")...)
	w.asPerson("/api/directory/remove-group-member", map[string]any{"id": w.senderGroup().ID, "domain": "evil.top"})
	require.Equal(t, activities.WithdrawListResult{Found: 2, Removed: 1, Missing: 1}, w.undo(ledger.BlockedSenders, false))
	require.Equal(t, ledger.Withdrawn, w.on(ledger.BlockedSenders, "evil.top").State)
}

func TestTheMembersOfAGroupThatAPersonDeletedCountAsMissing(t *testing.T) {
	w := newImports(t)
	w.blockDomains(findings("evil.top")...)
	group := w.senderGroup().ID
	w.asPerson("/api/directory/remove-group-member", map[string]any{"id": group, "domain": "evil.top"})
	w.asPerson("/api/directory/delete-group", map[string]any{"id": group})
	require.Equal(t, activities.WithdrawListResult{Found: 1, Missing: 1}, w.undo(ledger.BlockedSenders, false))
	require.Equal(t, ledger.Withdrawn, w.on(ledger.BlockedSenders, "evil.top").State)
	require.Empty(t, w.ownPolicies())
}

func TestAGroupThatAPersonRenamedIsUndoneToo(t *testing.T) {
	w := newImports(t)
	w.blockDomains(findings("evil.top", "worse.top")...)
	w.asPerson("/api/directory/update-group", map[string]any{"id": w.senderGroup().ID, "description": "Threats"})
	require.Equal(t, 2, w.undo(ledger.BlockedSenders, false).Removed)
	require.Empty(t, w.members("Threats"))
	require.Empty(t, w.ownPolicies())
}

func TestAPolicyWhoseGroupIsDeletedGoesWithTheNextStep(t *testing.T) {
	w := newImports(t)
	w.blockDomains(findings("evil.top")...)
	require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{Method: http.MethodDelete, Path: restPolicies, Kind: fault.ResetBefore, Count: 1}))
	_, err := run[activities.WithdrawListResult](w, w.WithdrawList, activities.WithdrawListInput{Integration: acme, List: ledger.BlockedSenders})
	refusedAs(t, err, activities.VendorUnavailable, true)
	require.Len(t, w.ownPolicies(), 1)
	w.undo(ledger.BlockedSenders, false)
	require.Empty(t, w.ownPolicies())
}

func TestAListThatThereIsNotIsAFinalFailure(t *testing.T) {
	w := newImports(t)
	_, err := run[activities.WithdrawListResult](w, w.WithdrawList, activities.WithdrawListInput{Integration: acme, List: "everything"})
	refusedAs(t, err, activities.InvalidRecord, false)
}
