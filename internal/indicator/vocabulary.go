package indicator

import "time"

// Sighting is what a source said before anything was checked: its text is hostile and of any length.
type Sighting struct {
	Kind   Kind
	Raw    string
	SeenAt time.Time
	Record string // the source's own key of the record, as the vendor's contract gives it
}

// Query asks for one page of a log.
type Query struct {
	Source Source
	From   time.Time
	To     time.Time
	Page   string // the page token of the answer before, "" for the first page

	IncludeSuspicious bool // URL logs: suspicious verdicts count as malicious ones
	DomainEvidence    bool // impersonation logs: only records whose identifiers say something about the domain
}

// Why a record of either vendor cannot be read: keys of Dropped, which are stored and counted.
const (
	Unreadable     = "unreadable"      // not a record of the contract
	UnreadableDate = "unreadable-date" // a date in no known form; never taken for now
)

// Page is one page of a log. Read = len(Sightings) + the sum of Dropped.
type Page struct {
	Sightings []Sighting
	Read      int            // records on the page
	Dropped   map[string]int // records that are no threat or not to be published, by reason
	Newest    time.Time      // date of the newest record on the page, zero on an empty page
	Next      string         // token of the next page, "" on the last
}

// Share is an indicator and how it is to be listed at the vendor.
type Share struct {
	Indicator

	Action     string    `json:"action"`
	Severity   string    `json:"severity,omitempty"`
	Platforms  []string  `json:"platforms,omitempty"`
	HostGroups []string  `json:"hostGroups,omitempty"` // empty: everywhere
	ExpiresAt  time.Time `json:"expiresAt,omitzero"`   // zero: never
	Mark       Mark      `json:"mark"`
	Comment    string    `json:"comment,omitempty"`
}

// Listed is an entry as a vendor lists it.
type Listed struct {
	Key

	ID        string
	Action    string
	Severity  string
	Mark      Mark // zero: somebody else made it
	Expired   bool
	ExpiresAt time.Time // zero: never
}

// Update changes an entry of ours at the vendor to what Share says.
type Update struct {
	ID string
	Share
}

// Outcome is what became of one share. Exactly one of the four holds: it was made (ID is set), it was there before
// (Duplicate), somebody else has decided the opposite of it and is left alone (Foreign), or the vendor refused it (Refused
// holds the vendor's words). Where a vendor gives an entry no id of its own, ID is that of the batch or group it is in.
type Outcome struct {
	Key

	ID        string
	Duplicate bool
	Foreign   bool
	Refused   string
	NotSent   bool // refused before it was sent: wrong by itself, whatever became of the others
}
