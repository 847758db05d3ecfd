package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
)

// freeMailList is the union of two lists of providers without the throw-away ones: nearly two thirds of the longer list
// are domains that attackers register mailboxes at, and holding those would shield them.
func freeMailList(ctx context.Context, scratch string) (list, error) {
	known, knownNames, err := fetchNames(ctx, scratch, "email-providers", "common.json")
	if err != nil {
		return list{}, err
	}
	free, freeNames, err := fetchNames(ctx, scratch, "free-email-domains", "domains.json")
	if err != nil {
		return list{}, err
	}
	throwAway, throwAwayNames, err := fetchNames(ctx, scratch, "disposable-email-domains-js", "dist/dict/disposable_email_blocklist.json")
	if err != nil {
		return list{}, err
	}
	entries, err := canonicalNames(append(knownNames, slices.DeleteFunc(freeNames, isGivenOut)...))
	if err != nil {
		return list{}, err
	}
	for _, name := range throwAwayNames {
		delete(entries, name)
	}
	return list{
		name:    "free-mail",
		version: fmt.Sprintf("%s, %s, %s", known, free, throwAway),
		origin:  "npm: (email-providers/common + names of free-email-domains right beneath a registry's suffix) - disposable-email-domains-js",
		licence: fmt.Sprintf("%s, %s, %s (texts in README.md)", known.Licence, free.Licence, throwAway.Licence),
		about:   "Providers that give anybody a mailbox under their own domain. Throw-away providers are not among them.",
		entries: entries,
	}, nil
}

// isGivenOut says whether somebody other than a registry gave out the name. Nearly all such names in the longer list are
// throw-away mailboxes on dynamic DNS, too new for the list that is subtracted.
func isGivenOut(name string) bool {
	suffix, icann := publicsuffix.PublicSuffix(name)
	return !icann || strings.Count(name, ".") != strings.Count(suffix, ".")+1
}

func popularSitesList(ctx context.Context, scratch string) (list, error) {
	source, err := fetch(ctx, scratch, "top-sites", "top-sites.json")
	if err != nil {
		return list{}, err
	}
	var sites []struct {
		Domain string `json:"rootDomain"`
	}
	if err := json.Unmarshal(source.data, &sites); err != nil {
		return list{}, fmt.Errorf("read top-sites: %w", err)
	}
	names := make([]string, len(sites))
	for i, site := range sites {
		names[i] = strings.TrimPrefix(site.Domain, "www.") // a site's own name stands for the whole site
	}
	entries, err := canonicalNames(names)
	if err != nil {
		return list{}, err
	}
	return list{
		name:    "popular-sites",
		version: source.String(),
		origin:  "npm: top-sites (data: Moz, the 500 sites with most links to them)",
		licence: source.Licence + " (text in README.md)",
		about:   "Sites too widely used to be blocked as a whole.",
		entries: entries,
	}, nil
}

func fetchNames(ctx context.Context, scratch, name, file string) (npmPackage, []string, error) {
	source, err := fetch(ctx, scratch, name, file)
	if err != nil {
		return npmPackage{}, nil, err
	}
	var names []string
	if err := json.Unmarshal(source.data, &names); err != nil {
		return npmPackage{}, nil, fmt.Errorf("read %s: %w", name, err)
	}
	return source, names, nil
}

// canonicalNames gives those of names that are domains, in canonical form, and that the guard would not stop in any case.
func canonicalNames(names []string) (map[string]string, error) {
	lists, err := guard.Embedded()
	if err != nil {
		return nil, err
	}
	rules, err := guard.New(lists, guard.Tenant{})
	if err != nil {
		return nil, err
	}
	entries := make(map[string]string, len(names))
	for _, name := range names {
		in, err := indicator.New(indicator.Sighting{Kind: indicator.Domain, Raw: name}, "")
		if err != nil {
			continue
		}
		if held := rules.Check(in); held != nil && guard.Hard(held.Reason) {
			continue
		}
		entries[in.Value] = ""
	}
	return entries, nil
}
