package activities_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
)

// webPages are what stands in between sends in place of an answer: a sign-in portal, a filter's block page, a maintenance page, a
// load balancer's error, and one that says that it is JSON.
func webPages() map[string]told {
	const html, secretOfThePage = "text/html; charset=utf-8", "<!-- canary-of-the-page -->"
	body := func(title, text string) string {
		return "<!DOCTYPE html>\n<html lang=\"en\"><head><title>" + title + "</title></head><body>" + secretOfThePage + "<h1>" + text + "</h1></body></html>"
	}
	page := func(contentType, title, text string) told {
		return told{header: map[string]string{"Content-Type": contentType}, body: body(title, text)}
	}
	return map[string]told{
		"portal":        page(html, "Sign in to the guest network", "Welcome"),
		"filter":        page("TEXT/HTML", "Access denied", "This category is blocked by policy 7"),
		"maintenance":   page("application/xhtml+xml", "Scheduled maintenance", "We will be back soon"),
		"load balancer": {header: map[string]string{"Content-Type": html}, body: "\r\n\r\n<html>\r\n<head><title>503</title></head>\r\n<body>" + secretOfThePage + "</body></html>"},
		"in disguise":   page("application/json", "Sign in", "Welcome"),
	}
}

// A page is an answer of nobody's, whatever its status says about permissions or requests. What it says is told to nobody.
func TestFault_V11_AWebPageIsNoAnswerOfTheVendorsWithAnyStatus(t *testing.T) {
	w := newWorld(t)
	classes := map[int]string{
		200: activities.VendorContract, 201: activities.VendorContract, 400: activities.VendorContract, 403: activities.VendorContract,
		404: activities.VendorContract, 429: activities.VendorThrottled, 500: activities.VendorUnavailable, 502: activities.VendorUnavailable,
		503: activities.VendorUnavailable,
	}
	steps := map[string]func() error{
		"Mimecast": func() error {
			_, err := run[activities.FetchTTPLogsResult](w, w.FetchTTPLogs, w.fetchInput(indicator.AttachmentHashes, activities.Cursor{}))
			return err
		},
		"Falcon": func() error {
			_, err := run[activities.FetchAlertsResult](w, w.FetchAlerts, activities.FetchAlertsInput{Integration: acme, Since: w.clock.now()})
			return err
		},
	}
	for name, page := range webPages() {
		for status, kind := range classes {
			for vendor, step := range steps {
				t.Run(vendor+" "+name, func(t *testing.T) {
					page.status = status
					w.meet(&script{call: page})
					err := step()
					failed := refusedAs(t, err, kind, again)
					require.NotContains(t, failed.Message(), "canary")
					require.NotContains(t, failed.Message(), "<")
					require.False(t, strings.ContainsAny(failed.Message(), "\r\n"))
					if kind == activities.VendorContract {
						require.Contains(t, failed.Message(), "web page")
					}
				})
			}
		}
	}
}
