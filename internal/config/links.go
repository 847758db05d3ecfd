package config

import (
	"errors"
	"net/url"
	"strings"
)

// maxLink bounds an address that mails and pages show.
const maxLink = 300

// parseLink gives the address of a page for people without the slash at its end. The error repeats nothing of it.
func parseLink(address string) (string, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Hostname() == "" || parsed.Scheme != "https" && parsed.Scheme != "http" || len(address) > maxLink {
		return "", errors.New("must be an http or https address such as https://temporal.example")
	}
	if parsed.User != nil || parsed.RawQuery != "" || parsed.ForceQuery || parsed.Fragment != "" || strings.HasSuffix(address, "#") {
		return "", errors.New("must be an address without user, password, parameters and fragment: everybody who gets mail or opens a page sees it")
	}
	return strings.TrimRight(parsed.String(), "/"), nil
}
