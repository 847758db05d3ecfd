package guard

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/threatshare/threatshare/internal/indicator"
)

// Bounds of an operator's list. The largest of MISP's own have 100,000 entries and 2 MB; the linear kinds, which are
// walked for every value, are kept shorter.
const (
	maxWarninglist   = 16 << 20 // bytes
	maxEntries       = 250_000
	maxEntry         = 2048 // bytes
	maxSubstrings    = 20_000
	maxPatterns      = 1_000
	maxPattern       = 500 // bytes
	maxListName      = 40  // characters, of its name and version as shown
	maxListedVersion = 12
)

// The ways in which a list of MISP's matches.
const (
	byString    = "string"    // the value; a domain's owner's other names too
	byHostname  = "hostname"  // the value and everything beneath it
	bySubstring = "substring" // any part of the value
	byCIDR      = "cidr"      // networks: no kind of indicator here is an address
	byRegex     = "regex"     // any part of the value; /pattern/i as MISP writes it, or the bare pattern
)

// warninglist is a list of the operator's.
type warninglist struct {
	title      string // name and version
	strings    set
	hostnames  set
	substrings []string
	patterns   []*regexp.Regexp
}

// parseWarninglist reads MISP's format: name, version, type and list. Its other fields are not looked at, among them
// matching_attributes: an entry that has the form of a value is one, whatever MISP compares it with.
func parseWarninglist(text []byte) (warninglist, error) {
	if len(text) > maxWarninglist {
		return warninglist{}, fmt.Errorf("%d bytes, at most %d", len(text), maxWarninglist)
	}
	var file struct {
		Name    string            `json:"name"`
		Version json.RawMessage   `json:"version"`
		Type    string            `json:"type"`
		List    []json.RawMessage `json:"list"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return warninglist{}, fmt.Errorf("not a warninglist: %w", err)
	}
	if len(file.List) == 0 {
		return warninglist{}, errors.New("it lists nothing")
	}
	if len(file.List) > maxEntries {
		return warninglist{}, fmt.Errorf("%d entries, at most %d", len(file.List), maxEntries)
	}
	read := warninglist{
		title: strings.TrimSpace(indicator.Printable(file.Name, maxListName) + " " +
			indicator.Printable(strings.Trim(string(file.Version), `"`), maxListedVersion)),
		strings:   set{},
		hostnames: set{},
	}
	add, err := read.adder(file.Type, len(file.List))
	if err != nil {
		return warninglist{}, err
	}
	for i, raw := range file.List {
		var entry string
		if err := json.Unmarshal(raw, &entry); err != nil {
			return warninglist{}, fmt.Errorf("entry %d is not text: %s", i+1, indicator.Printable(string(raw), maxShown))
		}
		if entry = strings.TrimSpace(entry); entry == "" || len(entry) > maxEntry {
			return warninglist{}, fmt.Errorf("entry %d has %d bytes, 1 to %d are allowed", i+1, len(entry), maxEntry)
		}
		if err := add(entry); err != nil {
			return warninglist{}, fmt.Errorf("entry %d, %s: %w", i+1, indicator.Printable(entry, maxShown), err)
		}
	}
	return read, nil
}

// adder gives what takes up the entries of a list of that type.
func (w *warninglist) adder(kind string, count int) (func(entry string) error, error) {
	switch kind {
	case byString, "": // string is what MISP takes a list without a type for
		return func(entry string) error { w.strings[canonicalEntry(entry)] = ""; return nil }, nil
	case byHostname:
		return w.addHostname, nil
	case bySubstring:
		if count > maxSubstrings {
			return nil, fmt.Errorf("%d substrings, at most %d", count, maxSubstrings)
		}
		return func(entry string) error { w.substrings = append(w.substrings, strings.ToLower(entry)); return nil }, nil
	case byRegex:
		if count > maxPatterns {
			return nil, fmt.Errorf("%d patterns, at most %d", count, maxPatterns)
		}
		return w.addPattern, nil
	case byCIDR:
		return func(string) error { return nil }, nil
	default:
		return nil, fmt.Errorf("unknown type %s: string, hostname, substring, cidr and regex are known", indicator.Printable(kind, maxShown))
	}
}

// canonicalEntry is the entry as an indicator has it, or, since lists hold addresses and other things too, in lower case.
func canonicalEntry(entry string) string {
	if in, err := bareDomain(entry); err == nil {
		return in.Value
	}
	return strings.ToLower(entry) // a hash too, if it is one
}

// addHostname leaves out what a registry gives names out under: lists of popular names have entries such as com, and
// with everything beneath it that would hold all there is.
func (w *warninglist) addHostname(entry string) error {
	if name := canonicalEntry(strings.TrimPrefix(entry, ".")); !isRegistrySuffix(name) {
		w.hostnames[name] = ""
	}
	return nil
}

func (w *warninglist) addPattern(entry string) error {
	pattern, flags := entry, ""
	if end := strings.LastIndexByte(entry, '/'); end > 0 && entry[0] == '/' {
		pattern, flags = entry[1:end], entry[end+1:]
	}
	if pattern == "" || len(pattern) > maxPattern {
		return fmt.Errorf("a pattern of %d bytes, 1 to %d are allowed", len(pattern), maxPattern)
	}
	// Values are in lower case already; the flag is for patterns that are not.
	if flags != "" && flags != "i" {
		return fmt.Errorf("flag %s: only i is known", indicator.Printable(flags, maxShown))
	}
	if flags == "i" {
		pattern = "(?i)" + pattern
	}
	compiled, err := regexp.Compile(pattern)
	if err != nil {
		return fmt.Errorf("not a pattern: %w", err)
	}
	w.patterns = append(w.patterns, compiled)
	return nil
}

// match gives the entry that matches, if one does. It is handed the names of a domain's owner too, itself first.
func (w *warninglist) match(key indicator.Key, names []string) (entry string, found bool) {
	if w.strings.has(key.Value) {
		return key.Value, true
	}
	for _, name := range names {
		if w.strings.has(name) {
			return name, true
		}
	}
	if key.Kind == indicator.Domain && len(w.hostnames) > 0 {
		for name := range lineage(key.Value) {
			if w.hostnames.has(name) {
				return name, true
			}
		}
	}
	for _, part := range w.substrings {
		if strings.Contains(key.Value, part) {
			return part, true
		}
	}
	for _, pattern := range w.patterns {
		if pattern.MatchString(key.Value) {
			return pattern.String(), true
		}
	}
	return "", false
}
