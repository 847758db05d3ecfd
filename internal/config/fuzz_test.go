package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/config"
)

func FuzzParseMailServer(f *testing.F) {
	for _, seed := range []string{"smtp://bot:pw@mail.example:587", "smtps://mail.example", "smtp://a:b@[::1]:25", "smtp://%zz", "smtp://a:%00@h", "http://x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		server, err := config.ParseMailServer(address)
		if err != nil {
			require.Zero(t, server)
			if len(address) > 12 {
				require.NotContains(t, err.Error(), address, "it may hold the password")
			}
			return
		}
		require.NotEmpty(t, server.Host)
		require.True(t, server.Port >= 1 && server.Port <= 65535)
		require.Equal(t, server.User.Empty(), server.Password.Empty(), "both or neither")
	})
}

func FuzzReadEnvironment(f *testing.F) {
	f.Add("THREATSHARE_LISTEN", "[::1]:9", "THREATSHARE_LOG_LEVEL", "loud")
	f.Add("ACME_FALCON_BASE_URL", "https://u:canary-secret@x", "THREATSHARE_SMTP_URL", "smtp://a:canary-secret@")
	f.Fuzz(func(t *testing.T, first, one, second, two string) {
		cfg, err := config.Read([]string{first + "=" + one, second + "=" + two, "ACME_FALCON_CLIENT_SECRET=canary-of-the-set"})
		if err != nil {
			require.NotContains(t, err.Error(), "canary-of-the-set")
			return
		}
		for _, set := range cfg.CredentialSets() {
			if _, err := cfg.Credentials(set); err != nil {
				require.NotContains(t, err.Error(), "canary-of-the-set")
			}
		}
	})
}
