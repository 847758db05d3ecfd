package settings

import (
	"errors"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/samber/lo"

	"github.com/threatshare/threatshare/internal/indicator"
)

// Actions as both the settings and Falcon name them.
const (
	noAction    = "no_action"
	detect      = "detect"
	prevent     = "prevent"
	preventNoUI = "prevent_no_ui"
	allow       = "allow"
)

// Bounds. The schema repeats them, and a test compares.
const (
	maxDescription = 200
	maxHostGroups  = 100
	maxProtected   = 10_000
	maxNotify      = 50
	maxMailAddress = 254
	maxQuota       = 10_000_000
	sha256Length   = 64 // hex characters

	minFetch  = time.Minute
	maxFetch  = 720 * time.Hour
	minExpiry = time.Hour
	maxExpiry = 8760 * time.Hour
)

var (
	namePattern      = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
	hostGroupPattern = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

func actionsOf(kind indicator.Kind) []string {
	if kind == indicator.SHA256 {
		return []string{noAction, detect, prevent, preventNoUI}
	}
	return []string{noAction, detect}
}

func severities() []string { return []string{"informational", "low", "medium", "high", "critical"} }

func platforms() []string { return []string{"windows", "mac", "linux"} }

// fields judges each value by itself and gives it its canonical form.
func (s *Settings) fields(c *check) {
	if s.Name == "" {
		c.add("name", "is required: 1 to 40 characters of a-z, 0-9 and -")
	} else if !namePattern.MatchString(s.Name) {
		c.add("name", "must be 1 to 40 characters of a-z, 0-9 and -, not %s", quote(s.Name))
	}
	if s.Credentials != "" && !namePattern.MatchString(s.Credentials) {
		c.add("credentials", "must be empty or 1 to 40 characters of a-z, 0-9 and -, not %s", quote(s.Credentials))
	}
	if length := utf8.RuneCountInString(s.Description); length > maxDescription {
		c.add("description", "is too long: %d characters, at most %d", length, maxDescription)
	} else if !printable(s.Description) {
		c.add("description", "must be printable text on one line, not %s", quote(s.Description))
	}
	if fetch := time.Duration(s.FetchDuration); fetch < minFetch || fetch > maxFetch {
		c.add("fetchDuration", "must be between 1m and 720h, not %s", s.FetchDuration)
	}
	s.SendToFalcon.fields(c)
	if quota := s.SendToMimecast.BYOTIQuota; quota < 1 || quota > maxQuota {
		c.add("sendToMimecast.byotiQuota", "must be between 1 and %d, not %d", maxQuota, quota)
	}
	s.Protect.Domains = protected(c, "protect.domains", s.Protect.Domains, domainOnly)
	s.Protect.Allow = protected(c, "protect.allow", s.Protect.Allow, domainOrHash)
	s.Schedule.fields(c)
	checkNotify(c, s.Notify)
}

func (f *SendToFalcon) fields(c *check) {
	const path = "sendToFalcon."
	checkListing(c, path+"attachmentHashes", indicator.SHA256, f.AttachmentHashes.Action, f.AttachmentHashes.Severity)
	checkListing(c, path+"urlDomains", indicator.Domain, f.URLDomains.Action, f.URLDomains.Severity)
	checkListing(c, path+"impersonationDomains", indicator.Domain, f.ImpersonationDomains.Action, f.ImpersonationDomains.Severity)
	if evidence := f.ImpersonationDomains.Evidence; evidence != EvidenceAny && evidence != EvidenceDomain {
		c.add(path+"impersonationDomains.evidence", "must be any or domain, not %s", quote(evidence))
	}
	if len(f.Platforms) == 0 {
		c.add(path+"platforms", "must name at least one of windows, mac, linux")
	}
	for i, platform := range f.Platforms {
		item := itemPath(path+"platforms", i)
		switch {
		case platform == "ios" || platform == "android":
			c.add(item, "%s needs Falcon for Mobile, which is not supported: must be one of windows, mac, linux", platform)
		case !slices.Contains(platforms(), platform):
			c.add(item, "must be one of windows, mac, linux, not %s", quote(platform))
		case slices.Contains(f.Platforms[:i], platform):
			c.add(item, "%s is listed twice", platform)
		}
	}
	checkHostGroups(c, path+"hostGroups", f.HostGroups)
	if expiry := time.Duration(f.ExpireAfter); expiry != 0 && (expiry < minExpiry || expiry > maxExpiry) {
		c.add(path+"expireAfter", "must be 0s (never) or between 1h and 8760h, not %s", f.ExpireAfter)
	}
}

func checkListing(c *check, path string, kind indicator.Kind, action, severity string) {
	switch {
	case slices.Contains(actionsOf(kind), action):
	case action == allow:
		c.add(path+".action", "allow would switch Falcon's own detection off for what Mimecast found malicious: must be one of %s",
			strings.Join(actionsOf(kind), ", "))
	case kind == indicator.Domain && slices.Contains(actionsOf(indicator.SHA256), action):
		c.add(path+".action", "Falcon only detects domains and cannot %s them: must be one of %s", action, strings.Join(actionsOf(kind), ", "))
	default:
		c.add(path+".action", "must be one of %s, not %s", strings.Join(actionsOf(kind), ", "), quote(action))
	}
	if severity != "" && !slices.Contains(severities(), severity) {
		c.add(path+".severity", "must be one of %s, not %s", strings.Join(severities(), ", "), quote(severity))
	}
}

func checkHostGroups(c *check, path string, groups []string) {
	if len(groups) > maxHostGroups {
		c.add(path, "is too long: %d host groups, at most %d", len(groups), maxHostGroups)
		return
	}
	for i, group := range groups {
		switch {
		case !hostGroupPattern.MatchString(group):
			c.add(itemPath(path, i), "must be the id of a host group, 32 characters of 0-9 and a-f, not %s", quote(group))
		case slices.Contains(groups[:i], group):
			c.add(itemPath(path, i), "%s is listed twice", group)
		}
	}
}

func checkNotify(c *check, addresses []string) {
	if len(addresses) > maxNotify {
		c.add("notify", "is too long: %d addresses, at most %d", len(addresses), maxNotify)
		return
	}
	for i, address := range addresses {
		parsed, err := mail.ParseAddress(address)
		switch {
		case err != nil || parsed.Address != address || len(address) > maxMailAddress || !printable(address):
			c.add(itemPath("notify", i), "must be a bare mail address such as soc@acme.example, not %s", quote(address))
		case slices.Contains(addresses[:i], address):
			c.add(itemPath("notify", i), "%s is listed twice", address)
		}
	}
}

func domainOnly(string) indicator.Kind { return indicator.Domain }

// domainOrHash tells by length: no label of a domain is as long as a hash.
func domainOrHash(value string) indicator.Kind {
	if len(value) == sha256Length && !strings.Contains(value, ".") {
		return indicator.SHA256
	}
	return indicator.Domain
}

// protected gives the values in canonical form, each once: a list pasted together from several
// places may name one twice.
func protected(c *check, path string, values []string, kindOf func(string) indicator.Kind) []string {
	if len(values) > maxProtected {
		c.add(path, "is too long: %d entries, at most %d", len(values), maxProtected)
		return values
	}
	canonical := make([]string, 0, len(values))
	for i, value := range values {
		kind := kindOf(value)
		found, err := indicator.New(indicator.Sighting{Kind: kind, Raw: value}, "")
		if err != nil {
			wanted := lo.Ternary(path == "protect.allow", "a domain or a SHA-256 hash", "a domain")
			c.add(itemPath(path, i), "must be %s, not %s (%s)", wanted, quote(value), reason(err))
			continue
		}
		canonical = append(canonical, found.Value)
	}
	return lo.Uniq(canonical)
}

// reason gives the word for why a value is refused; the value itself is in the message already.
func reason(err error) string {
	if refusal, ok := errors.AsType[*indicator.Refusal](err); ok {
		return string(refusal.Reason)
	}
	return shorten(err.Error())
}

// combinations judges what only shows when several values are looked at together.
func (s Settings) combinations(c *check) {
	checkSeverity(c, "sendToFalcon.attachmentHashes", s.SendToFalcon.AttachmentHashes.Action, s.SendToFalcon.AttachmentHashes.Severity)
	checkSeverity(c, "sendToFalcon.urlDomains", s.SendToFalcon.URLDomains.Action, s.SendToFalcon.URLDomains.Severity)
	checkSeverity(c, "sendToFalcon.impersonationDomains", s.SendToFalcon.ImpersonationDomains.Action, s.SendToFalcon.ImpersonationDomains.Severity)
	if len(c.problems) == 0 && !lo.SomeBy(Flows(), s.FlowEnabled) {
		c.add("", "switches nothing on: set enabled: true for at least one of %s; pause the integration to stop it for a while",
			strings.Join(switches(), ", "))
	}
}

func checkSeverity(c *check, path, action, severity string) {
	if action != noAction && severity == "" {
		c.add(path+".severity", "is required with the action %s: one of %s", shorten(printableName(action)), strings.Join(severities(), ", "))
	}
}

func switches() []string {
	return lo.FilterMap(allPaths(), func(path string, _ int) (string, bool) { return strings.CutSuffix(path, ".enabled") })
}
