package guard

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/threatshare/threatshare/internal/indicator"
)

//go:embed lists/*.txt
var files embed.FS

// Lists is what is known of other people's names and files. It is read-only and may be shared; Embedded makes one.
type Lists struct {
	specialUse     list
	vendorHosts    list
	knownGood      list
	held           []list // in the order in which they are asked
	hostingParents set
	operators      []warninglist
}

// list is one shipped list.
type list struct {
	name    string
	edition string // its date
	reason  indicator.Reason
	entries set
}

// hold is the refusal by one entry.
func (l list) hold(entry string) *indicator.Refusal {
	return refuse(l.reason, "%s of %s: %s", l.name, l.edition, entry)
}

// Embedded reads the shipped lists. Its error is a fault of the build, not of anything an operator did.
func Embedded() (Lists, error) {
	var lists Lists
	for _, shipped := range []struct {
		name   string
		reason indicator.Reason
		put    func(list)
	}{
		{"special-use", SpecialUse, func(l list) { lists.specialUse = l }},
		{"vendor-hosts", VendorHost, func(l list) { lists.vendorHosts = l }},
		{"known-good-hashes", KnownGood, func(l list) { lists.knownGood = l }},
		{"free-mail", FreeMail, lists.addHeld},
		{"mailbox-providers", FreeMail, lists.addHeld},
		{"popular-sites", PopularSite, lists.addHeld},
		{"essential-services", PopularSite, lists.addHeld},
		{"shared-hosts", SharedHosting, lists.addHeld},
		{"link-shorteners", SharedHosting, lists.addHeld},
		{"hosting-parents", SharedHosting, func(l list) { lists.addHeld(l); lists.hostingParents = l.entries }},
	} {
		text, err := files.ReadFile("lists/" + shipped.name + ".txt")
		if err != nil {
			return Lists{}, fmt.Errorf("read the shipped list %s: %w", shipped.name, err)
		}
		read, err := parse(string(text))
		if err != nil {
			return Lists{}, fmt.Errorf("read the shipped list %s: %w", shipped.name, err)
		}
		read.reason = shipped.reason
		shipped.put(read)
	}
	return lists, nil
}

func (l *Lists) addHeld(held list) { l.held = append(l.held, held) }

// parse reads a file of a header, lines of `# field: text`, and entries, one a line, each with what it is after a space.
func parse(text string) (list, error) {
	read := list{entries: set{}}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if comment, found := strings.CutPrefix(line, "#"); found {
			field, value, _ := strings.Cut(strings.TrimSpace(comment), ": ")
			switch field {
			case "name":
				read.name = value
			case "date":
				read.edition = value
			}
			continue
		}
		if entry, what, _ := strings.Cut(line, " "); entry != "" {
			read.entries[entry] = what
		}
	}
	if read.name == "" || read.edition == "" || len(read.entries) == 0 {
		return list{}, fmt.Errorf("it needs a name, a date and entries: name %q, date %q, %d entries", read.name, read.edition, len(read.entries))
	}
	return read, nil
}

// WithWarninglist gives the lists and one more: an operator's, in the JSON format of MISP's warninglists. The name is
// that of the file, for errors. The lists themselves are not changed.
func (l Lists) WithWarninglist(name string, json []byte) (Lists, error) {
	read, err := parseWarninglist(json)
	if err != nil {
		return Lists{}, fmt.Errorf("read warninglist %s: %w", indicator.Printable(name, maxShown), err)
	}
	l.operators = append(slices.Clone(l.operators), read)
	return l, nil
}
