package settings

import "fmt"

// Warnings says what is accepted but worth a second look, one sentence each, in the order of the settings. It is empty and
// not nil if there is nothing.
func (s Settings) Warnings() []string {
	warnings := []string{}
	add := func(on bool, format string, args ...any) {
		if on {
			warnings = append(warnings, fmt.Sprintf(format, args...))
		}
	}
	hashes := s.SendToFalcon.AttachmentHashes
	add(hashes.Enabled && (hashes.Action == prevent || hashes.Action == preventNoUI),
		"sendToFalcon.attachmentHashes.action is %s: Falcon blocks and quarantines these files on the endpoints", hashes.Action)
	s.blocking(add)
	s.bothWays(add)
	for _, flow := range Flows() {
		add(s.FlowEnabled(flow) && twoDayColumns(s.Cron(flow)),
			"the schedule of %s names days of the month and days of the week: it runs on days that fit both", flow)
	}
	add(s.DryRun, "dryRun is on: nothing is written at either vendor")
	return warnings
}

// blocking warns of what changes the mail of people.
func (s Settings) blocking(add func(on bool, format string, args ...any)) {
	to := s.SendToMimecast
	add(to.IOCHashes.Enabled, "sendToMimecast.iocHashes is on: mail with a file on Falcon's IOC list is blocked")
	add(to.IOCDomains.Enabled, "sendToMimecast.iocDomains is on: mail from a domain on Falcon's IOC list is blocked")
	add(to.AlertDomains.Enabled, "sendToMimecast.alertDomains is on: mail from a domain in a Falcon alert is blocked")
	for _, option := range []struct {
		path               string
		enabled, remediate bool
	}{
		{"iocHashes", to.IOCHashes.Enabled, to.IOCHashes.Remediate},
		{"iocDomains", to.IOCDomains.Enabled, to.IOCDomains.Remediate},
		{"alertDomains", to.AlertDomains.Enabled, to.AlertDomains.Remediate},
	} {
		add(option.enabled && option.remediate, "sendToMimecast.%s.remediate is on: mail already delivered is taken out of mailboxes", option.path)
		add(!option.enabled && option.remediate, "sendToMimecast.%[1]s.remediate has no effect while sendToMimecast.%[1]s.enabled is false", option.path)
	}
	add(!to.IOCDomains.Enabled && to.IOCDomains.BlockURLs, "sendToMimecast.iocDomains.blockURLs has no effect while sendToMimecast.iocDomains.enabled is false")
	add(!to.AlertDomains.Enabled && to.AlertDomains.BlockURLs, "sendToMimecast.alertDomains.blockURLs has no effect while sendToMimecast.alertDomains.enabled is false")
}

// bothWays warns of domains that travel in both directions: what one direction shares can come back as a block.
func (s Settings) bothWays(add func(on bool, format string, args ...any)) {
	for _, source := range []struct {
		path    string
		enabled bool
	}{
		{"sendToFalcon.urlDomains", s.SendToFalcon.URLDomains.Enabled},
		{"sendToFalcon.impersonationDomains", s.SendToFalcon.ImpersonationDomains.Enabled},
	} {
		add(source.enabled && s.SendToMimecast.IOCDomains.Enabled,
			"%s and sendToMimecast.iocDomains are both on: this has blocked legitimate senders in practice", source.path)
		add(source.enabled && s.SendToMimecast.AlertDomains.Enabled,
			"%s and sendToMimecast.alertDomains are both on: this has blocked legitimate senders in practice", source.path)
	}
}
