package mimecast_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/mimecast"
)

// A panic in a write would be met at every try. What is built for each entry is a literal of its fields: no value makes it panic,
// keeps the body from being JSON, or is lost among the others.
func TestFault_P18_NoValueMakesTheBuildingOfARequestPanic(t *testing.T) {
	writes := map[string]func(client *mimecast.Client, values []string, note string) ([]indicator.Outcome, error){
		"hashes": func(c *mimecast.Client, values []string, note string) ([]indicator.Outcome, error) {
			return c.BlockHashes(t.Context(), values, note)
		},
		"unhashes": func(c *mimecast.Client, values []string, _ string) ([]indicator.Outcome, error) {
			return c.UnblockHashes(t.Context(), values)
		},
		"members": func(c *mimecast.Client, values []string, note string) ([]indicator.Outcome, error) {
			return c.AddGroupDomains(t.Context(), "g1", values, note)
		},
		"removals": func(c *mimecast.Client, values []string, _ string) ([]indicator.Outcome, error) {
			return c.RemoveGroupDomains(t.Context(), "g1", values)
		},
		"urls": func(c *mimecast.Client, values []string, note string) ([]indicator.Outcome, error) {
			return c.BlockURLDomains(t.Context(), values, note)
		},
		"policies": func(c *mimecast.Client, values []string, note string) ([]indicator.Outcome, error) {
			outcomes, _, err := c.BlockSenderDomains(t.Context(), note, values)
			return outcomes, err
		},
	}
	f := newFake(t)
	f.does(batchPath, accepts)
	f.does(createURLPath, makesURLs(never))
	f.says(membersPath, answer{status: http.StatusNoContent})
	f.says(removePath, answer{status: http.StatusNoContent})
	f.answersPolicies(answer{body: `{"policies":[]}`}, answer{body: `{"id":"p"}`})
	text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
	value := rapid.OneOf(text, rapid.StringMatching(`[a-z0-9]{1,10}\.top`), rapid.StringMatching(`[0-9a-f]{64}`))
	rapid.Check(t, func(rt *rapid.T) {
		values := rapid.SliceOfN(value, 1, 12).Draw(rt, "values")
		note := text.Draw(rt, "note")
		for name, write := range writes {
			outcomes, err := write(f.client(), values, note)
			require.NoError(rt, err, name)
			requireSettled(rt, values, outcomes)
			kind := indicator.Domain
			if strings.HasSuffix(name, "hashes") {
				kind = indicator.SHA256
			}
			for _, outcome := range outcomes {
				made, bad := indicator.New(indicator.Sighting{Kind: kind, Raw: outcome.Value}, "")
				fit := bad == nil && made.Value == outcome.Value
				require.Equal(rt, !fit, strings.HasPrefix(outcome.Refused, "not sent: "), "%s: %+v", name, outcome)
			}
		}
	})
	for _, path := range []string{batchPath, createURLPath, membersPath, removePath, policiesPath} {
		require.NotEmpty(t, f.posts(path), path)
		for _, call := range f.asked(path) {
			require.True(t, call.body == "" || json.Valid([]byte(call.body)), call.body)
		}
	}
}
