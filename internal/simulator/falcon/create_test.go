package falcon_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func hash(value string) ioc { return domain(value).with("type", "sha256") }

func TestCreateAnswersWithFullRecords(t *testing.T) {
	v := start(t)
	a := v.do(http.MethodPost, entities+"?ignore_warnings=false&retrodetects=true", map[string]any{
		"comment": "from a test", "indicators": []ioc{
			hash(sha(1)).with("action", "prevent").with("expiration", "2026-04-01T00:00:00Z").with("metadata", ioc{"filename": "a.exe"}),
			{"type": "domain", "value": "Bad.example", "applied_globally": true, "platforms": []string{"windows"}, "host_groups": json.RawMessage("null")},
		},
	})
	require.Equal(t, http.StatusCreated, a.status, "%s", a.body)
	require.Equal(t, "ioc-manager", a.Meta.PoweredBy)
	require.Equal(t, 2, a.Meta.Pagination.Total)
	records := a.iocs(t)
	require.Regexp(t, `^[0-9a-f]{64}$`, records[0]["id"])
	delete(records[0], "id")
	require.Equal(t, ioc{
		"type": "sha256", "value": sha(1), "action": "prevent", "severity": "medium", "platforms": []any{"windows", "mac", "linux"},
		"metadata": map[string]any{"filename": "a.exe", "signed": false, "av_hits": -1.0}, "expiration": "2026-04-01T00:00:00Z",
		"expired": false, "deleted": false, "applied_globally": true, "from_parent": false,
		"created_on": "2026-03-01T12:00:00.123456789Z", "created_by": clientID,
		"modified_on": "2026-03-01T12:00:00.123456789Z", "modified_by": clientID,
	}, records[0])
	require.Equal(t, "no_action", records[1]["action"])
	require.Equal(t, "no_action", records[1]["mobile_action"])
	require.Contains(t, string(a.body), `"severity":""`)
	require.Equal(t, "Bad.example", records[1]["value"], "case is not folded")
	require.Equal(t, 2, v.wrote)
	v.noViolations()
}

func TestCreateRules(t *testing.T) {
	for name, c := range map[string]struct {
		entry   ioc
		problem string // "" is created
		mistake bool
	}{
		"sha256":                        {hash(sha(1)), "", false},
		"sha256 in capitals":            {hash(strings.Repeat("AB", 32)), "", false},
		"sha256 too short":              {hash(sha(1)[1:]), "64 hex digits", false},
		"sha256 not hex":                {hash(strings.Repeat("g", 64)), "64 hex digits", false},
		"md5":                           {hash(sha(1)[:32]).with("type", "md5"), "", false},
		"md5 as long as sha256":         {hash(sha(1)).with("type", "md5"), "32 hex digits", false},
		"domain of 200":                 {domain(strings.Repeat("a.", 98) + "test"), "", false},
		"domain of 201":                 {domain(strings.Repeat("a.", 98) + "tests"), "1 to 200", false},
		"domain empty":                  {domain(""), "1 to 200", false},
		"domain that is a URL":          {domain("http://bad.example/"), "1 to 200", false},
		"domain with a line break":      {domain("bad.example\r\n"), "1 to 200", false},
		"ipv4":                          {domain("192.0.2.1").with("type", "ipv4"), "", false},
		"ipv4 that is not one":          {domain("192.0.2.256").with("type", "ipv4"), "not an address", false},
		"ipv6":                          {domain("2001:db8::1").with("type", "ipv6"), "", false},
		"ipv6 as ipv4":                  {domain("2001:db8::1").with("type", "ipv4"), "not an address", false},
		"sha1":                          {domain("x").with("type", "sha1"), "type must be one of", true},
		"no type":                       {domain("x").with("type", nil), "type must be one of", true},
		"hash prevented":                {hash(sha(1)).with("action", "prevent"), "", false},
		"hash prevented quietly":        {hash(sha(1)).with("action", "prevent_no_ui").with("severity", nil), "", false},
		"hash allowed":                  {hash(sha(1)).with("action", "allow").with("severity", nil), "", false},
		"hash allowed with severity":    {hash(sha(1)).with("action", "allow"), "not supported for action allow", true},
		"domain prevented":              {domain("bad.example").with("action", "prevent"), "not supported for type domain", true},
		"domain prevented quietly":      {domain("bad.example").with("action", "prevent_no_ui"), "not supported for type domain", true},
		"domain allowed":                {domain("bad.example").with("action", "allow").with("severity", nil), "not supported for type domain", true},
		"ipv4 prevented":                {domain("192.0.2.1").with("type", "ipv4").with("action", "prevent"), "not supported for type ipv4", true},
		"unknown action":                {domain("bad.example").with("action", "block"), "action must be one of", true},
		"no action, no severity":        {domain("bad.example").with("action", nil).with("severity", nil), "", false},
		"no_action with severity":       {domain("bad.example").with("action", "no_action"), "", false},
		"detect without severity":       {domain("bad.example").with("severity", nil), "severity is required", true},
		"unknown severity":              {domain("bad.example").with("severity", "High"), "severity must be one of", true},
		"no platforms":                  {domain("bad.example").with("platforms", nil), "platforms is required", true},
		"unknown platform":              {domain("bad.example").with("platforms", []string{"windows", "beos"}), "not supported", true},
		"ios without Falcon for Mobile": {domain("bad.example").with("platforms", []string{"ios"}), "not supported", true},
		"platform twice":                {domain("bad.example").with("platforms", []string{"mac", "mac"}), "twice", true},
		"mobile action on a desktop":    {domain("bad.example").with("mobile_action", "detect"), "needs ios or android", true},
		"not applied anywhere":          {domain("bad.example").with("applied_globally", false), "applied_globally must be true", true},
		"applied_globally left out":     {domain("bad.example").with("applied_globally", nil), "applied_globally must be true", true},
		"host groups":                   {domain("bad.example").with("applied_globally", false).with("host_groups", []string{sha(1)[:32]}), "", false},
		"host groups that are no ids":   {domain("bad.example").with("host_groups", []string{"all"}), "32 hex digits", true},
		"expiration in a minute":        {domain("bad.example").with("expiration", "2026-03-01T12:01:00Z"), "", false},
		"expiration passed":             {domain("bad.example").with("expiration", "2026-03-01T12:00:00Z"), "in the future", false},
		"zero expiration":               {domain("bad.example").with("expiration", "0001-01-01T00:00:00Z"), "in the future", false},
		"expiration in local time":      {domain("bad.example").with("expiration", "2026-04-01T12:00:00+02:00"), "in UTC", true},
		"expiration without a time":     {domain("bad.example").with("expiration", "2026-04-01"), "RFC 3339", true},
		"source of 256":                 {domain("bad.example").with("source", strings.Repeat("ü", 256)), "", false},
		"source of 257":                 {domain("bad.example").with("source", strings.Repeat("x", 257)), "source is longer", true},
		"description of 200":            {domain("bad.example").with("description", strings.Repeat("x", 200)), "", false},
		"description of 201":            {domain("bad.example").with("description", strings.Repeat("x", 201)), "description is longer", true},
		"empty tag":                     {domain("bad.example").with("tags", []string{""}), "tags must not be empty", true},
		"file name of a domain":         {domain("bad.example").with("metadata", ioc{"filename": "x"}), "for hashes only", true},
		"one label":                     {domain("localhost"), "single label", false},
		"private address":               {domain("10.0.0.1").with("type", "ipv4"), "not a public one", false},
	} {
		t.Run(name, func(t *testing.T) {
			v := start(t)
			a := v.do(http.MethodPost, entities, batchOf(c.entry))
			if c.problem == "" {
				require.Equal(t, http.StatusCreated, a.status, "%s", a.body)
				v.noViolations()
				return
			}
			v.refused(a, http.StatusBadRequest, "One or more indicators have a warning or invalid input")
			problems := a.iocs(t)
			require.Len(t, problems, 1)
			require.Contains(t, problems[0]["message"], c.problem)
			require.Zero(t, v.wrote)
			require.Equal(t, c.mistake, len(v.takeViolations()) == 1)
		})
	}
}

func TestCreateRefusesABodyOfAnotherForm(t *testing.T) {
	entry, err := json.Marshal(domain("bad.example"))
	require.NoError(t, err)
	good := string(entry)
	for name, body := range map[string]string{
		"not JSON":            `{"indicators":[`,
		"two documents":       `{"indicators":[` + good + `]}{}`,
		"a list":              `[` + good + `]`,
		"no indicators":       `{}`,
		"a comment only":      `{"comment":"x","indicators":[]}`,
		"unknown body field":  `{"indicators":[` + good + `],"ignore_warnings":true}`,
		"unknown entry field": `{"indicators":[` + strings.Replace(good, `"type"`, `"kind":"x","type"`, 1) + `]}`,
		"field in capitals":   `{"indicators":[` + strings.Replace(good, `"type"`, `"Type"`, 1) + `]}`,
		"id":                  `{"indicators":[` + strings.Replace(good, `"type"`, `"id":"x","type"`, 1) + `]}`,
		"a flag as a string":  `{"indicators":[` + strings.Replace(good, `true`, `"true"`, 1) + `]}`,
		"more metadata":       `{"indicators":[` + strings.Replace(good, `"type"`, `"metadata":{"signed":true},"type"`, 1) + `]}`,
		"a bulk update":       `{"indicators":[` + good + `],"bulk_update":{}}`,
		"2001 entries":        `{"indicators":[` + strings.Repeat(good+",", 2000) + good + `]}`,
	} {
		v := start(t)
		v.refused(v.do(http.MethodPost, entities, body), http.StatusBadRequest, "Provided data does not match expected format")
		require.Len(t, v.takeViolations(), 1, name)
		require.Zero(t, v.wrote, name)
	}
}

func TestACreateOfNothingAsksForTheScopeAndIsNoMistake(t *testing.T) {
	v := start(t)
	v.refused(v.do(http.MethodPost, entities, `{"indicators":[]}`), http.StatusBadRequest, "Provided data does not match expected format")
	v.noViolations()
	v.asAdmin(http.MethodPut, "/scopes", `["IOC Management: Read"]`, nil)
	v.refused(v.do(http.MethodPost, entities, `{"indicators":[]}`), http.StatusForbidden, "access denied, scope not permitted")
	v.noViolations()
	v.asAdmin(http.MethodPut, "/scopes", `["IOC Management: Write"]`, nil)
	v.refused(v.do(http.MethodPost, entities+"?ignore_warnings=true", `{"indicators":[]}`), http.StatusBadRequest, "expected format")
	require.Len(t, v.takeViolations(), 1, "a batch that somebody forgot to fill")
	require.Zero(t, v.wrote)
}

func TestProblemsNameTheirEntryOnlyInTheModesThatSaySo(t *testing.T) {
	for mode, want := range map[string]ioc{
		"none":   {"message_type": "error", "message": "Duplicate type and value combination"},
		"quoted": {"message_type": "error", "message": "Duplicate type and value combination: 'b.example'"},
		"value":  {"message_type": "error", "message": "Duplicate type and value combination", "type": "domain", "value": "b.example"},
		"row":    {"message_type": "error", "message": "Duplicate type and value combination", "type": "domain", "value": "b.example", "row": 1.0},
	} {
		v := start(t)
		v.modes(`{"problemDetail": "` + mode + `"}`)
		v.create(domain("b.example"))
		a := v.do(http.MethodPost, entities, batchOf(domain("a.example"), domain("b.example"), domain("c.example")))
		require.Equal(t, []ioc{want}, a.iocs(t), mode)
		require.Equal(t, 1, v.wrote)
		v.noViolations()
	}
}

func TestIgnoreWarningsLetsWarningsPassAndTreatsDuplicatesByMode(t *testing.T) {
	for mode, want := range map[string]struct{ status, records int }{
		"refuse": {http.StatusBadRequest, 1}, "update": {http.StatusCreated, 1}, "second-record": {http.StatusCreated, 2},
	} {
		t.Run(mode, func(t *testing.T) {
			v := start(t)
			v.modes(`{"duplicates": "` + mode + `"}`)
			require.Equal(t, http.StatusCreated, v.do(http.MethodPost, entities+"?ignore_warnings=true", batchOf(domain("localhost"))).status)

			first := v.create(domain("a.example"))
			v.pass(time.Minute)
			again := domain("a.example").with("severity", "high")
			require.Equal(t, http.StatusBadRequest, v.do(http.MethodPost, entities, batchOf(again)).status, "not without asking")
			a := v.do(http.MethodPost, entities+"?ignore_warnings=true", batchOf(again))
			require.Equal(t, want.status, a.status)
			listed := v.search(combined, "filter", "value:'a.example'", "sort", "created_on").iocs(t)
			require.Len(t, listed, want.records)
			require.Equal(t, first[0], listed[0]["id"])
			if mode == "update" {
				require.Equal(t, "high", listed[0]["severity"])
				require.Equal(t, "2026-03-01T12:01:00.123456789Z", listed[0]["modified_on"])
			}
			v.noViolations()
		})
	}
}

func TestDuplicatesWithinABatchAreRefusedAndDeletedOnesAreNoDuplicates(t *testing.T) {
	v := start(t)
	a := v.do(http.MethodPost, entities, batchOf(domain("a.example"), domain("a.example"), domain("A.example")))
	require.Len(t, a.iocs(t), 1)
	v.modes(`{"foldCase": true}`)
	a = v.do(http.MethodPost, entities, batchOf(domain("a.example"), domain("a.example"), domain("A.example")))
	require.Len(t, a.iocs(t), 2)

	ids := v.create(domain("a.example"))
	require.Equal(t, http.StatusOK, v.do(http.MethodDelete, entities+"?ids="+ids[0], nil).status)
	require.NotEqual(t, ids, v.create(domain("A.example")))
	v.noViolations()
}

func TestTheCustomersLimitRefusesTheWholeCreate(t *testing.T) {
	v := start(t)
	v.modes(`{"cidLimit": 3}`)
	v.create(domain("a.example"), domain("b.example"))
	over := batchOf(domain("c.example"), domain("d.example"))
	v.refused(v.do(http.MethodPost, entities, over), http.StatusBadRequest, "Limit of 1 million indicators reached.")
	v.create(domain("c.example"))
	v.asAdmin(http.MethodDelete, "/iocs?value=a.example", "", nil)
	v.create(domain("d.example"))
	require.Equal(t, 4, v.wrote)
	v.noViolations()
}
