package deploy_test

import (
	"iter"
	"regexp"
	"strings"
)

var (
	// assignment is a line of an environment file, commented out or not.
	assignment = regexp.MustCompile(`^#?([A-Z][A-Z_]+)=`)
	// interpolation is the beginning of a variable in docker-compose.yml.
	interpolation = regexp.MustCompile(`\$\{([A-Z_]+)`)
	// pinned is the reference of an image by version: a tag that begins with a number, or a digest.
	pinned = regexp.MustCompile(`^[a-z0-9./-]+(:v?\d+\.\d+(\.\d+)?[A-Za-z0-9.-]*)?(@sha256:[0-9a-f]{64})?$`)
	// userID is a user and a group by number.
	userID = regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`)
)

// isPinned says whether an image is always the same one, or as close to that as a version comes.
func isPinned(image string) bool {
	return pinned.MatchString(image) && strings.ContainsAny(image, ":@")
}

// lines are those of a text that are not blank, trimmed.
func lines(text []byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" && !yield(line) {
				return
			}
		}
	}
}
