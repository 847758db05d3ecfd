package main

import (
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"github.com/threatshare/threatshare/internal/indicator"
)

// How people write a value so that nobody follows it.
var (
	defangedDot    = regexp.MustCompile(`(?i)\s*[\[({]\s*(?:\.|dot)\s*[\])}]\s*`)
	defangedColon  = regexp.MustCompile(`[\[({]\s*(:|://)\s*[\])}]`)
	defangedAt     = regexp.MustCompile(`(?i)\s*[\[({]\s*(?:@|at)\s*[\])}]\s*`)
	defangedScheme = regexp.MustCompile(`(?i)^h[x*]{2}p(s?)(:|://)`)
)

// sought is a value that a person asks about, as the ledger spells it.
type sought struct {
	value string
	kind  string // empty for a text that is no value
	also  string // how people write it, if that is different
	why   string // why it is no value
}

// seek reads a value as people write it: also a URL, an address of mail, in capitals, in letters of another script, or made
// harmless with [.] and hxxp.
func seek(raw string) sought {
	text := refanged(raw)
	if len(text) > 1 && strings.HasPrefix(text, `"`) && strings.HasSuffix(text, `"`) {
		return sought{value: text} // as the ledger shows what is no value
	}
	if hash, err := indicator.New(indicator.Sighting{Kind: indicator.SHA256, Raw: text}, ""); err == nil {
		return sought{value: hash.Value, kind: string(hash.Kind)}
	}
	host := text
	if domain, found := indicator.SenderDomain(text); found && !strings.Contains(text, "://") {
		host = domain
	}
	domain, err := indicator.New(indicator.Sighting{Kind: indicator.Domain, Raw: host}, "")
	if err != nil {
		// The ledger keeps what a vendor told and was no value in quotes and with the same cuts.
		return sought{value: strconv.Quote(indicator.Shown(text)), why: err.Error()}
	}
	found := sought{value: domain.Value, kind: string(domain.Kind)}
	if spelled, err := idna.ToUnicode(domain.Value); err == nil && spelled != domain.Value {
		found.also = spelled
	}
	return found
}

func refanged(raw string) string {
	text := strings.TrimSpace(raw)
	text = defangedDot.ReplaceAllString(text, ".")
	text = defangedColon.ReplaceAllString(text, "$1")
	text = defangedAt.ReplaceAllString(text, "@")
	return defangedScheme.ReplaceAllString(text, "http$1$2")
}

// String says what is searched for.
func (s sought) String() string {
	said := shown(s.value)
	switch {
	case s.kind != "":
		said += " (" + s.kind + ")"
	case s.why != "":
		said += " (no value that could be shared: " + indicator.Printable(s.why, longestCell) + ")"
	}
	if s.also != "" {
		said += ", which is " + shown(s.also)
	}
	return said
}

// parent is the domain above, as long as it is not a single label.
func (s sought) parent() string {
	_, above, found := strings.Cut(s.value, ".")
	if s.kind != string(indicator.Domain) || !found || !strings.Contains(above, ".") {
		return ""
	}
	return above
}
