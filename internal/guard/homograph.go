package guard

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// scripts are told apart by name; a letter of none of them counts as of "other".
func scripts() []script {
	return []script{
		{"Latin", unicode.Latin},
		{"Cyrillic", unicode.Cyrillic},
		{"Greek", unicode.Greek},
		{"Armenian", unicode.Armenian},
		{"Cherokee", unicode.Cherokee},
		{"Han", unicode.Han},
		{"Hiragana", unicode.Hiragana},
		{"Katakana", unicode.Katakana},
		{"Hangul", unicode.Hangul},
		{"Bopomofo", unicode.Bopomofo},
		{"Arabic", unicode.Arabic},
		{"Hebrew", unicode.Hebrew},
		{"Devanagari", unicode.Devanagari},
		{"Thai", unicode.Thai},
	}
}

type script struct {
	name  string
	table *unicode.RangeTable
}

// lookalikes are letters of other scripts that most fonts draw as lower-case or, for Cherokee, capital Latin ones, after
// the confusables of UTS 39. Letters that only resemble are not among them, or common words of those languages would be
// held.
const lookalikes = "" +
	"асԁеһіјӏорԛѕԝхуүѵѡьгпҽӓёїӧӱ" + // Cyrillic
	"αγικνορσυωϲϳ" + // Greek
	"գզհյոսցւօ" + // Armenian
	"ᎠᎡᎢᎪᎫᎬᎳᎷᎻᎽᏀᏃᏎᏏᏒᏔᏕᏙᏚᏞᏟᏢᏦᏧᏴ" // Cherokee

// homograph says how the letters of a domain mislead, and gives the domain as people see it. It goes by label, since the
// labels of one name are often in different scripts for good reason.
func homograph(domain string) (spelled, how string, found bool) {
	if !strings.Contains(domain, "xn--") {
		return "", "", false // a Latin name in ASCII
	}
	spelled, err := idna.Punycode.ToUnicode(domain)
	if err != nil {
		return domain, "not decodable", true
	}
	for label := range strings.SplitSeq(spelled, ".") {
		if mixed := scriptsOf(label); len(mixed) > 1 && !writtenTogether(mixed) {
			return spelled, strings.Join(mixed, " and ") + " in one label", true
		}
		if readsAsLatin(label) {
			return spelled, "a label that reads as Latin", true
		}
	}
	return "", "", false
}

// scriptsOf gives the scripts of the letters of a label, in order. Digits, hyphens and marks are of none.
func scriptsOf(label string) []string {
	var used []string
	known := scripts()
	for _, r := range label {
		if !unicode.IsLetter(r) || unicode.Is(unicode.Common, r) || unicode.Is(unicode.Inherited, r) {
			continue
		}
		name := "other"
		if i := slices.IndexFunc(known, func(s script) bool { return unicode.Is(s.table, r) }); i >= 0 {
			name = known[i].name
		}
		used = append(used, name)
	}
	slices.Sort(used)
	return slices.Compact(used)
}

// writtenTogether says whether one language is written in these scripts together: Japanese, Korean, Chinese.
func writtenTogether(used []string) bool {
	for _, language := range [][]string{{"Han", "Hiragana", "Katakana"}, {"Han", "Hangul"}, {"Bopomofo", "Han"}} {
		if !slices.ContainsFunc(used, func(name string) bool { return !slices.Contains(language, name) }) {
			return true
		}
	}
	return false
}

// readsAsLatin says whether all letters of a label are lookalikes, and whether there are any.
func readsAsLatin(label string) bool {
	letters := 0
	for _, r := range label {
		if !unicode.IsLetter(r) {
			continue
		}
		if !strings.ContainsRune(lookalikes, r) {
			return false
		}
		letters++
	}
	return letters > 0
}
