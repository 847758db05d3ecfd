package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/template"
	"time"

	"github.com/samber/lo"
)

// documentText is docs/benchmarks.md without its figures.
//
//go:embed document.md.tmpl
var documentText string

// document is docs/benchmarks.md.
type document struct {
	Date     string
	Machine  string
	Load     string // before the measurement
	Seed     int
	Command  string
	Versions []version
	Sections []section
	Peers    []peer
	Sizes    sizes
}

// sizes are the figures that the text explains the least number of calls with.
type sizes struct{ LogPage, FalconBatch, ListPage, HashBatch, MemberBatch int }

// section is what the document says of a part.
type section struct {
	Name, About string
	Ran         bool
	Problem     string // why the part did not come to its end
	Heading     string
	Figures     []figure
	Broken      []string
}

func newDocument(ctx context.Context, opts options) *document {
	doc := &document{
		Date: time.Now().UTC().Format(time.DateOnly), Machine: machine(), Load: load(), Seed: opts.seed,
		Command: strings.Join(append([]string{"go run ./internal/bench"}, os.Args[1:]...), " "), Versions: versions(ctx),
		Peers: peers(), Sizes: sizes{LogPage: logPage, FalconBatch: falconBatch, ListPage: listPage, HashBatch: hashBatch, MemberBatch: memberBatch},
	}
	for _, p := range parts() {
		doc.Sections = append(doc.Sections, section{Name: p.name, About: p.about})
	}
	return doc
}

// take puts what a part has measured into its section.
func (d *document) take(part int, f *figures, err error) {
	s := &d.Sections[part]
	s.Ran, s.Heading, s.Figures, s.Broken = true, f.heading, f.rows, f.broken
	if err != nil {
		s.Problem = inOneLine(err)
	}
}

// row is a figure with the part that it is from.
type row struct {
	Figure figure
	Part   string
}

// Ratios are the figures that the document begins with.
func (d *document) Ratios() []row { return d.rows(func(f figure) bool { return f.Ratio }) }

// Demanded are the numbers to hold.
func (d *document) Demanded() []row { return d.rows(func(f figure) bool { return f.Demanded }) }

func (d *document) rows(wanted func(figure) bool) []row {
	return lo.FlatMap(d.Sections, func(s section, _ int) []row {
		return lo.FilterMap(s.Figures, func(f figure, _ int) (row, bool) { return row{f, s.Name}, wanted(f) })
	})
}

// Measured is a figure of a part.
func (d *document) Measured(part, name string) string {
	for _, s := range d.Sections {
		for _, f := range s.Figures {
			if s.Name == part && f.Name == name {
				return f.Measured
			}
		}
	}
	return "not run"
}

// Broken are the bounds that do not hold, and the parts that have not come to their end.
func (d *document) Broken() []string {
	return lo.FlatMap(d.Sections, func(s section, _ int) []string {
		var all []string
		if s.Problem != "" {
			all = append(all, s.Name+" did not come to its end: "+s.Problem)
		}
		for _, bound := range s.Broken {
			all = append(all, s.Name+": "+bound)
		}
		return all
	})
}

// Held is how many bounds hold.
func (d *document) Held() int {
	return len(d.rows(func(f figure) bool { return f.Mark == held }))
}

// NotRun are the parts that are missing.
func (d *document) NotRun() []string {
	return lo.FilterMap(d.Sections, func(s section, _ int) (string, bool) { return s.Name, !s.Ran })
}

// Text is the document.
func (d *document) Text() (string, error) {
	functions := template.FuncMap{"cell": cell, "mark": mark, "join": strings.Join}
	parsed, err := template.New("document").Funcs(functions).Parse(documentText)
	if err != nil {
		return "", fmt.Errorf("read the document's template: %w", err)
	}
	var out strings.Builder
	if err := parsed.Execute(&out, d); err != nil {
		return "", fmt.Errorf("write the document: %w", err)
	}
	return out.String(), nil
}

// cell makes a text fit into a cell of a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(text)
}

// mark is how the document marks a figure.
func mark(f figure) string {
	if f.Mark == broken {
		return "**" + broken + "**"
	}
	return f.Mark
}

// write writes the document to a file, in one step; nowhere if path is empty.
func (d *document) write(path string) error {
	if path == "" {
		return nil
	}
	text, err := d.Text()
	if err != nil {
		return err
	}
	half := path + ".new"
	if err := os.WriteFile(half, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write the document: %w", err)
	}
	if err := os.Rename(half, path); err != nil {
		return errors.Join(fmt.Errorf("write the document: %w", err), os.Remove(half))
	}
	return nil
}
