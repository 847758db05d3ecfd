package config

import (
	"errors"
	"net/url"
	"strings"
)

// maxLink bounds an address that mails end with.
const maxLink = 300

// parseTemporalUI gives the address of the Temporal UI without the slash at its end. The error repeats nothing of it.
func parseTemporalUI(address string) (string, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Hostname() == "" || parsed.Scheme != "https" && parsed.Scheme != "http" || len(address) > maxLink {
		return "", errors.New("must be an http or https address such as https://temporal.example")
	}
	if parsed.User != nil || parsed.RawQuery != "" || parsed.ForceQuery || parsed.Fragment != "" || strings.HasSuffix(address, "#") {
		return "", errors.New("must be an address without user, password, parameters and fragment: everybody who gets mail sees it")
	}
	return strings.TrimRight(parsed.String(), "/"), nil
}
