package mimecast

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// strictly decodes a request, or one object of it, and refuses what the contract does not name: a misspelt field would
// otherwise be ignored, and the caller never learns that it got an unfiltered list.
func strictly(raw []byte, into any) *problem {
	if err := json.Unmarshal(raw, into); err != nil {
		return invalid("", "err_validation_json", "The request is not JSON of the right types: "+err.Error())
	}
	if name := unknownField(raw, reflect.TypeOf(into).Elem()); name != "" {
		return invalid(name, "err_validation_unknown_field", "The field is not known")
	}
	return nil
}

// unknownField returns the first field of raw that t does not have, "" for none. Unlike encoding/json it tells "pagesize"
// from "pageSize".
func unknownField(raw []byte, t reflect.Type) string {
	raw = bytes.TrimSpace(raw)
	switch {
	case t.Kind() == reflect.Pointer:
		return unknownField(raw, t.Elem())
	case t.Kind() == reflect.Struct && bytes.HasPrefix(raw, []byte("{")):
		return unknownInObject(raw, t)
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8 && bytes.HasPrefix(raw, []byte("[")):
		var items []json.RawMessage
		if json.Unmarshal(raw, &items) != nil {
			return ""
		}
		for _, item := range items {
			if name := unknownField(item, t.Elem()); name != "" {
				return name
			}
		}
	}
	return ""
}

func unknownInObject(raw []byte, t reflect.Type) string {
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil {
		return ""
	}
	fields := map[string]reflect.Type{}
	for _, field := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" && name != "-" {
			fields[name] = field.Type
		}
	}
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		field, known := fields[name]
		if !known {
			return name
		}
		if inner := unknownField(object[name], field); inner != "" {
			return name + "." + inner
		}
	}
	return ""
}
