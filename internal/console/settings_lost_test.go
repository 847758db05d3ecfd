package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/threatshare/threatshare/internal/settings"
)

// elsewhere is what somebody else makes of the settings meanwhile.
func elsewhere(s *settings.Settings) {
	s.Description = "theirs"
	s.SendToFalcon.URLDomains.Severity = "critical"
	s.Protect.Domains = []string{"theirs.example"}
	s.DryRun = true
}

func TestAChangeThatLosesARaceShowsTheValuesInForceAndKeepsWhatWasTyped(t *testing.T) {
	for name, faster := range map[string]func(b *settingsBrowser){
		"before the form is sent": func(b *settingsBrowser) { elsewhere(&b.temporal.inForce) },
		"while it is on its way":  func(b *settingsBrowser) { b.temporal.first = func() { elsewhere(&b.temporal.inForce) } },
	} {
		t.Run(name, func(t *testing.T) {
			b := settingsAt(t, allOn())
			sent := b.open(acmeSettings)
			sent.Set("description", "mine")
			sent.Set("protect.domains", "mine.example")
			sent.Set("notify", "mine@acme.example")
			faster(b)

			lost := b.ask(http.MethodPost, acmeSettings, sent)
			require.Equal(t, http.StatusConflict, lost.Code)
			require.Contains(t, textOf(t, lost, "told"), "somebody else has changed the settings")
			require.Contains(t, textOf(t, lost, "description-now"), "in force is now: theirs")
			require.Contains(t, textOf(t, lost, "protect.domains-now"), "in force is now: theirs.example")
			require.Empty(t, textOf(t, lost, "notify-now"), "nobody else has changed it")
			require.Contains(t, textOf(t, lost, "dryRun-now"), "it shows the value in force")
			require.Contains(t, attribute(nodeOf(t, lost, "description"), "aria-describedby"), "description-now")
			require.Empty(t, b.temporal.updates)

			again := b.form(lost)
			require.Equal(t, "mine", again.Get("description"))
			require.Equal(t, "mine.example", again.Get("protect.domains"))
			require.Equal(t, "mine@acme.example", again.Get("notify"))
			require.Equal(t, "critical", again.Get("sendToFalcon.urlDomains.severity"), "what was not touched is as it is now")
			require.Equal(t, "true", again["dryRun"][len(again["dryRun"])-1])

			b.temporal.first = nil
			require.Equal(t, http.StatusSeeOther, b.ask(http.MethodPost, acmeSettings, again).Code)
			require.Len(t, b.temporal.updates, 1)
			require.JSONEq(t, `{"description":"mine","protect":{"domains":["mine.example"]},"notify":["mine@acme.example"]}`, string(b.temporal.updates[0].Patch))
			require.JSONEq(t, `{"description":"theirs","protect":{"domains":["theirs.example"]},"notify":["soc@acme.example"]}`, string(b.temporal.updates[0].Was))
			want := allOn()
			elsewhere(&want)
			want.Description, want.Protect.Domains, want.Notify = "mine", []string{"mine.example"}, []string{"mine@acme.example"}
			require.Equal(t, want, b.temporal.inForce)
		})
	}
}

func TestAChangeOfOtherFieldsLosesNoRace(t *testing.T) {
	b := settingsAt(t, allOn())
	sent := b.open(acmeSettings)
	sent.Set("notify", "mine@acme.example")
	elsewhere(&b.temporal.inForce)
	require.Equal(t, http.StatusSeeOther, b.ask(http.MethodPost, acmeSettings, sent).Code)
	want := allOn()
	elsewhere(&want)
	want.Notify = []string{"mine@acme.example"}
	require.Equal(t, want, b.temporal.inForce)
}

func TestTwoWhoWantTheSameDoNotMeetInARace(t *testing.T) {
	b := settingsAt(t, allOn())
	sent := b.open(acmeSettings)
	sent.Set("description", "ours")
	b.temporal.inForce.Description = "ours"
	answer := b.ask(http.MethodPost, acmeSettings, sent)
	require.Equal(t, acmeSettings+"?done=unchanged", answer.Header().Get("Location"))
}

func TestAMistakeInAnOldFormDoesNotMakeItAFreshOne(t *testing.T) {
	b := settingsAt(t, allOn())
	sent := b.open(acmeSettings)
	sent.Set("description", "mine")
	sent.Set("fetchDuration", "x")
	elsewhere(&b.temporal.inForce)
	answer := b.ask(http.MethodPost, acmeSettings, sent)
	require.Equal(t, http.StatusUnprocessableEntity, answer.Code)
	again := b.form(answer)
	again.Set("fetchDuration", "168h")
	require.Equal(t, http.StatusConflict, b.ask(http.MethodPost, acmeSettings, again).Code)
}

func TestAFormThatSaysNothingTrueOfWhatWasSeenChangesNothing(t *testing.T) {
	b := settingsAt(t, allOn())
	other := allOn()
	other.Name, other.Description = "other", "mine"
	whole := b.open(acmeSettings).Get("seen")
	for _, seen := range []string{
		"", "null", "{}", "[]", "not JSON", `"acme"`, `{"integration":"acme"}`, `{"integration":"acme","fields":{}}`,
		`{"integration":"acme","fields":["description"]}`, whole + whole, strings.Replace(whole, "{", `{"more":1,`, 1),
		strings.Replace(whole, `"acme"`, `"other"`, 1), `{"integration":"acme","fields":{"description":{"a":1}}}`,
		`<script>alert(1)</script>`, "\x00\xff", settingsAt(t, other).open("/i/other/settings").Get("seen"),
	} {
		sent := b.open(acmeSettings)
		sent.Set("seen", seen)
		sent.Set("description", "mine")
		answer := b.ask(http.MethodPost, acmeSettings, sent)
		require.Equal(t, http.StatusBadRequest, answer.Code, seen)
		require.Contains(t, textOf(t, answer, "told"), "was not made for the integration acme")
		require.Contains(t, textOf(t, answer, "description-now"), "Acme production")
		again := b.form(answer)
		require.Equal(t, "mine", again.Get("description"))
		require.Equal(t, whole, again.Get("seen"))
		require.Empty(t, b.temporal.updates)
	}
}

func TestWrongDigestsOfWhatWasSeenLoseTheRaceInsteadOfWinningIt(t *testing.T) {
	b := settingsAt(t, allOn())
	sent := b.open(acmeSettings)
	sent.Set("seen", `{"integration":"acme","fields":{"description":"00","no.such.field":"00","name":"00"}}`)
	sent.Set("description", "mine")
	require.Equal(t, http.StatusConflict, b.ask(http.MethodPost, acmeSettings, sent).Code)
	require.Empty(t, b.temporal.updates)
}

func TestFault_D13_MarkupInAFieldStaysText(t *testing.T) {
	const hostile = `</textarea></script></title>"'><script>alert(1)</script><img src=x onerror=alert(1)>{{.Data}}` + "\u202e"
	inForce := allOn()
	inForce.Description = `"><script>alert(1)</script>`
	b := settingsAt(t, inForce)
	scripts := func(nodes []*html.Node) int {
		found := 0
		for _, node := range nodes {
			if node.Data == "script" {
				found++
			}
			for _, a := range node.Attr {
				require.False(t, strings.HasPrefix(a.Key, "on"), a.Key)
				require.NotEqual(t, "style", a.Key)
			}
			require.False(t, node.Data == "img" && attribute(node, "src") == "x")
		}
		return found
	}
	page := b.ask(http.MethodGet, acmeSettings, nil)
	require.Equal(t, inForce.Description, b.form(page).Get("description"))
	require.Equal(t, 1, scripts(settingsNodes(t, page)), "the console's own")
	for _, path := range everyPath() {
		for _, page := range []string{acmeSettings, "/new"} {
			sent := b.open(page)
			sent[path] = append(sent[path], hostile)
			sent.Set("fetchDuration", hostile)
			answer := b.ask(http.MethodPost, page, sent)
			require.Contains(t, []int{http.StatusUnprocessableEntity, http.StatusSeeOther}, answer.Code, path)
			require.Equal(t, 1, scripts(settingsNodes(t, answer)), path)
			require.Equal(t, hostile, b.form(answer).Get("fetchDuration"))
		}
	}
	// Nor do the values in force that are told beside the fields.
	sent := b.open(acmeSettings)
	sent.Set("description", "mine")
	b.temporal.inForce.Description = hostile
	lost := b.ask(http.MethodPost, acmeSettings, sent)
	require.Equal(t, http.StatusConflict, lost.Code)
	require.Equal(t, 1, scripts(settingsNodes(t, lost)))
	require.Contains(t, textOf(t, lost, "description-now"), `<img src=x onerror=alert(1)>{{.Data}}\u{202e}`)
	require.Equal(t, http.StatusBadRequest, b.ask(http.MethodPost, acmeSettings, url.Values{"seen": {hostile}}).Code)
}
