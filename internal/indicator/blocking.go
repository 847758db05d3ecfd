package indicator

// Quota is how full a vendor's list is. Used and Limit count entries of everybody, not only ours, and mean nothing unless
// Known.
type Quota struct {
	Used  int  `json:"used"`
	Limit int  `json:"limit"`
	Known bool `json:"known"`
}

// Policy is a policy that blocks senders, whoever made it. At most one of GroupID and Domain is set; neither is if it applies
// from something else.
type Policy struct {
	ID          string `json:"id"`
	Description string `json:"description"`
	Option      string `json:"option"` // lower case: "block_sender", or "no_action" for an exemption
	Enabled     bool   `json:"enabled"`
	GroupID     string `json:"groupId,omitempty"` // it applies from the members of this group
	Domain      string `json:"domain,omitempty"`  // it applies from this domain, lower case
}

// Copies is what became of entries of ours that were there more than once: all but one are removed, as far as the vendor lets us.
type Copies struct {
	Removed int
	Left    int
}

// ManagedURL is an entry of the list of URLs that clicks are checked against, whoever made it.
type ManagedURL struct {
	ID        string `json:"id"`
	Domain    string `json:"domain"`    // host, lower case
	MatchType string `json:"matchType"` // lower case: "domain", or "explicit" for a single address
	Action    string `json:"action"`    // lower case: "block" or "permit"
	Comment   string `json:"comment"`
}

// Message is a mail that was delivered.
type Message struct {
	ID   string `json:"id"`   // the vendor's own, not the Message-ID of the mail
	From string `json:"from"` // address of the sender, the one that is in the domain that was asked for
}

// Incident is the removal of delivered mail. Done says that no message is waited for any more; with nothing identified it is
// done at once, which is an ordinary result.
type Incident struct {
	ID         string `json:"id"`
	Code       string `json:"code"` // what people know it by
	Identified int    `json:"identified"`
	Successful int    `json:"successful"`
	Failed     int    `json:"failed"`
	Done       bool   `json:"done"`
}
