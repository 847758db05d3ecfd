package guard

import "github.com/threatshare/threatshare/internal/indicator"

// Reasons of the guard, beside those of indicator.New. They are stored, counted and shown, so they do not change.
const (
	PublicSuffix   indicator.Reason = "public-suffix"   // a domain beneath which strangers register names
	SpecialUse     indicator.Reason = "special-use"     // a name that is not of the public DNS
	InternalDomain indicator.Reason = "internal-domain" // the tenant's own by Mimecast, one beneath or above it
	Protected      indicator.Reason = "protected"       // of protect.domains, one beneath or above it
	VendorHost     indicator.Reason = "vendor-host"     // Mimecast's or CrowdStrike's own
	EmptyFile      indicator.Reason = "empty-file"
	KnownGood      indicator.Reason = "known-good"
	NotCanonical   indicator.Reason = "not-canonical" // an indicator that indicator.New did not make
	NoRules        indicator.Reason = "no-rules"      // the zero Rules: nothing is known, so nothing is shared

	UnknownTLD    indicator.Reason = "unknown-tld"
	Homograph     indicator.Reason = "homograph" // letters of several scripts, or of one that look like Latin ones
	FreeMail      indicator.Reason = "free-mail"
	PopularSite   indicator.Reason = "popular-site"
	SharedHosting indicator.Reason = "shared-hosting" // hosting, file sharing, link shorteners, dynamic DNS
	Warninglist   indicator.Reason = "warninglist"    // a list of the operator's
)

// Hard says whether a reason stands whatever protect.allow says. The others are held for a person to release.
func Hard(reason indicator.Reason) bool {
	switch reason {
	case UnknownTLD, Homograph, FreeMail, PopularSite, SharedHosting, Warninglist:
		return false
	case PublicSuffix, SpecialUse, InternalDomain, Protected, VendorHost, EmptyFile, KnownGood, NotCanonical, NoRules:
		return true
	default: // the reasons of indicator.New: there is no value that could be released
		return true
	}
}
