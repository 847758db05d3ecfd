package console

import (
	"cmp"
	"errors"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/samber/lo"

	"github.com/threatshare/threatshare/internal/settings"
)

// form is the form of an integration's settings as the page shows it.
type form struct {
	ID, Action, Button string
	Seen               string // carried through; empty: nothing is in force yet

	Alert   string // what stands above everything else; empty: nothing is to be told
	General []string
	Risks   []string // to be confirmed; empty: nothing is
	Confirm string   // confirms exactly these
	Stray   []string // warnings that no section is about

	Sections []*formSection
}

type formSection struct {
	section
	Warnings []string
	Groups   []formGroup
	Fields   []*formField
}

type formGroup struct {
	group
	Fields []*formField
}

// formField is a field with what it holds, and what is to be said about it.
type formField struct {
	field
	Typed    []string
	Problems []string
	Now      string // the value in force, where somebody else has changed it
	Changed  bool   // somebody else has changed it, and it shows the value in force
}

// newForm makes a form that holds what was typed, and for a field that no form carried what is to stand there otherwise.
func newForm(id, action, button string, typed url.Values, otherwise settings.Settings) *form {
	made, untyped := &form{ID: id, Action: action, Button: button}, asTyped(otherwise)
	filledIn := func(of []field) []*formField {
		return lo.Map(of, func(f field, _ int) *formField {
			held, carried := typed[f.Path]
			return &formField{field: f, Typed: lo.Ternary(carried, held, untyped[f.Path])}
		})
	}
	for _, s := range sections() {
		shown := &formSection{section: s, Fields: filledIn(s.Fields)}
		for _, g := range s.Groups {
			shown.Groups = append(shown.Groups, formGroup{group: g, Fields: filledIn(g.Fields)})
		}
		made.Sections = append(made.Sections, shown)
	}
	return made
}

// Of is the field of a path; nil if there is none.
func (f *form) Of(path string) *formField {
	for _, one := range f.All() {
		if one.Path == path {
			return one
		}
	}
	return nil
}

// All are the fields in the order in which they are shown.
func (f *form) All() []*formField {
	return lo.FlatMap(f.Sections, func(s *formSection, _ int) []*formField {
		return append(lo.FlatMap(s.Groups, func(g formGroup, _ int) []*formField { return g.Fields }), s.Fields...)
	})
}

// Wrong are the fields with problems.
func (f *form) Wrong() []*formField {
	return lo.Filter(f.All(), func(one *formField, _ int) bool { return len(one.Problems) > 0 })
}

// Overtaken are the fields that somebody else has changed to another value than was typed.
func (f *form) Overtaken() []*formField {
	return lo.Filter(f.All(), func(one *formField, _ int) bool { return one.Now != "" })
}

// warn shows warnings at the sections that they are about.
func (f *form) warn(warnings []string) {
	for _, warning := range warnings {
		words := strings.FieldsFunc(warning, func(r rune) bool { return !unicode.IsLetter(r) })
		placed := false
		for _, s := range f.Sections {
			if lo.Some(words, s.roots) {
				s.Warnings = append(s.Warnings, warning)
				placed = true
			}
		}
		if !placed {
			f.Stray = append(f.Stray, warning)
		}
	}
}

// ask wants the warnings to be confirmed. What confirms them confirms no others.
func (f *form) ask(risks []string) {
	f.Alert, f.Risks, f.Confirm = "Nothing has been done yet: look at what this means", risks, digest(risks)
}

// refuse shows what is wrong with what was typed: at its fields, and above the form what is none's.
func (f *form) refuse(err error) {
	problems, is := errors.AsType[settings.Problems](err)
	if !is {
		f.General = append(f.General, err.Error())
	}
	f.Alert = "Nothing has been done: something is not right yet"
	for _, problem := range problems {
		path, item := ofItem(problem.Path)
		switch at := f.Of(path); {
		case at != nil:
			at.Problems = append(at.Problems, at.lineOf(item)+problem.Message)
		case problem.Path == "" && f.nothingOn():
			f.General = append(f.General, "Nothing is switched on: switch on at least one source of Send to Falcon or one import of Send to Mimecast. "+
				"To stop an integration for a while, pause it.")
		default:
			f.General = append(f.General, problem.String())
		}
	}
}

func (f *form) nothingOn() bool {
	return lo.NoneBy(f.All(), func(one *formField) bool { return strings.HasSuffix(one.Path, ".enabled") && one.On() })
}

var itemOf = regexp.MustCompile(`^(.*)\[([0-9]+)\]$`)

// ofItem takes the index off the path of a list's item; -1: there is none.
func ofItem(path string) (list string, index int) {
	parts := itemOf.FindStringSubmatch(path)
	if parts == nil {
		return path, -1
	}
	index, err := strconv.Atoi(parts[2])
	if err != nil {
		return parts[1], -1
	}
	return parts[1], index
}

// lineOf says on which line of what was typed an item of a list stands.
func (f *formField) lineOf(item int) string {
	if f.Control != lines || item < 0 {
		return ""
	}
	if typed := filled(f.Text()); item < len(typed) {
		return "line " + strconv.Itoa(typed[item].number) + ": "
	}
	return ""
}

// overtake shows what somebody else has changed meanwhile. What was typed stays beside it; a field that was not touched takes
// the value in force, so that sending the form again does not bring the earlier one back.
func (f *form) overtake(before seen, touched []string, inForce settings.Settings) {
	now, fresh := asTyped(inForce), seenOf(inForce)
	for _, one := range f.All() {
		if one.Control == fixed {
			continue
		}
		if slices.Contains(touched, one.Path) {
			if fresh.Fields[one.Path] != before.Fields[one.Path] && fresh.Fields[one.Path] != digest(one.entry(one.Typed)) {
				one.Now = one.inWords(inForce)
			}
			continue
		}
		one.Changed = fresh.Fields[one.Path] != before.Fields[one.Path] && len(before.Fields) > 0
		one.Typed = now[one.Path]
	}
	f.Seen = fresh.String()
}

// inWords is a value as it is told beside the field.
func (f field) inWords(s settings.Settings) string {
	switch value := reflect.ValueOf(s).FieldByIndex(f.at).Interface().(type) {
	case bool:
		return lo.Ternary(value, "on", "off")
	case []string:
		return cmp.Or(strings.Join(value, ", "), "nothing")
	default:
		return cmp.Or(asTyped(s).Get(f.Path), "nothing")
	}
}

// Text is what a field of text holds.
func (f *formField) Text() string {
	if len(f.Typed) == 0 {
		return ""
	}
	return f.Typed[len(f.Typed)-1]
}

// On says whether a box is ticked.
func (f *formField) On() bool { return f.Control == box && f.Text() == "true" }

// Shown is what a field to be read holds.
func (f *formField) Shown() string { return cmp.Or(f.Text(), "default") }

// Chosen says whether an option is.
func (f *formField) Chosen(value string) bool {
	if f.Control == choices {
		return value != "" && slices.Contains(f.Typed, value)
	}
	return f.Text() == value
}

// Foreign are values that were sent and are none of the options: they are kept as everything is that was typed.
func (f *formField) Foreign() []string {
	known := lo.Map(f.Options, func(o option, _ int) string { return o.Value })
	if f.Control == choice {
		return lo.Without([]string{f.Text()}, append(known, "")...)
	}
	return lo.Uniq(lo.Without(f.Typed, append(known, "")...))
}

// DescribedBy are the ids of what is said about the field.
func (f *formField) DescribedBy() string {
	ids := []string{}
	if len(f.Problems) > 0 {
		ids = append(ids, f.Path+"-problem")
	}
	if f.Now != "" || f.Changed {
		ids = append(ids, f.Path+"-now")
	}
	return strings.Join(append(ids, f.Path+"-help"), " ")
}
