package falcon

import (
	"fmt"
	"net/url"
	"strings"
)

// clouds are Falcon's clouds and their API hosts (contract section 1).
func clouds() []struct{ region, host string } {
	return []struct{ region, host string }{
		{"us-1", "api.crowdstrike.com"},
		{"us-2", "api.us-2.crowdstrike.com"},
		{"us-3", "api.us-3.crowdstrike.com"},
		{"eu-1", "api.eu-1.crowdstrike.com"},
		{"us-gov-1", "api.laggar.gcw.crowdstrike.com"},
		{"us-gov-2", "api.us-gov-2.crowdstrike.mil"},
	}
}

// expectedRegion gives the region whose tokens are good at base, "" if that is not known. It refuses a configured region
// that base does not belong to.
func expectedRegion(configured string, base *url.URL) (string, error) {
	configured = canonicalRegion(configured)
	host := strings.ToLower(base.Hostname())
	for _, cloud := range clouds() {
		if cloud.host != host {
			continue
		}
		if configured != "" && configured != cloud.region {
			return "", fmt.Errorf("base URL %s is the cloud %s, not %s: %s", base, cloud.region, configured, setBaseURL(configured))
		}
		return cloud.region, nil
	}
	return configured, nil
}

// canonicalRegion writes a region as the tables do; GovCloud has short names too.
func canonicalRegion(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	if number, found := strings.CutPrefix(name, "gov"); found {
		return "us-gov-" + number
	}
	return name
}

// baseURLOf is the base URL of a region, "" for one that is not in the table.
func baseURLOf(region string) string {
	for _, cloud := range clouds() {
		if cloud.region == region {
			return "https://" + cloud.host
		}
	}
	return ""
}

// regionOf is the region that a redirect leads to, "" if it leads to none.
func regionOf(location string) string {
	target, err := url.Parse(location)
	if err != nil {
		return ""
	}
	for _, cloud := range clouds() {
		if cloud.host == strings.ToLower(target.Hostname()) {
			return cloud.region
		}
	}
	return ""
}

func setBaseURL(region string) string {
	if known := baseURLOf(region); known != "" {
		return "set FALCON_BASE_URL to " + known
	}
	return "set FALCON_BASE_URL to the base URL of the cloud that the Falcon console's address names"
}
