// Package docs_test makes sure that the pages tell the truth.
package docs_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the names of new fault tests into their rows")

const (
	page     = "faults.md"
	testName = "TestFault_"
	noTest   = "none: " // what the last cell of a row begins with that has no test, and then the reason
)

var (
	rowID  = regexp.MustCompile(`^\| ([PVDSN]\d+) \|`)
	quoted = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`")
)

// row is a line of a table of the page.
type row struct {
	id    string
	line  int
	cells []string // id, fault, what happens, tests
}

func (r row) tests() string { return r.cells[len(r.cells)-1] }

func (r row) named() []string {
	var names []string
	for _, match := range quoted.FindAllStringSubmatch(r.tests(), -1) {
		names = append(names, match[1])
	}
	return names
}

// idOf is the row that a fault test is named for.
func idOf(name string) string {
	id, _, _ := strings.Cut(strings.TrimPrefix(name, testName), "_")
	return id
}

func TestEveryFaultHasItsTestAndEveryFaultTestItsRow(t *testing.T) {
	tests := testsOfTheTree(t)
	lines := linesOf(t)
	if *update {
		lines = updated(t, lines, tests)
		require.NoError(t, os.WriteFile(page, []byte(strings.Join(lines, "\n")), 0o600))
	}
	rows := rowsOf(t, lines)
	var problems []string
	problem := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	for section, most := range map[string]int{"P": 25, "V": 27, "D": 16, "S": 8, "N": 23} {
		for n := 1; n <= most; n++ {
			if _, found := rows[fmt.Sprint(section, n)]; !found {
				problem("%s has no row %s%d", page, section, n)
			}
		}
	}
	for id, r := range rows {
		if why, without := strings.CutPrefix(r.tests(), noTest); without && len(why) < 20 || !without && len(r.named()) == 0 {
			problem("%s:%d: %s names no test and does not say why: `%sthe reason`", page, r.line, id, noTest)
		}
		for _, name := range r.named() {
			if _, exists := tests[name]; !exists {
				problem("%s:%d: %s names %s, which does not exist", page, r.line, id, name)
			}
		}
	}
	for name, file := range tests {
		if !strings.HasPrefix(name, testName) {
			continue
		}
		if r, found := rows[idOf(name)]; !found {
			problem("%s: %s is named for a row that %s does not have", file, name, page)
		} else if !slices.Contains(r.named(), name) {
			problem("%s: %s is not in its row; `go test ./docs -update` puts it there", file, name)
		}
	}
	slices.Sort(problems)
	require.Empty(t, strings.Join(problems, "\n"))
}

// testsOfTheTree are all tests and fuzz targets with their files, whatever build tags these have.
func testsOfTheTree(t *testing.T) map[string]string {
	t.Helper()
	tests := map[string]string{}
	require.NoError(t, filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != ".." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || entry.Name() == "bin") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declared := range file.Decls {
			if function, is := declared.(*ast.FuncDecl); is && function.Recv == nil && quoted.MatchString("`"+function.Name.Name+"`") {
				tests[function.Name.Name] = path
			}
		}
		return nil
	}))
	require.Greater(t, len(tests), 500)
	return tests
}

func linesOf(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	return strings.Split(string(text), "\n")
}

func rowsOf(t *testing.T, lines []string) map[string]row {
	t.Helper()
	rows := map[string]row{}
	for i, line := range lines {
		if match := rowID.FindStringSubmatch(line); match != nil {
			require.NotContains(t, rows, match[1], "%s:%d: a second row of this id", page, i+1)
			rows[match[1]] = rowOf(t, i, line)
		}
	}
	return rows
}

func rowOf(t *testing.T, i int, line string) row {
	t.Helper()
	cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "| "), " |"), " | ")
	require.Len(t, cells, 4, "%s:%d: a row has an id, what it is about, what happens, and its tests", page, i+1)
	return row{cells[0], i + 1, cells}
}

// updated takes out of each row the tests that are gone, and puts into it those that are named for it.
func updated(t *testing.T, lines []string, tests map[string]string) []string {
	t.Helper()
	own := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		if strings.HasPrefix(name, testName) {
			own[idOf(name)] = append(own[idOf(name)], name)
		}
	}
	for i, line := range lines {
		if !rowID.MatchString(line) {
			continue
		}
		r := rowOf(t, i, line)
		names := own[r.id]
		for _, name := range r.named() {
			if _, exists := tests[name]; exists && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		if len(names) > 0 {
			r.cells[3] = "`" + strings.Join(names, "`, `") + "`"
			lines[i] = "| " + strings.Join(r.cells, " | ") + " |"
		}
	}
	return lines
}
