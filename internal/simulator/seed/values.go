package seed

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// writer makes the records of one log.
type writer struct {
	rng     *rand.Rand
	lane    int
	records []json.RawMessage
	err     error
}

func (w *writer) add(record any) {
	raw, err := json.Marshal(record)
	if err != nil {
		w.err = fmt.Errorf("encode record: %w", err)
		return
	}
	w.records = append(w.records, raw)
}

func pick[T any](w *writer, list ...T) T { return list[w.rng.IntN(len(list))] }

// Labels are random, with words around that a lure would use and that are nobody's brand. The top-level domains are
// ordinary ones, since names reserved for examples are never shared.
func words() []string {
	return []string{
		"invoice-portal", "secure-login", "billing-desk", "docs-review", "mailbox-update", "account-check",
		"delivery-notice", "payroll-form", "file-transfer", "voice-message", "tax-refund", "ticket-status",
	}
}

func tlds() []string { return []string{"com", "net", "org", "top", "xyz"} }

// domain is the number-th domain of the log: the number is part of it, so no two are the same.
func (g *generator) domain(w *writer, number int) string {
	sum := digest(g.opts.Seed, "domain", w.lane, number)
	label := make([]byte, 7)
	const alphabet = "abcdefghijkmnpqrstuvwxyz23456789"
	for i := range label {
		label[i] = alphabet[sum[i]%32]
	}
	word := words()[int(sum[8])%len(words())]
	tld := tlds()[int(sum[9])%len(tlds())]
	return fmt.Sprintf("%s%d%c-%s.%s", label, number, "abc"[w.lane%3], word, tld)
}

func (g *generator) hash(w *writer, number int) string {
	sum := digest(g.opts.Seed, "hash", w.lane, number)
	return hex.EncodeToString(sum[:])
}

func digest(seed uint64, kind string, lane, number int) [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%d/%s/%d/%d", seed, kind, lane, number))
}

// noiseNumber is a number that no indicator has.
func (g *generator) noiseNumber(w *writer) int { return 10*MaxRecords + len(w.records) }

func date(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05-0700") }

func (w *writer) recipient() string {
	names := []string{"j.doe", "a.smith", "m.lopez", "k.nakamura", "o.eze", "finance", "helpdesk", "all-staff"}
	return pick(w, names...) + "@" + pick(w, InternalDomains()...)
}

// messageID stands with its brackets, without them, or escaped once too often.
func (w *writer) messageID(domain string) string {
	id := fmt.Sprintf("%016x@mail.%s", w.rng.Uint64(), domain)
	switch w.rng.IntN(20) {
	case 0:
		return id
	case 1:
		return "&lt;" + id + "&gt;"
	}
	return "<" + id + ">"
}

func (w *writer) subject() string {
	return pick(w, "Your invoice", "RE: open items", "Voice message (0:42)", "Delivery postponed", "Payroll update",
		"Don't miss this", "Ticket #48213", "Überweisung")
}

// senderIP is an address that RFC 5737 reserves for examples.
func (w *writer) senderIP() string {
	return pick(w, "192.0.2.", "198.51.100.", "203.0.113.") + strconv.Itoa(1+w.rng.IntN(254))
}

func mailDomain(address string) string { return address[strings.LastIndex(address, "@")+1:] }
