package settings

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxProblems bounds a list of problems: it travels in a failure, whose size is limited.
const maxProblems = 100

// Problem is one thing that is wrong with a settings document.
type Problem struct {
	Path    string `json:"path,omitempty"` // such as "sendToFalcon.hostGroups[2]"; empty: the document as a whole
	Line    int    `json:"line,omitempty"` // 1-based; 0: not known, or not in the document
	Message string `json:"message"`        // what is wrong and what would be right, one printable line
}

// String gives "line 4: sendToFalcon.platforms: …", without the parts that are not known.
func (p Problem) String() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", p.Line)
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	return b.String() + p.Message
}

// Problems is everything that is wrong with a settings document, in the order of its lines. It is the error of Parse, Patch,
// ParsePatch and Assign, and holds at most 100 entries and one that counts the rest.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// check collects problems while a document is read and its values are judged.
type check struct {
	problems Problems
	lines    map[string]int  // where the document names a path
	failed   map[string]bool // paths that already have a problem: a second one would only repeat it
	named    bool            // judge only what the document names
	oneLine  bool            // the document has one line, which is not worth naming
}

func newCheck() *check {
	return &check{lines: map[string]int{}, failed: map[string]bool{}}
}

// newPatchCheck is for what is mostly typed on a command line or sent by a program.
func newPatchCheck(mergePatch []byte) *check {
	c := newCheck()
	c.oneLine = !bytes.ContainsRune(bytes.TrimSpace(mergePatch), '\n')
	return c
}

func (c *check) add(path, format string, args ...any) {
	line, found := c.lines[path]
	if c.failed[path] || c.named && !found {
		return
	}
	c.failed[path] = true
	c.addAt(line, path, format, args...)
}

func (c *check) addAt(line int, path, format string, args ...any) {
	if c.oneLine {
		line = 0
	}
	c.problems = append(c.problems, Problem{Path: path, Line: line, Message: fmt.Sprintf(format, args...)})
}

// err gives the problems, or nil if there are none.
func (c *check) err() error {
	if len(c.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(c.problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	if more := len(c.problems) - maxProblems; more > 0 {
		return append(slices.Clip(c.problems[:maxProblems]), Problem{Message: fmt.Sprintf("%d more problems", more)})
	}
	return c.problems
}
