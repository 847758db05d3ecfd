package activities_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	simulated "github.com/threatshare/threatshare/internal/simulator/mimecast"
)

const (
	restGroups   = "/directory/cloud-gateway/v1/groups"
	restPolicies = "/policy-management/cloud-gateway/v1/blocked-senders/policies"
)

// ownPolicies are the policies of the integration's description.
func (w *world) ownPolicies() []simulated.PolicyState {
	w.t.Helper()
	var own []simulated.PolicyState
	for _, policy := range w.mimecast().Policies {
		if policy.Description == ownName {
			own = append(own, policy)
		}
	}
	return own
}

func TestTheGroupAndItsPolicyAreMadeOnceAndFoundAgain(t *testing.T) {
	w := newImports(t)
	first := w.senderGroup()
	require.NotEmpty(t, first.ID)
	require.Empty(t, first.Warning)
	require.Equal(t, 2, w.writes(fault.Mimecast))
	w.Vendors = w.clients(100) // a restarted worker
	require.Equal(t, first, w.senderGroup(), "by its name")
	remembered, err := run[activities.SenderGroup](w, w.EnsureSenderGroup, activities.EnsureSenderGroupInput{Integration: acme, Remembered: first.ID})
	require.NoError(t, err)
	require.Equal(t, first, remembered)
	require.Zero(t, w.writes(fault.Mimecast))
	policies := w.ownPolicies()
	require.Len(t, policies, 1)
	require.Equal(t, simulated.PolicyState{
		ID: policies[0].ID, Description: ownName, Option: "block_sender", FromPart: "both", FromType: "profile_group", FromValue: ownName,
		ToType: "internal_addresses", Enabled: true,
	}, policies[0])
}

func TestAGroupThatAPersonRenamedIsFoundByItsRememberedID(t *testing.T) {
	w := newImports(t)
	group := w.senderGroup()
	w.asPerson("/api/directory/update-group", map[string]any{"id": group.ID, "description": "Threats"})
	w.writes(fault.Mimecast)
	remembered, err := run[activities.SenderGroup](w, w.EnsureSenderGroup, activities.EnsureSenderGroupInput{Integration: acme, Remembered: group.ID})
	require.NoError(t, err)
	require.Equal(t, group.ID, remembered.ID)
	require.Zero(t, w.writes(fault.Mimecast))
}

func TestTwoGroupsOfTheNameStopTheDomainsAndAreNamed(t *testing.T) {
	w := newImports(t)
	for range 2 {
		w.asPerson("/api/directory/create-group", map[string]any{"description": ownName})
	}
	_, err := run[activities.SenderGroup](w, w.EnsureSenderGroup, activities.EnsureSenderGroupInput{Integration: acme})
	failed := refusedAs(t, err, activities.VendorRejected, false)
	for _, group := range w.mimecast().Groups {
		if group.Name == ownName {
			require.Contains(t, activities.ProblemOf(failed).Reason, group.ID)
		}
	}
}

func TestAPolicyThatAPersonSwitchedOffOrTurnedStaysSoWithAWarning(t *testing.T) {
	for name, change := range map[string]map[string]any{
		"switched off": {"enabled": false}, "exempts": {"option": "no_action"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newImports(t)
			group := w.senderGroup()
			w.asREST(http.MethodPatch, restPolicies+"/"+w.ownPolicies()[0].ID, change)
			w.writes(fault.Mimecast)
			again := w.senderGroup()
			require.Equal(t, group.ID, again.ID)
			require.Contains(t, again.Warning, ownName)
			require.Zero(t, w.writes(fault.Mimecast))
			require.Len(t, w.ownPolicies(), 1)
		})
	}
}

func TestDomainsBecomeMembersOfTheGroupTenWithACall(t *testing.T) {
	w := newImports(t)
	var domains []string
	for i := range 25 {
		domains = append(domains, host(i))
	}
	blocked := w.blockDomains(findings(domains...)...)
	require.Equal(t, activities.Counts{Shared: 25}, blocked.Counts)
	require.ElementsMatch(t, domains, w.members(ownName))
	require.Equal(t, 3, w.calls("POST "+restGroups+"/{id}/members"))
	for _, group := range w.mimecast().Groups {
		if group.Name == ownName {
			require.Equal(t, ownTag, group.Members[0].Note)
		}
	}
	w.writes(fault.Mimecast)
	require.Equal(t, activities.Counts{AlreadyThere: 25}, w.blockDomains(findings(domains...)...).Counts)
	require.Zero(t, w.writes(fault.Mimecast))
}

func TestAMemberAlreadyIsASuccessAndOurs(t *testing.T) {
	w := newImports(t)
	w.blockDomains(findings("evil.top", "worse.top")...)
	w.forgetLedger()
	w.Ledger = &runs{Ledger: w.store}
	w.writes(fault.Mimecast)
	require.Equal(t, activities.Counts{AlreadyThere: 2, Shared: 1}, w.blockDomains(findings("evil.top", "worse.top", "new.top")...).Counts)
	require.Equal(t, 1, w.writes(fault.Mimecast))
	require.Equal(t, ledger.Shared, w.on(ledger.BlockedSenders, "evil.top").State)
	require.Equal(t, indicator.Reason("found"), w.on(ledger.BlockedSenders, "evil.top").Reason)
}

// notOffered makes functions of Mimecast's unknown, as to tenants that do not have them.
func (w *world) notOffered(prefixes ...string) error {
	for _, prefix := range prefixes {
		if err := w.vendors.AddFaults(w.t.Context(), fault.Rule{Path: prefix, Kind: fault.Status, Status: http.StatusNotFound}); err != nil {
			return err
		}
	}
	return nil
}

// The newer functions, the older ones, and the quirks of either lead to the same.
func TestBlockingWorksInEitherStyleOfMimecasts(t *testing.T) {
	for name, prepare := range map[string]func(*world) error{
		"classic groups":   func(w *world) error { return w.notOffered(restGroups) },
		"classic policies": func(w *world) error { return w.notOffered(restPolicies) },
		"no classic functions": func(w *world) error {
			return w.notOffered("/api/directory/find-groups", "/api/directory/add-group-member", "/api/policy/")
		},
		"changing ids": func(w *world) error {
			return w.vendors.SetQuirks(w.t.Context(), simulated.Quirks{ChangingIDs: true, BatchMemberResults: true, UpperCaseEnums: true})
		},
		"members without results": func(w *world) error {
			return w.vendors.SetQuirks(w.t.Context(), simulated.Quirks{DefinitionsKey: true})
		},
		"status in meta": func(w *world) error { return w.vendors.SetQuirks(w.t.Context(), simulated.Quirks{MetaStatus: true}) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newImports(t)
			require.NoError(t, prepare(w))
			require.Equal(t, 2, w.blockDomains(findings("evil.top", "worse.top")...).Counts.Shared)
			require.Equal(t, 2, w.blockDomains(findings("evil.top", "worse.top")...).Counts.AlreadyThere)
			require.Equal(t, 1, w.blockAlerted(findings("alerted.top")...).Counts.Shared)
			w.forgetLedger()
			w.Ledger = &runs{Ledger: w.store}
			w.blockDomains(findings("evil.top", "worse.top", "third.top")...)
			w.blockAlerted(findings("alerted.top")...)
			require.ElementsMatch(t, []string{"evil.top", "worse.top", "third.top"}, w.members(ownName))
			require.Equal(t, []string{"alerted.top"}, w.policed(ownName))
			require.Len(t, w.ownPolicies(), 2)
		})
	}
}

func TestARefusedDomainIsOfferedInThreeRunsAndTheOthersAreBlocked(t *testing.T) {
	w := newImports(t)
	require.NoError(t, w.vendors.SetLimits(t.Context(), simulated.Limits{RefusedDomains: []string{"bad.top"}}))
	w.settings.SendToMimecast.IOCDomains.Enabled, w.settings.SendToMimecast.AlertDomains.Enabled = true, true
	w.planned(activities.RunPlan{Settings: w.settings})
	domains, alerted := findings("evil.top", "bad.top"), findings("evil.top", "bad.top")
	for tries := 1; tries <= 3; tries++ {
		require.Equal(t, 1, w.blockDomains(domains...).Counts.Quarantined)
		require.Equal(t, 1, w.blockAlerted(alerted...).Counts.Quarantined)
		w.nextRun()
		for flow, again := range map[string]*[]activities.Finding{"import-iocs": &domains, "import-alerts": &alerted} {
			loaded, err := run[activities.LoadIntegrationResult](w, w.LoadIntegration, activities.LoadIntegrationInput{Integration: acme, Flow: flow})
			require.NoError(t, err)
			*again = append(loaded.Again[indicator.IOCDomains], loaded.Again[indicator.AlertDomains]...)
		}
	}
	require.Empty(t, append(domains, alerted...))
	require.Equal(t, 3, w.on(ledger.BlockedSenders, "bad.top").Tries)
	require.NotEmpty(t, w.on(ledger.SenderPolicies, "bad.top").Detail)
	require.Equal(t, []string{"evil.top"}, w.members(ownName))
	require.Equal(t, []string{"evil.top"}, w.policed(ownName))
}
