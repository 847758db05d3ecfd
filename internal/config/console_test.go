package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/config"
)

func TestTheConsoleIsOnWithoutAPasswordByDefault(t *testing.T) {
	cfg := read(t)
	require.Equal(t, "on", cfg.Console)
	require.True(t, cfg.ConsolePassword.Empty())
	require.Empty(t, cfg.ConsoleURL)
}

func TestTheConsolesPasswordComesFromItsVariableOrFile(t *testing.T) {
	require.Equal(t, "twelve letters", read(t, "THREATSHARE_CONSOLE_PASSWORD=twelve letters").ConsolePassword.Reveal())
	file := write(t, "twelve letters\n")
	require.Equal(t, "twelve letters", read(t, "THREATSHARE_CONSOLE_PASSWORD_FILE="+file).ConsolePassword.Reveal())
}

func TestFault_S3_AConsoleForOthersNeedsAPasswordAndAnAddressThatItsLinksWorkWith(t *testing.T) {
	const password = "THREATSHARE_CONSOLE_PASSWORD=canary-password"
	cfg := read(t, password, "THREATSHARE_CONSOLE_URL=https://threatshare.example/")
	require.Equal(t, "https://threatshare.example", cfg.ConsoleURL)
	for address, words := range map[string]string{
		"threatshare.example":                     "must be an http or https address",
		"https://user:canary@threatshare.example": "without user",
		"https://threatshare.example/console":     "without a path",
		"javascript:alert(1)":                     "must be an http or https address",
	} {
		_, err := config.Read([]string{password, "THREATSHARE_CONSOLE_URL=" + address})
		require.ErrorContains(t, err, "THREATSHARE_CONSOLE_URL: ")
		require.ErrorContains(t, err, words, address)
		require.NotContains(t, err.Error(), "canary")
	}
	_, err := config.Read([]string{"THREATSHARE_CONSOLE_URL=https://threatshare.example"})
	require.ErrorContains(t, err, "needs THREATSHARE_CONSOLE_PASSWORD")
}

func TestAPasswordThatCouldBeFoundByTryingIsRefused(t *testing.T) {
	_, err := config.Read([]string{"THREATSHARE_CONSOLE_PASSWORD=canary"})
	require.ErrorContains(t, err, "THREATSHARE_CONSOLE_PASSWORD: must have at least 12 characters")
	require.NotContains(t, err.Error(), "canary")
	_, err = config.Read([]string{"THREATSHARE_CONSOLE=maybe"})
	require.ErrorContains(t, err, `THREATSHARE_CONSOLE: "maybe" is not one of on, off`)
	require.Len(t, strings.Split(err.Error(), "\n"), 1)
}
