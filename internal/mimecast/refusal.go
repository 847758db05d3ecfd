package mimecast

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

// Codes that decide the class of a refusal, in lower case.
const (
	codeInvalidClient    = "invalidclientidentifier"
	codeInvalidSignature = "err_xdk_invalid_signature"
	codeAppForbidden     = "app_forbidden"
	codeTokenExpired     = "token_expired"
	codeTokenUnverified  = "token_verification_failed"
	codeUnauthorized     = "unauthorized"
	codeDeveloperKey     = "err_developer_key"

	textUnauthorized = "unauthorized request"
	textNoQuota      = "quota not available"
	textInvalidURL   = "the url is invalid"

	codeValidation = "err_validation_"
)

// fault is one error of an answer, in any of the three shapes.
type fault struct {
	Code      text `json:"code"`
	Message   text `json:"message"`
	Field     text `json:"field"`
	Retryable flag `json:"retryable"`
}

// failEntry is one entry of "fail": with a list of errors (function level) or itself the error (gateway).
type failEntry struct {
	Key     json.RawMessage `json:"key"` // the part of the request that it is about, if given
	Errors  many[fault]     `json:"errors"`
	Code    text            `json:"code"`
	Message text            `json:"message"`
}

func (e failEntry) faults() []fault {
	if len(e.Errors) > 0 {
		return e.Errors
	}
	return []fault{{Code: e.Code, Message: e.Message}}
}

// link is the address that the entry is about, empty if it names none.
func (e failEntry) link() string {
	var key struct {
		URL string `json:"url"`
	}
	if json.Unmarshal(e.Key, &key) != nil {
		return ""
	}
	return key.URL
}

// named is the value that the entry is about, as it was sent; empty if it names none, or more than one.
func (e failEntry) named() string {
	var key struct {
		URL          text `json:"url"`
		Hash         text `json:"hash"`
		Domain       text `json:"domain"`
		EmailAddress text `json:"emailAddress"` // a domain that was removed from a group may come back as this
		HashList     many[struct {
			Hash text `json:"hash"`
		}] `json:"hashList"`
	}
	if json.Unmarshal(e.Key, &key) != nil {
		return ""
	}
	if len(key.HashList) == 1 && key.Hash == "" {
		key.Hash = key.HashList[0].Hash
	}
	return string(cmp.Or(key.URL, key.Hash, key.Domain, key.EmailAddress))
}

// itemsOf gives what is said about single entries of a request, one item for each error.
func itemsOf(failed []failEntry) []vendorapi.Item {
	items := make([]vendorapi.Item, 0, len(failed))
	for _, entry := range failed {
		value := vendorapi.Clean(entry.named())
		for _, f := range entry.faults() {
			items = append(items, vendorapi.Item{
				Value: value, Type: vendorapi.Clean(string(f.Code)), Message: vendorapi.Clean(withoutQueries(string(f.Message))),
			})
		}
	}
	return items
}

// complaints is what any answer may hold besides what was asked for (contract section 10.1).
type complaints struct {
	Meta struct {
		Status count `json:"status"`
	} `json:"meta"`
	Data             json.RawMessage `json:"data"`
	Fail             many[failEntry] `json:"fail"`
	Errors           many[fault]     `json:"errors"`
	Error            json.RawMessage `json:"error"`
	ErrorDescription text            `json:"error_description"`
}

// faults lists the errors of all shapes: function level, gateway, REST.
func (c complaints) faults() []fault {
	found := make([]fault, 0, len(c.Fail)+len(c.Errors)+1)
	for _, entry := range c.Fail {
		found = append(found, entry.faults()...)
	}
	found = append(found, c.Errors...)
	if len(c.Error) == 0 || string(c.Error) == "null" {
		return found
	}
	var nested fault
	if json.Unmarshal(c.Error, &nested) == nil {
		return append(found, nested)
	}
	var code text
	_ = json.Unmarshal(c.Error, &code) // text takes everything
	return append(found, fault{Code: code, Message: c.ErrorDescription})
}

// hasData says whether the answer holds anything in spite of its errors: then they belong to single entries and are for
// whoever made the call.
func (c complaints) hasData() bool {
	var entries []json.RawMessage
	return json.Unmarshal(c.Data, &entries) == nil && len(entries) > 0
}

// refusal reads an answer that is not a success: by its HTTP status, by a meta.status that differs from it, or because it
// holds errors and nothing else. Contract section 10.
func refusal(status int, header http.Header, body []byte) *vendorapi.Error {
	failed := status >= http.StatusBadRequest
	if failed && vendorapi.LooksLikeHTML(header, body) {
		return webPage(status)
	}
	var said complaints
	if err := json.Unmarshal(trimBOM(body), &said); err != nil && !failed {
		return nil // whoever decodes the answer says that it is not the contract's
	}
	faults := said.faults()
	meant := status
	if meta := int(said.Meta.Status); !failed && meta >= http.StatusBadRequest {
		meant, failed = meta, true
	}
	if !failed && (len(faults) == 0 || said.hasData()) {
		return nil
	}
	refused := newRefusal(status, meant, header, faults)
	if meant == status || meant < http.StatusInternalServerError { // else the items would be read with a better status than is meant
		refused.Items = itemsOf(said.Fail)
	}
	return refused
}

// webPage is the refusal of something that stands in between: what it says about permissions or requests is not the
// vendor's word.
func webPage(status int) *vendorapi.Error {
	class := classify(status, fault{})
	if class != vendorapi.Unavailable && class != vendorapi.Throttled {
		class = vendorapi.Contract
	}
	return &vendorapi.Error{Class: class, Message: "the answer is a web page: a proxy, portal or maintenance page stands in between"}
}

// newRefusal makes the error of faults, of which the first decides. meant is the status that counts.
func newRefusal(status, meant int, header http.Header, faults []fault) *vendorapi.Error {
	var first fault
	if len(faults) > 0 {
		first = faults[0]
	}
	message := withoutQueries(string(first.Message))
	if first.Field != "" {
		message = fmt.Sprintf("%s (field %s)", message, first.Field)
	}
	if meant != status {
		message = strings.TrimSuffix(fmt.Sprintf("meta.status %d: %s", meant, message), ": ")
	}
	if len(faults) > 1 {
		message = fmt.Sprintf("%s (and %d more errors)", message, len(faults)-1)
	}
	return &vendorapi.Error{
		Class:   classify(meant, first),
		Code:    vendorapi.Clean(string(first.Code)),
		Message: vendorapi.Clean(message),
		TraceID: vendorapi.Clean(header.Get("X-Request-Id")),
	}
}

// classify is the table of contract section 10.2. What the vendor says in words counts more than the status, except for a
// throttled answer.
func classify(status int, f fault) vendorapi.Class {
	code, message := strings.ToLower(string(f.Code)), strings.ToLower(string(f.Message))
	switch {
	case status == http.StatusTooManyRequests:
		return vendorapi.Throttled
	case strings.Contains(message, textNoQuota), full(code, message):
		return vendorapi.Quota
	case code == codeTokenUnverified, strings.Contains(message, textUnauthorized):
		return vendorapi.Unavailable // with a fresh token still: a fault of the vendor's that passes
	case code == codeDeveloperKey:
		return vendorapi.Unavailable // known to pass although it says that it is not retryable
	case code == codeInvalidClient, code == codeInvalidSignature, code == codeTokenExpired,
		code == codeUnauthorized && status != http.StatusForbidden:
		return vendorapi.Credentials
	case strings.Contains(code, "forbidden"), strings.Contains(code, "package"):
		return vendorapi.Forbidden
	case strings.HasPrefix(code, codeValidation), strings.HasPrefix(code, "err_managed_url_"),
		strings.HasPrefix(code, "err_folder_"), strings.Contains(message, textInvalidURL):
		return vendorapi.Rejected
	}
	switch {
	case status >= http.StatusInternalServerError, status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		return vendorapi.Unavailable
	case status == http.StatusUnauthorized, status == http.StatusTeapot: // 418: an expired binding of API 1.0
		return vendorapi.Credentials
	case status == http.StatusForbidden:
		return vendorapi.Forbidden
	case bool(f.Retryable):
		return vendorapi.Unavailable
	case status >= http.StatusBadRequest:
		return vendorapi.Rejected
	default:
		return vendorapi.Contract // an unknown error in a good answer: worth a few tries, not more
	}
}

// full says whether a list has reached its size. How large the lists may be, and with which code they are full, is not public,
// so it is told by the words; a value that is too long and a rate are limits of another kind.
func full(code, message string) bool {
	if strings.HasPrefix(code, codeValidation) || strings.Contains(message, "rate limit") || strings.Contains(message, "character") {
		return false
	}
	for _, words := range []string{"limit reached", "limit exceeded", "limit has been reached", "maximum number of", "is full"} {
		if strings.Contains(message, words) {
			return true
		}
	}
	return false
}

// stale says whether a function call was refused because of its token.
func stale(refused *vendorapi.Error) bool {
	return refused.Class == vendorapi.Credentials ||
		refused.Class == vendorapi.Unavailable &&
			(strings.EqualFold(refused.Code, codeTokenUnverified) || strings.Contains(strings.ToLower(refused.Message), textUnauthorized))
}

// queries matches what follows the path of an address: it may hold secrets and people's addresses.
var queries = regexp.MustCompile(`(?i)(https?://[^\s?#"'<>]*)[?#][^\s"'<>]*`)

func withoutQueries(message string) string {
	const enough = 4096 // Clean keeps 300 characters; the expression need not see 16 MiB
	if len(message) > enough {
		message = message[:enough]
	}
	return queries.ReplaceAllString(message, "$1?…")
}
