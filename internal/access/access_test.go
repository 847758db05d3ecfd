package access_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/access"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
)

// switches are all that can be switched on, in the order of parts.
func switches(s *settings.Settings) []*bool {
	to, from := &s.SendToMimecast, &s.SendToFalcon
	return []*bool{
		&from.AttachmentHashes.Enabled, &from.URLDomains.Enabled, &from.ImpersonationDomains.Enabled,
		&to.IOCHashes.Enabled, &to.IOCHashes.Remediate,
		&to.IOCDomains.Enabled, &to.IOCDomains.BlockURLs, &to.IOCDomains.Remediate,
		&to.AlertDomains.Enabled, &to.AlertDomains.BlockURLs, &to.AlertDomains.Remediate,
	}
}

func everything() settings.Settings {
	s := settings.Default()
	for _, on := range switches(&s) {
		*on = true
	}
	return s
}

func functionsOf(needs []access.Need) []access.Function {
	var functions []access.Function
	for _, need := range needs {
		functions = append(functions, need.Function)
	}
	return functions
}

func TestNothingSwitchedOnNeedsNothing(t *testing.T) {
	mimecast, falcon := access.Needs(settings.Default())
	require.Empty(t, mimecast)
	require.Empty(t, falcon)
}

func TestEverythingSwitchedOnNeedsEveryFunctionOnce(t *testing.T) {
	mimecast, falcon := access.Needs(everything())
	atMimecast, atFalcon := access.Functions()
	require.Equal(t, atMimecast, functionsOf(mimecast))
	require.Equal(t, atFalcon, functionsOf(falcon))
}

func TestEachSourceAndOptionNeedsItsOwnFunctions(t *testing.T) {
	type functions []access.Function
	for name, tc := range map[string]struct {
		on               func(*settings.Settings)
		mimecast, falcon functions
	}{
		"attachment hashes": {
			func(s *settings.Settings) { s.SendToFalcon.AttachmentHashes.Enabled = true },
			functions{access.ReadAttachmentLogs},
			functions{access.ReadIOCs, access.WriteIOCs},
		},
		"URL domains": {
			func(s *settings.Settings) { s.SendToFalcon.URLDomains.Enabled = true },
			functions{access.ReadURLLogs, access.DecodeLinks, access.ReadInternalDomains},
			functions{access.ReadIOCs, access.WriteIOCs},
		},
		"impersonation domains": {
			func(s *settings.Settings) { s.SendToFalcon.ImpersonationDomains.Enabled = true },
			functions{access.ReadImpersonationLogs, access.ReadInternalDomains},
			functions{access.ReadIOCs, access.WriteIOCs},
		},
		"IOC hashes": {
			func(s *settings.Settings) { s.SendToMimecast.IOCHashes.Enabled = true },
			functions{access.BlockHashes},
			functions{access.ReadIOCs},
		},
		"IOC hashes and their mail": {
			func(s *settings.Settings) {
				s.SendToMimecast.IOCHashes = settings.BlockHashes{Enabled: true, Remediate: true}
			},
			functions{access.BlockHashes, access.RemediateMail},
			functions{access.ReadIOCs},
		},
		"IOC domains": {
			func(s *settings.Settings) { s.SendToMimecast.IOCDomains.Enabled = true },
			functions{access.ReadInternalDomains, access.KeepSenderGroup, access.UnblockSenders, access.BlockSenders},
			functions{access.ReadIOCs},
		},
		"alert domains": {
			func(s *settings.Settings) { s.SendToMimecast.AlertDomains.Enabled = true },
			functions{access.ReadInternalDomains, access.BlockSenders},
			functions{access.ReadIOCs, access.ReadAlerts}, // whether the alert is about an IOC of ours is looked up
		},
		"alert domains with all options": {
			func(s *settings.Settings) {
				s.SendToMimecast.AlertDomains = settings.BlockDomains{Enabled: true, BlockURLs: true, Remediate: true}
			},
			functions{
				access.ReadInternalDomains, access.BlockSenders, access.BlockURLs, access.UnblockURLs, access.RemediateMail, access.FindMessages,
			},
			functions{access.ReadIOCs, access.ReadAlerts},
		},
		"an option of what is off": {
			func(s *settings.Settings) { s.SendToMimecast.IOCDomains.BlockURLs = true },
			nil,
			nil,
		},
	} {
		s := settings.Default()
		tc.on(&s)
		mimecast, falcon := access.Needs(s)
		require.Equal(t, []access.Function(tc.mimecast), functionsOf(mimecast), name)
		require.Equal(t, []access.Function(tc.falcon), functionsOf(falcon), name)
	}
}

func TestAnOptionDoesNotStopItsSource(t *testing.T) {
	mimecast, _ := access.Needs(everything())
	for _, need := range mimecast {
		switch need.Function {
		case access.BlockURLs, access.UnblockURLs:
			require.Equal(t, []settings.Part{settings.URLPart(indicator.IOCDomains), settings.URLPart(indicator.AlertDomains)}, need.Parts)
		case access.FindMessages:
			require.Equal(t, []settings.Part{settings.RemediatePart(indicator.IOCDomains), settings.RemediatePart(indicator.AlertDomains)}, need.Parts)
		case access.RemediateMail:
			require.Len(t, need.Parts, 3)
		default:
			for _, part := range need.Parts {
				require.Equal(t, settings.PartOf(part.Source()), part, need.Function)
			}
		}
	}
}

func TestWhatThePartsGoOnWithoutIsOptional(t *testing.T) {
	optional := func(s settings.Settings) []access.Function {
		mimecast, falcon := access.Needs(s)
		var found []access.Function
		for _, need := range append(mimecast, falcon...) {
			if need.Optional {
				found = append(found, need.Function)
			}
		}
		return found
	}
	s := everything()
	require.Equal(t, []access.Function{access.DecodeLinks, access.UnblockSenders, access.UnblockURLs}, optional(s))
	s.DryRun = true
	require.Equal(t, []access.Function{
		access.DecodeLinks, access.BlockHashes, access.KeepSenderGroup, access.UnblockSenders, access.UnblockURLs, access.RemediateMail, access.WriteIOCs,
	}, optional(s), "a dry run writes nothing")
}

func TestEveryPartHasANeedThatItCannotDoWithout(t *testing.T) {
	mimecast, falcon := access.Needs(everything())
	needed := map[settings.Part]bool{}
	for _, need := range append(mimecast, falcon...) {
		for _, part := range need.Parts {
			needed[part] = needed[part] || !need.Optional
		}
	}
	for _, flow := range settings.Flows() {
		for _, part := range settings.Parts(flow) {
			require.True(t, needed[part], part)
		}
	}
}

func TestSwitchingSomethingOffNeverAddsANeed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := settings.Default()
		s.DryRun = rapid.Bool().Draw(t, "dry run")
		for _, on := range switches(&s) {
			*on = rapid.Bool().Draw(t, "on")
		}
		before, beforeFalcon := access.Needs(s)
		all := switches(&s)
		*all[rapid.IntRange(0, len(all)-1).Draw(t, "off")] = false
		after, afterFalcon := access.Needs(s)
		require.Subset(t, partsOf(before, beforeFalcon), partsOf(after, afterFalcon))
	})
}

func partsOf(lists ...[]access.Need) []string {
	found := []string{}
	for _, list := range lists {
		for _, need := range list {
			for _, part := range need.Parts {
				found = append(found, string(need.Function)+" for "+string(part))
			}
		}
	}
	return found
}
