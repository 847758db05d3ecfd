package fql

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Parse reads a filter. The empty text is the filter that matches everything. Every error is an ErrFilter that says what
// was wrong and at which byte, without the text itself.
func (l Language) Parse(text string) (Filter, error) {
	if text == "" {
		return Filter{}, nil
	}
	p := parser{language: l, text: text}
	filter, err := p.filter()
	if err != nil {
		return Filter{}, fmt.Errorf("%w: %s at byte %d", ErrFilter, err.Error(), p.at)
	}
	return filter, nil
}

type parser struct {
	language   Language
	text       string
	at         int
	properties int
}

// fault is what is wrong with a filter; Parse adds where.
type fault string

func (f fault) Error() string { return string(f) }

// filter reads to the end. And binds tighter than or.
func (p *parser) filter() (Filter, error) {
	either := [][]property{nil}
	for {
		next, err := p.property()
		if err != nil {
			return Filter{}, err
		}
		last := len(either) - 1
		either[last] = append(either[last], next)
		switch {
		case p.at == len(p.text):
			return Filter{either: either}, nil
		case p.accept("+"):
		case p.accept(","):
			either = append(either, nil)
		default:
			return Filter{}, fault("neither + nor , between two properties")
		}
	}
}

func (p *parser) property() (property, error) {
	p.properties++
	if p.properties > MaxProperties {
		return property{}, fault("more than 20 properties")
	}
	field := p.run(func(c byte) bool { return c == '_' || c == '.' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' })
	kind, known := p.language.Fields[field]
	if !known {
		return property{}, fault("unknown field")
	}
	if !p.accept(":") {
		return property{}, fault("no colon after the field")
	}
	out := property{field: field, kind: kind, not: p.accept("!")}
	out.op = p.operator()
	if err := out.allowed(p.language); err != nil {
		return property{}, err
	}
	return p.values(out)
}

func (p *parser) operator() operator {
	switch {
	case p.accept(">="):
		return atLeast
	case p.accept("<="):
		return atMost
	case p.accept(">"):
		return above
	case p.accept("<"):
		return below
	case p.accept("*"):
		return like
	default:
		return equal
	}
}

// allowed says whether the field's kind takes the operator.
func (p *property) allowed(l Language) error {
	switch p.op {
	case equal:
		return nil
	case like:
		if p.kind != Text || !l.Wildcards {
			return fault("no wildcards on this field")
		}
	case atLeast, atMost, above, below:
		if p.kind != Number && p.kind != Time || p.not {
			return fault("no such comparison on this field")
		}
	}
	return nil
}

// values reads one literal or a list of them into the property.
func (p *parser) values(out property) (property, error) {
	if !p.accept("[") {
		return out, p.value(&out)
	}
	if out.op != equal || out.kind == Bool || out.kind == Time {
		return property{}, fault("no list here")
	}
	for {
		if err := p.value(&out); err != nil {
			return property{}, err
		}
		if p.accept("]") {
			return out, nil
		}
		if !p.accept(",") {
			return property{}, fault("list not closed")
		}
	}
}

func (p *parser) value(out *property) error {
	switch out.kind {
	case Text, Texts:
		return p.textValue(out)
	case Bool:
		switch {
		case p.accept("true"):
			out.flag = true
		case !p.accept("false"):
			return fault("neither true nor false")
		}
	case Number:
		digits := p.run(func(c byte) bool { return c == '.' || c == '-' || '0' <= c && c <= '9' })
		number, err := strconv.ParseFloat(digits, 64)
		if err != nil {
			return fault("not a number")
		}
		out.numbers = append(out.numbers, number)
	case Time:
		text, err := p.quoted()
		if err != nil {
			return err
		}
		out.time, err = p.language.time(text)
		return err
	}
	return nil
}

func (p *parser) textValue(out *property) error {
	text, err := p.quoted()
	if err != nil {
		return err
	}
	if out.op == like {
		out.pattern = strings.Split(text, "*")
		return nil
	}
	if out.texts == nil {
		out.texts = map[string]struct{}{}
	}
	out.texts[text] = struct{}{}
	return nil
}

// quoted reads a literal in quotes of either kind; a backslash makes the next quote or backslash part of it.
func (p *parser) quoted() (string, error) {
	if p.at == len(p.text) || p.text[p.at] != '\'' && p.text[p.at] != '"' {
		return "", fault("no quote")
	}
	quote := p.text[p.at]
	var out strings.Builder
	for p.at++; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; {
		case c == quote:
			p.at++
			return out.String(), nil
		case c != '\\':
			out.WriteByte(c)
		case p.at+1 < len(p.text) && strings.IndexByte(`\'"`, p.text[p.at+1]) >= 0:
			p.at++
			out.WriteByte(p.text[p.at])
		default:
			return "", fault("backslash before nothing to escape")
		}
	}
	return "", fault("quote not closed")
}

func (p *parser) accept(token string) bool {
	if !strings.HasPrefix(p.text[p.at:], token) {
		return false
	}
	p.at += len(token)
	return true
}

func (p *parser) run(part func(byte) bool) string {
	start := p.at
	for p.at < len(p.text) && part(p.text[p.at]) {
		p.at++
	}
	return p.text[start:p.at]
}

// time reads an RFC 3339 time or, where the language has them, one relative to now.
func (l Language) time(text string) (time.Time, error) {
	if relative, found := strings.CutPrefix(text, "now"); found && !l.Now.IsZero() {
		return relativeTime(l.Now, relative)
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fault("not an RFC 3339 time")
	}
	return at, nil
}

func relativeTime(now time.Time, back string) (time.Time, error) {
	if back == "" {
		return now, nil
	}
	unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[back[len(back)-1]]
	count, found := strings.CutPrefix(back[:len(back)-1], "-")
	n, err := strconv.ParseInt(count, 10, 64)
	if !found || err != nil || unit == 0 || n < 0 || n > int64(math.MaxInt64/unit) {
		return time.Time{}, fault("not a relative time")
	}
	return now.Add(-time.Duration(n) * unit), nil
}
