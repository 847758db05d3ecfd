package seed

import (
	"fmt"
	"time"

	"github.com/threatshare/threatshare/internal/simulator/mimecast"
)

// The records of the logs as they go over the wire (Mimecast contract sections 3.1 to 3.3).

type attachmentRecord struct {
	SenderAddress    string `json:"senderAddress"`
	RecipientAddress string `json:"recipientAddress"`
	FileName         string `json:"fileName"`
	FileType         string `json:"fileType"`
	Result           string `json:"result"`
	ActionTriggered  string `json:"actionTriggered"`
	Date             string `json:"date"`
	Details          string `json:"details"`
	Route            string `json:"route"`
	MessageID        string `json:"messageId"`
	Subject          string `json:"subject"`
	FileHash         string `json:"fileHash"`
	Definition       string `json:"definition"`
}

type urlRecord struct {
	UserEmailAddress      string         `json:"userEmailAddress"`
	FromUserEmailAddress  string         `json:"fromUserEmailAddress"`
	URL                   string         `json:"url"`
	TTPDefinition         string         `json:"ttpDefinition"`
	Subject               string         `json:"subject"`
	Action                string         `json:"action"`
	AdminOverride         string         `json:"adminOverride"`
	UserOverride          string         `json:"userOverride"`
	ScanResult            string         `json:"scanResult"`
	Category              string         `json:"category"`
	SendingIP             string         `json:"sendingIp"`
	UserAwarenessAction   string         `json:"userAwarenessAction"`
	Date                  string         `json:"date"`
	Actions               string         `json:"actions"`
	Route                 string         `json:"route"`
	CreationMethod        string         `json:"creationMethod"`
	EmailPartsDescription []string       `json:"emailPartsDescription"`
	MessageID             string         `json:"messageId"`
	TagMap                map[string]any `json:"tagMap,omitempty"`
}

type impersonationRecord struct {
	ID                   string                `json:"id"`
	SenderAddress        string                `json:"senderAddress"`
	RecipientAddress     string                `json:"recipientAddress"`
	Subject              string                `json:"subject"`
	Definition           string                `json:"definition"`
	Hits                 int                   `json:"hits"`
	Identifiers          []string              `json:"identifiers"`
	Action               string                `json:"action"`
	TaggedExternal       bool                  `json:"taggedExternal"`
	TaggedMalicious      bool                  `json:"taggedMalicious"`
	SenderIPAddress      string                `json:"senderIpAddress"`
	EventTime            string                `json:"eventTime"`
	ImpersonationResults []impersonationResult `json:"impersonationResults"`
	MessageID            string                `json:"messageId"`
}

type impersonationResult struct {
	Source        string `json:"impersonationDomainSource"`
	SimilarDomain string `json:"similarDomain,omitempty"`
	SimilarTo     string `json:"stringSimilarToDomain"`
	CheckerResult string `json:"checkerResult,omitempty"`
}

func (g *generator) attachments(w *writer, records, indicators int) {
	for _, s := range g.slots(w, records, indicators) {
		if s.number < 0 {
			record := g.attachment(w, s.at, g.hash(w, g.noiseNumber(w)))
			record.Result = pick(w, "safe", "safe", "safe", "unsafe", "timeout", "error", "unknown")
			record.ActionTriggered = "none, none"
			record.Details = "Safe                    \r\nTime taken: 0 hrs, 0 min, 5 sec"
			w.add(record)
			continue
		}
		hash := g.hash(w, s.number)
		record := g.attachment(w, s.at, hash)
		g.expect(SHA256, hash, AttachmentHashes)
		w.add(record)
		if record.ActionTriggered == "none" && !g.opts.Plain { // only notified of: the mail is in a mailbox
			g.out.Messages = append(g.out.Messages, mimecast.Message{
				MessageID: record.MessageID, FromEnvelope: record.SenderAddress, To: []string{record.RecipientAddress},
				Subject: record.Subject, Received: s.at, SenderIP: w.senderIP(), Hashes: []string{hash},
			})
		}
	}
}

func (g *generator) attachment(w *writer, at time.Time, hash string) attachmentRecord {
	domain := g.domain(w, w.rng.IntN(500))
	sender := "accounts@" + domain
	if w.rng.IntN(12) == 0 {
		sender = "<>"
	}
	return attachmentRecord{
		SenderAddress: sender, RecipientAddress: w.recipient(),
		FileName: pick(w, "invoice.xlsm", "scan.pdf", "statement.docm", "form.iso"),
		FileType: "application/vnd.ms-excel.sheet.macroenabled.12", Result: "malicious",
		ActionTriggered: pick(w, "none", "none, none", "user release, none", "block", "hold for review"),
		Date:            date(at), Details: "Malicious               \r\nTime taken: 0 hrs, 0 min, 9 sec",
		Route: pick(w, "inbound", "inbound", "inbound", "internal"), MessageID: w.messageID(domain), Subject: w.subject(),
		FileHash: hash, Definition: "Default Inbound Attachment Protect Definition",
	}
}

func (g *generator) urls(w *writer, records, indicators int) {
	for _, s := range g.slots(w, records, indicators) {
		if s.number < 0 {
			w.add(g.urlNoise(w, s.at))
			continue
		}
		host := g.domain(w, s.number)
		if s.number%3 == 0 {
			host = []string{"login.", "secure.", "files.cdn."}[s.number/3%3] + host
		}
		link := fmt.Sprintf("https://%s/%s?id=%d", host, pick(w, "login", "view/doc", "a/b/c", ""), w.rng.IntN(1000))
		if !g.opts.Plain && w.rng.IntN(10) == 0 {
			link = mimecast.Rewrite(link)
		}
		g.expect(Domain, host, URLDomains)
		w.add(g.click(w, s.at, link))
	}
}

// click is a click that was found malicious and stopped.
func (g *generator) click(w *writer, at time.Time, link string) urlRecord {
	domain := g.domain(w, w.rng.IntN(500))
	var tags map[string]any
	if len(link) <= 2048 { // a page with a huge link three times over would be no page any more
		tags = map[string]any{"UrlReputationScan": map[string]any{
			"Status": []string{"CustomerAll", "VerdictBlock"}, "Type": []string{"Compromised"},
			"UrlBlock": []string{"ORIGINAL:" + link + " (Blocked as COMPROMISED)"}, "Url": []string{link},
		}}
	}
	return urlRecord{
		UserEmailAddress: w.recipient(), FromUserEmailAddress: "news@" + domain, URL: link,
		TTPDefinition: "Default Inbound URL Protect Definition", Subject: w.subject(),
		Action: pick(w, "block", "block", "warn"), AdminOverride: "N/A", UserOverride: "None", ScanResult: "malicious",
		Category: pick(w, "Phishing", "Compromised", "Malware detected"), SendingIP: pick(w, w.senderIP(), "Internal IP"),
		UserAwarenessAction: pick(w, "N/A", "NA", "Continue"), Date: date(at), Actions: "Block",
		Route: pick(w, "inbound", "inbound", "internal"), CreationMethod: pick(w, "User Click", "Entry Scan", "User Submission"),
		EmailPartsDescription: []string{pick(w, "Body", "Attachment", "Body Link")}, MessageID: w.messageID(domain),
		TagMap: tags,
	}
}

// impersonations also gives records that share an id, which only their Message-ID and time tell apart.
func (g *generator) impersonations(w *writer, records, indicators int) {
	for _, s := range g.slots(w, records, indicators) {
		if s.number < 0 {
			w.add(g.impersonationNoise(w, s.at))
			continue
		}
		domain := g.domain(w, s.number)
		g.expect(Domain, domain, ImpersonationDomains)
		w.add(g.impersonation(w, s.at, "ceo@"+domain, s.number))
	}
}

func (g *generator) impersonation(w *writer, at time.Time, sender string, number int) impersonationRecord {
	identifiers := []string{pick(w, "similar_internal_domain", "newly_observed_domain", "advanced_similar_internal_domain")}
	if w.rng.IntN(2) == 0 {
		identifiers = append(identifiers, pick(w, "internal_user_name", "reply_address_mismatch", "targeted_threat_dictionary"))
	}
	result := impersonationResult{Source: identifiers[0], SimilarTo: InternalDomains()[0], CheckerResult: "hit"}
	if w.rng.IntN(3) > 0 {
		result.SimilarDomain = "Jane Doe <jane@" + InternalDomains()[0] + ">"
	}
	return impersonationRecord{
		ID: fmt.Sprintf("MTOKEN:eNo%x", digest(g.opts.Seed, "token", w.lane, number)), SenderAddress: sender,
		RecipientAddress: w.recipient(), Subject: w.subject(), Definition: "Default Impersonation Protect Definition",
		Hits: len(identifiers), Identifiers: identifiers, Action: pick(w, "hold", "hold", "bounce"),
		TaggedMalicious: true, SenderIPAddress: w.senderIP(), EventTime: date(at),
		ImpersonationResults: []impersonationResult{result}, MessageID: w.messageID(mailDomain(sender)),
	}
}
