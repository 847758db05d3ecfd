package config

import (
	"errors"
	"fmt"
	"net/url"
	"unicode/utf8"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

// leastPassword is how many characters the console's password has at least: nobody is to find it by trying.
const leastPassword = 12

// checkConsole looks at the settings of the console, and brings its address into one form.
func (c *Config) checkConsole() []error {
	var problems []error
	if c.Console != "on" && c.Console != "off" {
		problems = append(problems, fmt.Errorf("THREATSHARE_CONSOLE: %q is not one of on, off", c.Console))
	}
	if !c.ConsolePassword.Empty() && utf8.RuneCountInString(c.ConsolePassword.Reveal()) < leastPassword {
		problems = append(problems, fmt.Errorf("THREATSHARE_CONSOLE_PASSWORD: must have at least %d characters; make one with: openssl rand -base64 24", leastPassword))
	}
	if c.ConsoleURL == "" {
		return problems
	}
	address, err := parseLink(c.ConsoleURL)
	if err == nil {
		c.ConsoleURL, err = address, atRoot(address)
	}
	if err != nil {
		problems = append(problems, fmt.Errorf("THREATSHARE_CONSOLE_URL: %w", err))
	}
	if reached, err := url.Parse(c.ConsoleURL); c.ConsolePassword.Empty() && (err != nil || !vendorapi.Loopback(reached.Hostname())) {
		problems = append(problems, errors.New("THREATSHARE_CONSOLE_URL: needs THREATSHARE_CONSOLE_PASSWORD, since others reach the console there"))
	}
	return problems
}

// atRoot refuses an address with a path: the console's links begin at the root of its host.
func atRoot(address string) error {
	parsed, err := url.Parse(address)
	if err != nil {
		return err
	}
	if parsed.Path != "" {
		return errors.New("must be an address without a path, such as https://threatshare.example: give the console a host name of its own")
	}
	return nil
}
