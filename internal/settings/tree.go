package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// MaxDocument is how large a settings document or a merge patch may be, in bytes.
const MaxDocument = 256 << 10

// nodeKind is what a value of a document is, before anybody asks what it should be.
type nodeKind int

const (
	null nodeKind = iota
	object
	list
	text
	number
	boolean
)

// node is one value of a document with its line. YAML and JSON give the same tree.
type node struct {
	kind   nodeKind
	line   int
	text   string // of a text, number or boolean
	fields []field
	items  []node
}

type field struct {
	name  string
	line  int
	value node
}

// readTree reads one document whose top is an object. False: the problems say why not.
func readTree(document []byte, c *check) (node, bool) {
	document = bytes.TrimPrefix(document, []byte("\xef\xbb\xbf"))
	if !readable(document, c) {
		return node{}, false
	}
	var top node
	if trimmed := bytes.TrimSpace(document); bytes.HasPrefix(trimmed, []byte("{")) && json.Valid(trimmed) {
		// JSON is read as JSON: YAML differs in tabs, in escapes and in how long a key may be.
		top = (&jsonReader{document: document, decoder: jsonDecoder(document), line: 1}).value(c)
	} else {
		var found yaml.Node
		if !readYAML(document, &found, c) {
			return node{}, false
		}
		top = fromYAML(found.Content[0], c)
	}
	if len(c.problems) > 0 {
		return node{}, false
	}
	if top.kind != object {
		c.addAt(top.line, "", "must be settings by name, such as \"name: acme\", not %s", top.describe())
		return node{}, false
	}
	return top, true
}

func readable(document []byte, c *check) bool {
	switch {
	case len(document) > MaxDocument:
		c.addAt(0, "", "is too large: %d bytes, at most %d", len(document), MaxDocument)
	case !utf8.Valid(document):
		c.addAt(1+bytes.Count(validPrefix(document), []byte("\n")), "", "is not UTF-8 text")
	case len(bytes.TrimSpace(document)) == 0:
		c.addAt(0, "", "is empty: at least a name and something switched on are needed")
	default:
		for i, b := range document {
			if b < ' ' && b != '\n' && b != '\r' && b != '\t' || b == 0x7f {
				c.addAt(1+bytes.Count(document[:i], []byte("\n")), "", "holds the control character %q", rune(b))
				break
			}
		}
	}
	return len(c.problems) == 0
}

func validPrefix(document []byte) []byte {
	for i := 0; i < len(document); {
		r, size := utf8.DecodeRune(document[i:])
		if r == utf8.RuneError && size == 1 {
			return document[:i]
		}
		i += size
	}
	return document
}

func readYAML(document []byte, found *yaml.Node, c *check) bool {
	decoder := yaml.NewDecoder(bytes.NewReader(document))
	var another yaml.Node
	err := decoder.Decode(found)
	if err == nil {
		err = decoder.Decode(&another)
	}
	switch {
	case errors.Is(err, io.EOF) && len(found.Content) == 0:
		c.addAt(0, "", "is empty: at least a name and something switched on are needed")
		return false
	case errors.Is(err, io.EOF):
		return true
	case err != nil:
		addYAMLError(err, c)
		return false
	default:
		c.addAt(another.Line, "", "holds more than one document (---): one file is one integration")
		return false
	}
}

var yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

func addYAMLError(err error, c *check) {
	message, line := strings.ReplaceAll(err.Error(), "\n", " "), 0
	if parts := yamlError.FindStringSubmatch(message); parts != nil {
		line, _ = strconv.Atoi(parts[1])
		message = parts[2]
	}
	hint := ""
	switch {
	case strings.Contains(message, "alphabetic or numeric character"):
		hint = `; a value that starts with * must stand in quotes, such as "*/5 * * * *"`
	case strings.Contains(message, "cannot start any token"):
		hint = `; indent with spaces, not tabs, and put text that starts with a special character in quotes`
	}
	c.addAt(line, "", "is neither YAML nor JSON: %s%s", shorten(message), hint)
}

func fromYAML(from *yaml.Node, c *check) node {
	n := node{line: from.Line, text: from.Value}
	switch {
	case from.Kind == yaml.AliasNode || from.Anchor != "":
		c.addAt(from.Line, "", "uses an anchor or alias (& or *), which settings do not have; put text that starts with & or * in quotes")
	case from.Style&yaml.TaggedStyle != 0:
		c.addAt(from.Line, "", "uses the tag %s, which settings do not have", quote(from.Tag))
	case from.Kind == yaml.MappingNode:
		n.kind = object
		for i := 0; i+1 < len(from.Content); i += 2 {
			key := from.Content[i]
			if key.Kind != yaml.ScalarNode {
				c.addAt(key.Line, "", "has something other than a name before a colon")
				continue
			}
			n.fields = append(n.fields, field{name: key.Value, line: key.Line, value: fromYAML(from.Content[i+1], c)})
		}
	case from.Kind == yaml.SequenceNode:
		n.kind = list
		for _, item := range from.Content {
			n.items = append(n.items, fromYAML(item, c))
		}
	default:
		n.kind = scalarKind(from)
	}
	return n
}

func scalarKind(from *yaml.Node) nodeKind {
	switch from.ShortTag() {
	case "!!null":
		return null
	case "!!bool":
		return boolean
	case "!!int", "!!float":
		return number
	default: // a date, too, is text here
		return text
	}
}

// jsonReader reads valid JSON and counts lines.
type jsonReader struct {
	document []byte
	decoder  *json.Decoder
	offset   int
	line     int
}

func jsonDecoder(document []byte) *json.Decoder {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	return decoder
}

func (r *jsonReader) token(c *check) json.Token {
	token, err := r.decoder.Token()
	if err != nil { // cannot be: the document is valid JSON
		c.addAt(r.line, "", "is not JSON: %s", shorten(err.Error()))
		return nil
	}
	end := int(r.decoder.InputOffset())
	r.line += bytes.Count(r.document[r.offset:end], []byte("\n"))
	r.offset = end
	return token
}

func (r *jsonReader) value(c *check) node {
	switch token := r.token(c).(type) {
	case json.Delim:
		n := node{kind: list, line: r.line}
		if token == '{' {
			n.kind = object
		}
		for r.decoder.More() && len(c.problems) == 0 {
			if n.kind == list {
				n.items = append(n.items, r.value(c))
				continue
			}
			name, _ := r.token(c).(string)
			n.fields = append(n.fields, field{name: name, line: r.line, value: r.value(c)})
		}
		r.token(c)
		return n
	case string:
		return node{kind: text, line: r.line, text: token}
	case json.Number:
		return node{kind: number, line: r.line, text: token.String()}
	case bool:
		return node{kind: boolean, line: r.line, text: strconv.FormatBool(token)}
	default:
		return node{kind: null, line: r.line}
	}
}

// describe names a value in a message.
func (n node) describe() string {
	switch n.kind {
	case object:
		return "a group of settings"
	case list:
		return "a list"
	case number:
		return "the number " + shorten(n.text)
	case boolean:
		return n.text
	case text:
		return "the text " + quote(n.text)
	default:
		return "nothing"
	}
}

// plain gives the value as encoding/json takes it.
func (n node) plain() any {
	switch n.kind {
	case object:
		values := make(map[string]any, len(n.fields))
		for _, f := range n.fields {
			values[f.name] = f.value.plain()
		}
		return values
	case list:
		values := make([]any, len(n.items))
		for i, item := range n.items {
			values[i] = item.plain()
		}
		return values
	case number:
		return json.Number(n.text)
	case boolean:
		return strings.EqualFold(n.text, "true")
	case text:
		return n.text
	default:
		return nil
	}
}

// printable says whether a text shows as it is: no control characters, line breaks or direction overrides.
func printable(value string) bool {
	return strings.IndexFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}
