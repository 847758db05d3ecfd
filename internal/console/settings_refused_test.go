package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
)

func TestEachBadValueIsToldAtItsFieldAndKept(t *testing.T) {
	for _, example := range []struct{ path, typed, want string }{
		{"description", strings.Repeat("x", 201), "is too long: 201 characters, at most 200"},
		{"description", "two\nlines", "must be printable text on one line"},
		{"fetchDuration", "a week", `must be a duration in hours, minutes or seconds such as "168h"`},
		{"fetchDuration", "721h", "must be between 1m and 720h, not 721h"},
		{"fetchDuration", "", "must be a duration"},
		{"dryRun", "maybe", `must be true or false, not the text "maybe"`},
		{"sendToFalcon.attachmentHashes.action", "allow", "allow would switch Falcon's own detection off"},
		{"sendToFalcon.attachmentHashes.severity", "", "is required with the action detect"},
		{"sendToFalcon.urlDomains.enabled", "", `must be true or false, not the text ""`},
		{"sendToFalcon.urlDomains.action", "prevent", "Falcon only detects domains"},
		{"sendToFalcon.urlDomains.severity", "worst", "must be one of informational, low, medium, high, critical"},
		{"sendToFalcon.impersonationDomains.evidence", "none", `must be any or domain, not "none"`},
		{"sendToFalcon.platforms", "", "must name at least one of windows, mac, linux"},
		{"sendToFalcon.platforms", "android", "android needs Falcon for Mobile"},
		{"sendToFalcon.hostGroups", strings.Repeat("a", 32) + "\r\n\r\nWorkstations", "line 3: must be the id of a host group"},
		{"sendToFalcon.expireAfter", "5m", "must be 0s (never) or between 1h and 8760h, not 5m"},
		{"sendToMimecast.iocDomains.blockURLs", "1", "must be true or false"},
		{"sendToMimecast.byotiQuota", "many", `must be a whole number, not the text "many"`},
		{"sendToMimecast.byotiQuota", "0", "must be between 1 and 10000000, not 0"},
		{"sendToMimecast.byotiQuota", strings.Repeat("9", 400), "must be between 1 and 10000000"},
		{"protect.domains", "a.example\r\n\r\n soc@acme.example \r\nb.example", `line 3: must be a domain, not "soc@acme.example"`},
		{"protect.domains", strings.Repeat("a.example\r\n", 10_001), "is too long: 10001 entries, at most 10000"},
		{"protect.allow", "a.example\r\n" + strings.Repeat("g", 64), "line 2: must be a domain or a SHA-256 hash"},
		{"schedule.shareTTPLogs", "@hourly", "macros and time zones are not accepted"},
		{"schedule.importIOCs", "0 0 30 2 *", "never comes due"},
		{"schedule.importAlerts", "* * * *", "must be a cron expression of five fields"},
		{"notify", "soc@acme.example\r\nnobody", "line 2: must be a bare mail address"},
	} {
		t.Run(example.path+" "+example.want[:10], func(t *testing.T) {
			b := settingsAt(t, allOn())
			sent := b.open(acmeSettings)
			sent.Set(example.path, example.typed)
			sent.Set("sendToFalcon.impersonationDomains.severity", "low") // typed as well, and good
			answer := b.ask(http.MethodPost, acmeSettings, sent)
			require.Equal(t, http.StatusUnprocessableEntity, answer.Code)
			require.Contains(t, textOf(t, answer, example.path+"-problem"), example.want)
			require.Contains(t, textOf(t, answer, "told"), example.path, "the summary above names it")

			field := nodeOf(t, answer, example.path)
			require.Contains(t, attribute(field, "aria-describedby"), example.path+"-problem")
			if field.Data != "fieldset" {
				require.Equal(t, "true", attribute(field, "aria-invalid"))
			}
			again := b.form(answer)
			if attribute(field, "type") != "checkbox" { // which has no place for another text
				require.Contains(t, again[example.path], example.typed)
			}
			require.Equal(t, "low", again.Get("sendToFalcon.impersonationDomains.severity"))
			require.Equal(t, sent.Get("seen"), again.Get("seen"))
			require.Empty(t, b.temporal.updates)
		})
	}
}

func TestAllThatIsWrongIsToldAtOnce(t *testing.T) {
	b := settingsAt(t, allOn())
	sent := b.open(acmeSettings)
	bad := url.Values{"fetchDuration": {"x"}, "notify": {"y"}, "protect.domains": {"-\r\n@\r\nb.example"}, "schedule.importIOCs": {""}}
	for path, values := range bad {
		sent[path] = values
	}
	answer := b.ask(http.MethodPost, acmeSettings, sent)
	for path := range bad {
		require.NotEmpty(t, textOf(t, answer, path+"-problem"), path)
	}
	require.Contains(t, textOf(t, answer, "protect.domains-problem"), "line 1: ")
	require.Contains(t, textOf(t, answer, "protect.domains-problem"), "line 2: ")
	told := nodeOf(t, answer, "told")
	require.Equal(t, "alert", attribute(told, "role"))
	require.Equal(t, "-1", attribute(told, "tabindex"))
}

func TestSwitchingEverythingOffIsToldInTheFormsOwnWords(t *testing.T) {
	b := settingsAt(t, allOn())
	sent := b.open(acmeSettings)
	for path := range sent {
		if strings.HasSuffix(path, ".enabled") {
			sent.Set(path, "false")
		}
	}
	answer := b.ask(http.MethodPost, acmeSettings, sent)
	require.Equal(t, http.StatusUnprocessableEntity, answer.Code)
	require.Contains(t, textOf(t, answer, "told"), "Nothing is switched on")
}

func TestARiskyChangeIsAskedBackOnceWithItsWarnings(t *testing.T) {
	inForce := allOn()
	inForce.SendToFalcon.URLDomains.Enabled, inForce.SendToMimecast.IOCDomains.Remediate = false, false
	b := settingsAt(t, inForce)
	sent := b.open(acmeSettings)
	sent.Set("sendToFalcon.urlDomains.enabled", "true")
	sent.Set("description", "typed with it")

	asked := b.ask(http.MethodPost, acmeSettings, sent)
	require.Equal(t, http.StatusUnprocessableEntity, asked.Code)
	const warning = "sendToFalcon.urlDomains and sendToMimecast.iocDomains are both on"
	require.Contains(t, textOf(t, asked, "told"), warning)
	require.NotContains(t, textOf(t, asked, "told"), "mail with a file on Falcon's IOC list", "that is so already")
	require.Contains(t, textOf(t, asked, "section-falcon"), warning)
	require.Contains(t, textOf(t, asked, "section-mimecast"), warning)
	require.NotContains(t, textOf(t, asked, "section-tell"), "both on")
	again := b.form(asked)
	require.Equal(t, "typed with it", again.Get("description"))
	require.False(t, again.Has("confirm"), "it is not ticked for anybody")
	require.Empty(t, b.temporal.updates)

	// What confirms these warnings confirms no others.
	again.Set("confirm", attribute(nodeOf(t, asked, "confirm"), "value"))
	more := url.Values{}
	for path, values := range again {
		more[path] = values
	}
	more.Set("sendToMimecast.iocDomains.remediate", "true")
	asked = b.ask(http.MethodPost, acmeSettings, more)
	require.Equal(t, http.StatusUnprocessableEntity, asked.Code)
	require.Contains(t, textOf(t, asked, "told"), "sendToMimecast.iocDomains.remediate is on")

	answer := b.ask(http.MethodPost, acmeSettings, again)
	require.Equal(t, http.StatusSeeOther, answer.Code)
	require.True(t, b.temporal.inForce.SendToFalcon.URLDomains.Enabled)
	require.Contains(t, textOf(t, b.ask(http.MethodGet, acmeSettings, nil), "section-falcon"), warning, "and after it, too")
}

func TestEveryWarningIsShownAtASection(t *testing.T) {
	inForce := allOn()
	inForce.SendToFalcon.AttachmentHashes.Action, inForce.DryRun = "prevent", true
	inForce.Schedule.ImportIOCs = "0 3 1-7 * mon"
	inForce.SendToMimecast.AlertDomains.Enabled = false
	page := settingsAt(t, inForce).ask(http.MethodGet, acmeSettings, nil)
	var sections strings.Builder
	for _, id := range []string{"about", "falcon", "mimecast", "protect", "when", "tell"} {
		sections.WriteString(textOf(t, page, "section-"+id))
	}
	for _, warning := range inForce.Warnings() {
		require.Contains(t, sections.String(), warning)
	}
	require.Contains(t, textOf(t, page, "section-when"), "it runs on days that fit both")
	require.Contains(t, textOf(t, page, "section-about"), "dryRun is on")
}

func TestAChangeThatNobodyAnswersIsKept(t *testing.T) {
	for _, silent := range []error{serviceerror.NewDeadlineExceeded("late"), serviceerror.NewUnavailable("gone")} {
		b := settingsAt(t, allOn())
		b.temporal.silent = silent
		sent := b.open(acmeSettings)
		sent.Set("description", "typed")
		answer := b.ask(http.MethodPost, acmeSettings, sent)
		require.Equal(t, http.StatusServiceUnavailable, answer.Code)
		require.Contains(t, textOf(t, answer, "told"), "not answer")
		require.Equal(t, sent, b.form(answer))
	}
}

func TestTenThousandProtectedDomainsFitTheForm(t *testing.T) {
	domains := make([]string, 10_000)
	for i := range domains {
		domains[i] = fmt.Sprintf("customer-%d.example", i)
	}
	b := settingsAt(t, allOn())
	sent := b.open(acmeSettings)
	sent.Set("protect.domains", strings.Join(domains, "\r\n"))
	require.Equal(t, http.StatusSeeOther, b.ask(http.MethodPost, acmeSettings, sent).Code)
	require.Equal(t, domains, b.temporal.inForce.Protect.Domains)

	sent = b.open(acmeSettings)
	sent.Set("description", "another")
	require.Equal(t, http.StatusSeeOther, b.ask(http.MethodPost, acmeSettings, sent).Code)
	require.Less(t, len(b.temporal.updates[1].Patch), 100, "what did not change is not sent")
}

func TestWhatIsTooLargeForOneChangeSaysSo(t *testing.T) {
	b := settingsAt(t, allOn())
	sent := b.open(acmeSettings)
	sent.Set("protect.allow", strings.Repeat(strings.Repeat("a", 60)+".example\r\n", 9_999))
	answer := b.ask(http.MethodPost, acmeSettings, sent)
	require.Equal(t, http.StatusUnprocessableEntity, answer.Code)
	require.Contains(t, textOf(t, answer, "told"), "is too large")

	sent.Set("protect.allow", strings.Repeat("x", 1<<20))
	for _, page := range []string{acmeSettings, "/new"} {
		answer = b.ask(http.MethodPost, page, sent)
		require.Equal(t, http.StatusRequestEntityTooLarge, answer.Code)
		require.Contains(t, answer.Body.String(), "A form may send at most 1024 KiB")
	}
	require.Empty(t, b.temporal.updates)
}
