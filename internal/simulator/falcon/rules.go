package falcon

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Caps on texts, in characters.
const (
	maxSource      = 256
	maxDescription = 200
	maxDomain      = 200
)

var (
	sha256Pattern = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)
	md5Pattern    = regexp.MustCompile(`^[0-9a-fA-F]{32}$`)
	groupPattern  = regexp.MustCompile(`^[0-9a-f]{32}$`)
	domainPattern = regexp.MustCompile(`^[0-9A-Za-z._-]+$`)
)

func iocTypes() []string { return []string{"sha256", "md5", "domain", "ipv4", "ipv6"} }
func actions() []string {
	return []string{"no_action", "allow", "prevent_no_ui", "prevent", "detect"}
}

func severities() []string {
	return []string{"informational", "low", "medium", "high", "critical"}
}

func isHash(kind string) bool { return kind == "sha256" || kind == "md5" }

// typesOf is which types of indicator take the action.
func typesOf(action string) []string {
	switch action {
	case "no_action", "detect":
		return iocTypes()
	default:
		return []string{"sha256", "md5"}
	}
}

// severitiesOf is which severities the action takes; "" among them means that it does without.
func severitiesOf(action string) []string {
	switch action {
	case "allow":
		return []string{""}
	case "no_action":
		return append(severities(), "")
	default:
		return severities()
	}
}

// problem is what is wrong with one entry of a batch. A warning gives way to ignore_warnings.
type problem struct {
	warning   bool
	duplicate bool
	mistake   bool // a correct client would not have sent it, whatever its data
	text      string
}

func refusal(format string, args ...any) *problem {
	return &problem{text: fmt.Sprintf(format, args...)}
}

func mistake(format string, args ...any) *problem {
	return &problem{mistake: true, text: fmt.Sprintf(format, args...)}
}

// checkRecord gives the first error of a record, and if there is none its warning.
func (m Modes) checkRecord(r record) *problem {
	for _, rule := range []func(record) *problem{checkValue, checkAction, m.checkPlatforms, checkReach, checkTexts, warn} {
		if found := rule(r); found != nil {
			return found
		}
	}
	return nil
}

func checkValue(r record) *problem {
	switch r.Type {
	case "sha256":
		return unless(sha256Pattern.MatchString(r.Value), "sha256 must be 64 hex digits")
	case "md5":
		return unless(md5Pattern.MatchString(r.Value), "md5 must be 32 hex digits")
	case "domain":
		return unless(len(r.Value) <= maxDomain && domainPattern.MatchString(r.Value), "domain must be 1 to 200 characters of a host name")
	case "ipv4", "ipv6":
		address, err := netip.ParseAddr(r.Value)
		return unless(err == nil && address.Zone() == "" && address.Is4() == (r.Type == "ipv4"), r.Type+" is not an address")
	default:
		return mistake("type must be one of %s", strings.Join(iocTypes(), ", "))
	}
}

func unless(good bool, text string) *problem {
	if good {
		return nil
	}
	return refusal("%s", text)
}

// checkAction is which action goes with which type, and which severity with the action.
func checkAction(r record) *problem {
	switch {
	case !slices.Contains(actions(), r.Action):
		return mistake("action must be one of %s", strings.Join(actions(), ", "))
	case !slices.Contains(typesOf(r.Action), r.Type):
		return mistake("action %s is not supported for type %s", r.Action, r.Type)
	case r.Severity != "" && !slices.Contains(severities(), r.Severity):
		return mistake("severity must be one of %s", strings.Join(severities(), ", "))
	case r.Severity == "" && !slices.Contains(severitiesOf(r.Action), ""):
		return mistake("severity is required for action %s", r.Action)
	case r.Severity != "" && r.Action == "allow":
		return mistake("severity is not supported for action allow")
	default:
		return nil
	}
}

func (m Modes) checkPlatforms(r record) *problem {
	if len(r.Platforms) == 0 {
		return mistake("platforms is required")
	}
	for i, platform := range r.Platforms {
		if !slices.Contains(m.platforms(), platform) {
			return mistake("platform %.20q is not supported", platform)
		}
		if slices.Contains(r.Platforms[:i], platform) {
			return mistake("platform %s is given twice", platform)
		}
	}
	if r.MobileAction != "" && !slices.Contains([]string{"no_action", "allow", "detect", "prevent"}, r.MobileAction) {
		return mistake("mobile_action %.20q is not supported", r.MobileAction)
	}
	if r.MobileAction != "" && r.MobileAction != "no_action" && !onMobile(r) {
		return mistake("mobile_action needs ios or android among the platforms")
	}
	return nil
}

func onMobile(r record) bool {
	return slices.Contains(r.Platforms, "ios") || slices.Contains(r.Platforms, "android")
}

// checkReach wants to know which hosts the indicator is for.
func checkReach(r record) *problem {
	if !r.AppliedGlobally && len(r.HostGroups) == 0 {
		return mistake("applied_globally must be true or host_groups given")
	}
	for _, group := range r.HostGroups {
		if !groupPattern.MatchString(group) {
			return mistake("host_groups must be ids of 32 hex digits")
		}
	}
	return nil
}

func checkTexts(r record) *problem {
	switch {
	case utf8.RuneCountInString(r.Source) > maxSource:
		return mistake("source is longer than %d characters", maxSource)
	case utf8.RuneCountInString(r.Description) > maxDescription:
		return mistake("description is longer than %d characters", maxDescription)
	case slices.Contains(r.Tags, ""):
		return mistake("tags must not be empty")
	case r.Metadata != nil && r.Metadata.Filename != "" && !isHash(r.Type):
		return mistake("metadata.filename is for hashes only")
	default:
		return nil
	}
}

// warn has warnings of the simulator's own making, as the real ones are not documented: an indicator that covers more
// than it was meant to, or a platform that it does nothing on.
func warn(r record) *problem {
	address, err := netip.ParseAddr(r.Value)
	switch {
	case err == nil && (address.IsPrivate() || address.IsLoopback() || address.IsMulticast() || address.IsUnspecified()):
		return &problem{warning: true, text: "address is not a public one"}
	case r.Type == "domain" && !strings.Contains(strings.TrimSuffix(r.Value, "."), "."):
		return &problem{warning: true, text: "domain has a single label"}
	case onMobile(r) && r.MobileAction == "":
		return &problem{warning: true, text: "no mobile_action for a mobile platform"}
	default:
		return nil
	}
}
