package indicator

import "time"

// ListQuery asks for one page of a vendor's list of indicators, oldest change first.
type ListQuery struct {
	Since   time.Time // only what was changed then or later, in whole seconds; zero: all
	After   string    // the page token of the answer before, "" for the first page
	Deleted bool      // the deleted entries instead of the others
}

// ListEntry is an entry of such a list, whoever made it. Its value is canonical if it can be; otherwise it is the vendor's
// text, and New says what is wrong with it.
type ListEntry struct {
	Listed

	Deleted    bool
	ModifiedOn time.Time // last change, UTC; zero if the vendor does not tell
	// SameClient says that the entry was made with the credentials that the list was read with, whatever became of its mark.
	SameClient bool
}

// ListPage is one page of a list. Read = len(Entries) + the sum of Dropped.
type ListPage struct {
	Entries []ListEntry
	Read    int            // records on the page
	Dropped map[string]int // records that are no entries, by reason
	Newest  time.Time      // newest change on the page, zero if there is none; never later than the vendor's clock
	Next    string         // token of the next page, "" on the last
	Total   int            // records of the whole query, as the vendor says; 0: not known
}

// Removal is what became of an entry that was to be deleted. Exactly one of the four holds; none does if it is not known,
// which comes with an error.
type Removal struct {
	ID      string
	Deleted bool   // it was there and is not any more
	Missing bool   // it was not there, or deleted before: as good as Deleted
	Foreign bool   // it carries another mark or none, and was left alone
	Refused string // the vendor's words, or why it was not asked
}
