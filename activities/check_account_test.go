package activities_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/access"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator/fault"
)

func TestFault_V19_ClocksThatAreApartAreAWarningAndThenAFailure(t *testing.T) {
	for ahead, want := range map[time.Duration]access.Outcome{
		0:                 access.OK,
		-30 * time.Second: access.OK,
		5 * time.Minute:   access.Warning,
		-5 * time.Minute:  access.Warning,
		-time.Hour:        access.Failed,
	} {
		for _, vendor := range []string{fault.Mimecast, fault.Falcon} {
			w := newWorld(t)
			require.NoError(t, w.vendors.SetClockSkew(t.Context(), vendor, ahead))
			result := w.checked()
			f := finding(t, result, vendor, "clock")
			require.Equal(t, want, f.Outcome, "%s %s", vendor, ahead)
			if want != access.OK {
				require.Regexp(t, `^(Mimecast|Falcon)'s clock is (4m|5m|59m|1h)\S+ (ahead of|behind) the worker's`, f.Detail)
			}
			require.Zero(t, result.Mimecast)
			require.Zero(t, result.Falcon)
		}
	}
}

func TestAQuotaThatIsNearlyUsedUpIsToldInTime(t *testing.T) {
	w := newWorld(t)
	w.settings.SendToMimecast.IOCHashes.Enabled = true
	m, err := w.Vendors.Mimecast("")
	require.NoError(t, err)
	var hashes []string
	for n := range 100 {
		hashes = append(hashes, hash(n))
	}
	_, err = m.BlockHashes(t.Context(), hashes, "before")
	require.NoError(t, err)
	for limit, want := range map[int]struct {
		outcome access.Outcome
		words   string
	}{
		200: {access.OK, "100 of 200 hashes"},
		126: {access.OK, "100 of 126 hashes"},
		125: {access.Warning, "more than 80 % full, 100 of 125 hashes: "},
		105: {access.Warning, "nearly full, 100 of 105 hashes: "},
		100: {access.Failed, "full, 100 of 100 hashes: "},
	} {
		w.roomFor(limit)
		f := finding(t, w.checked(), "mimecast", "room for hashes (BYOTI)")
		require.Equal(t, want.outcome, f.Outcome, limit)
		require.True(t, strings.HasPrefix(f.Detail, want.words), f.Detail)
	}
	require.NoError(t, w.vendors.AddFaults(t.Context(),
		fault.Rule{Vendor: fault.Mimecast, Path: "/api/byo-threat-intelligence/get-quota", Kind: fault.Status, Status: 200, Body: `{"data":[{"state":"fine"}]}`},
		fault.Rule{Vendor: fault.Falcon, Path: "/iocs/combined/", Kind: fault.Status, Status: 200, Body: `{"meta":{"pagination":{"total":960000}},"resources":[{}]}`},
	))
	result := w.checked()
	require.Equal(t, access.Unknown, finding(t, result, "mimecast", "room for hashes (BYOTI)").Outcome)
	f := finding(t, result, "falcon", "room for IOCs")
	require.Equal(t, access.Warning, f.Outcome)
	require.Contains(t, f.Detail, "960000 of 1000000 IOCs")
}

func TestAPackageThatTheAccountDoesNotListIsAWarning(t *testing.T) {
	w := newWorld(t)
	w.switchEverythingOn()
	require.NoError(t, w.vendors.SetPackages(t.Context(), "BYO: Threat Intelligence [1089]", "URL Protection, renamed [1043]", "Impersonation Protection [1060]"))
	result := w.checked()
	require.Equal(t, map[access.Outcome]int{access.Warning: 2, access.OK: 24}, outcomes(result, "notify"))
	f := finding(t, result, "mimecast", "package Threat Remediation [1075]")
	require.Equal(t, access.Warning, f.Outcome)
	require.Equal(t, []settings.Part{"iocHashes.remediate", "iocDomains.remediate", "alertDomains.remediate"}, f.Parts)
	require.Equal(t, access.Warning, finding(t, result, "mimecast", "package Attachment Protection (Site) [1056]").Outcome)
	require.Empty(t, result.Parts)

	require.NoError(t, w.vendors.Deny(t.Context(), "/api/account/"))
	f = finding(t, w.checked(), "mimecast", "packages")
	require.Equal(t, access.Unknown, f.Outcome)
	require.Contains(t, f.Detail, `lacks the product "accountmanagement" or its role the permission "Account, Dashboard, Read"`)
}
