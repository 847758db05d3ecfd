package activities_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
)

// maxResult is what the result of one step may have in Temporal's history.
const maxResult = 256 << 10

func TestValuesAreBlockedInTheirCanonicalForm(t *testing.T) {
	w := newImports(t)
	upper := strings.ToUpper(hash(0xabc))
	w.listed(iocDomain("EVIL.Top"), iocDomain("dotted.top."), iocDomain("bücher-evil.top"), iocHash(upper), iocDomain("evil.top"))
	read := w.imported(activities.Cursor{})
	require.ElementsMatch(t, []string{"evil.top", "dotted.top", "xn--bcher-evil-9db.top"}, found(read.Found[indicator.IOCDomains]))
	require.Equal(t, []string{strings.ToLower(upper)}, found(read.Found[indicator.IOCHashes]))
	require.ElementsMatch(t, []string{"evil.top", "dotted.top", "xn--bcher-evil-9db.top"}, w.members(ownName))
	require.Equal(t, []string{strings.ToLower(upper)}, w.blockedHashes())
	again := w.readIOCs(w.iocsInput(activities.Cursor{}))
	require.Empty(t, again.Found[indicator.IOCDomains])
	require.Empty(t, again.Found[indicator.IOCHashes])
}

// What the guard holds is recorded on the list that it would have gone to, whatever its text is.
func TestWhatTheGuardHoldsOfTheListIsRecordedOnItsOwnList(t *testing.T) {
	w := newImports(t)
	w.settings.Protect.Domains = []string{"acme.top"}
	empty := "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	hostile := map[string]indicator.Reason{
		"mail.acme.top": "protected", "co.uk": "public-suffix", "192.0.2.9": "ip-literal", "gmail.com": "free-mail", unheard: "unknown-tld",
		"*.evil.top": "wildcard", "evil.top\r\nX: y": "unprintable", strings.Repeat("a.", 200) + "top": "too-long",
		"javascript:alert(1)": "unknown-scheme", "раураl.com": "homograph",
	}
	for value := range hostile {
		w.listed(iocDomain(value))
	}
	w.listed(iocHash(empty), iocHash("not a hash at all"))
	read := w.readIOCs(w.iocsInput(activities.Cursor{}))
	require.Empty(t, read.Found[indicator.IOCDomains])
	require.Empty(t, read.Found[indicator.IOCHashes])
	byReason := map[indicator.Reason]int{}
	for _, reason := range hostile {
		byReason[reason]++
	}
	require.Equal(t, byReason, read.Counts[indicator.IOCDomains].Held)
	require.Equal(t, map[indicator.Reason]int{"empty-file": 1, "not-a-hash": 1}, read.Counts[indicator.IOCHashes].Held)
	held := map[ledger.List]int{}
	for _, entry := range w.everything() {
		require.Equal(t, ledger.Held, entry.State)
		require.NotContains(t, entry.Value, "\n")
		held[entry.List]++
	}
	require.Equal(t, map[ledger.List]int{ledger.BlockedSenders: len(hostile), ledger.BYOTI: 2}, held)
	require.Equal(t, indicator.Reason("protected"), w.on(ledger.BlockedSenders, "mail.acme.top").Reason)
}

func TestEveryRecordOfTheListEndsSomewhere(t *testing.T) {
	w := newImports(t)
	w.addHashes(findings(hash(1))...)
	w.listed(iocHash(hash(1)), iocHash(hash(2)), iocHash("no hash"), iocDomain("evil.top"), iocDomain("gmail.com"), iocDomain("co.uk"),
		control.IOC{Type: "domain", Value: "own.top", Action: "detect", Tags: []string{ownTag}},
		control.IOC{Type: "domain", Value: "allowed.top", Action: "allow"}, control.IOC{Type: "ipv4", Value: "192.0.2.1", Action: "detect"})
	read := w.readIOCs(w.iocsInput(activities.Cursor{}))
	records := 0
	for source, counts := range read.Counts {
		dropped := 0
		for _, n := range counts.Dropped {
			dropped += n
		}
		require.Equal(t, counts.Read, counts.Malicious+dropped, source)
		require.Equal(t, counts.Malicious, len(read.Found[source])+counts.AlreadyThere+counts.HeldInAll(), source)
		records += counts.Read
	}
	require.Equal(t, 8, records, "other types are not even asked for")
}

// domainOf is a domain of nearly the greatest length.
func longDomain(n int) string {
	label := strings.Repeat("a", 60) + "."
	return fmt.Sprintf("%s%s%sx%06d.top", label, label, label, n)
}

func TestAPageThatIsTooBigComesInPartsAndLosesNothing(t *testing.T) {
	w := newImports(t)
	var many []control.IOC
	for i := range 1_300 {
		many = append(many, iocDomain(longDomain(i)))
	}
	w.listed(append(many, iocHash(hash(1)), iocDomain("gmail.com"))...)
	in := w.iocsInput(activities.Cursor{})
	first := w.fetchIOCs(in)
	require.True(t, first.Part)
	require.True(t, first.More)
	require.Equal(t, in.Cursor, first.Cursor)
	require.Empty(t, first.Counts, "counted with the rest")
	inOne(t, first)
	w.blockFound(first)
	rest := w.readIOCs(in)
	require.False(t, rest.More)
	require.Len(t, rest.Found[indicator.IOCDomains], 1_300-len(first.Found[indicator.IOCDomains]))
	require.Equal(t, 1_301, rest.Counts[indicator.IOCDomains].Read)
	require.Equal(t, 1, rest.Counts[indicator.IOCDomains].HeldInAll())
	w.blockFound(rest)
	require.Len(t, w.members(ownName), 1_300)
	require.Equal(t, []string{hash(1)}, w.blockedHashes())
}

// inOne makes sure that a result fits into one payload.
func inOne(t *testing.T, result any) {
	t.Helper()
	payload, err := json.Marshal(result)
	require.NoError(t, err)
	require.LessOrEqual(t, len(payload), maxResult)
}

func TestTheResultForAFullPageFitsIntoOnePayload(t *testing.T) {
	for name, expiration := range map[string]func(at time.Time) string{
		"without an end":                  func(time.Time) string { return "" },
		"with an end":                     func(at time.Time) string { return at.Format(time.RFC3339) },
		"with an end in parts of seconds": func(at time.Time) string { return at.Add(123456 * time.Microsecond).Format(time.RFC3339Nano) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newImports(t)
			var many []control.IOC
			for i := range 2_500 {
				ioc := iocHash(hash(i))
				ioc.Expiration = expiration(w.clock.now().Add(time.Hour))
				many = append(many, ioc)
			}
			w.listed(many...)
			read := map[string]bool{}
			in := w.iocsInput(activities.Cursor{})
			for more := true; more; {
				step := w.fetchIOCs(in)
				inOne(t, step)
				for _, finding := range step.Found[indicator.IOCHashes] {
					read[finding.Value] = true
				}
				for chunk := step.Found[indicator.IOCHashes]; step.Part && len(chunk) > 0; chunk = chunk[min(1_000, len(chunk)):] {
					w.addHashes(chunk[:min(1_000, len(chunk))]...)
				}
				more, in.Cursor = step.More, step.Cursor
			}
			require.Len(t, read, 2_500)
		})
	}
}

func TestTheResultOfADryRunFitsIntoOnePayloadToo(t *testing.T) {
	w := newImports(t)
	w.settings.DryRun = true
	var many []control.IOC
	for i := range 2_000 {
		many = append(many, iocDomain(fmt.Sprintf("mail-%d.gmail.com", i)), iocDomain(longDomain(i)))
	}
	w.listed(many...)
	in := w.iocsInput(activities.Cursor{})
	held, read, would := 0, 0, map[string]bool{}
	for more := true; more; {
		step := w.fetchIOCs(in)
		inOne(t, step)
		held += len(step.Items)
		read += step.Counts[indicator.IOCDomains].Read
		for _, finding := range step.Found[indicator.IOCDomains] {
			would[finding.Value] = true
		}
		more, in.Cursor = step.More, step.Cursor
	}
	require.Equal(t, 2_000, held)
	require.Len(t, would, 2_000)
	require.Equal(t, 4_000, read)
}

func TestFault_D14_AnEndThatNoCalendarHasStopsNothing(t *testing.T) {
	w := newImports(t)
	odd := iocDomain("odd.top")
	odd.Expiration = "9999-12-31T23:59:59-12:00"
	held := iocDomain("gmail.com")
	held.Expiration = odd.Expiration
	w.listed(odd, held, iocDomain("evil.top"))
	w.imported(activities.Cursor{})
	require.ElementsMatch(t, []string{"odd.top", "evil.top"}, w.members(ownName))
	require.Zero(t, w.on(ledger.BlockedSenders, "odd.top").ExpiresAt, "it never ends")
	require.Equal(t, ledger.Held, w.on(ledger.BlockedSenders, "gmail.com").State)
}

func TestAValueThatIsListedAgainIsNoLongerDue(t *testing.T) {
	w := newImports(t)
	w.listed(iocDomain("evil.top"))
	cursor := w.imported(activities.Cursor{}).Cursor
	w.nextRun()
	require.NoError(t, w.vendors.SetFalconAction(t.Context(), "allow", "evil.top"))
	cursor = w.imported(cursor).Cursor
	require.Equal(t, indicator.Reason("not-blocking"), w.on(ledger.BlockedSenders, "evil.top").DueReason)
	w.nextRun()
	require.NoError(t, w.vendors.SetFalconAction(t.Context(), "prevent", "evil.top"))
	read := w.imported(cursor)
	require.Empty(t, read.Found[indicator.IOCDomains])
	require.Equal(t, 1, read.Counts[indicator.IOCDomains].AlreadyThere)
	require.Zero(t, w.on(ledger.BlockedSenders, "evil.top").DueAt)
}

func TestFault_D14_AnEndThatWasMovedIsTakenOver(t *testing.T) {
	w := newImports(t)
	first, second := w.clock.now().Add(time.Hour), w.clock.now().Add(48*time.Hour)
	ioc := iocDomain("evil.top")
	ioc.Expiration = first.Format(time.RFC3339)
	w.listed(ioc)
	cursor := w.imported(activities.Cursor{}).Cursor
	require.Equal(t, first, w.on(ledger.BlockedSenders, "evil.top").ExpiresAt)
	for _, end := range []time.Time{second, {}} {
		w.nextRun()
		w.edit(w.iocs()["evil.top"].ID, map[string]any{"expiration": end.Format(time.RFC3339)})
		cursor = w.imported(cursor).Cursor
		require.Equal(t, end, w.on(ledger.BlockedSenders, "evil.top").ExpiresAt)
	}
}

func TestADryRunOfTheListWritesNothingAnywhere(t *testing.T) {
	w := newImports(t)
	w.listed(iocDomain("stays.top"), iocDomain("goes.top"))
	cursor := w.imported(activities.Cursor{}).Cursor
	w.nextRun()
	w.listed(iocDomain("new.top"), iocDomain("gmail.com"), iocHash(hash(1)))
	require.NoError(t, w.vendors.DeleteFalconIOC(t.Context(), "goes.top"))
	before := w.everything()
	w.writes(fault.Mimecast)
	w.settings.DryRun = true
	read := w.readIOCs(w.iocsInput(cursor))
	require.Equal(t, []string{"new.top"}, found(read.Found[indicator.IOCDomains]))
	require.Len(t, read.Items, 1)
	require.Equal(t, activities.Item{
		Verdict: "hold", List: ledger.BlockedSenders, Source: indicator.IOCDomains, Value: "gmail.com", Reason: "free-mail", Detail: read.Items[0].Detail,
	}, read.Items[0])
	require.Equal(t, []activities.Item{{
		Verdict: "withdraw", List: ledger.BlockedSenders, Source: indicator.IOCDomains, Value: "goes.top", Reason: "deleted",
	}}, read.Due)
	require.Equal(t, before, w.everything())
	require.Zero(t, w.writes(fault.Mimecast)+w.writes(fault.Falcon))
}
