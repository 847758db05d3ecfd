package indicator

import "fmt"

// Reason is a word for why a value is not shared. It is stored, counted and shown, so it does not change.
type Reason string

// Reasons of New. The guard has reasons of its own.
const (
	TooLong       Reason = "too-long"
	Unprintable   Reason = "unprintable"    // control characters, line breaks, bidirectional overrides, zero-width characters
	UnknownScheme Reason = "unknown-scheme" // a URL that is not http or https
	IPLiteral     Reason = "ip-literal"     // an IP address in any spelling
	Wildcard      Reason = "wildcard"
	NotADomain    Reason = "not-a-domain"
	NotAHash      Reason = "not-a-hash"
	UnknownKind   Reason = "unknown-kind"
	Defect        Reason = "defect" // judging it failed: a fault of this program
)

// maxDefect bounds what is shown of a failure of our own, in characters.
const maxDefect = 200

// DefectOf is the refusal of a value over which our own code has panicked.
func DefectOf(panicked any) *Refusal {
	return &Refusal{Reason: Defect, Detail: Printable(fmt.Sprint(panicked), maxDefect)}
}

// Refusal says why a value is not shared.
type Refusal struct {
	Reason Reason
	Detail string // what exactly, printable and bounded; for a list its name and version
}

func (r *Refusal) Error() string {
	if r.Detail == "" {
		return string(r.Reason)
	}
	return string(r.Reason) + ": " + r.Detail
}
