// Package drift changes recorded answers as a vendor's next version might: fields that go, come, are renamed, are null, or have
// another type. It is for tests, not part of the product.
package drift

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Mutation is a body with one change.
type Mutation struct {
	Path string // of what was changed, such as "data/0/clickLogs/1/url"
	What string
	Body []byte
}

// Field is the name of the field that was changed, or in which a list entry was.
func (m Mutation) Field() string {
	names := strings.Split(m.Path, "/")
	for _, name := range slices.Backward(names) {
		if strings.Trim(name, "0123456789") != "" {
			return name
		}
	}
	return ""
}

// Novel is a word that no vendor has in its contract.
const Novel = "of-next-year"

// change is one way in which a value can change; ok is false where it makes no sense.
type change struct {
	what string
	to   func(value any) (changed any, ok bool)
}

func changes() []change {
	always := func(changed any) func(any) (any, bool) { return func(any) (any, bool) { return changed, true } }
	return []change{
		{"null", always(nil)},
		{"another word", func(value any) (any, bool) { _, isText := value.(string); return Novel, isText }},
		{"empty text", func(value any) (any, bool) { _, isText := value.(string); return "", isText }},
		{"in upper case", func(value any) (any, bool) { text, isText := value.(string); return strings.ToUpper(text), isText }},
		{"in a list", func(value any) (any, bool) { return []any{value}, true }},
		{"in an object", func(value any) (any, bool) { return map[string]any{"value": value}, true }},
		{"a number as text", func(value any) (any, bool) { number, isNumber := value.(float64); return fmt.Sprint(number), isNumber }},
		{"a flag as text", func(value any) (any, bool) { flag, isFlag := value.(bool); return fmt.Sprint(flag), isFlag }},
		{"a number", always(7)},
		{"a flag", func(value any) (any, bool) { _, isFlag := value.(bool); return true, !isFlag }}, // another flag is another statement
		{"an empty list", always([]any{})},
		{"an empty object", always(map[string]any{})},
		{"a very long text", func(value any) (any, bool) { _, isText := value.(string); return strings.Repeat("x", 1<<14), isText }},
	}
}

// Of gives every body with one change, in an order that is always the same.
func Of(body []byte) ([]Mutation, error) {
	var tree any
	if err := json.Unmarshal(body, &tree); err != nil {
		return nil, fmt.Errorf("read the body: %w", err)
	}
	var all []Mutation
	var err error
	emit := func(path, what string) {
		encoded, failed := json.Marshal(tree)
		if failed != nil {
			err = failed
		}
		all = append(all, Mutation{Path: path, What: what, Body: encoded})
	}
	walk(tree, "", emit)
	return all, err
}

func walk(node any, path string, emit func(path, what string)) {
	switch node := node.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(node)) {
			value, at := node[name], strings.TrimPrefix(path+"/"+name, "/")
			delete(node, name)
			emit(at, "gone")
			for _, renamed := range []string{name + "V2", strings.ToUpper(name)} {
				node[renamed] = value
				emit(at, "renamed to "+renamed)
				delete(node, renamed)
			}
			vary(value, at, func(changed any) { node[name] = changed }, emit)
			walk(value, at, emit)
		}
		node[Novel] = map[string]any{"x": []any{1}}
		emit(path, "a new field")
		delete(node, Novel)
	case []any:
		for i := range node {
			value, at := node[i], fmt.Sprintf("%s/%d", path, i)
			vary(value, at, func(changed any) { node[i] = changed }, emit)
			walk(value, at, emit)
		}
	}
}

// vary puts every changed value in the place of one, and then that one back.
func vary(value any, at string, put func(any), emit func(path, what string)) {
	for _, change := range changes() {
		if changed, ok := change.to(value); ok {
			put(changed)
			emit(at, change.what)
		}
	}
	put(value)
}
