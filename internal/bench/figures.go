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

// figures are what a part has measured, and which bounds were not kept.
type figures struct {
	table  table.Writer
	broken []string
}

func newFigures() *figures {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"figure", "measured", "bound", ""})
	return &figures{table: t}
}

func (f *figures) title(format string, args ...any) { f.table.SetTitle(format, args...) }

// note shows a figure that nothing is demanded of.
func (f *figures) note(name string, measured any) {
	f.table.AppendRow(table.Row{name, measured, "", ""})
}

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

func (f *figures) bounded(name string, measured any, bound string, held bool) {
	mark := "ok"
	if !held {
		mark = "BROKEN"
		f.broken = append(f.broken, fmt.Sprintf("%s: %v, bound %s", name, measured, bound))
	}
	f.table.AppendRow(table.Row{name, measured, bound, mark})
}

func (f *figures) print(out io.Writer) { _, _ = fmt.Fprintln(out, "\n"+f.table.Render()) } // nobody reads it otherwise

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
