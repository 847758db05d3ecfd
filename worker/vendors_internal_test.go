package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/config"
)

// This test is inside the package because the program exports nothing.

func TestWrongCredentialsAreToldByTheVariablesOfTheirSet(t *testing.T) {
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"fail":[{"code":"InvalidClientIdentifier"}],"errors":[{"code":401,"message":"Unauthorized"}]}`))
	}))
	t.Cleanup(refusing.Close)
	var environ []string
	for _, prefix := range []string{"", "ACME_EU_"} {
		for variable, value := range map[string]string{
			"MIMECAST_BASE_URL": refusing.URL, "MIMECAST_CLIENT_ID": "mc-id", "MIMECAST_CLIENT_SECRET": "mc-wrong",
			"FALCON_BASE_URL": refusing.URL, "FALCON_CLIENT_ID": "cs-id", "FALCON_CLIENT_SECRET": "cs-wrong",
		} {
			environ = append(environ, prefix+variable+"="+value)
		}
	}
	cfg, err := config.Read(environ)
	require.NoError(t, err)
	vendors := newVendors(cfg, nil)
	for set, prefix := range map[string]string{"": "", "acme-eu": "ACME_EU_"} {
		mimecast, err := vendors.Mimecast(set)
		require.NoError(t, err)
		require.ErrorContains(t, mimecast.CheckConnection(t.Context()),
			"check "+prefix+"MIMECAST_CLIENT_ID and "+prefix+"MIMECAST_CLIENT_SECRET of this credential set")
		falcon, err := vendors.Falcon(set)
		require.NoError(t, err)
		require.ErrorContains(t, falcon.CheckConnection(t.Context()),
			"check "+prefix+"FALCON_CLIENT_ID and "+prefix+"FALCON_CLIENT_SECRET of this credential set")
	}
}
