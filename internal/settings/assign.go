package settings

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Assign gives the merge patch that sets one field from text, as a person types it: path is such as
// "sendToFalcon.urlDomains.enabled", value is read in the field's type. A list is written as "a,b" or "[a, b]", an empty
// one as "" or "[]"; null gives the default back. The error is Problems; the name and the credential set cannot be assigned.
func Assign(path, value string) ([]byte, error) {
	if path == "name" || path == "credentials" {
		return nil, Problems{{Path: path, Message: "is immutable: it was chosen when the integration was started"}}
	}
	names := strings.Split(path, ".")
	group := reflect.TypeFor[Settings]()
	for i, name := range names {
		index, known := fieldIndex(group, name)
		if !known {
			return nil, Problems{{Path: shorten(printableName(path)), Message: "unknown setting; " + suggestion(group, strings.Join(names[:i], "."), name)}}
		}
		group = group.Field(index).Type
		if last := i == len(names)-1; !last && group.Kind() != reflect.Struct {
			return nil, Problems{{Path: shorten(printableName(path)), Message: "unknown setting; did you mean " + strings.Join(names[:i+1], ".") + "?"}}
		}
	}
	document, problem := assigned(group, value)
	if problem != "" {
		return nil, Problems{{Path: path, Message: problem}}
	}
	for _, name := range slices.Backward(names) {
		document = fmt.Sprintf("{%q: %s}", name, document)
	}
	return ParsePatch([]byte(document), "") // which names no name
}

// assigned gives value as JSON, or as what the reader then refuses with the right words.
func assigned(target reflect.Type, value string) (document, problem string) {
	switch {
	case value == "null":
		return value, ""
	case target.Kind() == reflect.Struct:
		return "", "is a group: set one of " + strings.Join(fieldNames(target), ", ")
	case target.Kind() == reflect.Bool && value != "true" && value != "false":
		return "", "must be true or false, not " + quote(value)
	case target.Kind() == reflect.Bool:
		return value, ""
	case target.Kind() == reflect.Int && !wholeNumber.MatchString(value):
		return "", "must be a whole number in plain digits, not " + quote(value)
	case target.Kind() == reflect.Int:
		return value, ""
	case target.Kind() == reflect.Slice:
		return assignedList(value), ""
	default:
		return encoded(value), ""
	}
}

func assignedList(value string) string {
	value = strings.TrimSpace(value)
	if inner, found := strings.CutPrefix(value, "["); found {
		value = strings.TrimSuffix(inner, "]")
	}
	if strings.TrimSpace(value) == "" {
		return "[]"
	}
	items := strings.Split(value, ",")
	for i, item := range items {
		items[i] = encoded(strings.Trim(strings.TrimSpace(item), `"'`))
	}
	return "[" + strings.Join(items, ", ") + "]"
}

func encoded(value string) string {
	text, err := json.Marshal(value)
	if err != nil { // cannot be: it is a string
		return `""`
	}
	return string(text)
}
