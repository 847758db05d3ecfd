package notify_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/notify"
)

var update = flag.Bool("update", false, "write the mails to testdata instead of comparing them")

var since = time.Date(2026, 3, 1, 11, 15, 42, 0, time.FixedZone("CET", 3600))

func needsYou() notify.Notice {
	return notify.Notice{Integration: "acme", Number: 4, Kind: notify.PermanentError, Since: since, Problems: []notify.Problem{
		{What: "Falcon", Reason: "falcon: POST /oauth2/token: answered 401: access denied, invalid client; " +
			"set FALCON_CLIENT_ID and FALCON_CLIENT_SECRET and restart the worker [trace 7f0c]"},
		{What: "sendToFalcon.urlDomains", Reason: "mimecast: POST /api/ttp/url/get-logs: answered 403: no permission; " +
			"give the API application's role Monitoring, URL Protection, Read"},
	}}
}

func everyKind() map[string]notify.Notice {
	return map[string]notify.Notice{
		"permanent_error": needsYou(),
		"degraded": {Integration: "acme", Number: 5, Kind: notify.Degraded, Since: since, Problems: []notify.Problem{
			{What: "share-ttp-logs", Reason: "mimecast: GET /api/ttp/attachment/get-logs: answered 503"},
		}},
		"connected": {Integration: "acme", Number: 6, Kind: notify.Recovered, Since: since, Problems: needsYou().Problems},
		"gap": {Integration: "acme", Number: 7, Kind: notify.Gap, Since: since, Problems: []notify.Problem{
			{What: "urlDomains", Reason: "records between 2026-01-20 08:00 and 2026-01-30 10:15 UTC (242h15m0s) were never read and are gone"},
		}},
		"readable": {Integration: "acme", Number: 7, Kind: notify.Recovered, Since: since, Problems: []notify.Problem{
			{What: "urlDomains", Reason: "12 of 100 records from Mimecast could not be read", Unread: true},
		}},
		"unread": {Integration: "acme", Number: 7, Kind: notify.Unread, Since: since, Problems: []notify.Problem{
			{What: "urlDomains", Reason: "12 of 100 records from Mimecast could not be read by the run of 2026-03-01 10:10 UTC: their shape may have changed there", Unread: true},
		}},
		"hostile": {Integration: "acme", Number: 8, Kind: notify.PermanentError, Since: since, Problems: []notify.Problem{
			{What: "Falcon", Reason: "falcon: =cmd|'/c calc'!A1 {{.Secret}} <script>alert(1)</script> [click](https://login.evil.example/?a=1)\r\n" +
				"Bcc: all@evil.example\r\n\r\n.\r\nMAIL FROM:<x@evil.example>\x00\t\x1b[31mred\u202etxt.exe\u200b zero \xff"},
		}},
		"several": {Integration: "acme", Number: 9, Kind: notify.PermanentError, Since: since, Problems: many(23, "mimecast: out of order")},
	}
}

func many(n int, reason string) []notify.Problem {
	problems := make([]notify.Problem, n)
	for i := range problems {
		problems[i] = notify.Problem{What: fmt.Sprintf("part %d", i+1), Reason: reason}
	}
	return problems
}

func TestTheMailOfEveryKindSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	at := notify.Links{UI: "https://temporal.example", Namespace: "production"}
	for name, notice := range everyKind() {
		t.Run(name, func(t *testing.T) {
			mail := notify.Compose(notice, at)
			said := "Subject: " + mail.Subject + "\n\n" + mail.Text
			golden := filepath.Join("testdata", name+".txt")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(said), 0o600))
			}
			expected, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(expected), said)
		})
	}
}

func TestCommandsCanBePasted(t *testing.T) {
	text := notify.Compose(needsYou(), notify.Links{}).Text
	for _, command := range []string{
		"    temporal workflow signal --workflow-id threatshare/acme --name reconnect\n",
		"    starter status acme\n",
		"    starter check acme\n",
	} {
		require.Contains(t, text, "\n"+command)
	}
	require.NotContains(t, text, "--namespace")
	require.NotContains(t, text, "Temporal UI", "it is not known")

	elsewhere := notify.Compose(needsYou(), notify.Links{Namespace: "production"}).Text
	require.Contains(t, elsewhere, "--name reconnect --namespace production\n")
	require.Contains(t, elsewhere, "starter status acme --namespace production\n")
	require.Contains(t, elsewhere, "starter check acme --namespace production\n")
	require.Equal(t, text, notify.Compose(needsYou(), notify.Links{Namespace: "default"}).Text)
}

func TestTheLinkLeadsToTheWorkflow(t *testing.T) {
	text := notify.Compose(needsYou(), notify.Links{UI: "https://temporal.example/ui"}).Text
	require.Contains(t, text, "\n    https://temporal.example/ui/namespaces/default/workflows/threatshare%2Facme\n")
	text = notify.Compose(needsYou(), notify.Links{UI: "https://temporal.example", Namespace: "a/b"}).Text
	require.Contains(t, text, "\n    https://temporal.example/namespaces/a%2Fb/workflows/threatshare%2Facme\n")
}

func TestTheConsoleIsNamedWhereItIsKnown(t *testing.T) {
	text := notify.Compose(needsYou(), notify.Links{Console: "https://threatshare.example"}).Text
	require.Contains(t, text, "\n    https://threatshare.example/i/acme\n")
	require.NotContains(t, notify.Compose(needsYou(), notify.Links{}).Text, "console")
}

func TestOnlyWhatAPersonCanMendAsksForASignal(t *testing.T) {
	for name, notice := range everyKind() {
		asked := strings.Contains(notify.Compose(notice, notify.Links{}).Text, "--name reconnect")
		require.Equal(t, notice.Kind == notify.PermanentError || notice.Kind == notify.Degraded, asked, name)
	}
}

func TestANameThatIsNoneStaysOneWordOfACommand(t *testing.T) {
	notice := needsYou()
	notice.Integration = "x'; rm -rf ~ #\nmore"
	text := notify.Compose(notice, notify.Links{Namespace: "$(id)"}).Text
	require.Contains(t, text, `starter status 'x'\''; rm -rf ~ #\nmore' --namespace '$(id)'`+"\n")
}

func TestOneNoticeHasOneID(t *testing.T) {
	first := notify.Compose(needsYou(), notify.Links{}).ID
	again := needsYou()
	again.Since = again.Since.UTC() // as it comes back from a history
	again.Problems = nil
	require.Equal(t, first, notify.Compose(again, notify.Links{UI: "https://temporal.example"}).ID)
	require.Regexp(t, `^[a-z0-9.]{1,60}$`, first)

	for name, change := range map[string]func(*notify.Notice){
		"integration": func(n *notify.Notice) { n.Integration = "other" },
		"number":      func(n *notify.Notice) { n.Number++ },
		"kind":        func(n *notify.Notice) { n.Kind = notify.Recovered },
		"since":       func(n *notify.Notice) { n.Since = n.Since.Add(time.Second) },
	} {
		other := needsYou()
		change(&other)
		require.NotEqual(t, first, notify.Compose(other, notify.Links{}).ID, name)
	}
}

func TestWhatDoesNotFitIsCounted(t *testing.T) {
	notice := needsYou()
	notice.Problems = many(20, "short")
	require.NotContains(t, notify.Compose(notice, notify.Links{}).Text, "more, which")
	notice.Problems = many(21, "short")
	text := notify.Compose(notice, notify.Links{}).Text
	require.Contains(t, text, "\npart 20\n")
	require.NotContains(t, text, "\npart 21\n")
	require.Contains(t, text, "... and 1 more")

	notice.Problems = many(20, strings.Repeat("ж", 3000))
	text = notify.Compose(notice, notify.Links{}).Text
	require.Less(t, len(text), 16<<10)
	listed := strings.Count(text, "\npart ")
	require.Positive(t, listed)
	require.Contains(t, text, fmt.Sprintf("... and %d more", 20-listed))
	require.Contains(t, text, "--name reconnect", "what to do is not crowded out")
}

func TestFault_D2_WhateverIsInANoticeTheMailIsPlainAndBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[\x00-\x1f\x7f\x{200b}-\x{202e}a :;]*`), rapid.Just(strings.Repeat("long ", 5000)))
		notice := notify.Notice{
			Integration: text.Draw(t, "integration"), Number: rapid.Int().Draw(t, "number"), Since: since,
			Kind: notify.Kind(rapid.SampledFrom([]string{"permanent_error", "degraded", "connected", "gap", "unread", "other\r\nBcc: x"}).Draw(t, "kind")),
		}
		for range rapid.IntRange(0, 30).Draw(t, "problems") {
			notice.Problems = append(notice.Problems, notify.Problem{What: text.Draw(t, "what"), Reason: text.Draw(t, "reason")})
		}
		mail := notify.Compose(notice, notify.Links{UI: "https://temporal.example", Namespace: text.Draw(t, "namespace")})
		oneLine(t, mail.Subject)
		if length := utf8.RuneCountInString(mail.Subject); length > 450 {
			t.Fatalf("subject of %d characters", length)
		}
		if !strings.HasPrefix(mail.Subject, "[Threat Share ") {
			t.Fatalf("subject %q", mail.Subject)
		}
		if len(mail.Text) >= 16<<10 {
			t.Fatalf("text of %d bytes", len(mail.Text))
		}
		for line := range strings.SplitSeq(mail.Text, "\n") {
			oneLine(t, line)
			words := strings.Fields(line)
			if utf8.RuneCountInString(line) > 78 && len(words) > 1 && !strings.HasPrefix(line, "    temporal") && !strings.HasPrefix(line, "    starter") {
				t.Fatalf("line is too long: %q", line)
			}
		}
	})
}

func oneLine(t *rapid.T, text string) {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Fatalf("does not print: %q", text)
	}
}

func TestAMailErrorTellsNobodysAddress(t *testing.T) {
	err := error(&notify.MailError{Reason: "refuses 1 of 2", Left: []string{"soc@acme.example"}})
	for _, verb := range []string{"%v", "%+v", "%s", "%q"} {
		require.NotContains(t, fmt.Sprintf(verb, err), "soc@", verb)
	}
}
