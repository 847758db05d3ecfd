package settings

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// Parse reads one settings document, YAML or JSON, at most MaxDocument bytes. It is strict: what it does not know or
// understand is an error, and the error is Problems with everything that is wrong. What the document leaves out has its
// default.
//
// The same document always gives the same answer: no map is walked, and of what the checker sees in the libraries (debug
// output, time zones) nothing is reached. FuzzParse compares.
//
//workflowcheck:ignore
func Parse(document []byte) (Settings, error) {
	c := newCheck()
	top, ok := readTree(document, c)
	if !ok {
		return Settings{}, c.err()
	}
	s := Default()
	decoder{check: c}.settings(top, &s)
	return s.judged(c)
}

func (s Settings) judged(c *check) (Settings, error) {
	s.fields(c)
	s.combinations(c)
	if err := c.err(); err != nil {
		return Settings{}, err
	}
	return s, nil
}

// Patch gives the settings with a merge patch (RFC 7386) applied: what it names changes, null gives the default back, a
// list is replaced as a whole. It is as strict as Parse; the name and the credential set cannot be changed. On an error,
// which is Problems, nothing is applied. It is as deterministic as Parse.
//
//workflowcheck:ignore
func (s Settings) Patch(mergePatch []byte) (Settings, error) {
	c := newPatchCheck(mergePatch)
	top, ok := readTree(mergePatch, c)
	if !ok {
		return Settings{}, c.err()
	}
	next := s
	decoder{check: c, patch: true}.settings(top, &next)
	if next.Name != s.Name {
		c.add("name", "is immutable: it stays %s; start another integration for another name", quote(s.Name))
		next.Name = s.Name
	}
	if next.Credentials != s.Credentials {
		c.add("credentials", "is immutable: it stays %s; start another integration for another credential set", quote(s.Credentials))
		next.Credentials = s.Credentials
	}
	return next.judged(c)
}

// ParsePatch reads a merge patch, YAML or JSON, for the integration name and gives it as JSON. Without the settings that it is
// for, it finds what is wrong with the patch alone: unknown names, wrong types, values out of bounds, another name. The error
// is Problems.
//
// Whether a credential set that the patch names is another one, only the integration can tell: what Settings were shown with
// may come back. Next to other problems it is one of them, so that nobody learns of it in a second try.
func ParsePatch(document []byte, name string) ([]byte, error) {
	c := newPatchCheck(document)
	top, ok := readTree(document, c)
	if !ok {
		return nil, c.err()
	}
	onto := Default()
	decoder{check: c, patch: true}.settings(top, &onto)
	c.named = true
	if onto.Name != name {
		c.add("name", "is immutable: it stays %s; start another integration for another name", quote(name))
	}
	onto.Name = name
	onto.fields(c)
	if len(c.problems) > 0 {
		c.add("credentials", "is immutable: leave it out, or name the set that the integration was started with")
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	patch, err := json.Marshal(top.plain())
	if err != nil {
		return nil, fmt.Errorf("encode the merge patch: %w", err)
	}
	return patch, nil
}

func allPaths() []string { return paths(reflect.TypeFor[Settings](), "") }
