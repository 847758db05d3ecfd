package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
)

// The marks of a figure that has a bound.
const (
	held   = "ok"
	broken = "BROKEN"
)

// figure is one line of what was measured.
type figure struct {
	Name, Measured, Bound string
	Mark                  string // held, broken, or nothing for a figure that nothing is demanded of
	Ratio                 bool   // the document begins with these
	Demanded              bool   // one of the numbers to hold
}

// figures are what a part has measured, and which bounds were not kept.
type figures struct {
	heading string
	rows    []figure
	broken  []string
}

func (f *figures) title(format string, args ...any) { f.heading = fmt.Sprintf(format, args...) }

// note shows a figure that nothing is demanded of.
func (f *figures) note(name string, measured any) { f.add(name, measured, "", "") }

// atMost shows a figure that must not be larger than its bound.
func atMost[T cmp.Ordered](f *figures, name string, measured, bound T) {
	f.bounded(name, measured, fmt.Sprintf("≤ %v", bound), measured <= bound)
}

// atLeast shows a figure that must not be smaller than its bound.
func atLeast[T cmp.Ordered](f *figures, name string, measured, bound T) {
	f.bounded(name, measured, fmt.Sprintf("≥ %v", bound), measured >= bound)
}

// exactly shows a figure of which there is one good value.
func exactly[T comparable](f *figures, name string, measured, wanted T) {
	f.bounded(name, measured, fmt.Sprint(wanted), measured == wanted)
}

func (f *figures) bounded(name string, measured any, bound string, holds bool) {
	mark := held
	if !holds {
		mark = broken
		f.broken = append(f.broken, fmt.Sprintf("%s: %v, bound %s", name, measured, bound))
	}
	f.add(name, measured, bound, mark)
}

func (f *figures) add(name string, measured any, bound, mark string) {
	f.rows = append(f.rows, figure{Name: name, Measured: fmt.Sprint(measured), Bound: bound, Mark: mark})
}

// ratio makes the last figure one of the ratios that the document begins with.
func (f *figures) ratio() { f.rows[len(f.rows)-1].Ratio = true }

// demanded makes the last figure one of the numbers that the program has to hold.
func (f *figures) demanded() { f.rows[len(f.rows)-1].Demanded = true }

// include takes over the figures of another measurement under a name of its own.
func (f *figures) include(prefix string, other *figures) {
	for _, row := range other.rows {
		row.Name = prefix + row.Name
		f.rows = append(f.rows, row)
	}
	for _, problem := range other.broken {
		f.broken = append(f.broken, prefix+problem)
	}
}

func (f *figures) print(out io.Writer) {
	shown := table.NewWriter()
	shown.SetTitle("%s", f.heading)
	shown.AppendHeader(table.Row{"figure", "measured", "bound", ""})
	for _, row := range f.rows {
		shown.AppendRow(table.Row{row.Name, row.Measured, row.Bound, row.Mark})
	}
	_, _ = fmt.Fprintln(out, "\n"+shown.Render()) // nobody reads it otherwise
}

// err names the bounds that were not kept; nil if all were.
func (f *figures) err() error {
	if len(f.broken) == 0 {
		return nil
	}
	return errors.New("not kept: " + strings.Join(f.broken, "; "))
}

// byCount are the keys of counts, the largest count first.
func byCount(counts map[string]int) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
}
