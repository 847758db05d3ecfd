package settings_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/threatshare/threatshare/internal/settings"
)

// earlier are the examples that earlier versions came with, by file name. They do not change: a new version adds its own.
func earlier(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/earlier/*")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 5)
	documents := map[string]string{}
	for _, file := range files {
		document, err := os.ReadFile(file)
		require.NoError(t, err)
		documents[filepath.Base(file)] = string(document)
	}
	return documents
}

func TestFault_S8_SettingsOfEarlierVersionsStillMeanWhatTheySay(t *testing.T) {
	for file, document := range earlier(t) {
		t.Run(file, func(t *testing.T) {
			s := parsed(t, document)
			bothWays := file == "both-ways.yaml"
			require.Equal(t, bothWays, len(s.Warnings()) > 0)
			require.True(t, s.FlowEnabled(settings.FlowShareTTPLogs))
			require.Equal(t, bothWays, s.FlowEnabled(settings.FlowImportIOCs))
			require.Equal(t, bothWays, s.FlowEnabled(settings.FlowImportAlerts))
			require.True(t, s.SendToMimecast.MessageIDBrackets, "what a document does not know yet has its default")

			// Everything that the document says is in force, whatever has been added since.
			var said, inForce map[string]any
			require.NoError(t, yaml.Unmarshal([]byte(document), &said))
			text, err := json.Marshal(s)
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(text, &inForce))
			requireWithin(t, "", said, inForce)

			// A worker of this version reads what a starter of the earlier one has sent, and what it writes itself.
			require.Equal(t, s, parsed(t, string(text)))
		})
	}
}

// requireWithin makes sure that every value of part is in whole.
func requireWithin(t *testing.T, path string, part, whole map[string]any) {
	t.Helper()
	for name, value := range part {
		require.Contains(t, whole, name, path)
		if group, is := value.(map[string]any); is {
			inner, is := whole[name].(map[string]any)
			require.True(t, is, path+name)
			requireWithin(t, path+name+".", group, inner)
			continue
		}
		want, err := json.Marshal(value)
		require.NoError(t, err)
		got, err := json.Marshal(whole[name])
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(got), path+name)
	}
}

func TestASettingOfALaterVersionIsRefusedWithItsPath(t *testing.T) {
	for file, document := range earlier(t) {
		if !strings.HasSuffix(file, ".yaml") {
			continue
		}
		_, err := settings.Parse([]byte(document + "\nfederation: {peers: [emea]}\n"))
		require.ErrorContains(t, err, "federation: unknown setting", file)
		_, err = settings.Parse([]byte(strings.Replace(document, "sendToMimecast:", "sendToMimecast:\n  quarantineFirst: true\n#", 1)))
		require.ErrorContains(t, err, "sendToMimecast.quarantineFirst: unknown setting", file)
	}
}

// A change that an earlier version's settings are patched with may name what they do not have yet.
func TestEarlierSettingsCanBeChangedToWhatIsNew(t *testing.T) {
	for file, document := range earlier(t) {
		s := parsed(t, document)
		patched, err := s.Patch([]byte(`{"sendToMimecast":{"messageIdBrackets":false}}`))
		require.NoError(t, err, file)
		require.False(t, patched.SendToMimecast.MessageIDBrackets)
		_, err = s.Patch([]byte(`{"sendToMimecast":{"quarantineFirst":true}}`))
		require.ErrorContains(t, err, "sendToMimecast.quarantineFirst: unknown setting", file)
	}
}
