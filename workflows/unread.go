package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/notify"
	"github.com/threatshare/threatshare/internal/settings"
)

// A record that cannot be read is counted, and is no reason to stop; where more than half of a page is so, the page is not
// believed. What lies between must not pass in silence: a vendor may have changed the shape of some records.
const (
	fewUnread    = 5                  // up to 4 bad records may be nothing but that
	oneUnreadOf  = 20                 // 5 %
	unreadFor    = 6 * time.Hour      // what comes and goes is one trouble, and one mail
	unreadLong   = 7 * 24 * time.Hour // after that nobody waits for records any more that show whether it is over
	unreadAdvice = "their shape may have changed there, and threats in them are not shared; all others are. " +
		"Please update Threat Share, or report this if there is no newer version"
)

// Unread is how many records a run could not read.
type Unread struct {
	Unread int       `json:"unread"`
	Read   int       `json:"read"` // records in all
	At     time.Time `json:"at"`
	Last   time.Time `json:"last"` // run that could not read any of too few to tell; At or later
	// Degrades says that the integration's state and its mail tell of it as well.
	Degrades bool `json:"degrades,omitempty"`
}

// readings are the logs and lists that a flow reads, each with the sources that it is read for. Falcon's list is one for both: what
// cannot be read of it is of no kind.
func readings(flow string) [][]indicator.Source {
	sources := settings.SourcesOf(flow)
	if flow == settings.FlowImportIOCs {
		return [][]indicator.Source{sources}
	}
	return slices.Collect(slices.Chunk(sources, 1))
}

// takeUnread remembers what a run could not read, if that is too much. It is forgotten once a run has read records of the same
// kind well, hours after the last that had not; one that has read none says nothing about them for a week.
func (f *FlowMemory) takeUnread(report activities.Report) {
	for _, sources := range readings(report.Flow) {
		unread := Unread{At: report.At.UTC().Truncate(time.Second)}
		for _, source := range sources {
			unread.Read += report.Counts[source].Read
			unread.Unread += report.Counts[source].Unreadable()
		}
		unread.Last = unread.At
		before, found := f.Unread[sources[0]]
		wellFor := unread.At.Sub(before.Last)
		tooMany := unread.Unread > unread.Read/oneUnreadOf
		switch {
		case tooMany && unread.Unread >= fewUnread:
			if f.Unread == nil {
				f.Unread = map[indicator.Source]Unread{}
			}
			f.Unread[sources[0]] = unread
		case !found:
		case tooMany:
			before.Last = unread.At
			f.Unread[sources[0]] = before
		case report.Finished && (unread.Read > 0 && wellFor >= unreadFor || wellFor >= unreadLong):
			delete(f.Unread, sources[0])
		}
	}
}

// tellOfUnread makes what a run could not read a part of the state, which people are told of. A run of the Integration that was
// begun before it did so has told, and not told, otherwise.
func (in *integration) tellOfUnread(ctx workflow.Context, flow string) {
	memory := in.memory.flow(flow)
	if len(memory.Unread) == 0 || workflow.GetVersion(ctx, "unread-records-degrade", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return
	}
	for _, source := range settings.SourcesOf(flow) {
		if unread, found := memory.Unread[source]; found {
			unread.Degrades = true
			memory.Unread[source] = unread
		}
	}
}

// unread says of what the flow reads, and is to read, too much could not be read.
func (in *integration) unread(flow string, wanted func(Unread) bool) (problems []notify.Problem) {
	for _, sources := range readings(flow) {
		unread, found := in.memory.flow(flow).Unread[sources[0]]
		if !found || !wanted(unread) || !slices.ContainsFunc(sources, in.settings.SourceEnabled) {
			continue
		}
		what, vendor := string(sources[0]), "Falcon"
		if len(sources) > 1 {
			what = flow
		}
		if flow == settings.FlowShareTTPLogs {
			vendor = "Mimecast"
		}
		problems = append(problems, notify.Problem{What: what, Unread: true, Reason: fmt.Sprintf("%d of %d records from %s could not be read by the run of %s: %s",
			unread.Unread, unread.Read, vendor, stamp(unread.At), unreadAdvice)})
	}
	return problems
}

func degrades(unread Unread) bool { return unread.Degrades }
