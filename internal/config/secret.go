package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// hidden is what is shown instead of a secret.
const hidden = "[hidden]"

// Secret is a value that must not be printed. It hides itself from every formatting verb, JSON, text and slog; only the
// request that needs it calls Reveal. The zero Secret is empty.
//
// The value sits behind a pointer because fmt does not call methods on unexported fields: a struct that holds a Secret in
// one would otherwise print the value, where it now prints an address.
type Secret struct{ value *string }

// NewSecret hides value.
func NewSecret(value string) Secret { return Secret{value: &value} }

// Reveal gives the value itself.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty says whether there is nothing to hide.
func (s Secret) Empty() bool { return s.Reveal() == "" }

// String shows that there is a secret, or nothing if there is none.
func (s Secret) String() string {
	if s.Empty() {
		return ""
	}
	return hidden
}

// Format serves every verb and flag, %#v and %x among them, which String alone would not.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the secret from text encoders: YAML, XML and JSON map keys.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON hides the secret from JSON.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// UnmarshalText takes the value from an environment variable.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}
