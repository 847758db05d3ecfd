package settings

import (
	"encoding/json"
	"fmt"

	"github.com/invopop/jsonschema"
)

// Schema gives the JSON Schema (draft 2020-12) of a settings document, indented, with a final line break. An editor that
// knows it completes and checks settings files; what only Parse can judge is not in it.
func Schema() ([]byte, error) {
	reflector := jsonschema.Reflector{
		Anonymous:                  true,
		ExpandedStruct:             true,
		DoNotReference:             true,
		RequiredFromJSONSchemaTags: true,
	}
	schema := reflector.Reflect(Settings{})
	schema.Title = "Threat Share settings"
	schema.Description = "The settings of one integration between Mimecast and CrowdStrike Falcon."
	encodedDefaults, err := json.Marshal(Default())
	if err != nil {
		return nil, fmt.Errorf("encode the defaults: %w", err)
	}
	var defaults map[string]any
	if err := json.Unmarshal(encodedDefaults, &defaults); err != nil {
		return nil, fmt.Errorf("read the defaults: %w", err)
	}
	fillDefaults(schema, defaults)
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the schema: %w", err)
	}
	return append(text, '\n'), nil
}

// fillDefaults writes what Default says into the schema, so that the two cannot differ.
func fillDefaults(schema *jsonschema.Schema, defaults map[string]any) {
	for pair := schema.Properties.Oldest(); pair != nil; pair = pair.Next() {
		value := defaults[pair.Key]
		if group, isGroup := value.(map[string]any); isGroup {
			fillDefaults(pair.Value, group)
			continue
		}
		if pair.Key != "name" { // it is required
			pair.Value.Default = value
		}
	}
}
