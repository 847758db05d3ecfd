package indicator_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/indicator"
)

func integrationName() *rapid.Generator[string] { return rapid.StringMatching(`[a-z0-9-]{1,40}`) }

func TestFault_S8_TheMarkReadIsTheMarkWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mark := indicator.Mark{Integration: integrationName().Draw(t, "name")}
		others := rapid.SliceOf(rapid.StringMatching(`[a-z:]{0,10}`).Filter(func(tag string) bool {
			_, ours := cutTag(tag)
			return !ours
		})).Draw(t, "other tags")
		require.True(t, mark.Ours())
		require.Equal(t, mark, indicator.ReadMark(mark.Source(), append(others, mark.Tag())))
		require.Equal(t, mark, indicator.ReadMark("somebody's words", append(others, mark.Tag(), mark.Tag())), "the tag is enough")
		require.Equal(t, mark, indicator.ReadMark(mark.Source(), others), "the source is enough")
		require.Equal(t, indicator.Mark{}, indicator.ReadMark("somebody's words", others))
	})
}

func cutTag(tag string) (string, bool) {
	const prefix = "threatshare:"
	if len(tag) < len(prefix) || tag[:len(prefix)] != prefix {
		return "", false
	}
	return tag[len(prefix):], true
}

func TestMarksThatDisagreeAreSomebodyElses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one := indicator.Mark{Integration: integrationName().Draw(t, "one")}
		other := indicator.Mark{Integration: integrationName().Filter(func(name string) bool { return name != one.Integration }).Draw(t, "other")}
		require.False(t, indicator.ReadMark(one.Source(), []string{other.Tag()}).Ours())
		require.False(t, indicator.ReadMark("", []string{one.Tag(), other.Tag()}).Ours())
		require.False(t, indicator.ReadMark(one.Source(), []string{one.Tag(), other.Tag(), one.Tag()}).Ours())
	})
}

func TestAMarkThatNoIntegrationWritesIsSomebodyElses(t *testing.T) {
	for _, name := range []string{"", "Acme", "a b", "acme\n", "a/b", "acme ", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"} {
		mark := indicator.Mark{Integration: name}
		require.False(t, indicator.ReadMark(mark.Source(), nil).Ours(), "%q", name)
		require.False(t, indicator.ReadMark("", []string{mark.Tag()}).Ours(), "%q", name)
	}
	require.False(t, indicator.Mark{}.Ours())
}

func TestARefusalSaysReasonAndDetail(t *testing.T) {
	require.Equal(t, "wildcard: *.evil.example", refusal(t, indicator.Domain, "*.evil.example").Error())
	require.EqualError(t, &indicator.Refusal{Reason: indicator.Wildcard}, "wildcard")
}

func FuzzReadMark(f *testing.F) {
	f.Add("Mimecast Threat Share: acme", "threatshare:acme", "other")
	f.Add("Mimecast Threat Share: ", "threatshare:", "threatshare:acme\n")
	f.Fuzz(func(t *testing.T, source, first, second string) {
		mark := indicator.ReadMark(source, []string{first, second})
		if !mark.Ours() {
			return
		}
		require.Regexp(t, `\A[a-z0-9-]{1,40}\z`, mark.Integration)
		require.True(t, source == mark.Source() || first == mark.Tag() || second == mark.Tag(), "what is taken for ours is exactly what we write")
		for _, text := range []string{source, first, second} {
			if strings.HasPrefix(text, "Mimecast Threat Share: ") && text == source || strings.HasPrefix(text, "threatshare:") && text != source {
				require.Contains(t, []string{mark.Source(), mark.Tag()}, text, "marks that disagree are somebody else's")
			}
		}
	})
}
