package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
)

// readFile reads a file that the operator names; "-" is standard input. One byte over the limit is enough for the settings
// package to refuse it.
func (a *app) readFile(path string) ([]byte, error) {
	from := a.in
	if path != "-" {
		file, err := os.Open(path) //nolint:gosec // the operator names the file
		if err != nil {
			return nil, badInput("%w", err)
		}
		defer file.Close() //nolint:errcheck // nothing is written
		from = file
	}
	document, err := io.ReadAll(io.LimitReader(from, settings.MaxDocument+1))
	if err != nil {
		return nil, badInput("read %s: %w", path, err)
	}
	return document, nil
}

// readSettings reads and judges a settings file.
func (a *app) readSettings(path string) (settings.Settings, error) {
	document, err := a.readFile(path)
	if err != nil {
		return settings.Settings{}, err
	}
	parsed, err := settings.Parse(document)
	if err != nil {
		return settings.Settings{}, badSettings(path, err)
	}
	return parsed, nil
}

// readChange gives the merge patch for the integration name: of a file, if there is one, and of path=value assignments, which
// come later and win. All problems are listed at once.
func (a *app) readChange(name, path string, assignments []string) ([]byte, error) {
	var patches [][]byte
	var problems []error
	if path != "" {
		document, err := a.readFile(path)
		if err != nil {
			return nil, err
		}
		patch, err := settings.ParsePatch(document, name)
		if err != nil {
			problems = append(problems, badSettings(path, err))
		}
		patches = append(patches, patch)
	}
	for _, assignment := range assignments {
		field, value, found := strings.Cut(assignment, "=")
		if !found {
			problems = append(problems, fmt.Errorf("--set %s: must be path=value, such as sendToFalcon.urlDomains.enabled=false", assignment))
			continue
		}
		patch, err := settings.Assign(field, value)
		if err != nil {
			problems = append(problems, badSettings("--set", err))
		}
		patches = append(patches, patch)
	}
	if len(problems) > 0 {
		return nil, &failure{exitBadInput, errors.Join(problems...)}
	}
	return merged(patches)
}

func merged(patches [][]byte) ([]byte, error) {
	whole := []byte("{}")
	for _, patch := range patches {
		both, err := jsonpatch.MergeMergePatches(whole, patch)
		if err != nil {
			return nil, fmt.Errorf("put the changes together: %w", err)
		}
		whole = both
	}
	return whole, nil
}

// lines makes a text from a server fit for a terminal and keeps its line breaks.
func lines(text string) string {
	var shown []string
	for line := range strings.Lines(text) {
		shown = append(shown, indicator.Printable(strings.TrimRight(line, "\r\n"), longestMessage))
	}
	return strings.Join(shown, "\n")
}

func (a *app) printJSON(value any) error {
	encoder := json.NewEncoder(a.out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return notDone("write JSON: %w", err)
	}
	return nil
}
