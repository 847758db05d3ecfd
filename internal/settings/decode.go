package settings

import (
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// decoder writes a tree onto settings, strictly: an unknown name, a name given twice and a value of another type are
// problems. What the tree does not name stays as it is, which is why the same decoder reads documents and merge patches.
type decoder struct {
	*check
	patch bool // null gives the default back (RFC 7386), instead of being a problem
}

var (
	wholeNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	jsonNumber  = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
)

const largestExact = 1 << 53 // above it, a floating-point number stands for several whole ones

func (d decoder) settings(top node, onto *Settings) {
	defaults := Default()
	d.object(top, reflect.ValueOf(onto).Elem(), reflect.ValueOf(defaults), "")
}

func (d decoder) object(n node, target, defaults reflect.Value, path string) {
	seen := make(map[string]int, len(n.fields))
	for _, f := range n.fields {
		fieldPath := join(path, f.name)
		index, known := fieldIndex(target.Type(), f.name)
		if !known {
			d.unknown(f, target.Type(), path)
			continue
		}
		if first, twice := seen[f.name]; twice {
			d.addAt(f.line, fieldPath, "is given twice, first on line %d", first)
			continue
		}
		seen[f.name] = f.line
		d.lines[fieldPath] = f.line
		d.value(f.value, target.Field(index), defaults.Field(index), fieldPath)
	}
}

func (d decoder) unknown(f field, group reflect.Type, path string) {
	said := "unknown setting"
	if len(d.problems) < maxProblems { // what is only counted needs no suggestion, and a hostile document has many names
		said += "; " + suggestion(group, path, f.name)
	}
	d.addAt(f.line, shorten(printableName(join(path, f.name))), "%s", said)
}

func (d decoder) value(n node, target, defaults reflect.Value, path string) {
	if n.kind == null && d.patch {
		target.Set(defaults)
		return
	}
	if target.Type() == reflect.TypeFor[Duration]() {
		d.duration(n, target, path)
		return
	}
	switch kind := target.Kind(); {
	case kind == reflect.Struct && n.kind == object:
		d.object(n, target, defaults, path)
	case kind == reflect.Slice && n.kind == list:
		d.list(n, target, path)
	case kind == reflect.Bool && n.kind == boolean:
		target.SetBool(strings.EqualFold(n.text, "true"))
	case kind == reflect.String && n.kind == text:
		target.SetString(n.text)
	case kind == reflect.Int && n.kind == number:
		d.integer(n, target, path)
	default:
		d.mismatch(n, target.Type(), path)
	}
}

func (d decoder) mismatch(n node, want reflect.Type, path string) {
	switch {
	case n.kind == null:
		d.add(path, "is empty: must be %s%s", wanted(want), orLeftOut(path))
	case want.Kind() == reflect.String && (n.kind == number || n.kind == boolean):
		d.add(path, "must be text, not %s; put it in quotes: %s", n.describe(), quote(n.text))
	default:
		d.add(path, "must be %s, not %s", wanted(want), n.describe())
	}
}

// orLeftOut adds the other way out of an empty value, where there is one.
func orLeftOut(path string) string {
	if path == "name" || strings.HasSuffix(path, "]") {
		return ""
	}
	return "; leave it out for the default"
}

func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct:
		names := fieldNames(t)
		return "a group of settings (" + strings.Join(names, ", ") + ")"
	case reflect.Slice:
		return "a list such as [a, b]"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	default:
		return "text"
	}
}

func (d decoder) duration(n node, target reflect.Value, path string) {
	switch n.kind {
	case text:
		var value Duration
		if err := value.UnmarshalText([]byte(n.text)); err != nil {
			d.add(path, "%s", err.Error())
			return
		}
		target.SetInt(int64(value))
	case null:
		d.add(path, `is empty: must be text with a unit such as "168h"%s`, orLeftOut(path))
	default:
		d.add(path, `must be text with a unit such as "168h", not %s`, n.describe())
	}
}

// integer takes a whole number in any spelling that JSON writers use: to some of them 10000000 is 1e+07.
func (d decoder) integer(n node, target reflect.Value, path string) {
	switch value, err := strconv.ParseFloat(n.text, 64); {
	case wholeNumber.MatchString(n.text):
		exact, _ := strconv.ParseInt(n.text, 10, strconv.IntSize) // of a number that is too large it gives the largest: out of every bound
		target.SetInt(exact)
	case err == nil && jsonNumber.MatchString(n.text) && value == math.Trunc(value) && math.Abs(value) <= largestExact:
		target.SetInt(int64(value))
	default:
		d.add(path, "must be a whole number in plain digits, not %s", shorten(n.text))
	}
}

func (d decoder) list(n node, target reflect.Value, path string) {
	values := make([]string, 0, len(n.items))
	for i, item := range n.items {
		itemPath := itemPath(path, i)
		d.lines[itemPath] = item.line
		if item.kind != text {
			d.mismatch(item, reflect.TypeFor[string](), itemPath)
			continue
		}
		values = append(values, item.text)
	}
	if len(values) == len(n.items) { // with gaps, later problems would name wrong items
		target.Set(reflect.ValueOf(values))
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func itemPath(path string, index int) string { return path + "[" + strconv.Itoa(index) + "]" }

func fieldName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

func fieldIndex(t reflect.Type, name string) (int, bool) {
	index := slices.Index(fieldNames(t), name)
	return index, index >= 0
}

func fieldNames(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i] = fieldName(t.Field(i))
	}
	return names
}
