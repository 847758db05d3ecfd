package console

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/samber/lo"

	"github.com/threatshare/threatshare/internal/settings"
)

// asTyped are settings as the form sends them back if nobody touches it.
func asTyped(s settings.Settings) url.Values {
	sent := url.Values{}
	for _, f := range fields() {
		switch value := reflect.ValueOf(s).FieldByIndex(f.at).Interface().(type) {
		case bool:
			sent.Set(f.Path, strconv.FormatBool(value))
		case []string:
			if f.Control == choices {
				sent[f.Path] = append([]string{""}, value...)
			} else {
				sent.Set(f.Path, strings.Join(value, "\n"))
			}
		default: // text, a number, a duration
			sent.Set(f.Path, fmt.Sprint(value))
		}
	}
	return sent
}

var plainNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// entry gives what was typed into the field as a settings document has it. What is none of the field's values stays the text
// that it is, so that the settings find the words for what is wrong with it.
func (f field) entry(typed []string) any {
	last := ""
	if len(typed) > 0 {
		last = typed[len(typed)-1]
	}
	switch trimmed := strings.TrimSpace(last); {
	case f.Control == box && (last == "true" || last == "false"):
		return last == "true"
	case f.Control == number && plainNumber.MatchString(trimmed):
		return json.Number(trimmed)
	case f.Control == lines:
		return lo.Map(filled(last), func(l numbered, _ int) string { return l.text })
	case f.Control == choices:
		return f.chosen(typed)
	case f.Path == "description": // in which a space may begin
		return last
	default:
		return trimmed
	}
}

// chosen are the values that were chosen, in the order of the options: the order of people's clicks means nothing.
func (f field) chosen(typed []string) []string {
	picked := lo.Without(typed, "")
	slices.SortStableFunc(picked, func(a, b string) int { return f.rank(a) - f.rank(b) })
	return picked
}

func (f field) rank(value string) int {
	if at := slices.IndexFunc(f.Options, func(o option) bool { return o.Value == value }); at >= 0 {
		return at
	}
	return len(f.Options)
}

// numbered is a line of what was typed; the first is 1.
type numbered struct {
	number int
	text   string
}

// filled are the lines that hold something.
func filled(text string) []numbered {
	var found []numbered
	at := 0
	for l := range strings.Lines(text) {
		at++
		if l = strings.TrimSpace(l); l != "" {
			found = append(found, numbered{number: at, text: l})
		}
	}
	return found
}

// seen is which settings somebody has seen, as the form carries it: of every value a digest, since the values are on the form
// already and lists are long. Nothing is believed because of it: it only tells what to compare.
type seen struct {
	Integration string            `json:"integration"`
	Fields      map[string]string `json:"fields"`
}

func seenOf(s settings.Settings) seen {
	sent := asTyped(s)
	return seen{Integration: s.Name, Fields: lo.SliceToMap(fields(), func(f field) (string, string) { return f.Path, digest(f.entry(sent[f.Path])) })}
}

// readSeen reads what a form carries. False: it is not from a form of this integration.
func readSeen(carried, integration string) (seen, bool) {
	var read seen
	decoder := json.NewDecoder(strings.NewReader(carried))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&read)
	return read, err == nil && !decoder.More() && read.Integration == integration && len(read.Fields) > 0
}

func (s seen) String() string { return string(written(s)) }

func digest(entry any) string {
	sum := sha256.Sum256(written(entry))
	return hex.EncodeToString(sum[:16])
}

// written gives JSON of what cannot fail to be: text, numbers, lists and maps.
func written(value any) json.RawMessage {
	var document bytes.Buffer
	encoder := json.NewEncoder(&document)
	encoder.SetEscapeHTML(false) // six bytes for one, of a size that is bounded
	if err := encoder.Encode(value); err != nil {
		return json.RawMessage("null")
	}
	return bytes.TrimSpace(document.Bytes())
}

// change is what somebody makes of the settings in force.
type change struct {
	Touched []string // fields that are not as they were seen
	Lost    []string // those of them that somebody else has changed meanwhile
	Risks   []string // warnings that the settings in force do not have

	Next  settings.Settings
	Paths []string // that are not in Next as they are in force
}

// changeOf gives the change, of which Touched and Lost are good whatever the error, which is settings.Problems.
func changeOf(inForce settings.Settings, seen seen, typed url.Values) (change, error) {
	var made change
	now, wanted := seenOf(inForce), map[string]any{}
	for _, f := range fields() {
		sent, onForm := typed[f.Path]
		entry := f.entry(sent)
		if !onForm || digest(entry) == seen.Fields[f.Path] {
			continue
		}
		made.Touched = append(made.Touched, f.Path)
		wanted[f.Path] = entry
		if seen.Fields[f.Path] != now.Fields[f.Path] && digest(entry) != now.Fields[f.Path] {
			made.Lost = append(made.Lost, f.Path)
		}
	}
	next, err := inForce.Patch(nested(wanted))
	if err != nil {
		return made, err
	}
	made.Next, made.Paths = next, settings.Differing(inForce, next)
	made.Lost = lo.Intersect(made.Lost, made.Paths)
	made.Risks = lo.Without(next.Warnings(), inForce.Warnings()...)
	return made, nil
}

// patch is the merge patch that gives paths the values that they have in s.
func patch(s settings.Settings, paths []string) json.RawMessage {
	values := map[string]any{}
	for _, f := range fields() {
		if slices.Contains(paths, f.Path) {
			values[f.Path] = reflect.ValueOf(s).FieldByIndex(f.at).Interface()
		}
	}
	return nested(values)
}

// nested gives the settings document with values by path.
func nested(values map[string]any) json.RawMessage {
	document := map[string]any{}
	for path, value := range values {
		names := strings.Split(path, ".")
		within := document
		for _, name := range names[:len(names)-1] {
			deeper, there := within[name].(map[string]any)
			if !there {
				deeper = map[string]any{}
				within[name] = deeper
			}
			within = deeper
		}
		within[names[len(names)-1]] = value
	}
	return written(document)
}
