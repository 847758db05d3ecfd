package console

// title is what people call a setting or a group of settings.
func title(name string) string {
	titles := map[string]string{
		"name": "Name", "credentials": "Credentials", "description": "Description", "dryRun": "Dry run",
		"attachmentHashes": "Attachment hashes", "urlDomains": "URL domains", "impersonationDomains": "Impersonation domains",
		"iocHashes": "IOC hashes", "iocDomains": "IOC domains", "alertDomains": "Alert domains",
		"enabled": "On", "action": "Action", "severity": "Severity", "includeSuspicious": "Include suspicious", "evidence": "Evidence",
		"platforms": "Platforms", "hostGroups": "Host groups", "expireAfter": "Expire after",
		"blockURLs": "Block URLs", "remediate": "Remediate", "byotiQuota": "BYOTI quota", "withdraw": "Withdraw",
		"messageIdBrackets": "Message-IDs in brackets",
		"domains":           "Protected domains", "allow": "Allowed values",
		"shareTTPLogs": "Share TTP logs", "importIOCs": "Import IOCs", "importAlerts": "Import alerts",
		"fetchDuration": "Fetch duration", "notify": "Mail addresses",
	}
	if known, there := titles[name]; there {
		return known
	}
	return name
}

// hint is what a person at the form needs beside the words of the schema.
func hint(name string) string {
	const cron = `"*/5 * * * *" is every five minutes, "0 3 * * mon-fri" at 03:00 UTC from Monday to Friday.`
	hints := map[string]string{
		"name":          "1 to 40 characters of a-z, 0-9 and -.",
		"credentials":   "The secrets themselves are never shown or typed here.",
		"enabled":       "Nothing of it is read or written while this is off.",
		"action":        "What Falcon does when it meets one.",
		"severity":      "Of the detection that Falcon raises.",
		"hostGroups":    "32 characters of 0-9 and a-f each, one per line.",
		"expireAfter":   "In hours, minutes and seconds, such as 720h.",
		"domains":       "One per line.",
		"allow":         "One per line.",
		"shareTTPLogs":  "From Mimecast's logs to Falcon. " + cron,
		"importIOCs":    "From Falcon's IOC list to Mimecast. " + cron,
		"importAlerts":  "From Falcon's alerts to Mimecast. " + cron,
		"fetchDuration": "In hours, minutes and seconds, such as 168h for a week.",
		"notify":        "One per line.",
	}
	return hints[name]
}

// meaning is a value to choose, with what it means.
func meaning(value string) string {
	meanings := map[string]string{
		"":              "none (with no_action only)",
		"no_action":     "no_action: list it and do nothing",
		"detect":        "detect: raise a detection",
		"prevent":       "prevent: block it and raise a detection",
		"prevent_no_ui": "prevent_no_ui: block it without a detection",
		"any":           "any: every record",
		"domain":        "domain: only what says something about the domain itself",
		"windows":       "Windows", "mac": "macOS", "linux": "Linux",
	}
	if known, there := meanings[value]; there {
		return known
	}
	return value
}
