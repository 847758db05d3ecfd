package console

import (
	"reflect"
	"slices"
	"strings"

	"github.com/samber/lo"

	"github.com/threatshare/threatshare/internal/settings"
)

// control is how a field of the form is shown.
type control string

const (
	fixed   control = "fixed"   // to be read only
	box     control = "box"     // on or off
	choice  control = "choice"  // one of some
	choices control = "choices" // any of some
	number  control = "number"
	line    control = "line"  // of text
	lines   control = "lines" // one value each
)

// field is one setting as the form shows it.
type field struct {
	Path    string // in the settings, such as "sendToFalcon.urlDomains.action"; its name and its id on the form
	Label   string
	Within  string // the title of its group; empty: it stands in a section by itself
	Help    string
	Control control
	Options []option

	at []int // where settings.Settings has it
}

type option struct{ Value, Text string }

// group is the fields of one source or import.
type group struct {
	Title, Help string
	Fields      []field
}

// section is a part of the form. It holds what the settings have at its roots, and a warning belongs to it that names one.
type section struct {
	ID, Title string
	Help      []string
	Groups    []group
	Fields    []field

	roots []string
}

// sections are the whole form. What they hold is read from the type of the settings: a setting that is added to a group is
// on the form by itself, with the words that the JSON Schema has for it.
func sections() []section {
	planned := []section{
		{ID: "about", Title: "The integration", roots: []string{"name", "credentials", "description", "dryRun"}},
		{ID: "falcon", Title: "Send to Falcon", roots: []string{"sendToFalcon"}},
		{ID: "mimecast", Title: "Send to Mimecast", roots: []string{"sendToMimecast"}},
		{ID: "protect", Title: "Protect", roots: []string{"protect"}},
		{ID: "when", Title: "When", roots: []string{"schedule", "fetchDuration"}},
		{ID: "tell", Title: "Tell", roots: []string{"notify"}},
	}
	for i := range planned {
		for _, root := range planned[i].roots {
			for f := range reflect.TypeFor[settings.Settings]().Fields() {
				if jsonName(f) == root {
					planned[i].add(f, root, f.Index)
				}
			}
		}
	}
	return planned
}

// add puts what a root of the settings holds into the section.
func (s *section) add(root reflect.StructField, path string, at []int) {
	if root.Type.Kind() != reflect.Struct {
		s.Fields = append(s.Fields, newField(root, path, at))
		return
	}
	s.Help = append(s.Help, about(root))
	for f := range root.Type.Fields() {
		path, at := path+"."+jsonName(f), append(slices.Clone(at), f.Index...)
		if f.Type.Kind() != reflect.Struct {
			s.Fields = append(s.Fields, newField(f, path, at))
			continue
		}
		part := group{Title: title(jsonName(f)), Help: about(f)}
		for of := range f.Type.Fields() {
			made := newField(of, path+"."+jsonName(of), append(slices.Clone(at), of.Index...))
			made.Within = part.Title
			part.Fields = append(part.Fields, made)
		}
		s.Groups = append(s.Groups, part)
	}
}

// all are the fields of the section in the order in which they are shown.
func (s section) all() []field {
	return append(lo.FlatMap(s.Groups, func(g group, _ int) []field { return g.Fields }), s.Fields...)
}

// fields are all fields of the form.
func fields() []field {
	return lo.FlatMap(sections(), func(s section, _ int) []field { return s.all() })
}

func newField(f reflect.StructField, path string, at []int) field {
	made := field{Path: path, Label: title(jsonName(f)), Help: strings.TrimSpace(about(f) + " " + hint(jsonName(f))), Control: line, at: at}
	for rule := range strings.SplitSeq(f.Tag.Get("jsonschema"), ",") {
		if value, is := strings.CutPrefix(rule, "enum="); is {
			made.Options = append(made.Options, option{Value: value, Text: meaning(value)})
		}
	}
	switch kind := f.Type.Kind(); {
	case kind == reflect.Bool:
		made.Control = box
	case kind == reflect.Int:
		made.Control = number
	case kind == reflect.Slice && made.Options != nil:
		made.Control = choices
	case kind == reflect.Slice:
		made.Control = lines
	case made.Options != nil:
		made.Control = choice
	}
	return made
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

func about(f reflect.StructField) string { return f.Tag.Get("jsonschema_description") }
