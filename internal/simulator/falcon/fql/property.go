package fql

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

type operator int

const (
	equal operator = iota + 1
	atLeast
	atMost
	above
	below
	like
)

// property is one condition on one field; only the part that the field's kind needs is set.
type property struct {
	field   string
	kind    Kind
	op      operator
	not     bool
	texts   map[string]struct{}
	pattern []string // the pieces between the wildcards
	flag    bool
	numbers []float64
	time    time.Time
}

// match leaves the negation to the caller.
func (p *property) match(v Value) bool {
	switch p.kind {
	case Text:
		if p.op == like {
			return matchPattern(p.pattern, v.Text)
		}
		_, found := p.texts[v.Text]
		return found
	case Texts:
		return slices.ContainsFunc(v.Texts, func(text string) bool {
			_, found := p.texts[text]
			return found
		})
	case Bool:
		return v.Bool == p.flag
	case Number:
		return slices.ContainsFunc(p.numbers, func(n float64) bool { return p.op.holds(cmp.Compare(v.Number, n)) })
	case Time:
		return !v.Time.IsZero() && p.op.holds(v.Time.Compare(p.time))
	default:
		return false
	}
}

// holds takes the comparison of what the record has with what the filter says.
func (o operator) holds(comparison int) bool {
	switch o {
	case atLeast:
		return comparison >= 0
	case atMost:
		return comparison <= 0
	case above:
		return comparison > 0
	case below:
		return comparison < 0
	case equal, like:
		return comparison == 0
	default:
		return false
	}
}

// matchPattern compares text with the pieces of a pattern that stood between its wildcards.
func matchPattern(pieces []string, text string) bool {
	last := len(pieces) - 1
	if last == 0 {
		return text == pieces[0]
	}
	text, ok := strings.CutPrefix(text, pieces[0])
	if !ok {
		return false
	}
	for _, piece := range pieces[1:last] {
		_, rest, found := strings.Cut(text, piece)
		if !found {
			return false
		}
		text = rest
	}
	return strings.HasSuffix(text, pieces[last])
}
