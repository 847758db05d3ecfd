// Package explain puts what the ledger knows of a value into words, and understands values as people write them. What a
// person can do about it depends on where the words stand: the starter names commands, the console has buttons. Pure.
package explain

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

// Sought is a value that a person asks about, as the ledger spells it.
type Sought struct {
	Value string
	Kind  indicator.Kind // empty for a text that is no value
	Also  string         // how people write it, if that is different
	Why   string         // why it is no value
}

// Seek reads a value as people write it: also a URL, an address of mail, in capitals, in letters of another script, or made
// harmless with [.] and hxxp.
func Seek(raw string) Sought {
	text := refanged(raw)
	if len(text) > 1 && strings.HasPrefix(text, `"`) && strings.HasSuffix(text, `"`) {
		return Sought{Value: text} // as the ledger shows what is no value
	}
	if hash, err := indicator.New(indicator.Sighting{Kind: indicator.SHA256, Raw: text}, ""); err == nil {
		return Sought{Value: hash.Value, Kind: hash.Kind}
	}
	host := text
	if domain, found := indicator.SenderDomain(text); found && !strings.Contains(text, "://") {
		host = domain
	}
	domain, err := indicator.New(indicator.Sighting{Kind: indicator.Domain, Raw: host}, "")
	if err != nil {
		// The ledger keeps what a vendor told and was no value in quotes and with the same cuts.
		return Sought{Value: strconv.Quote(indicator.Shown(text)), Why: err.Error()}
	}
	found := Sought{Value: domain.Value, Kind: domain.Kind}
	if spelled, err := idna.ToUnicode(domain.Value); err == nil && spelled != domain.Value {
		found.Also = spelled
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
func (s Sought) String() string {
	said := shown(s.Value)
	switch {
	case s.Kind != "":
		said += " (" + string(s.Kind) + ")"
	case s.Why != "":
		said += " (no value that could be shared: " + indicator.Printable(s.Why, longestWord) + ")"
	}
	if s.Also != "" {
		said += ", which is " + shown(s.Also)
	}
	return said
}

// Parent is the domain above, as long as it is not a single label.
func (s Sought) Parent() string {
	_, above, found := strings.Cut(s.Value, ".")
	if s.Kind != indicator.Domain || !found || !strings.Contains(above, ".") {
		return ""
	}
	return above
}
