package settings_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/settings"
)

type schema struct {
	Properties           map[string]schema
	Items                *schema
	Enum                 []string
	Required             []string
	AdditionalProperties *bool
	Minimum, Maximum     int
	MaxItems             int
	Default              any
}

func readSchema(t *testing.T) schema {
	t.Helper()
	text, err := settings.Schema()
	require.NoError(t, err)
	var read schema
	require.NoError(t, json.Unmarshal(text, &read))
	return read
}

func TestTheShippedSchemaIsTheOneOfTheType(t *testing.T) {
	shipped, err := os.ReadFile("../../settings.schema.json")
	require.NoError(t, err)
	made, err := settings.Schema()
	require.NoError(t, err)
	require.Equal(t, string(made), string(shipped), "run: go generate ./internal/settings")
}

func TestTheSchemaKnowsTheSameActionsAsParse(t *testing.T) {
	sources := readSchema(t).Properties["sendToFalcon"].Properties
	for _, source := range []string{"attachmentHashes", "urlDomains", "impersonationDomains"} {
		for _, action := range []string{"no_action", "detect", "prevent", "prevent_no_ui", "allow", ""} {
			_, err := settings.Parse(fmt.Appendf(nil, "name: acme\nsendToFalcon: {%s: {enabled: true, action: %q}}\n", source, action))
			require.Equal(t, err == nil, contains(sources[source].Properties["action"].Enum, action), "%s %s: %v", source, action, err)
		}
	}
}

func contains(enum []string, value string) bool {
	return strings.Contains("|"+strings.Join(enum, "|")+"|", "|"+value+"|")
}

func TestTheSchemaHasTheSameBoundsAsParse(t *testing.T) {
	root := readSchema(t)
	quota := root.Properties["sendToMimecast"].Properties["byotiQuota"]
	for value, good := range map[int]bool{quota.Minimum: true, quota.Minimum - 1: false, quota.Maximum: true, quota.Maximum + 1: false} {
		_, err := settings.Parse(fmt.Appendf(nil, "%ssendToMimecast: {byotiQuota: %d}\n", smallest, value))
		require.Equal(t, good, err == nil, "%d: %v", value, err)
	}
	for size, good := range map[int]bool{root.Properties["notify"].MaxItems: true, root.Properties["notify"].MaxItems + 1: false} {
		addresses := make([]string, size)
		for i := range addresses {
			addresses[i] = fmt.Sprintf("soc%d@acme.example", i)
		}
		_, err := settings.Parse([]byte(smallest + "notify: [" + strings.Join(addresses, ", ") + "]\n"))
		require.Equal(t, good, err == nil, "%d: %v", size, err)
	}
}

func TestTheSchemaClosesEveryGroupAndStatesEveryDefault(t *testing.T) {
	root := readSchema(t)
	require.Equal(t, []string{"name"}, root.Required)
	var walk func(path string, group schema)
	walk = func(path string, group schema) {
		require.NotNil(t, group.AdditionalProperties, path)
		require.False(t, *group.AdditionalProperties, path)
		for name, property := range group.Properties {
			if property.Properties != nil {
				walk(path+name+".", property)
			} else if path+name != "name" {
				require.NotNil(t, property.Default, path+name)
			}
		}
	}
	walk("", root)
	require.Equal(t, "168h", root.Properties["fetchDuration"].Default)
	require.Equal(t, []string{"windows", "mac", "linux"}, root.Properties["sendToFalcon"].Properties["platforms"].Items.Enum)
}
