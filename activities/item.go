package activities

import (
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

// Item is what a dry run would do about one value. Its JSON is an outside name.
type Item struct {
	Verdict Verdict          `json:"verdict"`
	List    ledger.List      `json:"list"`
	Source  indicator.Source `json:"source"`
	Value   string           `json:"value"`
	Reason  indicator.Reason `json:"reason,omitempty"` // why it is held or withdrawn
	Detail  string           `json:"detail,omitempty"`
}

// size is about what the item takes in JSON, in bytes.
func (i Item) size() int {
	return len(`{"verdict":"withdraw","list":"blocked-senders","source":"alertDomains","value":"","reason":"","detail":""},`) +
		len(i.Value) + len(i.Reason) + len(i.Detail)
}

// Verdict is what would be done about a value.
type Verdict string

// The verdicts.
const (
	VerdictShare     Verdict = "share"      // made in Falcon
	VerdictUpdate    Verdict = "update"     // an IOC of ours in Falcon is changed
	VerdictBlock     Verdict = "block"      // blocked in Mimecast
	VerdictBlockURLs Verdict = "block-urls" // the domain's URLs are blocked in Mimecast
	VerdictHold      Verdict = "hold"       // kept back by the guard
	VerdictWithdraw  Verdict = "withdraw"   // unblocked in Mimecast
)

// Finding is a value that is to be blocked in Mimecast. Its source and kind are told once for many: findings fill payloads.
type Finding struct {
	Value     string    `json:"value"`
	Record    string    `json:"record,omitempty"` // empty for the IOC list, where the value itself is the key
	SeenAt    time.Time `json:"seenAt,omitzero"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"` // when its source takes it back by itself
}

// size is about what the finding takes in JSON, in bytes.
func (f Finding) size() int {
	size := len(`{"value":""},`) + len(f.Value)
	if f.Record != "" {
		size += len(`,"record":""`) + len(f.Record)
	}
	for _, at := range []time.Time{f.SeenAt, f.ExpiresAt} {
		if !at.IsZero() {
			size += len(`,"expiresAt":"2006-01-02T15:04:05.999999999Z"`)
		}
	}
	return size
}
