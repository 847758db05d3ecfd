package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

const (
	acmeHeld  = "/i/acme/held"
	acmeAllow = "/i/acme/do/allow"
)

func TestHeldValuesAreShownNewestFirstWithTheReasonInWords(t *testing.T) {
	w := newWorld(t)
	w.says(w.get(acmeHeld), http.StatusOK, "Nothing is held.")
	w.held(guard.PopularSite, "old.example", "older.example")
	w.clock = w.clock.AddDate(0, 0, 1)
	w.held(guard.FreeMail, "new.example")
	w.record(ledger.Shared, "", "shared.example")
	page := w.get(acmeHeld)
	w.says(page, http.StatusOK,
		"new.example domain kept back by the guard since 2026-11-25T09:30:00Z: a free-mail provider (because new.example) urlDomains 2026-11-25 09:30:00 UTC Allow",
		"old.example domain kept back by the guard since 2026-11-24T09:30:00Z: a site too big to block")
	require.NotContains(t, w.text(page), "shared.example")
	require.Contains(t, page.Body.String(), `href="/i/acme/ledger?value=new.example"`)
}

func TestAHardStopHasNoButtonAndCannotBeAllowedWithoutOne(t *testing.T) {
	for _, reason := range []indicator.Reason{
		guard.UnknownTLD, guard.Homograph, guard.FreeMail, guard.PopularSite, guard.SharedHosting, guard.Warninglist,
		guard.PublicSuffix, guard.SpecialUse, guard.InternalDomain, guard.Protected, guard.VendorHost, guard.NotCanonical, "of-a-newer-worker",
	} {
		w := newWorld(t)
		w.held(reason, "value.example")
		page := w.get(acmeHeld)
		require.Equal(t, !guard.Hard(reason), nodeOf(t, page, "allow-0") != nil, reason)
		require.Equal(t, !guard.Hard(reason), nodeOf(t, w.get("/i/acme/ledger?value=value.example"), "allow-0") != nil, reason)
		answer := w.post(acmeAllow, "value", "value.example")
		if guard.Hard(reason) {
			w.says(page, http.StatusOK, "hard stop")
			w.says(answer, http.StatusUnprocessableEntity, "a hard stop keeps it back")
			require.Empty(t, w.temporal.asked, reason)
		} else {
			require.Equal(t, http.StatusSeeOther, answer.Code, reason)
		}
	}
}

func TestWhatIsAllowedIsPutOnTheListAndShownAsAllowed(t *testing.T) {
	w := newWorld(t)
	w.temporal.inForce.Protect.Allow = []string{"earlier.example"}
	w.held(guard.PopularSite, "big.example")
	form := nodeOf(t, w.get(acmeHeld), "allow-0")
	require.Equal(t, acmeAllow, attribute(form, "action"))
	require.Equal(t, "Allow big.example", attribute(under(form)[1], "aria-label"), "whoever cannot see the row knows what is allowed")

	answer := w.post(acmeAllow, "value", attribute(under(form)[0], "value"))
	require.Equal(t, acmeHeld+"?done=allowed", answer.Header().Get("Location"))
	require.Equal(t, []string{"earlier.example", "big.example"}, w.temporal.inForce.Protect.Allow)
	require.JSONEq(t, `{"protect":{"allow":["earlier.example"]}}`, w.temporal.asked[0].Args[1], "what it replaces is said")
	page := w.get(acmeHeld + "?done=allowed")
	w.says(page, http.StatusOK, "Allowed. It is shared with the next run", "UTC allowed")
	require.Nil(t, nodeOf(t, page, "allow-0"))
	w.says(w.get("/i/acme/ledger?value=big.example"), http.StatusOK, "It is allowed: the next run shares it.")

	// A second click does no more.
	require.Equal(t, http.StatusSeeOther, w.post(acmeAllow, "value", "big.example").Code)
	require.Len(t, w.temporal.asked, 1)
}

func TestAValueThatIsNotHeldAnyMoreIsNotAllowed(t *testing.T) {
	w := newWorld(t)
	w.held(guard.PopularSite, "big.example")
	w.record(ledger.Shared, "", "big.example")
	w.says(w.post(acmeAllow, "value", "big.example"), http.StatusUnprocessableEntity, "it was released meanwhile")
	w.says(w.post(acmeAllow, "value", "never-met.example"), http.StatusUnprocessableEntity, "it was released meanwhile")
	for _, none := range []string{"", "203.0.113.7", "not a domain", string(make([]byte, 5000)), `"><script>`} {
		w.says(w.post(acmeAllow, "value", none), http.StatusUnprocessableEntity, "no value that could be allowed")
	}
	w.says(w.post("/i/other/do/allow", "value", "big.example"), http.StatusNotFound, "is running")
	require.Empty(t, w.temporal.asked)
}

func TestWhatSomebodyElseAllowsAtTheSameTimeIsNotLost(t *testing.T) {
	w := newWorld(t)
	w.held(guard.PopularSite, "mine.example")
	others := []string{"first.example", "second.example"}
	w.temporal.first = func() {
		if len(others) > 0 {
			w.temporal.inForce.Protect.Allow = append(slices.Clone(w.temporal.inForce.Protect.Allow), others[0])
			others = others[1:]
		}
	}
	require.Equal(t, http.StatusSeeOther, w.post(acmeAllow, "value", "mine.example").Code)
	require.Equal(t, []string{"first.example", "second.example", "mine.example"}, w.temporal.inForce.Protect.Allow)
	require.Len(t, w.temporal.asked, 3)
}

func TestAllowingGivesUpAfterAFewLostRacesAndSaysSo(t *testing.T) {
	w := newWorld(t)
	w.held(guard.PopularSite, "mine.example")
	w.temporal.refusal = temporal.NewNonRetryableApplicationError("changed by somebody else", activities.SettingsChanged, nil)
	w.says(w.post(acmeAllow, "value", "mine.example"), http.StatusConflict, "changed by somebody else")
	require.Len(t, w.temporal.asked, 5)
	w.temporal.refusal = temporal.NewNonRetryableApplicationError("the list is full", activities.InvalidInput, nil)
	w.says(w.post(acmeAllow, "value", "mine.example"), http.StatusConflict, "the list is full")
	require.Len(t, w.temporal.asked, 6, "only a lost race is tried again")
}

func TestManyHeldValuesAreShownPageByPage(t *testing.T) {
	w := newWorld(t)
	var want []string
	for i := range 120 {
		want = append(want, fmt.Sprintf("%03d.example", i))
	}
	w.held(guard.PopularSite, want...)
	var found []string
	path := acmeHeld
	for pages := 1; ; pages++ {
		page := w.get(path)
		require.Equal(t, http.StatusOK, page.Code)
		found = append(found, w.values(page)...)
		older := w.older(page)
		if older == "" {
			require.Equal(t, 3, pages)
			break
		}
		path = older
	}
	slices.Sort(found)
	require.Equal(t, want, found)
	for _, place := range []string{"x", "%00", "bm90IEpTT04", "e30", url.QueryEscape(`"><script>`)} {
		page := w.get(acmeHeld + "?after=" + place)
		require.Contains(t, []int{http.StatusUnprocessableEntity, http.StatusOK}, page.Code)
		if page.Code != http.StatusOK {
			w.says(page, http.StatusUnprocessableEntity, "begin again at its start")
		}
	}
}
