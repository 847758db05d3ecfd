package config_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/config"
)

func TestAnEmptyEnvironmentGivesTheDocumentedDefaults(t *testing.T) {
	cfg, err := config.Read(nil)
	require.NoError(t, err)
	require.Equal(t, "sqlite:threatshare.db", cfg.Ledger.Reveal())
	require.Equal(t, "threatshare", cfg.TaskQueue)
	require.Equal(t, "127.0.0.1:8080", cfg.Listen)
	require.Equal(t, slog.LevelInfo, cfg.LogLevel)
	require.Equal(t, "auto", cfg.LogFormat)
	require.Empty(t, cfg.Warninglists)
	require.True(t, cfg.SMTPURL.Empty())
	require.Empty(t, cfg.MailFrom)
}

func TestEveryVariableReachesItsSetting(t *testing.T) {
	cfg, err := config.Read([]string{
		"THREATSHARE_LEDGER=postgres://ledger:pw@db.example/threatshare",
		"THREATSHARE_TASK_QUEUE=queue-7",
		"THREATSHARE_LISTEN=[::1]:9090",
		"THREATSHARE_LOG_LEVEL=debug",
		"THREATSHARE_LOG_FORMAT=json",
		"THREATSHARE_WARNINGLISTS=/etc/threatshare/lists",
		"THREATSHARE_PRIVATE_HOSTS=gateway.corp.example,other",
		"THREATSHARE_SMTP_URL=smtps://bot:pw@mail.example:465",
		"THREATSHARE_MAIL_FROM=Threat Share <bot@acme.example>",
	})
	require.NoError(t, err)
	require.Equal(t, "postgres://ledger:pw@db.example/threatshare", cfg.Ledger.Reveal())
	require.Equal(t, "queue-7", cfg.TaskQueue)
	require.Equal(t, "[::1]:9090", cfg.Listen)
	require.Equal(t, slog.LevelDebug, cfg.LogLevel)
	require.Equal(t, "json", cfg.LogFormat)
	require.Equal(t, "/etc/threatshare/lists", cfg.Warninglists)
	require.Equal(t, []string{"gateway.corp.example", "other"}, cfg.PrivateHosts)
	require.Equal(t, "smtps://bot:pw@mail.example:465", cfg.SMTPURL.Reveal())
	require.Equal(t, "Threat Share <bot@acme.example>", cfg.MailFrom)
}

func TestListeningIsSwitchedOffByAnEmptyVariableOrTheWord(t *testing.T) {
	for _, value := range []string{"", "off"} {
		cfg, err := config.Read([]string{"THREATSHARE_LISTEN=" + value})
		require.NoError(t, err)
		require.Empty(t, cfg.Listen, "%q", value)
	}
}

func TestEveryProblemIsToldAtOnceByVariableAndWithoutSecrets(t *testing.T) {
	_, err := config.Read([]string{
		"THREATSHARE_LEDGER=mysql://root:canary-ledger@db.example/x",
		"THREATSHARE_LISTEN=8080",
		"THREATSHARE_LOG_LEVEL=loud",
		"THREATSHARE_LOG_FORMAT=xml",
		"THREATSHARE_PRIVATE_HOSTS=good.example,https://canary@host:443",
		"THREATSHARE_SMTP_URL=http://bot:canary%zz@mail.example",
		"THREATSHARE_MAIL_FROM=nobody",
	})
	require.Error(t, err)
	for _, variable := range []string{
		"THREATSHARE_LEDGER", "THREATSHARE_LISTEN", "THREATSHARE_LOG_LEVEL", "THREATSHARE_LOG_FORMAT", "THREATSHARE_PRIVATE_HOSTS",
		"THREATSHARE_SMTP_URL", "THREATSHARE_MAIL_FROM",
	} {
		require.ErrorContains(t, err, variable+": ")
	}
	require.Len(t, strings.Split(err.Error(), "\n"), 7)
	require.NotContains(t, err.Error(), "canary")
}

func TestAMailServerNeedsASender(t *testing.T) {
	_, err := config.Read([]string{"THREATSHARE_SMTP_URL=smtp://mail.example:25"})
	require.ErrorContains(t, err, "THREATSHARE_MAIL_FROM")
}

func TestALedgerNeedsAFileOrAServer(t *testing.T) {
	for _, ledger := range []string{"sqlite:", "threatshare.db", "sqlite"} {
		_, err := config.Read([]string{"THREATSHARE_LEDGER=" + ledger})
		require.ErrorContains(t, err, "THREATSHARE_LEDGER", "%q", ledger)
	}
}

func TestASecretIsReadFromItsFileWithoutTheLineEnd(t *testing.T) {
	path := write(t, "postgres://ledger:pw@db.example/threatshare\r\n")
	cfg, err := config.Read([]string{"THREATSHARE_LEDGER_FILE=" + path})
	require.NoError(t, err)
	require.Equal(t, "postgres://ledger:pw@db.example/threatshare", cfg.Ledger.Reveal())
}

func TestASecretFileThatCannotBeUsedIsNamed(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "nothing-here")
	for name, path := range map[string]string{
		"missing":   missing,
		"empty":     write(t, "\n"),
		"too large": write(t, strings.Repeat("x", 64<<10+1)),
		"folder":    t.TempDir(),
	} {
		_, err := config.Read([]string{"THREATSHARE_LEDGER_FILE=" + path})
		require.ErrorContains(t, err, "THREATSHARE_LEDGER_FILE: ", name)
		require.ErrorContains(t, err, path, name)
	}
	_, err := config.Read([]string{"THREATSHARE_LEDGER_FILE=" + missing})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestASecretOfTheLargestSizeIsTaken(t *testing.T) {
	file := "sqlite:" + strings.Repeat("x", 64<<10-len("sqlite:"))
	cfg, err := config.Read([]string{"THREATSHARE_LEDGER_FILE=" + write(t, file)})
	require.NoError(t, err)
	require.Equal(t, file, cfg.Ledger.Reveal())
}

func TestASecretGivenTwiceIsRefused(t *testing.T) {
	_, err := config.Read([]string{
		"THREATSHARE_LEDGER=sqlite:canary", "THREATSHARE_LEDGER_FILE=" + write(t, "sqlite:canary"),
	})
	require.ErrorContains(t, err, "THREATSHARE_LEDGER and THREATSHARE_LEDGER_FILE")
	require.NotContains(t, err.Error(), "canary")
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}
