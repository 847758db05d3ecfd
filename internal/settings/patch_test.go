package settings_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/settings"
)

func TestAnEmptyPatchChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := valid(t)
		patched, err := s.Patch([]byte(`{}`))
		require.NoError(t, err)
		require.Equal(t, s, patched)
	})
}

func TestPatchDoesWhatRFC7386Says(t *testing.T) {
	pieces := []string{
		`{"dryRun":true}`, `{"description":null}`, `{"sendToFalcon":{"urlDomains":{"includeSuspicious":true}}}`,
		`{"sendToFalcon":{"platforms":["linux"]}}`, `{"sendToFalcon":{"platforms":null,"expireAfter":"48h"}}`,
		`{"sendToMimecast":null}`, `{"protect":{"domains":["a.example","b.example"]},"notify":[]}`, `{"schedule":{"importIOCs":"0 * * * *"}}`,
	}
	rapid.Check(t, func(t *rapid.T) {
		s := valid(t)
		patch := rapid.SampledFrom(pieces).Draw(t, "first")
		merged, err := jsonpatch.MergeMergePatches([]byte(patch), []byte(rapid.SampledFrom(pieces).Draw(t, "second")))
		require.NoError(t, err)
		document, err := json.Marshal(s)
		require.NoError(t, err)
		wanted, err := jsonpatch.MergePatch(document, merged)
		require.NoError(t, err)
		patched, err := s.Patch(merged)
		require.NoError(t, err)
		require.Equal(t, parsed(t, string(wanted)), patched)
	})
}

func TestPatchLeavesTheSettingsItIsAppliedToAlone(t *testing.T) {
	s := parsed(t, smallest+"protect: {domains: [a.example]}\n")
	_, err := s.Patch([]byte(`{"protect":{"domains":["b.example"]},"sendToFalcon":{"platforms":["mac"]}}`))
	require.NoError(t, err)
	require.Equal(t, parsed(t, smallest+"protect: {domains: [a.example]}\n"), s)
}

func TestABadPatchIsRefusedWithAllItsProblems(t *testing.T) {
	s := parsed(t, smallest)
	for patch, want := range map[string]string{
		`{"name":"other"}`:                      `name: is immutable: it stays "acme"; start another integration for another name`,
		`{"name":null}`:                         `name: is immutable: it stays "acme"; start another integration for another name`,
		`{"credentials":"other"}`:               `credentials: is immutable: it stays ""; start another integration for another credential set`,
		`{"dryrun":null}`:                       `dryrun: unknown setting; did you mean dryRun?`,
		`{"dryRun":true,"dryRun":false}`:        `dryRun: is given twice, first on line 1`,
		`{"fetchDuration":5}`:                   `fetchDuration: must be text with a unit such as "168h", not the number 5`,
		`[]`:                                    `must be settings by name, such as "name: acme", not a list`,
		`null`:                                  `must be settings by name, such as "name: acme", not nothing`,
		`"dryRun"`:                              `must be settings by name, such as "name: acme", not the text "dryRun"`,
		``:                                      `is empty: at least a name and something switched on are needed`,
		`{"sendToFalcon":{"platforms":[null]}}`: `sendToFalcon.platforms[0]: is empty: must be text`,
		`{"sendToFalcon":{"urlDomains":"off"}}`: `sendToFalcon.urlDomains: must be a group of settings (enabled, action, severity, includeSuspicious), not the text "off"`,
		`{"name":"x","fetchDuration":"0s","a":1}`: "a: unknown setting; allowed here: name, description, credentials, fetchDuration, sendToFalcon, sendToMimecast, protect, schedule, notify, dryRun\nname: is immutable: it stays \"acme\"; start another integration for another name\nfetchDuration: must be between 1m and 720h, not 0s",
	} {
		patched, err := s.Patch([]byte(patch))
		require.EqualError(t, err, want, patch)
		require.Equal(t, settings.Settings{}, patched)
	}
}

func TestPatchAcceptsImmutableFieldsThatStayAsTheyAre(t *testing.T) {
	s := parsed(t, smallest)
	patched, err := s.Patch([]byte(`{"name":"acme","credentials":"","dryRun":true}`))
	require.NoError(t, err)
	require.True(t, patched.DryRun)
}

func TestPatchJudgesCombinationsInTheResult(t *testing.T) {
	s := parsed(t, smallest)
	_, err := s.Patch([]byte(`{"sendToFalcon":{"urlDomains":{"severity":""}}}`))
	require.EqualError(t, err, "sendToFalcon.urlDomains.severity: is required with the action detect: one of informational, low, medium, high, critical")
	_, err = s.Patch([]byte(`{"sendToFalcon":{"urlDomains":{"severity":"","action":"no_action"}}}`))
	require.NoError(t, err)
	_, err = s.Patch([]byte(`{"sendToFalcon":{"urlDomains":{"enabled":false}}}`))
	require.ErrorContains(t, err, "switches nothing on")
}

func TestParsePatchJudgesOnlyWhatThePatchNames(t *testing.T) {
	patch, err := settings.ParsePatch([]byte("sendToFalcon:\n  urlDomains: {severity: \"\"}\n  hostGroups: null\ndryRun: true\n"), "acme")
	require.NoError(t, err)
	require.JSONEq(t, `{"sendToFalcon":{"urlDomains":{"severity":""},"hostGroups":null},"dryRun":true}`, string(patch))

	_, err = settings.ParsePatch([]byte("sendToFalcon:\n  urlDomains: {action: prevent}\nfetchDuration: 0s\nnotif: []\n"), "acme")
	require.EqualError(t, err, "line 2: sendToFalcon.urlDomains.action: Falcon only detects domains and cannot prevent them: must be one of no_action, detect\n"+
		"line 3: fetchDuration: must be between 1m and 720h, not 0s\nline 4: notif: unknown setting; did you mean notify?")
}

func TestParsePatchTellsWhatIsImmutableWithTheOtherProblems(t *testing.T) {
	_, err := settings.ParsePatch([]byte("name: b\ncredentials: c\nfetchDuration: 0s\n"), "acme")
	require.EqualError(t, err, `line 1: name: is immutable: it stays "acme"; start another integration for another name
line 2: credentials: is immutable: leave it out, or name the set that the integration was started with
line 3: fetchDuration: must be between 1m and 720h, not 0s`)
	for _, name := range []string{"b", "null", `""`, "B"} {
		_, err = settings.ParsePatch([]byte("name: "+name), "acme")
		require.EqualError(t, err, `name: is immutable: it stays "acme"; start another integration for another name`)
	}
}

func TestParsePatchTakesSettingsAsTheyWereShown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := valid(t)
		document, err := json.Marshal(s)
		require.NoError(t, err)
		patch, err := settings.ParsePatch(document, s.Name)
		require.NoError(t, err)
		require.JSONEq(t, string(document), string(patch))
	})
}

func TestAssignReadsTheValueInTheFieldsType(t *testing.T) {
	for _, example := range []struct{ path, value, want string }{
		{"dryRun", "true", `{"dryRun":true}`},
		{"description", "true", `{"description":"true"}`},
		{"description", `a "b" {c}: d`, `{"description":"a \"b\" {c}: d"}`},
		{"description", "", `{"description":""}`},
		{"sendToFalcon.urlDomains.enabled", "false", `{"sendToFalcon":{"urlDomains":{"enabled":false}}}`},
		{"sendToMimecast.byotiQuota", "5000", `{"sendToMimecast":{"byotiQuota":5000}}`},
		{"fetchDuration", "24h", `{"fetchDuration":"24h"}`},
		{"sendToFalcon.platforms", "mac,linux", `{"sendToFalcon":{"platforms":["mac","linux"]}}`},
		{"sendToFalcon.platforms", `["mac", 'linux']`, `{"sendToFalcon":{"platforms":["mac","linux"]}}`},
		{"sendToFalcon.platforms", "null", `{"sendToFalcon":{"platforms":null}}`},
		{"notify", "", `{"notify":[]}`},
		{"notify", "[]", `{"notify":[]}`},
		{"schedule.importIOCs", "0 3 * * *", `{"schedule":{"importIOCs":"0 3 * * *"}}`},
		{"sendToMimecast", "null", `{"sendToMimecast":null}`},
	} {
		patch, err := settings.Assign(example.path, example.value)
		require.NoError(t, err, example.path)
		require.JSONEq(t, example.want, string(patch))
	}
}

func TestAssignSaysWhatIsWrongWithTheFieldOrItsValue(t *testing.T) {
	for _, example := range []struct{ path, value, want string }{
		{"credentials", "other", `credentials: is immutable: it was chosen when the integration was started`},
		{"dryRun", "yes", `dryRun: must be true or false, not "yes"`},
		{"dryrun", "true", `dryrun: unknown setting; did you mean dryRun?`},
		{"urlDomains.enabled", "true", `urlDomains.enabled: unknown setting; did you mean sendToFalcon.urlDomains?`},
		{"dryRun.on", "true", `dryRun.on: unknown setting; did you mean dryRun?`},
		{"sendToFalcon", "{}", `sendToFalcon: is a group: set one of attachmentHashes, urlDomains, impersonationDomains, platforms, hostGroups, expireAfter`},
		{"sendToMimecast.byotiQuota", "many", `sendToMimecast.byotiQuota: must be a whole number in plain digits, not "many"`},
		{"sendToMimecast.byotiQuota", "0", `sendToMimecast.byotiQuota: must be between 1 and 10000000, not 0`},
		{"fetchDuration", "168", `fetchDuration: must be a duration in hours, minutes or seconds such as "168h" or "1h30m", not "168"`},
		{"sendToFalcon.platforms", "mac,ios", `sendToFalcon.platforms[1]: ios needs Falcon for Mobile, which is not supported: must be one of windows, mac, linux`},
		{"", "x", `unknown setting; allowed here: name, description, credentials, fetchDuration, sendToFalcon, sendToMimecast, protect, schedule, notify, dryRun`},
	} {
		_, err := settings.Assign(example.path, example.value)
		require.EqualError(t, err, example.want)
		_, bad := errors.AsType[settings.Problems](err)
		require.True(t, bad)
	}
}

func FuzzParsePatch(f *testing.F) {
	for _, seed := range []string{"{}", `{"dryRun":null}`, "dryRun: true\n", `{"name":"other"}`, `{"sendToFalcon":{"urlDomains":{"enabled":1}}}`, "notify: [", "\x00", `{"a":{"a":{"a":{}}}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		before := parsed(t, smallest)
		after, err := before.Patch(document)
		require.Equal(t, parsed(t, smallest), before, "a patch leaves what it is applied to alone")
		if err == nil {
			require.Equal(t, before.Name, after.Name)
			written, err := json.Marshal(after)
			require.NoError(t, err)
			require.Equal(t, after, parsed(t, string(written)), "what comes of it is valid")
		}
		patch, err := settings.ParsePatch(document, before.Name)
		if err != nil {
			problems, bad := errors.AsType[settings.Problems](err)
			require.True(t, bad)
			for _, problem := range problems {
				require.False(t, strings.ContainsFunc(problem.String(), unicode.IsControl), "%q", problem.String())
			}
			return
		}
		require.True(t, json.Valid(patch))
	})
}
