package workflows_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/notify"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/internal/wire"
	"github.com/threatshare/threatshare/workflows"
)

// unread are those warnings of a status that are about records that could not be read.
func (d *desk) unread() []string {
	var found []string
	for _, warning := range d.status().Warnings {
		if strings.Contains(warning, "could not be read") {
			found = append(found, warning)
		}
	}
	return found
}

// requireOneMail makes sure of the state, and that people were told once since they were last asked, of this kind.
func (d *desk) requireOneMail(state string, kind notify.Kind) notify.Notice {
	d.t.Helper()
	require.Equal(d.t, state, d.status().State)
	mails := d.told()
	require.Len(d.t, mails, 1)
	require.Equal(d.t, kind, mails[0].Notice.Kind)
	return mails[0].Notice
}

func readWith(read int, dropped map[string]int) activities.Counts {
	return activities.Counts{Read: read, Dropped: dropped}
}

func TestFault_V22_MoreThanOneRecordInTwentyThatCannotBeReadIsAWarning(t *testing.T) {
	for _, c := range []struct {
		what   string
		counts activities.Counts
		want   string
	}{
		{"one in twenty", readWith(100, map[string]int{"unreadable": 5}), ""},
		{"more than one in twenty", readWith(100, map[string]int{"unreadable": 6, "not-malicious": 90}), "6 of 100 records"},
		{"of either kind", readWith(100, map[string]int{"unreadable": 3, "unreadable-date": 3}), "6 of 100 records"},
		{"one bad record of ten", readWith(10, map[string]int{"unreadable": 1}), ""},
		{"all of four", readWith(4, map[string]int{"unreadable": 4}), ""},
		{"all of five", readWith(5, map[string]int{"unreadable-date": 5}), "5 of 5 records"},
		{"nothing but what is no threat", readWith(100, map[string]int{"not-malicious": 90, "no-value": 10}), ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			d := newDesk(t)
			d.then(func() { d.started("1") })
			d.then(func() {
				d.reported("1", activities.Report{Finished: true, Counts: counts{indicator.URLDomains: c.counts, indicator.AttachmentHashes: readWith(100, nil)}})
			})
			d.then(func() {
				if c.want == "" {
					require.Empty(t, d.unread())
					return
				}
				require.Len(t, d.unread(), 1)
				require.Contains(t, d.unread()[0], c.want)
				require.Contains(t, d.unread()[0], "urlDomains: ")
				require.Contains(t, d.unread()[0], "Mimecast", "whose answers have changed")
				require.Contains(t, d.unread()[0], "update Threat Share, or report", "what to do")
			})
			d.run(document, nil)
		})
	}
}

// A run that reads nothing, or too little to tell, says nothing about the shape of what it would have read.
func TestFault_V22_TheWarningStaysUntilARunHasReadRecordsAgain(t *testing.T) {
	const later, soon = 6 * time.Hour, 5 * time.Hour
	for what, c := range map[string]struct {
		next   activities.Counts
		report activities.Report
		after  time.Duration
		stays  bool
	}{
		"nothing was read":         {readWith(0, nil), activities.Report{Finished: true}, later, true},
		"a few that are as bad":    {readWith(3, map[string]int{"unreadable": 3}), activities.Report{Finished: true}, later, true},
		"records that can be read": {readWith(1, nil), activities.Report{Finished: true}, later, false},
		"it may only come and go":  {readWith(1, nil), activities.Report{Finished: true}, soon, true},
		"the run is still at work": {readWith(50, nil), activities.Report{}, later, true},
	} {
		t.Run(what, func(t *testing.T) {
			d := newDesk(t)
			d.then(func() { d.started("1") })
			d.then(func() {
				d.reported("1", activities.Report{Counts: counts{indicator.URLDomains: readWith(20, map[string]int{"unreadable": 7})}})
			})
			d.then(func() {
				require.Len(t, d.unread(), 1, "while the run is at work")
				d.reported("1", activities.Report{Finished: true, Counts: counts{indicator.URLDomains: readWith(100, map[string]int{"unreadable": 12})}})
			})
			d.then(func() {
				require.Len(t, d.unread(), 1)
				require.Contains(t, d.unread()[0], "12 of 100 records")
				d.started("2")
			})
			d.next += c.after
			d.then(func() {
				c.report.Counts = counts{indicator.URLDomains: c.next}
				d.reported("2", c.report)
			})
			d.then(func() {
				if c.stays {
					require.Len(t, d.unread(), 1)
					require.Contains(t, d.unread()[0], "12 of 100 records")
					require.Equal(t, workflows.Degraded, d.status().State)
				} else {
					require.Equal(t, workflows.Connected, d.status().State)
					require.Empty(t, d.unread())
				}
			})
			d.run(document, nil)
		})
	}
}

func TestFault_V22_PeopleAreToldOnceOfRecordsThatCannotBeReadAndWhenTheyCanAgain(t *testing.T) {
	d := newDesk(t)
	bad := counts{indicator.URLDomains: readWith(100, map[string]int{"unreadable": 12})}
	d.runs("1", activities.Report{Counts: bad})
	d.runs("2", activities.Report{Counts: bad})
	d.then(func() {
		require.Contains(t, d.status().Reason, "urlDomains: 12 of 100 records")
		told := d.requireOneMail(workflows.Degraded, notify.Unread) // of two runs
		require.Equal(t, "urlDomains", told.Problems[0].What)
	})
	d.next += 6 * time.Hour
	d.runs("3", activities.Report{Counts: counts{indicator.URLDomains: readWith(100, nil)}})
	d.then(func() { d.requireOneMail(workflows.Connected, notify.Recovered) })
	d.run(watched, nil)
}

// Of one part there may be two things to tell: what is parked needs a person, whatever was said of its records.
func TestFault_V22_WhoWasToldOfRecordsIsToldOfAPermanentErrorAsWell(t *testing.T) {
	d := newDesk(t)
	bad := counts{indicator.URLDomains: readWith(100, map[string]int{"unreadable": 12})}
	d.runs("1", activities.Report{Counts: bad})
	d.then(func() { require.Len(t, d.told(), 1) })
	d.runs("2", activities.Report{Counts: bad, Parked: map[settings.Part]activities.Problem{
		settings.PartOf(indicator.URLDomains): problem(activities.VendorForbidden, "mimecast"),
	}})
	d.then(func() { d.requireOneMail(workflows.PermanentError, notify.PermanentError) })
	d.run(watched, nil)
}

// Where few records come, a run has too few to tell: they say no more than that it is not over.
func TestFault_V22_FewBadRecordsAfterManyAreNoNewsAndNotTheEnd(t *testing.T) {
	d := newDesk(t)
	ran := func(run string, read, unreadable int, after time.Duration) {
		d.next += after
		d.runs(run, activities.Report{Counts: counts{indicator.URLDomains: readWith(read, map[string]int{"unreadable": unreadable})}})
	}
	ran("1", 20, 6, 0)
	ran("2", 10, 3, 4*time.Hour)
	ran("3", 1, 0, 4*time.Hour)
	d.then(func() {
		require.Equal(t, workflows.Degraded, d.status().State)
		require.Contains(t, d.status().Reason, "6 of 20 records")
		require.Len(t, d.told(), 1)
	})
	ran("4", 1, 0, 3*time.Hour)
	d.then(func() { require.Equal(t, workflows.Connected, d.status().State) })
	d.run(watched, nil)
}

func TestFault_V22_AWeekWithoutRecordsOrAPersonEndsTheTrouble(t *testing.T) {
	for name, end := range map[string]func(d *desk){
		"a week":       func(d *desk) { d.next += 7 * 24 * time.Hour },
		"a person":     func(d *desk) { d.then(func() { d.signal(wire.Reconnect, "") }) },
		"neither":      func(*desk) {},
		"six days off": func(d *desk) { d.next += 6 * 24 * time.Hour },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.runs("1", activities.Report{Counts: counts{indicator.URLDomains: readWith(100, map[string]int{"unreadable": 12})}})
			end(d)
			d.runs("2", activities.Report{Counts: counts{indicator.URLDomains: readWith(0, nil)}})
			d.then(func() {
				over := name == "a week" || name == "a person"
				require.Equal(t, over, d.status().State == workflows.Connected)
				require.Equal(t, over, len(d.unread()) == 0)
			})
			d.run(watched, nil)
		})
	}
}

func TestFault_V22_ALogThatIsSwitchedOffIsNotWarnedOf(t *testing.T) {
	d := newDesk(t)
	d.then(func() { d.started("1") })
	d.then(func() {
		d.reported("1", activities.Report{Finished: true, Counts: counts{indicator.URLDomains: readWith(100, map[string]int{"unreadable": 12})}})
	})
	d.then(func() {
		require.Len(t, d.unread(), 1)
		d.signal(wire.ChangeSettings, `{"sendToFalcon": {"urlDomains": {"enabled": false}}}`)
	})
	d.then(func() { require.Empty(t, d.unread()) })
	d.run(document, nil)
}

// Falcon's list is one, whatever is imported of it: what cannot be read of it is of no kind.
func TestFault_V22_FalconsListIsJudgedAsAWhole(t *testing.T) {
	for unreadable, warned := range map[int]bool{5: false, 6: true} {
		d := newDesk(t)
		d.then(func() {
			d.imported("1", activities.Report{Finished: true, Counts: counts{
				indicator.IOCHashes: readWith(unreadable+10, map[string]int{"unreadable": unreadable}), indicator.IOCDomains: readWith(90-unreadable, nil),
			}})
		})
		d.then(func() {
			if warned {
				require.Len(t, d.unread(), 1)
				require.Contains(t, d.unread()[0], "import-iocs: 6 of 100 records")
				require.Contains(t, d.unread()[0], "Falcon")
			} else {
				require.Empty(t, d.unread())
			}
		})
		d.run(imports, nil)
	}
}

// What the vendors answer comes to what the Integration says: of one log, with the other logs well.
func TestFault_V22_RecordsThatCannotBeReadAreCountedUpToTheStatus(t *testing.T) {
	w := newWorld(t)
	at := w.clock.now()
	for n := range 20 {
		w.log(mimecast.URL, click(at, fmt.Sprintf("clicked-%d.top", n), n, nil))
		w.log(mimecast.Attachment, attachment(at, sha(900+n), n))
	}
	for n := range 6 {
		changed := click(at, fmt.Sprintf("unreadable-%d.top", n), 100+n, nil)
		changed["tagMap"] = "not an object"
		w.log(mimecast.URL, changed)
	}
	result := w.run(settings.FlowShareTTPLogs)
	require.Equal(t, 6, result.Counts[indicator.URLDomains].Dropped["unreadable"])
	require.Equal(t, 20, result.Counts[indicator.URLDomains].Shared, "all others are shared")

	d := newDesk(t)
	d.then(func() { d.started("1") })
	d.then(func() { d.reported("1", activities.Report{Finished: true, Counts: result.Counts}) })
	d.then(func() {
		require.Len(t, d.unread(), 1)
		require.Contains(t, d.unread()[0], "urlDomains: 6 of 26 records")
	})
	d.run(document, nil)
}
