package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/config"
)

// That all who use a credential set share a client is what makes them share its token and the waits that a vendor asks for.
func TestASetHasOneClientUntilASecretChangesInItsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	rotate := func(secret string) { require.NoError(t, os.WriteFile(file, []byte(secret+"\n"), 0o600)) }
	rotate("first")
	var environ []string
	for _, prefix := range []string{"", "ACME_"} {
		environ = append(environ,
			prefix+"MIMECAST_CLIENT_ID=mc-id", prefix+"MIMECAST_CLIENT_SECRET=mc-secret",
			prefix+"FALCON_BASE_URL=https://falcon.example", prefix+"FALCON_CLIENT_ID=cs-id")
	}
	cfg, err := config.Read(append(environ, "FALCON_CLIENT_SECRET_FILE="+file, "ACME_FALCON_CLIENT_SECRET=cs-secret"))
	require.NoError(t, err)
	kept := newVendors(cfg, nil)
	clientsOf := func(set string) [2]any {
		t.Helper()
		mimecast, err := kept.Mimecast(set)
		require.NoError(t, err)
		falcon, err := kept.Falcon(set)
		require.NoError(t, err)
		return [2]any{mimecast, falcon}
	}

	first, acme := clientsOf(""), clientsOf("acme")
	for i := range first {
		require.Same(t, first[i], clientsOf("")[i])
		require.NotSame(t, first[i], acme[i], "sets share nothing")
	}
	rotate("second")
	second := clientsOf("")
	for i := range first {
		require.NotSame(t, first[i], second[i])
		require.Same(t, second[i], clientsOf("")[i])
		require.Same(t, acme[i], clientsOf("acme")[i], "the other set's secret is the same")
	}
	require.NoError(t, os.Remove(file))
	_, err = kept.Falcon("")
	require.ErrorContains(t, err, file)
}
