package falcon_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/indicator"
)

// anyShare is a share of which anything may be anything, also what no step would make.
func anyShare(t *rapid.T) indicator.Share {
	text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
	made := indicator.Share{
		Indicator: indicator.Indicator{
			Key: indicator.Key{
				Kind:  rapid.OneOf(rapid.SampledFrom([]indicator.Kind{indicator.Domain, indicator.SHA256}), rapid.Custom(func(t *rapid.T) indicator.Kind { return indicator.Kind(text.Draw(t, "kind")) })).Draw(t, "kind"),
				Value: rapid.OneOf(text, rapid.StringMatching(`[a-z0-9]{1,10}\.top`), rapid.StringMatching(`[0-9a-f]{64}`)).Draw(t, "value"),
			},
			Source: indicator.Source(text.Draw(t, "source")), Record: text.Draw(t, "record"),
		},
		Action: text.Draw(t, "action"), Severity: text.Draw(t, "severity"), Comment: rapid.OneOf(text, rapid.StringN(100, 300, -1)).Draw(t, "comment"),
		Platforms: rapid.SliceOfN(text, 0, 3).Draw(t, "platforms"), HostGroups: rapid.SliceOfN(text, 0, 3).Draw(t, "host groups"),
		Mark: indicator.Mark{Integration: rapid.OneOf(text, rapid.StringN(100, 300, -1)).Draw(t, "mark")},
	}
	if rapid.Bool().Draw(t, "ends") {
		made.ExpiresAt = time.Unix(rapid.Int64().Draw(t, "end"), 0)
	}
	return made
}

// A panic in a write would be met at every try. What is built for each entry is a literal of its fields: nothing that a share holds
// makes it panic, or keeps the body from being JSON.
func TestFault_P18_NoShareMakesTheBuildingOfARequestPanic(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		shares := rapid.SliceOfN(rapid.Custom(anyShare), 1, 8).Draw(rt, "shares")
		f := newFake(makeAll)
		client := f.client(t)
		outcomes, err := client.Create(t.Context(), shares)
		require.Len(rt, outcomes, len(shares))
		updates := make([]indicator.Update, 0, len(shares))
		for i, outcome := range outcomes {
			require.Equal(rt, shares[i].Key, outcome.Key)
			require.True(rt, outcome.ID != "" || outcome.Duplicate || outcome.Refused != "" || err != nil, "nothing disappears without a word")
			updates = append(updates, indicator.Update{ID: idOf(outcome.Value), Share: shares[i]})
		}
		outcomes, err = client.Update(t.Context(), updates)
		require.Len(rt, outcomes, len(updates))
		for _, outcome := range outcomes {
			require.True(rt, outcome.ID != "" || outcome.Duplicate || outcome.Refused != "" || err != nil)
		}
		for _, sent := range f.requests {
			require.True(rt, json.Valid([]byte(sent.Body)), sent.Body)
		}
	})
}
