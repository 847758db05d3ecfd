// Package seed generates the traffic of a tenant: log records as they go over Mimecast's wire, and which indicators a
// correct integration shares from them. The same options give the same traffic. It knows the contract's rules for what is
// malicious, but none of an integration's code: what it expects is an independent opinion.
package seed

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/simulator/mimecast"
)

// The kinds and sources of an expected indicator.
const (
	SHA256 = "sha256"
	Domain = "domain"

	AttachmentHashes     = "attachmentHashes"
	URLDomains           = "urlDomains"
	ImpersonationDomains = "impersonationDomains"
)

// MaxRecords bounds one seeding.
const MaxRecords = 1_000_000

// Lookback is how far back generated traffic begins when nothing is said: a little less than the week that a first run
// reads, so that it is found even when that run starts hours later.
const Lookback = 160 * time.Hour

// Options say what to generate.
type Options struct {
	Seed       uint64    `json:"seed"`
	Records    int       `json:"records"`    // log records in all; 40 % attachments, 40 % URLs, 20 % impersonation
	Indicators int       `json:"indicators"` // distinct malicious values among them
	Plain      bool      `json:"plain"`      // every record is malicious and worth sharing, none needs decode-url
	Hostile    bool      `json:"hostile"`    // some thirty records more, with values that try to hurt
	From       time.Time `json:"from"`       // To less Lookback if zero
	To         time.Time `json:"to"`         // a minute ago if zero
}

// Expected is an indicator that a correct integration shares, provided that its source is switched on.
type Expected struct {
	Kind    string   `json:"kind"`
	Value   string   `json:"value"`
	Sources []string `json:"sources"`
}

// Traffic is what was generated. Records are sorted by date.
type Traffic struct {
	Attachments    []json.RawMessage
	Impersonations []json.RawMessage
	URLs           []json.RawMessage
	Messages       []mimecast.Message // mail that was delivered all the same
	Expected       []Expected         // sorted by kind and value
}

// InternalDomains are the tenant's own domains: the recipients' addresses are there.
func InternalDomains() []string { return []string{"acme-corp-internal.com", "acme-corp-mail.net"} }

// Check completes the options and says what is wrong with them.
func (o Options) Check(now time.Time) (Options, error) {
	if o.To.IsZero() {
		o.To = now.Add(-time.Minute)
	}
	if o.From.IsZero() {
		o.From = o.To.Add(-Lookback)
	}
	switch {
	case o.Records < 0 || o.Records > MaxRecords:
		return o, fmt.Errorf("records %d is not between 0 and %d", o.Records, MaxRecords)
	case o.Indicators < 0 || o.Indicators > o.Records:
		return o, fmt.Errorf("indicators %d is not between 0 and the number of records, %d", o.Indicators, o.Records)
	case o.Records > 0 && o.Indicators == 0 && o.Plain:
		return o, fmt.Errorf("plain traffic of %d records needs at least one indicator", o.Records)
	case !o.From.Before(o.To):
		return o, fmt.Errorf("from %s is not before to %s", o.From.Format(time.RFC3339), o.To.Format(time.RFC3339))
	}
	return o, nil
}

// Generate makes the traffic. The options must have passed Check.
func Generate(o Options) (Traffic, error) {
	g := &generator{opts: o, expected: map[[2]string][]string{}}
	records := split(o.Records)
	indicators := split(o.Indicators)
	into := []*[]json.RawMessage{&g.out.Attachments, &g.out.URLs, &g.out.Impersonations}
	for i, fill := range []func(*writer, int, int){g.attachments, g.urls, g.impersonations} {
		w := &writer{rng: rand.New(rand.NewPCG(o.Seed, uint64(i))), lane: i}
		fill(w, records[i], indicators[i])
		if w.err != nil {
			return Traffic{}, w.err
		}
		*into[i] = w.records
	}
	if o.Hostile {
		if err := g.hostile(); err != nil {
			return Traffic{}, err
		}
	}
	g.out.Expected = g.list()
	return g.out, nil
}

// split divides a number over attachments, URLs and impersonation. Whatever has an indicator has a record for it.
func split(n int) [3]int {
	fifth := n / 5
	rest := n - fifth
	return [3]int{rest / 2, rest - rest/2, fifth}
}

type generator struct {
	opts     Options
	out      Traffic
	expected map[[2]string][]string
}

func (g *generator) expect(kind, value, source string) {
	key := [2]string{kind, value}
	if !slices.Contains(g.expected[key], source) {
		g.expected[key] = append(g.expected[key], source)
	}
}

func (g *generator) list() []Expected {
	list := make([]Expected, 0, len(g.expected))
	for key, sources := range g.expected {
		slices.Sort(sources)
		list = append(list, Expected{Kind: key[0], Value: key[1], Sources: sources})
	}
	slices.SortFunc(list, func(a, b Expected) int {
		return strings.Compare(a.Kind+"\x00"+a.Value, b.Kind+"\x00"+b.Value)
	})
	return list
}

// slot is one record to make: a new indicator, one more record of an earlier one, or noise.
type slot struct {
	at     time.Time
	number int // of the indicator, counted from 0; -1 for noise
	fresh  bool
}

// maliciousShare is how much of ordinary traffic that reached a log is malicious; the rest is noise.
const maliciousShare = 0.55

// slots spreads the indicators evenly over the records and the records evenly over the time, so that every page of a log
// holds about the same share of new ones.
func (g *generator) slots(w *writer, records, indicators int) []slot {
	malicious := records
	if !g.opts.Plain {
		malicious = max(indicators, int(float64(records)*maliciousShare))
	}
	if indicators == 0 {
		malicious = 0
	}
	made := make([]slot, 0, records)
	span := g.opts.To.Sub(g.opts.From)
	seen, known := 0, 0
	for i := range records {
		s := slot{number: -1, at: g.opts.From.Add(time.Duration(float64(span) * (float64(i) + 0.5) / float64(records)))}
		if (i+1)*malicious/records > i*malicious/records {
			s.fresh = ceil((seen+1)*indicators, malicious) > ceil(seen*indicators, malicious)
			seen++
			if s.fresh {
				s.number = known
				known++
			} else {
				s.number = known - 1 - w.rng.IntN(min(known, 20)) // one of the latest: mail comes in waves
			}
		}
		made = append(made, s)
	}
	return made
}

func ceil(a, b int) int { return (a + b - 1) / b }
