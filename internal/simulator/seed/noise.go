package seed

import (
	"fmt"
	"strconv"
	"time"
)

// urlNoise is a click that gives nothing to share, for one of the reasons of the contract's section 3.3 or because of
// where it leads.
func (g *generator) urlNoise(w *writer, at time.Time) urlRecord {
	link := fmt.Sprintf("https://%s/page", g.domain(w, g.noiseNumber(w)))
	record := g.click(w, at, link)
	switch w.rng.IntN(12) {
	case 0, 1, 2: // an ordinary click
		record.ScanResult, record.Action, record.Actions = "clean", "allow", "Allow"
		record.Category, record.TagMap = pick(w, "Business", "Entertainment", "Fashion & Beauty"), nil
	case 3: // only suspected
		record.ScanResult = "suspicious"
	case 4: // found malicious, and let through
		record.Action, record.Actions = "allow", "Allow"
	case 5, 6: // the block came from the tenant's own list, possibly filled by an integration
		record.TagMap = map[string]any{"CustomerManagedUrls": map[string]any{"Status": []string{"CustomerBlock"}}}
	case 7: // a policy on file types, not a reputation
		record.Category = "Dangerous file extension"
		record.TagMap = map[string]any{"DangerousFileExt": map[string]any{"Type": []string{"exe"}}}
	case 8: // a person changed the verdict
		record.AdminOverride = "Permitted"
	case 9:
		record.UserOverride = "Continued"
	case 10: // the tenant's own
		record.URL = "https://intranet." + pick(w, InternalDomains()...) + "/portal"
	default: // an address, where a domain is wanted
		record.URL = "http://" + w.senderIP() + ":8080/login"
	}
	return record
}

// impersonationNoise is mail that gives nothing to share: contract section 3.2, and senders whose domain is not theirs.
func (g *generator) impersonationNoise(w *writer, at time.Time) impersonationRecord {
	number := g.noiseNumber(w)
	record := g.impersonation(w, at, "ceo@"+g.domain(w, number), number)
	switch w.rng.IntN(6) {
	case 0, 1: // tagged, and delivered
		record.Action = "none"
		record.Definition = "IP - 1 hit (Tag email)"
	case 2: // held for another reason
		record.TaggedMalicious = false
	case 3:
		record.TaggedMalicious, record.Action = false, "none"
	case 4:
		record.SenderAddress = "jane.doe." + strconv.Itoa(number%1000) + "@" + pick(w, "gmail.com", "outlook.com", "yahoo.com", "gmx.net")
		record.Identifiers = []string{"internal_user_name"}
	default:
		record.SenderAddress = "it-support@" + pick(w, InternalDomains()...)
	}
	return record
}
