package mimecast

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"
)

var rewritingHost = regexp.MustCompile(`^protect-[a-z]{2}\.mimecast\.com$`)

// Rewrite gives a link as the vendor rewrites it in mail. The code in it holds the original address, so that any link
// made here can be decoded without having been stored.
func Rewrite(original string) string {
	host := ""
	if at, err := url.Parse(original); err == nil {
		host = at.Hostname()
	}
	return "https://protect-us.mimecast.com/s/" + base64.RawURLEncoding.EncodeToString([]byte(original)) +
		"?domain=" + url.QueryEscape(host)
}

type decodeRequest struct {
	URL string `json:"url"`
}

// decodeURL is POST /api/ttp/url/decode-url (contract section 3.4). What is not a rewritten link comes back as it was,
// without success.
func (s *Server) decodeURL(in decodeRequest) (any, *problem) {
	if in.URL == "" {
		return nil, invalid("url", "err_validation_null", "This field cannot be null")
	}
	original, ok := decodeLink(in.URL)
	if !ok {
		return map[string]any{"url": in.URL, "success": false}, nil
	}
	return map[string]any{"url": original, "success": true}, nil
}

func decodeLink(link string) (string, bool) {
	at, err := url.Parse(link)
	if err != nil {
		return "", false
	}
	host := strings.ToLower(at.Hostname())
	if !rewritingHost.MatchString(host) && host != "mimecastprotect.com" && !strings.HasSuffix(host, ".mimecastprotect.com") {
		return "", false
	}
	code, found := strings.CutPrefix(at.Path, "/s/")
	if !found {
		return "", false
	}
	original, err := base64.RawURLEncoding.DecodeString(code)
	return string(original), err == nil && len(original) > 0
}
