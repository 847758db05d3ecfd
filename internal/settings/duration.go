package settings

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/invopop/jsonschema"
)

// Duration is a length of time, written as text with units: "168h", "30m", "1h30m".
type Duration time.Duration

// String gives the shortest spelling: "168h" and not "168h0m0s".
func (d Duration) String() string {
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalText gives the text that UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads text with units; the units are h, m, s and smaller.
func (d *Duration) UnmarshalText(text []byte) error {
	value, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf(`must be a duration in hours, minutes or seconds such as "168h" or "1h30m", not %s`, quote(string(text)))
	}
	*d = Duration(value)
	return nil
}

// UnmarshalJSON refuses a bare number, whose unit nobody can know.
func (d *Duration) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf(`must be text with a unit such as "168h", not %s`, shorten(string(data)))
	}
	return d.UnmarshalText([]byte(text))
}

// JSONSchema is how the schema describes a duration.
func (Duration) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{
		Type:     "string",
		Pattern:  `^([0-9]+(\.[0-9]+)?(h|m|s|ms|us|µs|ns))+$|^0$`,
		Examples: []any{"168h", "1h30m"},
	}
}

const longestQuote = 60

// quote makes a value from outside fit for a message: escaped, on one line, bounded.
func quote(text string) string { return fmt.Sprintf("%q", shorten(text)) }

func shorten(text string) string {
	if utf8.RuneCountInString(text) <= longestQuote {
		return text
	}
	return string([]rune(text)[:longestQuote]) + "…"
}
