package fql_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/simulator/falcon/fql"
)

// thing is a record for tests.
type thing map[string]fql.Value

func (t thing) FilterValue(field string) fql.Value { return t[field] }

func language() fql.Language {
	return fql.Language{
		Fields: map[string]fql.Kind{
			"type": fql.Text, "value": fql.Text, "metadata.filename.raw": fql.Text, "tags": fql.Texts, "deleted": fql.Bool,
			"severity_number": fql.Number, "modified_on": fql.Time, "expiration": fql.Time,
		},
	}
}

func sample() thing {
	return thing{
		"type": {Text: "domain"}, "value": {Text: "bad.example"}, "tags": {Texts: []string{"x", "threatshare:acme"}},
		"deleted": {Bool: false}, "severity_number": {Number: 50}, "metadata.filename.raw": {Text: `it's "a" \ file`},
		"modified_on": {Time: time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC)},
	}
}

func TestMatchFollowsTheFilter(t *testing.T) {
	for filter, want := range map[string]bool{
		``:                                    true,
		`type:'domain'`:                       true,
		`type:"domain"`:                       true,
		`type:'Domain'`:                       false,
		`type:!'domain'`:                      false,
		`type:!'sha256'`:                      true,
		`type:['sha256','domain']`:            true,
		`type:!['sha256','domain']`:           false,
		`type:'domain'+value:'bad.example'`:   true,
		`type:'domain'+value:'other.example'`: false,
		`type:'sha256',value:'bad.example'`:   true,
		`type:'sha256'+value:'bad.example',deleted:false`: true,
		`type:'sha256'+value:'bad.example',deleted:true`:  false,
		`deleted:true,type:'domain'+value:'bad.example'`:  true,
		`deleted:false`:                 true,
		`deleted:!false`:                false,
		`tags:'x'`:                      true,
		`tags:!'x'`:                     false,
		`tags:!'y'`:                     true,
		`tags:['y','threatshare:acme']`: true,
		`severity_number:50`:            true,
		`severity_number:>=50`:          true,
		`severity_number:>50`:           false,
		`severity_number:<50.5`:         true,
		`severity_number:[10,50]`:       true,
		`modified_on:>='2026-03-01T12:00:00.000000005Z'`:      true,
		`modified_on:>'2026-03-01T12:00:00.000000005Z'`:       false,
		`modified_on:<='2026-03-01T13:00:00.000000005+01:00'`: true,
		`modified_on:'2026-03-01T12:00:00.000000005Z'`:        true,
		`modified_on:!'2026-03-01T12:00:00.000000005Z'`:       false,
		`expiration:>='2020-01-01T00:00:00Z'`:                 false,
		`expiration:<'2020-01-01T00:00:00Z'`:                  false,
		`metadata.filename.raw:'it\'s "a" \\ file'`:           true,
		`metadata.filename.raw:"it's \"a\" \\ file"`:          true,
		`value:'a+b,c'`: false,
		`type:'domain'+` + strings.Repeat(`tags:'x'+`, 18) + `tags:'x'`: true,
	} {
		f, err := language().Parse(filter)
		require.NoError(t, err, filter)
		require.Equal(t, want, f.Match(sample()), filter)
	}
}

func TestParseRefusesEverythingElse(t *testing.T) {
	for _, filter := range []string{
		` `, `type`, `type:`, `type:domain`, `type:'domain`, `type:'domain"`, `type='domain'`, `type:==='domain'`,
		`Type:'domain'`, `unknown:'x'`, `:'x'`, `type:'domain'+`, `+type:'domain'`, `type:'domain' + value:'x'`,
		`type:'domain'value:'x'`, `type:'domain'++value:'x'`, `(type:'domain')`, `type:[]`, `type:['a'`, `type:['a',]`, `type:['a''b']`,
		`type:>='a'`, `tags:<'a'`, `deleted:>true`, `deleted:'false'`, `deleted:False`, `deleted:[true]`, `deleted:falsey`,
		`severity_number:'50'`, `severity_number:high`, `severity_number:!>5`, `severity_number:1-2`,
		`modified_on:>=2026-01-01T00:00:00Z`, `modified_on:>='yesterday'`, `modified_on:>='2026-01-01'`, `modified_on:>='now-1h'`,
		`modified_on:['2026-01-01T00:00:00Z']`, `type:*'dom*'`, `!type:'domain'`, `type:!!'domain'`, `type:'a\b'`, `type:'a\`,
		"type:'domain'\n", `type:'domain'; type:'x'`,
		strings.Repeat(`tags:'x'+`, 20) + `tags:'x'`,
	} {
		_, err := language().Parse(filter)
		require.ErrorIs(t, err, fql.ErrFilter, filter)
		require.NotContains(t, err.Error(), "yesterday")
	}
}

func TestWildcardsAndRelativeTimesWhereTheLanguageHasThem(t *testing.T) {
	l := language()
	l.Wildcards, l.Now = true, time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for filter, want := range map[string]bool{
		`value:*'bad*'`:              true,
		`value:*'*example'`:          true,
		`value:*'*d.e*'`:             true,
		`value:*'bad'`:               false,
		`value:*'b*a*a*.example'`:    false,
		`value:*'b*a*.ex*ple'`:       true,
		`value:*'*'`:                 true,
		`value:!*'*example*'`:        false,
		`modified_on:>='now-24h'`:    true,
		`modified_on:>'now-24h'`:     true,
		`modified_on:>'now-1439m'`:   false,
		`modified_on:<'now'`:         true,
		`modified_on:>'now-2d'`:      true,
		`modified_on:<'now-86399s'`:  true,
		`modified_on:<'now-86400s'`:  false,
		`modified_on:>'now-65535d'`:  true,
		`modified_on:<='now-86400s'`: false,
	} {
		f, err := l.Parse(filter)
		require.NoError(t, err, filter)
		require.Equal(t, want, f.Match(sample()), filter)
	}
	for _, filter := range []string{
		`tags:*'x*'`, `modified_on:*'2026*'`, `value:*['a']`, `modified_on:>'now-h'`, `modified_on:>'now+1h'`, `modified_on:>'now-1y'`,
		`modified_on:>'now-99999999999999d'`, `modified_on:>'nowh'`, `modified_on:>'now-106752d'`, `modified_on:>'now--1h'`,
	} {
		_, err := l.Parse(filter)
		require.ErrorIs(t, err, fql.ErrFilter, filter)
	}
}

func TestOneOfIsGivenOnlyWhenEveryMatchHasSuchAValue(t *testing.T) {
	for filter, want := range map[string][]string{
		`value:['a','b','a']+deleted:false`: {"a", "b"},
		`deleted:false+value:'a'`:           {"a"},
		`value:!'a'`:                        nil,
		`value:'a',deleted:false`:           nil,
		`type:'a'`:                          nil,
		``:                                  nil,
	} {
		f, err := language().Parse(filter)
		require.NoError(t, err)
		got, found := f.OneOf("value")
		require.Equal(t, want != nil, found, filter)
		require.ElementsMatch(t, want, got, filter)
	}
}

func TestNotBeforeIsGivenOnlyForALowerBoundOfEveryMatch(t *testing.T) {
	const at = `'2026-01-01T00:00:00Z'`
	for filter, want := range map[string]bool{
		`type:'a'+modified_on:>=` + at:      true,
		`modified_on:>` + at:                true,
		`modified_on:` + at:                 true,
		`modified_on:!` + at:                false,
		`modified_on:<=` + at:               false,
		`modified_on:>=` + at + `,type:'a'`: false,
	} {
		f, err := language().Parse(filter)
		require.NoError(t, err)
		_, found := f.NotBefore("modified_on")
		require.Equal(t, want, found, filter)
	}
}

// condition is a property of a generated filter, with its own idea of what matches.
type condition struct {
	text  string
	match func(thing) bool
}

func conditions() *rapid.Generator[condition] {
	words := []string{"", "a", "b", "it's", `back\slash`, "a,b", "a+b", `say "a"`}
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	return rapid.Custom(func(t *rapid.T) condition {
		word := rapid.SampledFrom(words).Draw(t, "word")
		quoted := "'" + quote.Replace(word) + "'"
		switch rapid.IntRange(0, 4).Draw(t, "shape") {
		case 0:
			return condition{"type:" + quoted, func(r thing) bool { return r["type"].Text == word }}
		case 1:
			return condition{"type:!" + quoted, func(r thing) bool { return r["type"].Text != word }}
		case 2:
			return condition{"type:[" + quoted + ",'b']", func(r thing) bool { return r["type"].Text == word || r["type"].Text == "b" }}
		case 3:
			n := rapid.IntRange(0, 3).Draw(t, "number")
			return condition{fmt.Sprintf("severity_number:>=%d", n), func(r thing) bool { return r["severity_number"].Number >= float64(n) }}
		default:
			flag := rapid.Bool().Draw(t, "flag")
			return condition{fmt.Sprintf("deleted:%t", flag), func(r thing) bool { return r["deleted"].Bool == flag }}
		}
	})
}

func TestAFilterMatchesWhatItsPartsSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		either := rapid.SliceOfN(rapid.SliceOfN(conditions(), 1, 4), 1, 5).Draw(t, "filter")
		record := thing{
			"type":            {Text: rapid.SampledFrom([]string{"", "a", "b", "it's", `back\slash`, "a,b"}).Draw(t, "type")},
			"severity_number": {Number: float64(rapid.IntRange(0, 3).Draw(t, "severity"))},
			"deleted":         {Bool: rapid.Bool().Draw(t, "deleted")},
		}
		var terms []string
		want := false
		for _, every := range either {
			var parts []string
			all := true
			for _, c := range every {
				parts = append(parts, c.text)
				all = all && c.match(record)
			}
			terms = append(terms, strings.Join(parts, "+"))
			want = want || all
		}
		text := strings.Join(terms, ",")
		f, err := language().Parse(text)
		require.NoError(t, err, text)
		require.Equal(t, want, f.Match(record), text)
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`type:['a','b']+modified_on:>='2026-01-01T00:00:00Z'+tags:!'x'`, `value:"a\"b",deleted:false`, `severity_number:>=-1.5`,
		`value:*'*a*'`, `modified_on:<'now-3h'`, `type:[`, `type:'`, `type:'\`, `:`, `!`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l := language()
		l.Wildcards, l.Now = true, time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
		filter, err := l.Parse(text)
		if err != nil {
			require.ErrorIs(t, err, fql.ErrFilter)
			return
		}
		got := filter.Match(sample())
		if values, found := filter.OneOf("value"); found && got {
			require.Contains(t, values, "bad.example")
		}
		if since, found := filter.NotBefore("modified_on"); found && got {
			require.False(t, sample()["modified_on"].Time.Before(since))
		}
		if text != "" {
			negative, err := l.Parse(text + `+deleted:true`)
			if err == nil && !strings.Contains(text, ",") {
				require.False(t, negative.Match(sample()), "and with what is false")
			}
		}
	})
}
