package settings

import (
	"fmt"
	"reflect"
	"strings"
)

// suggestion says what somebody may have meant by a name that does not exist in the group at path.
func suggestion(group reflect.Type, path, name string) string {
	if near, found := nearest(name, fieldNames(group)); found {
		return fmt.Sprintf("did you mean %s?", join(path, near))
	}
	if full, found := elsewhere(name); found {
		return fmt.Sprintf("did you mean %s?", full)
	}
	if strings.Contains(folded(name), "secret") || strings.Contains(folded(name), "password") || folded(name) == "clientid" {
		return "credentials are no settings: the worker reads them from its environment"
	}
	return "allowed here: " + strings.Join(fieldNames(group), ", ")
}

// nearest gives the name that is closest to what was written, if any is close enough to be meant.
func nearest(written string, names []string) (string, bool) {
	written = folded(written)
	best, least := "", max(1, len(written)/3)+1
	if len(written) > longestQuote {
		return "", false
	}
	for _, name := range names {
		if distance := editDistance(written, folded(name)); distance < least {
			best, least = name, distance
		}
	}
	return best, best != ""
}

// elsewhere gives the full path of a setting that has the name, but in another group.
func elsewhere(name string) (string, bool) {
	for _, path := range paths(reflect.TypeFor[Settings](), "") {
		if folded(path[strings.LastIndexByte(path, '.')+1:]) == folded(name) {
			return path, true
		}
	}
	return "", false
}

// paths lists every setting and group in document order.
func paths(group reflect.Type, prefix string) []string {
	var all []string
	for f := range group.Fields() {
		path := join(prefix, fieldName(f))
		all = append(all, path)
		if f.Type.Kind() == reflect.Struct {
			all = append(all, paths(f.Type, path)...)
		}
	}
	return all
}

// folded takes off what people vary in names: fetch_duration and FetchDuration are fetchDuration.
func folded(name string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(name))
}

// editDistance is Levenshtein's, over bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// printableName makes an unknown name fit for a message.
func printableName(name string) string {
	if printable(name) {
		return name
	}
	return quote(name)
}
