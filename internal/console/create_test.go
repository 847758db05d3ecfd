package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/wire"
)

func TestANewIntegrationStartsWithTheDefaultsAndWhatWasTyped(t *testing.T) {
	b := settingsAt(t, allOn())
	sent := b.open("/new")
	require.Empty(t, sent.Get("confirm"))
	sent.Set("name", " north ")
	sent.Set("credentials", "acme")
	sent.Set("description", "North")
	sent.Set("sendToFalcon.urlDomains.enabled", "true")
	answer := b.ask(http.MethodPost, "/new", sent)
	require.Equal(t, http.StatusSeeOther, answer.Code, answer.Body.String())
	require.Equal(t, "/i/north?done=created", answer.Header().Get("Location"))
	want := settings.Default()
	want.Name, want.Credentials, want.Description = "north", "acme", "North"
	want.SendToFalcon.URLDomains.Enabled = true
	require.Equal(t, []settings.Settings{want}, b.temporal.started)
}

func TestAnySettingsCanBeTypedIntoANewIntegration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := someSettings(t)
		b := settingsAt(t, want)
		sent := b.open(acmeSettings) // which holds them all
		sent.Set("name", want.Name)
		sent.Set("credentials", want.Credentials)
		require.Equal(t, http.StatusSeeOther, b.send("/new", sent).Code)
		require.Len(t, b.temporal.started, 1)
		require.ElementsMatch(t, want.SendToFalcon.Platforms, b.temporal.started[0].SendToFalcon.Platforms)
		want.SendToFalcon.Platforms = b.temporal.started[0].SendToFalcon.Platforms
		require.Equal(t, want, b.temporal.started[0])
	})
}

func TestANameThatIsNoneIsToldAtTheField(t *testing.T) {
	for typed, want := range map[string]string{
		"": "is required", "North": "must be 1 to 40 characters", "a/b": "must be 1 to 40 characters",
		strings.Repeat("a", 41): "must be 1 to 40 characters", `"><script>`: "must be 1 to 40 characters",
	} {
		b := settingsAt(t, allOn())
		sent := b.open("/new")
		sent.Set("name", typed)
		sent.Set("sendToFalcon.urlDomains.enabled", "true")
		answer := b.ask(http.MethodPost, "/new", sent)
		require.Equal(t, http.StatusUnprocessableEntity, answer.Code)
		require.Contains(t, textOf(t, answer, "name-problem"), want)
		require.Equal(t, typed, b.form(answer).Get("name"))
		require.Empty(t, b.temporal.started)
	}
}

func TestANameThatIsTakenIsToldAtTheField(t *testing.T) {
	b := settingsAt(t, allOn())
	b.temporal.runs = []string{wire.IntegrationID("north")}
	sent := b.open("/new")
	sent.Set("name", "north")
	sent.Set("sendToFalcon.urlDomains.enabled", "true")
	answer := b.ask(http.MethodPost, "/new", sent)
	require.Equal(t, http.StatusConflict, answer.Code)
	require.Contains(t, textOf(t, answer, "name-problem"), "runs already")
	again := b.form(answer)
	require.Equal(t, sent["sendToFalcon.urlDomains.enabled"][0], again["sendToFalcon.urlDomains.enabled"][1])
	again.Set("name", "south")
	require.Equal(t, http.StatusSeeOther, b.ask(http.MethodPost, "/new", again).Code)
}

func TestCredentialsAreChosenFromTheSetsOfTheWorker(t *testing.T) {
	b := settingsAt(t, allOn())
	page := b.ask(http.MethodGet, "/new", nil)
	require.Equal(t, "default acme", textOf(t, page, "credentials"))
	require.Empty(t, b.form(page).Get("credentials"))

	sent := b.open("/new")
	sent.Set("name", "north")
	sent.Set("credentials", "other")
	sent.Set("sendToFalcon.urlDomains.enabled", "true")
	answer := b.ask(http.MethodPost, "/new", sent)
	require.Equal(t, http.StatusUnprocessableEntity, answer.Code)
	require.Contains(t, textOf(t, answer, "credentials-problem"), "must be one of the sets that the worker has")
	require.Empty(t, b.temporal.started)

	b.sets = []string{"acme"}
	require.Equal(t, "acme", b.open("/new").Get("credentials"))
	require.Equal(t, http.StatusUnprocessableEntity, b.ask(http.MethodPost, "/new", sent).Code)
}

func TestAWorkerWithoutCredentialsSaysWhichVariablesToSet(t *testing.T) {
	b := settingsAt(t, allOn())
	b.sets = nil
	page := b.ask(http.MethodGet, "/new", nil)
	require.Equal(t, http.StatusOK, page.Code)
	for _, variable := range []string{"MIMECAST_CLIENT_ID", "MIMECAST_CLIENT_SECRET", "FALCON_BASE_URL", "FALCON_CLIENT_ID", "FALCON_CLIENT_SECRET"} {
		require.Contains(t, textOf(t, page, "credentials-problem"), variable)
	}
	sent := b.open("/new")
	sent.Set("name", "north")
	sent.Set("sendToFalcon.urlDomains.enabled", "true")
	require.Equal(t, http.StatusUnprocessableEntity, b.ask(http.MethodPost, "/new", sent).Code)
	require.Empty(t, b.temporal.started)
}

func TestANewIntegrationThatIsRiskyIsAskedBackOnce(t *testing.T) {
	b := settingsAt(t, allOn())
	sent := b.open("/new")
	sent.Set("name", "north")
	sent.Set("sendToFalcon.urlDomains.enabled", "true")
	sent.Set("sendToMimecast.iocDomains.enabled", "true")
	asked := b.ask(http.MethodPost, "/new", sent)
	require.Equal(t, http.StatusUnprocessableEntity, asked.Code)
	require.Contains(t, textOf(t, asked, "told"), "has blocked legitimate senders")
	require.Empty(t, b.temporal.started)
	require.Equal(t, http.StatusSeeOther, b.send("/new", sent).Code)
	require.Len(t, b.temporal.started, 1)
}

func TestANewIntegrationWithNothingOnIsNotStarted(t *testing.T) {
	b := settingsAt(t, allOn())
	sent := b.open("/new")
	sent.Set("name", "north")
	answer := b.ask(http.MethodPost, "/new", sent)
	require.Equal(t, http.StatusUnprocessableEntity, answer.Code)
	require.Contains(t, textOf(t, answer, "told"), "Nothing is switched on")
	require.Empty(t, b.temporal.started)
}
