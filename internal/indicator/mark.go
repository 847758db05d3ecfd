package indicator

import (
	"regexp"
	"slices"
	"strings"
)

const (
	sourcePrefix = "Mimecast Threat Share: "
	tagPrefix    = "threatshare:"
)

var markName = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

// Mark says which integration made an entry. It is written in the request that creates the entry, in every field the
// vendor has for it, and read back when the entry is met again. The zero Mark is everybody else's.
type Mark struct {
	Integration string `json:"integration,omitempty"`
}

// Source is the mark as the source field of an entry.
func (m Mark) Source() string { return sourcePrefix + m.Integration }

// Tag is the mark as a tag.
func (m Mark) Tag() string { return tagPrefix + m.Integration }

// Ours says whether any Threat Share made the entry.
func (m Mark) Ours() bool { return m.Integration != "" }

// ReadMark reads the mark of an entry from its source and tags. One of the two is enough, since people edit either. Marks
// that disagree, or a name that no integration can have, count as somebody else's: what is not fully understood is not
// touched.
func ReadMark(source string, tags []string) Mark {
	names := make([]string, 0, 2)
	if name, found := strings.CutPrefix(source, sourcePrefix); found {
		names = append(names, name)
	}
	for _, tag := range tags {
		if name, found := strings.CutPrefix(tag, tagPrefix); found {
			names = append(names, name)
		}
	}
	names = slices.Compact(names)
	if len(names) != 1 || !markName.MatchString(names[0]) {
		return Mark{}
	}
	return Mark{Integration: names[0]}
}
