package activities

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
)

// This test is inside the package because no value is known that the real guard panics over.

// stumbles is a guard with a defect.
type stumbles struct{ over string }

func (s stumbles) Check(in indicator.Indicator) *indicator.Refusal {
	if in.Value == s.over {
		var nothing []int
		_ = nothing[len(in.Value)]
	}
	return nil
}

func TestFault_P18_ARecordThatMakesUsPanicIsHeldAndAllOthersPass(t *testing.T) {
	const n = 200
	sightings := make([]indicator.Sighting, n)
	for i := range sightings {
		sightings[i] = indicator.Sighting{Kind: indicator.Domain, Raw: fmt.Sprintf("evil-%d.top", i), SeenAt: time.Unix(int64(i), 0), Record: "record"}
	}
	passed, held := examine(sightings, indicator.URLDomains, stumbles{over: "evil-77.top"})
	require.Len(t, passed, n-1)
	require.Len(t, held, 1)
	require.Equal(t, `"evil-77.top"`, held[0].Value)
	require.Equal(t, indicator.Defect, held[0].refusal.Reason)
	require.Contains(t, held[0].refusal.Detail, "index out of range")
	require.Equal(t, "record", held[0].record)
}
