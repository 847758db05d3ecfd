package indicator

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// strict is IDNA as a resolver applies it, and no more forgiving: letters, digits and hyphens only (STD3), lengths as DNS
// has them, the rule for right-to-left labels, no transitional mapping (ß stays ß). Hyphens in third and fourth place are
// accepted, since names like r3---sn-x are in use; those at the ends of a label are refused in canonicalHost.
func strict() *idna.Profile {
	return idna.New(
		idna.MapForLookup(),
		idna.Transitional(false),
		idna.StrictDomainName(true),
		idna.VerifyDNSLength(true),
		idna.BidiRule(),
		idna.CheckHyphens(false),
	)
}

// fullStop turns the other characters that IDNA reads as a full stop into one.
func fullStop(r rune) rune {
	switch r {
	case '\u3002', '\uff0e', '\uff61':
		return '.'
	default:
		return r
	}
}

// hostOf gives the host of a URL exactly as it stands there, or the whole of a text without a scheme. It does not use
// net/url: a path that is not well-formed says nothing about the host, and where readers of URLs disagree on which part
// is the host the URL is refused.
func hostOf(text string) (string, *Refusal) {
	scheme, rest, found := strings.Cut(text, ":")
	if !found || !isScheme(scheme) || isAddress(text) {
		return text, nil
	}
	if !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return "", refuse(UnknownScheme, "%s", Printable(scheme, maxShown))
	}
	authority, found := strings.CutPrefix(rest, "//")
	if !found {
		return "", refuse(NotADomain, "a URL without a host: %s", Shown(text))
	}
	if end := strings.IndexAny(authority, "/?#"); end >= 0 {
		authority = authority[:end]
	}
	// Browsers take a backslash for a slash, other readers do not; the like goes for a second @.
	if strings.Contains(authority, `\`) || strings.Count(authority, "@") > 1 {
		return "", refuse(NotADomain, "the host is ambiguous: %s", Shown(text))
	}
	host := authority[strings.Index(authority, "@")+1:]
	host, ok := cutPort(host)
	if !ok || host == "" {
		return "", refuse(NotADomain, "a URL without a host: %s", Shown(text))
	}
	return host, nil
}

// isScheme says whether text, which stands before a colon, can be the scheme of a URL. A dot can be part of one by the
// letter of the standard, but then it is a host with a port that stands there.
func isScheme(text string) bool {
	if text == "" || text[0] >= '0' && text[0] <= '9' {
		return false
	}
	for _, r := range text {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '+' && r != '-' && r != '*' {
			return false
		}
	}
	return true
}

// cutPort removes a port. It is false when what stands there is not one.
func cutPort(host string) (string, bool) {
	from := strings.LastIndexByte(host, ']') + 1 // colons within brackets belong to an IPv6 address
	name, port, found := strings.Cut(host[from:], ":")
	if !found {
		return host, true
	}
	return host[:from] + name, strings.Trim(port, "0123456789") == ""
}

// canonicalHost is the canonical form of a host name: the order of its checks is that of the design, cheap ones and those
// that keep the others from being misled first.
func canonicalHost(host string) (string, *Refusal) {
	name := strings.Map(fullStop, host)
	if isAddress(name) {
		return "", refuse(IPLiteral, "%s", Shown(host))
	}
	name = strings.TrimSuffix(name, ".")
	if refusal := tooLong(name); refusal != nil {
		return "", refusal
	}
	if strings.Contains(name, "*") {
		return "", refuse(Wildcard, "%s", Shown(host))
	}
	ascii, err := strict().ToASCII(name)
	if err != nil {
		return "", refuse(NotADomain, "%s", Shown(host))
	}
	// The mapping turns full-width and circled digits into plain ones, so the address is asked for again.
	if isAddress(ascii) {
		return "", refuse(IPLiteral, "%s", Shown(host))
	}
	labels := strings.Split(ascii, ".")
	if len(labels) < 2 {
		return "", refuse(NotADomain, "a single label: %s", Shown(host))
	}
	for _, label := range labels {
		if !isLabel(label) {
			return "", refuse(NotADomain, "%s", Shown(host))
		}
	}
	if isNumber(labels[len(labels)-1]) {
		return "", refuse(NotADomain, "the last label is a number: %s", Shown(host))
	}
	if strings.Contains(ascii, "xn--") && !roundTrips(name, ascii) {
		return "", refuse(NotADomain, "an A-label that stands for something else: %s", Shown(host))
	}
	return ascii, nil
}

func tooLong(name string) *Refusal {
	if length := utf8.RuneCountInString(name); length > maxName {
		return refuse(TooLong, "a name of %d characters, at most %d", length, maxName)
	}
	for label := range strings.SplitSeq(name, ".") {
		if length := utf8.RuneCountInString(label); length > maxLabel {
			return refuse(TooLong, "a label of %d characters, at most %d", length, maxLabel)
		}
	}
	return nil
}

// isLabel says whether label is one of a host name in canonical form. Nothing but this alphabet leaves the package.
func isLabel(label string) bool {
	if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for i := range len(label) {
		if c := label[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// roundTrips says whether ascii, the A-labels of name, is how its own Unicode form is written. Two spellings of one name
// would otherwise be two indicators, and an A-label could hide a name that no rule has seen.
func roundTrips(name, ascii string) bool {
	if isASCII(name) && strings.ToLower(name) != ascii {
		return false
	}
	profile := strict()
	spelled, err := profile.ToUnicode(ascii)
	if err != nil {
		return false
	}
	back, err := profile.ToASCII(spelled)
	return err == nil && back == ascii
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isAddress says whether text is an IP address in one of the spellings that resolvers and browsers take: dotted, with
// fewer parts, octal, hexadecimal, one number; IPv6 with or without brackets, zone and port.
func isAddress(text string) bool {
	bare := strings.TrimSuffix(text, ".")
	if inner, found := strings.CutPrefix(bare, "["); found {
		bare, _, found = strings.Cut(inner, "]")
		if !found {
			return false
		}
	}
	if _, err := netip.ParseAddr(bare); err == nil {
		return true
	}
	if _, err := netip.ParseAddrPort(text); err == nil {
		return true
	}
	for part := range strings.SplitSeq(bare, ".") {
		if !isNumber(part) {
			return false
		}
	}
	return true
}

// isNumber says whether label is decimal, octal or, after 0x, hexadecimal.
func isNumber(label string) bool {
	if len(label) >= 2 && label[0] == '0' && (label[1] == 'x' || label[1] == 'X') {
		return isHex(strings.ToLower(label[2:]))
	}
	return label != "" && strings.Trim(label, "0123456789") == ""
}
