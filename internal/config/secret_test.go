package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/threatshare/threatshare/internal/config"
)

const canary = "canary-4711"

// holder has the secret where fmt calls no methods.
type holder struct {
	secret config.Secret
	nested *config.Secret
	list   []config.Secret
}

func TestFault_S1_ASecretIsPrintedByNoVerbAndNoEncoder(t *testing.T) {
	secret := config.NewSecret(canary)
	cfg, err := config.Read([]string{
		"THREATSHARE_LEDGER=sqlite:" + canary, "THREATSHARE_SMTP_URL=smtp://u:" + canary + "@mail.example",
		"THREATSHARE_MAIL_FROM=bot@acme.example",
		"MIMECAST_CLIENT_ID=mc-id", "MIMECAST_CLIENT_SECRET=" + canary,
		"FALCON_BASE_URL=https://falcon.example", "FALCON_CLIENT_ID=cs-id", "FALCON_CLIENT_SECRET=" + canary,
	})
	require.NoError(t, err)
	creds, err := cfg.Credentials("")
	require.NoError(t, err)
	require.Equal(t, canary, creds.Falcon.ClientSecret.Reveal())

	values := []any{
		secret, &secret, cfg, &cfg, creds, &creds,
		[]config.Secret{secret},
		map[string]config.Secret{"key": secret},
		map[config.Secret]string{secret: "value"},
		holder{secret: secret, nested: &secret, list: []config.Secret{secret}},
	}
	for _, value := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%o", "% x", "%10.3s", "%p"} {
			require.NotContains(t, fmt.Sprintf(verb, value), canary, "%T by %s", value, verb)
			require.NotContains(t, fmt.Sprintf(verb, value), fmt.Sprintf("%x", canary), "%T by %s", value, verb)
		}
		encoded, err := json.Marshal(value)
		require.NoError(t, err)
		require.NotContains(t, string(encoded), canary)
		if _, asKey := value.(map[config.Secret]string); !asKey {
			encoded, err = yaml.Marshal(value)
			require.NoError(t, err)
			require.NotContains(t, string(encoded), canary)
		}
		var logged bytes.Buffer
		slog.New(slog.NewJSONHandler(&logged, nil)).Info("shown", "value", value)
		slog.New(slog.NewTextHandler(&logged, nil)).Info("shown", "value", value)
		require.NotContains(t, logged.String(), canary)
	}
}

func TestAHiddenSecretStillShowsThatItIsThere(t *testing.T) {
	require.Equal(t, "[hidden]", config.NewSecret(canary).String())
	require.Equal(t, "[hidden]", fmt.Sprintf("%#v", config.NewSecret(canary)))
	require.Empty(t, config.Secret{}.String())
	require.True(t, config.Secret{}.Empty())
	require.True(t, config.NewSecret("").Empty())
	require.False(t, config.NewSecret(canary).Empty())
}
