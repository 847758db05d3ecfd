package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/access"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator/fault"
)

func TestAMissingScopeParksThePartsThatNeedItAndNoOthers(t *testing.T) {
	scopes := map[access.Function]string{
		access.ReadIOCs: "IOC Management: Read", access.WriteIOCs: "IOC Management: Write", access.ReadAlerts: "Alerts: Read",
	}
	_, all := access.Functions()
	for _, missing := range all {
		t.Run(string(missing), func(t *testing.T) {
			w := newWorld(t)
			w.switchEverythingOn()
			var given []string
			for _, function := range all {
				if function != missing {
					given = append(given, scopes[function])
				}
			}
			require.NoError(t, w.vendors.SetScopes(t.Context(), given...))
			result := w.checked()
			require.Zero(t, result.Falcon, "the credentials are good")
			w.parkedFor(t, result, missing)
			f := finding(t, result, "falcon", "scope "+scopes[missing])
			require.Equal(t, access.Failed, f.Outcome)
			require.Contains(t, f.Detail, "Falcon answered 403 to ")
			require.Contains(t, f.Detail, "lacks the scope "+scopes[missing]+": add it in the Falcon console")
			require.Zero(t, w.writes(fault.Falcon)+w.writes(fault.Mimecast))
		})
	}
}

// parkedFor makes sure that exactly the parts are parked that need a function.
func (w *world) parkedFor(t *testing.T, result activities.CheckConnectionsResult, missing access.Function) {
	t.Helper()
	mimecast, falcon := access.Needs(w.settings)
	want := map[settings.Part]bool{}
	for _, need := range append(mimecast, falcon...) {
		for _, part := range need.Parts {
			if need.Function == missing && !need.Optional {
				want[part] = true
			}
		}
	}
	got := map[settings.Part]bool{}
	for part, problem := range result.Parts {
		got[part] = true
		require.Equal(t, activities.VendorForbidden, problem.Type)
		require.NotEmpty(t, problem.Vendor)
		require.Contains(t, problem.Reason, "add it in the ")
	}
	require.Equal(t, want, got)
}

func TestAMissingProductParksThePartsThatNeedItAndNoOthers(t *testing.T) {
	const groups, policies = "/directory/cloud-gateway/v1/groups", "/policy-management/"
	denials := map[access.Function][][]string{ // each by itself
		access.ReadAttachmentLogs:    {{"/api/ttp/attachment/"}},
		access.ReadURLLogs:           {{"/api/ttp/url/get-logs"}},
		access.ReadImpersonationLogs: {{"/api/ttp/impersonation/"}},
		access.DecodeLinks:           {{"/api/ttp/url/decode-url"}},
		access.ReadInternalDomains:   {{"/domain/", "/api/domain/"}},
		access.BlockHashes:           {{"/api/byo-threat-intelligence/create-batch"}},
		access.KeepSenderGroup:       {{"POST " + groups + "/threat-share-access-check/members", "POST /api/directory/add-group-member"}},
		access.UnblockSenders: {
			{"POST " + groups + "/threat-share-access-check/remove-members", "POST /api/directory/remove-group-member"},
			{"GET " + groups + "/threat-share-access-check/members", "POST /api/directory/get-group-members"},
		},
		access.BlockSenders: {
			{"GET " + policies, "POST /api/policy/blockedsenders/get-policy"},
			{"PATCH " + policies, "POST " + policies, "POST /api/policy/blockedsenders/create-policy"},
		},
		access.BlockURLs:     {{"/api/ttp/url/get-all-managed-urls"}, {"/api/ttp/url/create-managed-url"}},
		access.UnblockURLs:   {{"/api/ttp/url/delete-managed-url"}},
		access.RemediateMail: {{"/api/ttp/remediation/find-incidents"}, {"/api/ttp/remediation/create"}},
		access.FindMessages:  {{"/api/message-finder/"}},
	}
	all, _ := access.Functions()
	for _, missing := range all {
		require.NotEmpty(t, denials[missing], missing)
		for _, denied := range denials[missing] {
			t.Run(string(missing)+" without "+denied[0], func(t *testing.T) {
				w := newWorld(t)
				w.switchEverythingOn()
				require.NoError(t, w.vendors.Deny(t.Context(), denied...))
				result := w.checked()
				require.Zero(t, result.Mimecast)
				w.parkedFor(t, result, missing)
				m, err := w.Vendors.Mimecast("")
				require.NoError(t, err)
				f := finding(t, result, "mimecast", m.Permission(missing))
				optional := missing == access.DecodeLinks || missing == access.UnblockSenders || missing == access.UnblockURLs
				if optional {
					require.Equal(t, access.Warning, f.Outcome)
					require.Contains(t, f.Detail, "; until then ")
				} else {
					require.Equal(t, access.Failed, f.Outcome)
				}
				require.Contains(t, f.Detail, "Administration console > Integrations > API and Platform Integrations")
				require.NotEmpty(t, f.Parts)
				require.Zero(t, w.writes(fault.Falcon)+w.writes(fault.Mimecast))
			})
		}
	}
}

func TestADryRunIsNotStoppedByWhatItDoesNotUse(t *testing.T) {
	w := newWorld(t)
	w.settings.DryRun = true
	require.NoError(t, w.vendors.SetScopes(t.Context(), "IOC Management: Read", "Alerts: Read"))
	result := w.checked()
	require.Empty(t, result.Parts)
	f := finding(t, result, "falcon", "scope IOC Management: Write")
	require.Equal(t, access.Warning, f.Outcome)
	require.Contains(t, f.Detail, "only a dry run works")
}
