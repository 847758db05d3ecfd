package settings_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/settings"
)

func TestWhatDiffersIsNamedByItsPathInDocumentOrder(t *testing.T) {
	before := parsed(t, "name: acme\nsendToFalcon: {urlDomains: {enabled: true}}")
	require.Empty(t, settings.Differing(before, before))
	after, err := before.Patch([]byte(`{"protect":{"allow":["a.example"]},"description":"x","sendToFalcon":{"urlDomains":{"severity":"low"},"expireAfter":"2h"}}`))
	require.NoError(t, err)
	require.Equal(t, []string{"description", "sendToFalcon.urlDomains.severity", "sendToFalcon.expireAfter", "protect.allow"},
		settings.Differing(before, after))
}
