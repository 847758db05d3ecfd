package activities_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/access"
	"github.com/threatshare/threatshare/internal/config"
	"github.com/threatshare/threatshare/internal/falcon"
	"github.com/threatshare/threatshare/internal/notify"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator"
	"github.com/threatshare/threatshare/internal/simulator/fault"
)

func (w *world) check() (activities.CheckConnectionsResult, error) {
	w.t.Helper()
	return run[activities.CheckConnectionsResult](w, w.CheckConnections, w.settings)
}

func (w *world) checked() activities.CheckConnectionsResult {
	w.t.Helper()
	result, err := w.check()
	require.NoError(w.t, err)
	return result
}

// switchEverythingOn wants all that there is.
func (w *world) switchEverythingOn() {
	w.settings.SendToMimecast.IOCHashes = settings.BlockHashes{Enabled: true, Remediate: true}
	w.settings.SendToMimecast.IOCDomains = settings.BlockDomains{Enabled: true, BlockURLs: true, Remediate: true}
	w.settings.SendToMimecast.AlertDomains = w.settings.SendToMimecast.IOCDomains
}

// finding gives the one line of the table about something.
func finding(t *testing.T, result activities.CheckConnectionsResult, where, check string) access.Finding {
	t.Helper()
	var found []access.Finding
	for _, f := range result.Findings {
		if f.Where == where && f.Check == check {
			found = append(found, f)
		}
	}
	require.Len(t, found, 1, "%s %s in %v", where, check, result.Findings)
	return found[0]
}

func outcomes(result activities.CheckConnectionsResult, except ...string) map[access.Outcome]int {
	counts := map[access.Outcome]int{}
	for _, f := range result.Findings {
		for _, check := range except {
			if f.Check == check {
				f.Outcome = ""
			}
		}
		counts[f.Outcome]++
	}
	delete(counts, "")
	return counts
}

func TestGoodConnectionsHaveATableWithoutAProblemAndNothingIsWritten(t *testing.T) {
	w := newWorld(t)
	w.settings.SendToFalcon.AttachmentHashes.Action = "prevent"
	w.switchEverythingOn()
	w.Mail, w.settings.Notify = &postOffice{}, []string{"soc@acme.example"}
	result := w.checked()
	require.Zero(t, result.Mimecast)
	require.Zero(t, result.Falcon)
	require.Empty(t, result.Parts)
	var table []string
	for _, f := range result.Findings {
		require.Equal(t, access.OK, f.Outcome, f)
		table = append(table, f.Where+": "+f.Check)
	}
	const groups = "product userandgroupmanagement; role permission"
	require.Equal(t, []string{
		"mimecast: credentials",
		"mimecast: clock",
		"mimecast: product securityevents; role permission Monitoring, Attachment Protection, Read",
		"mimecast: product securityevents; role permission Monitoring, URL Protection, Read",
		"mimecast: product securityevents; role permission Monitoring, Impersonation Protection, Read",
		"mimecast: product cloudgateway; role permission Account, Dashboard, Read",
		"mimecast: product domainmanagement; role permission Directories, Internal, Read",
		"mimecast: product threatmanagement; role permission BYO Threat Intelligence, Upload",
		"mimecast: " + groups + " Directories, Groups, Edit",
		"mimecast: " + groups + "s Directories, Groups, Edit; Services, Directory Sync, Read; Services, Directory Sync, Edit",
		"mimecast: product policymanagement; role permission Gateway, Policies, Edit",
		"mimecast: product policymanagement; role permission Services, Targeted Threat Protection - URL Protect, Edit",
		"mimecast: product policymanagement; role permission Services, URL Protection, Edit",
		"mimecast: product threatmanagement; role permissions Services, Threat Remediation, Read; Services, Threat Remediation, Edit",
		"mimecast: product cloudgateway; role permission Gateway, Tracking, Read",
		"mimecast: packages",
		"mimecast: room for hashes (BYOTI)",
		"falcon: credentials",
		"falcon: region",
		"falcon: clock",
		"falcon: scope IOC Management: Read",
		"falcon: scope IOC Management: Write",
		"falcon: scope Alerts: Read",
		"falcon: room for IOCs",
		"falcon: actions, severities and platforms of sendToFalcon",
		"mail: notify",
	}, table)
	require.Zero(t, w.writes(fault.Falcon))
	require.Zero(t, w.writes(fault.Mimecast))
}

func TestOnlyWhatIsSwitchedOnIsAskedFor(t *testing.T) {
	w := newWorld(t)
	w.settings = settings.Default()
	w.settings.SendToMimecast.AlertDomains.Enabled = true
	w.checked()
	stats, err := w.vendors.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]int{
		"POST /oauth2/token": 1, "GET /iocs/combined/indicator/v1": 1, "POST /alerts/combined/alerts/v1": 1,
	}, stats.Calls[fault.Falcon])
	require.Zero(t, stats.Calls[fault.Mimecast]["POST /api/byo-threat-intelligence/create-batch"])
	require.Empty(t, stats.Violations)
}

func TestAWrongSecretIsAProblemOfItsVendorAloneUntilItIsMended(t *testing.T) {
	for _, vendor := range []string{fault.Mimecast, fault.Falcon} {
		t.Run(vendor, func(t *testing.T) {
			w := newWorld(t)
			require.NoError(t, w.vendors.SetCredentials(t.Context(), vendor, simulator.DemoClientID, "changed at the vendor"))
			require.NoError(t, w.vendors.Revoke(t.Context(), vendor))
			result := w.checked()
			bad, good := result.Mimecast, result.Falcon
			secret := simulator.DemoMimecastSecret
			if vendor == fault.Falcon {
				bad, good, secret = good, bad, simulator.DemoFalconSecret
			}
			require.Equal(t, activities.VendorAuth, bad.Type)
			require.Equal(t, vendor, bad.Vendor)
			require.NotContains(t, bad.Reason, secret)
			require.Contains(t, bad.Reason, strings.ToUpper(vendor)+"_CLIENT_SECRET")
			require.Zero(t, good)
			require.Empty(t, result.Parts)
			for _, f := range result.Findings {
				switch {
				case f.Where == vendor && f.Check == "credentials":
					require.Equal(t, access.Failed, f.Outcome)
					require.Equal(t, bad.Reason, f.Detail)
				case f.Where == vendor && f.Check != "clock":
					require.Equal(t, access.Unknown, f.Outcome, f)
				case f.Where != "mail":
					require.Equal(t, access.OK, f.Outcome, f)
				}
			}

			require.NoError(t, w.vendors.SetCredentials(t.Context(), vendor, simulator.DemoClientID, secret))
			result = w.checked()
			require.Zero(t, result.Mimecast, "asked anew, not remembered")
			require.Zero(t, result.Falcon)
		})
	}
}

func TestMissingVariablesStandInATableOfWhatWasNotAsked(t *testing.T) {
	w := newWorld(t)
	w.switchEverythingOn()
	cfg, err := config.Read(nil)
	require.NoError(t, err)
	_, err = cfg.Credentials("")
	w.Vendors = &clients{err: err}
	result := w.checked()
	require.Equal(t, activities.VendorAuth, result.Mimecast.Type)
	require.Equal(t, activities.VendorAuth, result.Falcon.Type)
	require.Contains(t, finding(t, result, "falcon", "credentials").Detail, "FALCON_CLIENT_SECRET")
	require.Equal(t, access.Unknown, finding(t, result, "mimecast", string(access.BlockURLs)).Outcome)
	require.Equal(t, map[access.Outcome]int{access.Failed: 2, access.Unknown: 16, access.Warning: 1}, outcomes(result))
}

func TestAnActionThatFalconDoesNotTakeIsAProblemOfFalcon(t *testing.T) {
	w := newWorld(t)
	w.settings.SendToFalcon.URLDomains.Action = "prevent"
	result := w.checked()
	require.Zero(t, result.Mimecast)
	require.Equal(t, activities.VendorRejected, result.Falcon.Type)
	require.Equal(t, access.Failed, finding(t, result, "falcon", "actions, severities and platforms of sendToFalcon").Outcome)
	require.Equal(t, access.OK, finding(t, result, "falcon", "scope IOC Management: Write").Outcome)
	require.Equal(t, access.OK, finding(t, result, "falcon", "room for IOCs").Outcome)

	w.settings.SendToFalcon.URLDomains.Enabled = false
	require.Zero(t, w.checked().Falcon, "what is switched off is not asked about")
}

func TestWhatCouldNotBeToldIsUnknownAndParksNothing(t *testing.T) {
	w := newWorld(t)
	w.switchEverythingOn()
	require.NoError(t, w.vendors.AddFaults(t.Context(),
		fault.Rule{Vendor: fault.Mimecast, Path: "/api/ttp/url/get-logs", Kind: fault.Status, Status: http.StatusServiceUnavailable},
		fault.Rule{Vendor: fault.Mimecast, Path: "/api/account/", Kind: fault.HTML, Status: http.StatusForbidden},
		fault.Rule{Vendor: fault.Falcon, Path: "/alerts/", Kind: fault.Cut},
		fault.Rule{Vendor: fault.Falcon, Path: "/iocs/queries/actions", Kind: fault.Status, Status: http.StatusInternalServerError},
	))
	result := w.checked()
	require.Empty(t, result.Parts)
	require.Zero(t, result.Mimecast)
	require.Zero(t, result.Falcon)
	require.Contains(t, finding(t, result, "mimecast", "product securityevents; role permission Monitoring, URL Protection, Read").Detail,
		"could not be told: Mimecast answered 503 to POST /api/ttp/url/get-logs")
	require.Equal(t, map[access.Outcome]int{access.Unknown: 4, access.OK: 21}, outcomes(result, "notify"))
}

func TestATokenThatWorksNowhereIsAProblemOfTheVendor(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{
		Vendor: fault.Falcon, Path: "/iocs/", Kind: fault.Status, Status: http.StatusUnauthorized,
	}))
	result := w.checked()
	require.Equal(t, activities.VendorAuth, result.Falcon.Type)
	require.Empty(t, result.Parts)
	require.Equal(t, access.Failed, finding(t, result, "falcon", "scope IOC Management: Read").Outcome)
	require.Equal(t, access.Unknown, finding(t, result, "falcon", "room for IOCs").Outcome)
}

func TestFault_V24_CredentialsOfAnotherRegionAreToldFromWrongOnes(t *testing.T) {
	w := newWorld(t)
	elsewhere, err := falcon.New(falcon.Config{
		BaseURL: w.sim.URLs.Falcon, Region: "eu-1", ClientID: simulator.DemoClientID, ClientSecret: config.NewSecret(simulator.DemoFalconSecret),
	})
	require.NoError(t, err)
	both := w.clients(100)
	both.falcon = elsewhere
	w.Vendors = both
	result := w.checked()
	require.Equal(t, activities.VendorAuth, result.Falcon.Type)
	require.Equal(t, access.OK, finding(t, result, "falcon", "credentials").Outcome)
	region := finding(t, result, "falcon", "region")
	require.Equal(t, access.Failed, region.Outcome)
	require.Contains(t, region.Detail, "belong to the cloud us-1")
	require.Contains(t, region.Detail, "set FALCON_BASE_URL to https://api.crowdstrike.com")
}

// postOffice is a mail server that says what a test wants.
type postOffice struct {
	activities.Mailer

	err error
}

func (p *postOffice) Check(context.Context) error { return p.err }

func TestMailThatCannotBeSentIsToldAndStopsNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		mail    activities.Mailer
		to      []string
		outcome access.Outcome
		words   string
	}{
		"nobody to tell":     {&postOffice{err: errors.New("is not asked")}, nil, access.Warning, "notify in the settings"},
		"no mail server":     {&postOffice{err: notify.ErrNoServer}, []string{"soc@acme.example"}, access.Failed, "THREATSHARE_SMTP_URL"},
		"no mailer at all":   {nil, []string{"soc@acme.example"}, access.Failed, "THREATSHARE_SMTP_URL"},
		"server is not well": {&postOffice{err: errors.New("dial tcp: refused")}, []string{"soc@acme.example"}, access.Failed, "dial tcp: refused"},
		"all is well":        {&postOffice{}, []string{"soc@acme.example"}, access.OK, ""},
	} {
		w := newWorld(t)
		w.Mail, w.settings.Notify = tc.mail, tc.to
		result := w.checked()
		f := finding(t, result, "mail", "notify")
		require.Equal(t, tc.outcome, f.Outcome, name)
		require.Contains(t, f.Detail, tc.words, name)
		require.Zero(t, result.Mimecast, name)
		require.Zero(t, result.Falcon, name)
		require.Empty(t, result.Parts, name)
	}
}

func TestAnOutageFailsTheCheckForTemporalToTryAgain(t *testing.T) {
	for _, vendor := range []string{fault.Mimecast, fault.Falcon} {
		w := newWorld(t)
		w.breakDown(t, vendor)
		_, err := w.check()
		refusedAs(t, err, activities.VendorUnavailable, true)
	}
}

func TestTheThirdTryOfAnOutageGivesATable(t *testing.T) {
	for _, vendor := range []string{fault.Mimecast, fault.Falcon} {
		w := newWorld(t)
		w.breakDown(t, vendor)
		var result activities.CheckConnectionsResult
		require.NoError(t, retriedInto(w, w.CheckConnections, w.settings, &result))
		down, up := result.Mimecast, result.Falcon
		if vendor == fault.Falcon {
			down, up = up, down
		}
		require.Equal(t, activities.VendorUnavailable, down.Type)
		require.Equal(t, vendor, down.Vendor)
		require.Contains(t, down.Reason, "answered 503")
		require.Zero(t, up)
		require.Empty(t, result.Parts)
		f := finding(t, result, vendor, "credentials")
		require.Equal(t, access.Unknown, f.Outcome)
		require.Contains(t, f.Detail, "answered 503")
		stats, err := w.vendors.Stats(t.Context())
		require.NoError(t, err)
		require.Equal(t, 3, stats.Calls[vendor][map[string]string{fault.Mimecast: "POST /oauth/token", fault.Falcon: "POST /oauth2/token"}[vendor]])
	}
}

func TestALongWaitThatAVendorAsksForIsNotSatOut(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{Vendor: fault.Mimecast, Path: "/identity/", Kind: fault.Throttle, DelayMS: 600_000}))
	result := w.checked()
	require.Equal(t, activities.VendorThrottled, result.Mimecast.Type)
	require.Zero(t, result.Falcon)
}

func TestAWrongSecretOfOneVendorIsToldAlsoWhileTheOtherIsDown(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.vendors.SetCredentials(t.Context(), fault.Falcon, simulator.DemoClientID, "changed"))
	w.breakDown(t, fault.Mimecast)
	result := w.checked()
	require.Equal(t, activities.VendorAuth, result.Falcon.Type)
	require.Equal(t, activities.VendorUnavailable, result.Mimecast.Type)
}
