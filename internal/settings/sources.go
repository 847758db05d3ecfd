package settings

import "github.com/threatshare/threatshare/internal/indicator"

// Sharing is how the indicators of one source are listed in Falcon.
type Sharing struct {
	Enabled  bool
	Action   string
	Severity string
}

// FalconSources are the sources that SendToFalcon speaks of, always in the same order.
func FalconSources() []indicator.Source {
	return []indicator.Source{indicator.AttachmentHashes, indicator.URLDomains, indicator.ImpersonationDomains}
}

// For is how the indicators of source are listed. An unknown source is switched off.
func (f SendToFalcon) For(source indicator.Source) Sharing {
	switch source {
	case indicator.AttachmentHashes:
		return Sharing{f.AttachmentHashes.Enabled, f.AttachmentHashes.Action, f.AttachmentHashes.Severity}
	case indicator.URLDomains:
		return Sharing{f.URLDomains.Enabled, f.URLDomains.Action, f.URLDomains.Severity}
	case indicator.ImpersonationDomains:
		return Sharing{f.ImpersonationDomains.Enabled, f.ImpersonationDomains.Action, f.ImpersonationDomains.Severity}
	default:
		return Sharing{}
	}
}
