package indicator

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// This test is inside the package because no value is known that the real parser panics over.

func TestFault_P18_AValueThatMakesTheParserPanicIsRefusedAsADefect(t *testing.T) {
	stumbling := func(_ Kind, raw string) (string, *Refusal) {
		if raw == "evil-77.top" {
			var nothing []int
			_ = nothing[len(raw)]
		}
		return raw, nil
	}
	for _, raw := range []string{"evil-76.top", "evil-77.top", "evil-78.top"} {
		made, err := newBy(stumbling, Sighting{Kind: Domain, Raw: raw}, URLDomains)
		if raw != "evil-77.top" {
			require.NoError(t, err)
			require.Equal(t, raw, made.Value)
			continue
		}
		refusal, ok := errors.AsType[*Refusal](err)
		require.True(t, ok)
		require.Equal(t, Defect, refusal.Reason)
		require.Contains(t, refusal.Detail, "index out of range")
		require.Zero(t, made)
	}
}
