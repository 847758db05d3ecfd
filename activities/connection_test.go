package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/simulator"
	"github.com/threatshare/threatshare/internal/simulator/fault"
)

func (w *world) check() (activities.CheckConnectionsResult, error) {
	w.t.Helper()
	return run[activities.CheckConnectionsResult](w, w.CheckConnections, activities.CheckConnectionsInput{SendToFalcon: w.settings.SendToFalcon})
}

func TestGoodConnectionsHaveNoProblem(t *testing.T) {
	w := newWorld(t)
	w.settings.SendToFalcon.AttachmentHashes.Action = "prevent"
	result, err := w.check()
	require.NoError(t, err)
	require.Zero(t, result)
	require.Zero(t, w.writes(fault.Falcon)+w.writes(fault.Mimecast))
}

func TestAWrongSecretIsAProblemOfItsVendorAloneUntilItIsMended(t *testing.T) {
	for _, vendor := range []string{fault.Mimecast, fault.Falcon} {
		t.Run(vendor, func(t *testing.T) {
			w := newWorld(t)
			require.NoError(t, w.vendors.SetCredentials(t.Context(), vendor, simulator.DemoClientID, "changed at the vendor"))
			require.NoError(t, w.vendors.Revoke(t.Context(), vendor))
			result, err := w.check()
			require.NoError(t, err)
			bad, good := result.Mimecast, result.Falcon
			secret := simulator.DemoMimecastSecret
			if vendor == fault.Falcon {
				bad, good, secret = good, bad, simulator.DemoFalconSecret
			}
			require.Equal(t, activities.VendorAuth, bad.Type)
			require.Equal(t, vendor, bad.Vendor)
			require.NotContains(t, bad.Reason, secret)
			require.Zero(t, good)

			require.NoError(t, w.vendors.SetCredentials(t.Context(), vendor, simulator.DemoClientID, secret))
			result, err = w.check()
			require.NoError(t, err)
			require.Zero(t, result, "asked anew, not remembered")
		})
	}
}

func TestAnActionThatFalconDoesNotTakeIsAProblemOfFalcon(t *testing.T) {
	w := newWorld(t)
	w.settings.SendToFalcon.URLDomains.Action = "prevent"
	result, err := w.check()
	require.NoError(t, err)
	require.Zero(t, result.Mimecast)
	require.Equal(t, activities.VendorRejected, result.Falcon.Type)

	w.settings.SendToFalcon.URLDomains.Enabled = false
	result, err = w.check()
	require.NoError(t, err)
	require.Zero(t, result, "what is switched off is not asked about")
}

func TestAMissingScopeIsAProblemOfFalcon(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.vendors.SetScopes(t.Context(), "Alerts: Read"))
	result, err := w.check()
	require.NoError(t, err)
	require.Equal(t, activities.VendorForbidden, result.Falcon.Type)
}

func TestAnOutageFailsTheCheckForTemporalToTryAgain(t *testing.T) {
	for _, vendor := range []string{fault.Mimecast, fault.Falcon} {
		w := newWorld(t)
		w.breakDown(t, vendor)
		_, err := w.check()
		refusedAs(t, err, activities.VendorUnavailable, true)
	}
}
