package indicator

import "strings"

// maxAddress is the longest sender that is looked at, in bytes: 254 of an address and room for a display name.
const maxAddress = 1024

// SenderDomain gives what stands after the @ of a sender: `a@b.org`, `<a@b.org>` or `Name <a@b.org>`. It is not checked
// yet: pass it to New as the raw text of a Domain. It is false for the null sender `<>` and for what is no single plain
// address (two of them, a quoted local part, a comment), since mail programs disagree on which domain such a text has.
func SenderDomain(address string) (string, bool) {
	if len(address) > maxAddress || !printable(address) {
		return "", false
	}
	address = strings.Trim(address, " ")
	if _, inner, found := strings.Cut(address, "<"); found {
		inner, found = strings.CutSuffix(inner, ">")
		if !found {
			return "", false
		}
		address = strings.Trim(inner, " ")
	}
	local, domain, found := strings.Cut(address, "@")
	if !found || local == "" || domain == "" || strings.ContainsAny(local, `<>()[]:;,\" `) {
		return "", false
	}
	// An address literal, a@[192.0.2.1], is left to New, which has the right word for it.
	if literal, found := strings.CutPrefix(domain, "["); found {
		literal = strings.TrimPrefix(strings.TrimSuffix(literal, "]"), "IPv6:")
		if !isAddress(literal) {
			return "", false
		}
		return literal, true
	}
	if strings.ContainsAny(domain, `<>()[]@/?#:;,\" `) {
		return "", false
	}
	return domain, true
}
