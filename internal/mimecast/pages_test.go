package mimecast_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/mimecast"
)

// pagedMembers makes the fake have a group of pages with one member each. The page that fails does so once.
func pagedMembers(f *fake, pages int, failing map[int]answer) {
	f.does(membersPath, func(call received) answer {
		if call.method == http.MethodPost {
			return results(call, func(string) bool { return false })
		}
		page := 1
		_, _ = fmt.Sscanf(call.query, "pageSize=100&pageToken=page-%d", &page)
		if told, bad := failing[page]; bad {
			delete(failing, page)
			return told
		}
		next := ""
		if page < pages {
			next = fmt.Sprintf(`,"meta":{"nextPageToken":"page-%d"}`, page+1)
		}
		return answer{body: fmt.Sprintf(`{"groupMembers":[{"domain":"bad%d.example"}]%s}`, page, next)}
	})
}

func TestAListOfMembersIsReadOnFromThePageThatFailed(t *testing.T) {
	f := newFake(t)
	pagedMembers(f, 5, map[int]answer{3: {status: 503}, 4: {body: "<html>"}})
	client := f.client()
	for range 2 {
		got, err := client.GroupDomains(t.Context(), "g1")
		require.Error(t, err)
		require.Nil(t, got, "half a list is none")
	}
	got, err := client.GroupDomains(t.Context(), "g1")
	require.NoError(t, err)
	require.Equal(t, []string{"bad1.example", "bad2.example", "bad3.example", "bad4.example", "bad5.example"}, got)
	require.Len(t, f.asked(membersPath), 5+2, "each page once, and the two that failed once more")

	_, err = client.GroupDomains(t.Context(), "g1")
	require.NoError(t, err)
	require.Len(t, f.asked(membersPath), 7+5, "what was read to its end is read anew")
}

func TestAListOfMembersIsReadFromItsStartWhereItMayHaveChanged(t *testing.T) {
	now := time.Now()
	clock := func() time.Time { return now }
	for name, between := range map[string]func(f *fake, c *mimecast.Client){
		"too long ago": func(*fake, *mimecast.Client) { now = now.Add(5 * time.Minute) },
		"added": func(f *fake, c *mimecast.Client) {
			f.says(membersPath, answer{status: 204})
			f.does(membersPath, func(received) answer { return answer{status: 204} })
			_, err := c.AddGroupDomains(t.Context(), "g1", domains(1), "")
			require.NoError(t, err)
		},
		"perhaps removed": func(f *fake, c *mimecast.Client) {
			f.says(strings.Replace(membersPath, "/members", "/remove-members", 1), answer{status: 503})
			_, err := c.RemoveGroupDomains(t.Context(), "g1", domains(1))
			require.Error(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			client := f.client()
			mimecast.SetClock(client, clock)
			pagedMembers(f, 4, map[int]answer{3: {status: 503}})
			_, err := client.GroupDomains(t.Context(), "g1")
			require.Error(t, err)
			between(f, client)
			pagedMembers(f, 4, nil)
			asked := len(f.asked(membersPath))
			got, err := client.GroupDomains(t.Context(), "g1")
			require.NoError(t, err)
			require.Len(t, got, 4)
			require.Len(t, f.asked(membersPath), asked+4)
		})
	}
}

// Values that are all refused without a word have changed nothing, and asking whether they are members is what is interrupted.
func TestDoubtedMembersAreSettledHoweverOftenTheListOfMembersFails(t *testing.T) {
	const pages = 60
	f := newFake(t)
	failing := map[int]answer{}
	for page := 10; page <= pages; page += 10 {
		failing[page] = answer{status: 503}
	}
	pagedMembers(f, pages, failing)
	client, tries := f.client(), 0
	for {
		tries++
		require.LessOrEqual(t, tries, 7)
		outcomes, err := client.AddGroupDomains(t.Context(), "g1", domains(10), "")
		if err != nil {
			continue
		}
		for _, outcome := range outcomes[1:] {
			require.True(t, outcome.Duplicate, outcome.Value)
		}
		break
	}
	require.Equal(t, 7, tries)
	require.Len(t, f.asked(membersPath), pages+6+tries, "each page, six of them twice, and the writes")
}

func TestAPageOfMembersWhoseTokenHasEndedMeanwhileIsNoObstacle(t *testing.T) {
	f := newFake(t)
	client := f.client()
	pagedMembers(f, 4, map[int]answer{3: {status: 503}})
	_, err := client.GroupDomains(t.Context(), "g1")
	require.Error(t, err)
	pagedMembers(f, 4, map[int]answer{3: {status: 400, body: file(t, "error-rest.json")}})
	got, err := client.GroupDomains(t.Context(), "g1")
	require.NoError(t, err)
	require.Len(t, got, 4)
}
