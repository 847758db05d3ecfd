// Package indicator holds what a threat is told by: its kinds, the canonical form of a value, the mark that says whose an
// entry at a vendor is, and the words in which vendors and activities talk about them. Values in, values out: no I/O, no
// clock, no vendor's wire words.
package indicator

import "time"

// Kind is what a value is.
type Kind string

// The kinds that both vendors understand.
const (
	SHA256 Kind = "sha256"
	Domain Kind = "domain"
)

// Source is where an indicator comes from. The names are those of the settings that switch each source on.
type Source string

// The sources at Mimecast.
const (
	AttachmentHashes     Source = "attachmentHashes"
	URLDomains           Source = "urlDomains"
	ImpersonationDomains Source = "impersonationDomains"
)

// The sources at Falcon.
const (
	IOCHashes    Source = "iocHashes"
	IOCDomains   Source = "iocDomains"
	AlertDomains Source = "alertDomains"
)

// Kind is the kind of the values that the source brings.
func (s Source) Kind() Kind {
	if s == AttachmentHashes || s == IOCHashes {
		return SHA256
	}
	return Domain
}

// Key identifies an indicator: two with the same key are the same one. It is comparable and serves as map key.
type Key struct {
	Kind  Kind   `json:"kind"`
	Value string `json:"value"`
}

// Indicator is a canonical value and where it was seen. Only New makes one, so its value is always a valid one.
type Indicator struct {
	Key

	Source Source    `json:"source"`
	SeenAt time.Time `json:"seenAt"`           // when the source recorded it, UTC
	Record string    `json:"record,omitempty"` // which record of the source says so, for the audit trail
}

// New checks raw and gives it its canonical form: a domain as lower-case A-labels without the trailing dot, a hash as
// lower-case hex. A domain may also be given as an http or https URL; its host is taken as it stands. What cannot be one
// is refused with a *Refusal. So is a value over which this package itself stumbles, with the reason Defect: a step that reads or
// writes many values goes on with the others, where a panic would end it at every try.
func New(sighting Sighting, source Source) (Indicator, error) {
	return newBy(canonical, sighting, source)
}

func newBy(parse func(Kind, string) (string, *Refusal), sighting Sighting, source Source) (made Indicator, err error) {
	defer func() {
		if defect := recover(); defect != nil {
			made, err = Indicator{}, DefectOf(defect)
		}
	}()
	value, refusal := parse(sighting.Kind, sighting.Raw)
	if refusal != nil {
		return Indicator{}, refusal
	}
	return Indicator{
		Key:    Key{Kind: sighting.Kind, Value: value},
		Source: source,
		SeenAt: sighting.SeenAt.UTC(),
		Record: Printable(sighting.Record, MaxRecord),
	}, nil
}
