package settings_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/settings"
)

var update = flag.Bool("update", false, "write what is said about each bad file instead of comparing it")

func TestFault_S4_EveryBadFileIsRefusedWithAllItsProblems(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 60)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			document, err := os.ReadFile(file)
			require.NoError(t, err)
			parsed, err := settings.Parse(document)
			problems, bad := errors.AsType[settings.Problems](err)
			require.True(t, bad, "accepted, or refused without problems: %v", err)
			require.NotEmpty(t, problems)
			require.Equal(t, settings.Settings{}, parsed)
			said := err.Error() + "\n"
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(said), 0o600))
			}
			expected, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(expected), said)
		})
	}
}
