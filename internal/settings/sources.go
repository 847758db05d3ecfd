package settings

import (
	"slices"
	"strings"

	"github.com/threatshare/threatshare/internal/indicator"
)

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

// For is what happens in Mimecast to the indicators of source. An unknown source is switched off.
func (m SendToMimecast) For(source indicator.Source) BlockDomains {
	switch source {
	case indicator.IOCHashes:
		return BlockDomains{Enabled: m.IOCHashes.Enabled, Remediate: m.IOCHashes.Remediate}
	case indicator.IOCDomains:
		return m.IOCDomains
	case indicator.AlertDomains:
		return m.AlertDomains
	default:
		return BlockDomains{}
	}
}

// Sources are all sources, always in the same order.
func Sources() []indicator.Source {
	var all []indicator.Source
	for _, flow := range Flows() {
		all = append(all, SourcesOf(flow)...)
	}
	return all
}

// SourcesOf are the sources that a flow carries, always in the same order; none for a flow that does not exist.
func SourcesOf(flow string) []indicator.Source {
	switch flow {
	case FlowShareTTPLogs:
		return FalconSources()
	case FlowImportIOCs:
		return []indicator.Source{indicator.IOCHashes, indicator.IOCDomains}
	case FlowImportAlerts:
		return []indicator.Source{indicator.AlertDomains}
	default:
		return nil
	}
}

// SourceEnabled says whether a source is switched on.
func (s Settings) SourceEnabled(source indicator.Source) bool {
	return s.SendToFalcon.For(source).Enabled || s.SendToMimecast.For(source).Enabled
}

// Part is what can fail for good without stopping the rest: a source, or an option of one, by its name in the settings.
type Part string

const (
	blockURLs = ".blockURLs"
	remediate = ".remediate"
)

// PartOf is the part that carries the indicators of source.
func PartOf(source indicator.Source) Part { return Part(source) }

// URLPart is the part that also blocks URLs.
func URLPart(source indicator.Source) Part { return Part(source) + blockURLs }

// RemediatePart is the part that also remediates mail already delivered.
func RemediatePart(source indicator.Source) Part { return Part(source) + remediate }

// Source is the source that the part belongs to.
func (p Part) Source() indicator.Source {
	source, _, _ := strings.Cut(string(p), ".")
	return indicator.Source(source)
}

// Parts are the parts of a flow, each source before its options, always in the same order.
func Parts(flow string) []Part {
	var parts []Part
	for _, source := range SourcesOf(flow) {
		parts = append(parts, PartOf(source))
		if flow == FlowShareTTPLogs {
			continue
		}
		if source.Kind() == indicator.Domain {
			parts = append(parts, URLPart(source))
		}
		parts = append(parts, RemediatePart(source))
	}
	return parts
}

// PartEnabled says whether a part is switched on; an option is only together with its source.
func (s Settings) PartEnabled(part Part) bool {
	source := part.Source()
	to := s.SendToMimecast.For(source)
	switch {
	case !s.SourceEnabled(source):
		return false
	case part == URLPart(source):
		return to.BlockURLs
	case part == RemediatePart(source):
		return to.Remediate
	default:
		return slices.Contains(Sources(), source)
	}
}
