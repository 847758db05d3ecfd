package boot_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/boot"
)

func TestWhatIsNoTerminalGetsJSON(t *testing.T) {
	for _, format := range []string{"auto", "json", "", "unknown"} {
		var out bytes.Buffer
		boot.Logger(format, slog.LevelInfo, &out).Info("page shared", "created", 3)
		var line map[string]any
		require.NoError(t, json.Unmarshal(out.Bytes(), &line), format)
		require.Equal(t, "page shared", line["msg"])
		require.InDelta(t, 3, line["created"], 0)
	}
}

func TestAFileIsNoTerminal(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer file.Close()
	boot.Logger("auto", slog.LevelInfo, file).Info("started")
	content, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	require.True(t, json.Valid(content))
}

func TestPrettyLinesHoldNoColourWhereThereIsNoTerminal(t *testing.T) {
	var out bytes.Buffer
	boot.Logger("pretty", slog.LevelInfo, &out).Info("page shared", "created", 3)
	require.Contains(t, out.String(), "INF page shared created=3")
	require.NotContains(t, out.String(), "\x1b")
	require.False(t, json.Valid(out.Bytes()))
}

func TestLinesBelowTheLevelAreLeftOut(t *testing.T) {
	for _, format := range []string{"pretty", "json"} {
		var out bytes.Buffer
		log := boot.Logger(format, slog.LevelWarn, &out)
		log.Info("not shown")
		require.Empty(t, out.String())
		log.Warn("shown")
		require.Contains(t, out.String(), "shown")
	}
}
