package config_test

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/config"
)

func defaultSet() []string {
	return []string{
		"MIMECAST_CLIENT_ID=mc-id", "MIMECAST_CLIENT_SECRET=mc-secret",
		"FALCON_BASE_URL=https://falcon.example", "FALCON_CLIENT_ID=cs-id", "FALCON_CLIENT_SECRET=cs-secret",
	}
}

func read(t *testing.T, environ ...string) config.Config {
	t.Helper()
	cfg, err := config.Read(environ)
	require.NoError(t, err)
	return cfg
}

func TestTheDefaultSetHasNoPrefix(t *testing.T) {
	creds, err := read(t, append(defaultSet(), "FALCON_MEMBER_CID=child")...).Credentials("")
	require.NoError(t, err)
	require.Equal(t, config.Credentials{
		Mimecast: config.Mimecast{
			BaseURL: "https://api.services.mimecast.com", ClientID: "mc-id", ClientSecret: config.NewSecret("mc-secret"),
		},
		Falcon: config.Falcon{
			BaseURL: "https://falcon.example", ClientID: "cs-id", ClientSecret: config.NewSecret("cs-secret"), MemberCID: "child",
		},
	}, creds)
}

func TestASetIsReadFromItsPrefixWithDashesAsUnderscores(t *testing.T) {
	cfg := read(t, append(defaultSet(),
		"ACME_EU_MIMECAST_BASE_URL=http://127.0.0.1:4010",
		"ACME_EU_MIMECAST_CLIENT_ID=eu-mc", "ACME_EU_MIMECAST_CLIENT_SECRET=eu-mc-secret",
		"ACME_EU_FALCON_BASE_URL=https://eu.falcon.example", "ACME_EU_FALCON_CLIENT_ID=eu-cs",
		"ACME_EU_FALCON_CLIENT_SECRET=eu-cs-secret",
	)...)
	creds, err := cfg.Credentials("acme-eu")
	require.NoError(t, err)
	require.Equal(t, "http://127.0.0.1:4010", creds.Mimecast.BaseURL)
	require.Equal(t, "eu-mc-secret", creds.Mimecast.ClientSecret.Reveal())
	require.Equal(t, "eu-cs", creds.Falcon.ClientID)
	require.Equal(t, "eu-cs-secret", creds.Falcon.ClientSecret.Reveal())
}

func TestASetNeverBorrowsFromTheDefaultSet(t *testing.T) {
	cfg := read(t, append(defaultSet(), "ACME_MIMECAST_CLIENT_ID=acme-id")...)
	_, err := cfg.Credentials("acme")
	missing, ok := errors.AsType[*config.MissingError](err)
	require.True(t, ok)
	require.Equal(t, &config.MissingError{Set: "acme", Variables: []string{
		"ACME_FALCON_BASE_URL", "ACME_FALCON_CLIENT_ID", "ACME_FALCON_CLIENT_SECRET", "ACME_MIMECAST_CLIENT_SECRET",
	}}, missing)
}

func TestAllMissingVariablesAreNamedTogether(t *testing.T) {
	_, err := read(t, "MIMECAST_CLIENT_ID=", "FALCON_CLIENT_ID=cs-id").Credentials("")
	missing, ok := errors.AsType[*config.MissingError](err)
	require.True(t, ok)
	require.Equal(t, []string{
		"FALCON_BASE_URL", "FALCON_CLIENT_SECRET", "MIMECAST_CLIENT_ID", "MIMECAST_CLIENT_SECRET",
	}, missing.Variables)
	for _, variable := range missing.Variables {
		require.ErrorContains(t, err, variable)
	}
}

func TestMissingAndUnusableVariablesAreToldTogether(t *testing.T) {
	_, err := read(t,
		"MIMECAST_BASE_URL=http://api.mimecast.example", "MIMECAST_CLIENT_ID=mc-id",
		"MIMECAST_CLIENT_SECRET_FILE=/nonexistent/mimecast", "FALCON_BASE_URL=falcon.example", "FALCON_CLIENT_ID=cs-id",
	).Credentials("")
	missing, ok := errors.AsType[*config.MissingError](err)
	require.True(t, ok)
	require.Equal(t, []string{"FALCON_CLIENT_SECRET"}, missing.Variables)
	invalid, ok := errors.AsType[*config.InvalidError](err)
	require.True(t, ok)
	require.Len(t, invalid.Problems, 3)
	require.ErrorContains(t, err, "MIMECAST_BASE_URL: ")
	require.ErrorContains(t, err, "FALCON_BASE_URL: ")
	require.ErrorContains(t, err, "MIMECAST_CLIENT_SECRET_FILE: open /nonexistent/mimecast")
}

func TestARotatedSecretFileIsTakenWithoutARestart(t *testing.T) {
	path := write(t, "first\n")
	cfg := read(t,
		"MIMECAST_CLIENT_ID=mc-id", "MIMECAST_CLIENT_SECRET_FILE="+path,
		"FALCON_BASE_URL=https://falcon.example", "FALCON_CLIENT_ID=cs-id", "FALCON_CLIENT_SECRET=cs-secret",
	)
	creds, err := cfg.Credentials("")
	require.NoError(t, err)
	require.Equal(t, "first", creds.Mimecast.ClientSecret.Reveal())

	require.NoError(t, os.WriteFile(path, []byte("second\n"), 0o600))
	creds, err = cfg.Credentials("")
	require.NoError(t, err)
	require.Equal(t, "second", creds.Mimecast.ClientSecret.Reveal())
}

func TestAnImpossibleSetNameIsRefused(t *testing.T) {
	for _, set := range []string{"Acme", "a_b", "a b", "../x", "a\n", "x1234567890123456789012345678901234567890"} {
		_, err := read(t, defaultSet()...).Credentials(set)
		_, ok := errors.AsType[*config.InvalidError](err)
		require.True(t, ok, "%q", set)
	}
}

func TestTheSetsOfAnEnvironmentAreThoseWithAVariable(t *testing.T) {
	cfg := read(t,
		"MIMECAST_CLIENT_ID=x", "ACME_EU_FALCON_CLIENT_SECRET_FILE=/run/secrets/falcon", "BETA_MIMECAST_BASE_URL=https://m.example",
		"GAMMA_MIMECAST_CLIENT_ID=", "MIMECAST_COLOUR=blue", "lower_MIMECAST_CLIENT_ID=x", "PATH=/bin",
	)
	require.Equal(t, []string{"", "acme-eu", "beta"}, cfg.CredentialSets())
	require.Empty(t, read(t).CredentialSets())
	require.Empty(t, config.Config{}.CredentialSets())
}

func TestASetIsFoundUnderTheNameThatReadsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := rapid.StringMatching(`[a-z0-9-]{1,40}`).Draw(t, "set")
		_, err := config.Config{}.Credentials(set)
		missing, ok := errors.AsType[*config.MissingError](err)
		if !ok || len(missing.Variables) != 5 {
			t.Fatalf("%q: %v", set, err)
		}
		for _, variable := range missing.Variables {
			cfg, err := config.Read([]string{variable + "=x"})
			if err != nil {
				t.Fatal(err)
			}
			if sets := cfg.CredentialSets(); len(sets) != 1 || sets[0] != set {
				t.Fatalf("%s belongs to %q, not to %q", variable, set, sets)
			}
		}
	})
}
