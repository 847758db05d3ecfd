package falcon_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

func acme() indicator.Mark { return indicator.Mark{Integration: "acme"} }

// store is what a fake Falcon lists by id, and how it answers about ids that it does not know.
type store struct {
	records map[string]*stored
	strict  bool // an unknown id refuses a whole call
	names   bool // and the refusal names it
	silent  bool // a deletion is answered with an empty list
}

type stored struct {
	tag     string
	deleted bool
	bad     bool // cannot be deleted
}

func (s *store) answer(r request) reply {
	ids := r.Query["ids"]
	var unknown []string
	for _, id := range ids {
		if one := s.records[id]; one == nil || one.deleted && r.Method == http.MethodDelete {
			unknown = append(unknown, id)
		}
	}
	if s.strict && len(unknown) > 0 {
		errors := []string{`{"code":404,"message":"Resource Not Found"}`}
		for _, id := range unknown {
			if s.names {
				errors = append(errors, fmt.Sprintf(`{"code":404,"message":"not found","id":%q}`, id))
			}
		}
		return reply{status: 404, body: `{"meta":{},"errors":[` + strings.Join(errors, ",") + `],"resources":[]}`}
	}
	if r.Method == http.MethodGet {
		var records []string
		for _, id := range ids {
			if one := s.records[id]; one != nil {
				records = append(records, fmt.Sprintf(`{"id":%q,"type":"domain","value":"a.example","tags":[%q],"deleted":%t}`, id, one.tag, one.deleted))
			}
		}
		return found("", records...)
	}
	for _, id := range ids {
		if one := s.records[id]; one != nil && one.bad {
			return refusal(400, "inherited from the parent", "null")
		}
	}
	var deleted []string
	for _, id := range ids {
		if one := s.records[id]; one != nil {
			one.deleted = true
			deleted = append(deleted, fmt.Sprintf("%q", id))
		}
	}
	if s.silent {
		deleted = nil
	}
	return reply{status: 200, body: `{"meta":{"writes":{}},"errors":null,"resources":[` + strings.Join(deleted, ",") + `]}`}
}

func (s *store) gone() []string {
	var ids []string
	for id, one := range s.records {
		if one.deleted {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func TestDeleteReadsTheMarksAndSendsIDsOnly(t *testing.T) {
	s := &store{records: map[string]*stored{"1": {tag: "threatshare:acme"}, "2": {tag: "threatshare:acme"}}}
	f := newFake(s.answer)
	removals, err := f.client(t).Delete(t.Context(), acme(), []string{"1", "2", "1"})
	require.NoError(t, err)
	require.Equal(t, []indicator.Removal{{ID: "1", Deleted: true}, {ID: "2", Deleted: true}, {ID: "1", Deleted: true}}, removals)
	require.Len(t, f.requests, 2)
	require.Equal(t, "GET "+indicators+"?ids=1&ids=2", f.requests[0].Method+" "+f.requests[0].Path+"?"+f.requests[0].Query.Encode())
	require.Equal(t, http.MethodDelete+" "+indicators, f.requests[1].Method+" "+f.requests[1].Path)
	require.Equal(t, []string{"1", "2"}, f.requests[1].Query["ids"])
	require.Equal(t, "Mimecast Threat Share: acme", f.requests[1].Query.Get("comment"))
	require.Len(t, f.requests[1].Query, 2)
	require.Empty(t, f.requests[1].Body)
}

func TestDeleteLeavesForeignEntriesAlone(t *testing.T) {
	s := &store{records: map[string]*stored{
		"1": {tag: "x"}, "2": {tag: "threatshare:other"}, "3": {tag: "threatshare:acme"}, "4": {tag: "threatshare:acme", deleted: true}, "5": {tag: "x", deleted: true},
	}}
	f := newFake(s.answer)
	removals, err := f.client(t).Delete(t.Context(), acme(), []string{"1", "2", "3", "4", "5", "6"})
	require.NoError(t, err)
	require.Equal(t, []indicator.Removal{
		{ID: "1", Foreign: true}, {ID: "2", Foreign: true}, {ID: "3", Deleted: true}, {ID: "4", Missing: true}, {ID: "5", Missing: true}, {ID: "6", Missing: true},
	}, removals)
	require.Equal(t, []string{"3"}, f.requests[1].Query["ids"])
}

func TestNothingOfOursMeansNoDeletion(t *testing.T) {
	f := newFake((&store{records: map[string]*stored{"1": {tag: "x"}}}).answer)
	removals, err := f.client(t).Delete(t.Context(), acme(), []string{"1", "2"})
	require.NoError(t, err)
	require.Equal(t, []indicator.Removal{{ID: "1", Foreign: true}, {ID: "2", Missing: true}}, removals)
	require.Zero(t, f.count(http.MethodDelete))
	_, err = f.client(t).Delete(t.Context(), acme(), nil)
	require.NoError(t, err)
	require.Len(t, f.requests, 1)
}

func TestDeletingTwiceIsAsGoodAsOnce(t *testing.T) {
	for _, strict := range []bool{false, true} {
		s := &store{records: map[string]*stored{"1": {tag: "threatshare:acme"}}, strict: strict}
		c := newFake(s.answer).client(t)
		removals, err := c.Delete(t.Context(), acme(), []string{"1"})
		require.NoError(t, err)
		require.True(t, removals[0].Deleted)
		removals, err = c.Delete(t.Context(), acme(), []string{"1"})
		require.NoError(t, err)
		require.True(t, removals[0].Missing)
	}
}

func TestADeletionWithoutAMarkIsNotSent(t *testing.T) {
	f := newFake((&store{records: map[string]*stored{"1": {tag: "threatshare:"}, "2": {}}}).answer)
	removals, err := f.client(t).Delete(t.Context(), indicator.Mark{}, []string{"1", "2"})
	require.Equal(t, vendorapi.Rejected, refused(t, err).Class)
	require.Equal(t, []indicator.Removal{{ID: "1"}, {ID: "2"}}, removals)
	require.Empty(t, f.requests)
}

func TestWhatIsNoIDIsNotSent(t *testing.T) {
	f := newFake((&store{}).answer)
	ids := []string{"", " ", "1,2", "*", "a&filter=b", "1\n", "id='x'", strings.Repeat("a", 129)}
	removals, err := f.client(t).Delete(t.Context(), acme(), ids)
	require.NoError(t, err)
	require.Len(t, removals, len(ids))
	for _, removal := range removals {
		require.NotEmpty(t, removal.Refused)
	}
	require.Empty(t, f.requests)
}

func TestDeleteMakesBatchesThatFitIntoAnAddress(t *testing.T) {
	for length, batches := range map[int]int{4: 3, 64: 3, 128: 5} {
		s := &store{records: map[string]*stored{}}
		var ids []string
		for i := range 250 {
			id := fmt.Sprintf("%0*d", length, i)
			s.records[id] = &stored{tag: "threatshare:acme"}
			ids = append(ids, id)
		}
		f := newFake(s.answer)
		removals, err := f.client(t).Delete(t.Context(), acme(), ids)
		require.NoError(t, err)
		require.Len(t, removals, 250)
		require.Len(t, s.gone(), 250)
		require.Equal(t, batches, f.count(http.MethodDelete), length)
		for _, r := range f.requests {
			require.LessOrEqual(t, len(r.Query.Encode()), 7100)
			require.LessOrEqual(t, len(r.Query["ids"]), 100)
		}
	}
}

func TestAnEntryThatCannotBeDeletedDoesNotKeepTheOthers(t *testing.T) {
	s := &store{records: map[string]*stored{}}
	var ids []string
	for i := range 8 {
		ids = append(ids, fmt.Sprint(i))
		s.records[ids[i]] = &stored{tag: "threatshare:acme", bad: i == 5}
	}
	f := newFake(s.answer)
	removals, err := f.client(t).Delete(t.Context(), acme(), ids)
	require.NoError(t, err)
	for i, removal := range removals {
		if i == 5 {
			require.Equal(t, indicator.Removal{ID: "5", Refused: "inherited from the parent"}, removal)
		} else {
			require.Equal(t, indicator.Removal{ID: ids[i], Deleted: true}, removal)
		}
	}
	require.LessOrEqual(t, f.count(http.MethodDelete), 1+2*3)
}

func TestUnknownIDsThatAreNamedCostOneMoreCall(t *testing.T) {
	s := &store{records: map[string]*stored{"1": {tag: "threatshare:acme"}, "3": {tag: "x"}}, strict: true, names: true}
	f := newFake(s.answer)
	removals, err := f.client(t).Delete(t.Context(), acme(), []string{"1", "2", "3", "4"})
	require.NoError(t, err)
	require.Equal(t, []indicator.Removal{{ID: "1", Deleted: true}, {ID: "2", Missing: true}, {ID: "3", Foreign: true}, {ID: "4", Missing: true}}, removals)
	require.Len(t, f.requests, 3)
}

func TestUnknownIDsBesideRecordsAreMissing(t *testing.T) {
	f := newFake(func(r request) reply {
		if r.Method == http.MethodDelete {
			return reply{status: 200, body: `{"errors":[{"code":404,"message":"not found","id":"3"}],"resources":["1"]}`}
		}
		if slices.Contains(r.Query["ids"], "1") {
			return reply{status: 200, body: `{"errors":[{"code":404,"message":"not found","id":"2"}],"resources":[
				{"id":"1","type":"domain","value":"a.example","tags":["threatshare:acme"]},{"id":"3","type":"domain","value":"b.example","tags":["threatshare:acme"]}]}`}
		}
		return found("")
	})
	removals, err := f.client(t).Delete(t.Context(), acme(), []string{"1", "2", "3"})
	require.NoError(t, err)
	require.Equal(t, []indicator.Removal{{ID: "1", Deleted: true}, {ID: "2", Missing: true}, {ID: "3", Deleted: true}}, removals)
}

func TestOnlyIDsThatAreCalledUnknownAreMissing(t *testing.T) {
	f := newFake(func(r request) reply {
		switch ids := r.Query["ids"]; {
		case r.Method == http.MethodDelete:
			return reply{status: 200, body: `{"resources":["1"]}`}
		case len(ids) == 1 && ids[0] == "1":
			return found("", `{"id":"1","type":"domain","value":"a.example","tags":["threatshare:acme"]}`)
		default:
			return reply{status: 404, body: `{"errors":[{"code":404,"message":"not found","id":"2"},{"code":500,"message":"not now","id":"1"}]}`}
		}
	})
	removals, err := f.client(t).Delete(t.Context(), acme(), []string{"1", "2"})
	require.NoError(t, err)
	require.Equal(t, []indicator.Removal{{ID: "1", Deleted: true}, {ID: "2", Missing: true}}, removals)
}

func TestAReadOfIDsThatIsTooLongIsHalved(t *testing.T) {
	s := &store{records: map[string]*stored{"1": {tag: "threatshare:acme"}, "2": {tag: "x"}, "3": {tag: "threatshare:acme"}}}
	f := newFake(func(r request) reply {
		if len(r.Query["ids"]) > 1 {
			return reply{status: http.StatusRequestURITooLong, body: "too long"}
		}
		return s.answer(r)
	})
	removals, err := f.client(t).Delete(t.Context(), acme(), []string{"1", "2", "3"})
	require.NoError(t, err)
	require.Equal(t, []indicator.Removal{{ID: "1", Deleted: true}, {ID: "2", Foreign: true}, {ID: "3", Deleted: true}}, removals)
	f = newFake(always(reply{status: http.StatusRequestURITooLong, body: "too long"}))
	_, err = f.client(t).Delete(t.Context(), acme(), []string{"1", "2"})
	require.Equal(t, vendorapi.Rejected, refused(t, err).Class)
}

func TestAWrongAddressIsNotAMissingEntry(t *testing.T) {
	for name, answer := range map[string]reply{
		"the gateway's words": refusal(404, "404: Page Not Found", "null"),
		"a web page":          {status: 404, header: map[string]string{"Content-Type": "text/html"}, body: "<html>"},
		"forbidden":           refusal(403, "access denied, scope not permitted", "null"),
		"a bad request":       refusal(400, "no", "null"),
		"a fault":             refusal(500, "no", "null"),
		"not the contract":    {status: 200, body: `{"resources":[{"id":"1","deleted":"yes"}]}`},
	} {
		f := newFake(always(answer))
		removals, err := f.client(t).Delete(t.Context(), acme(), []string{"1", "2"})
		require.NotEmpty(t, refused(t, err).Class, name)
		require.Equal(t, []indicator.Removal{{ID: "1"}, {ID: "2"}}, removals, name)
		require.Zero(t, f.count(http.MethodDelete), name)
	}
}

func TestADeletionThatFailsLeavesTheRestOpen(t *testing.T) {
	for status, class := range map[int]vendorapi.Class{403: vendorapi.Forbidden, 500: vendorapi.Unavailable, 429: vendorapi.Throttled} {
		s := &store{records: map[string]*stored{"1": {tag: "threatshare:acme"}, "2": {tag: "x"}}}
		f := newFake(func(r request) reply {
			if r.Method == http.MethodDelete {
				return refusal(status, "access denied, scope not permitted", "null")
			}
			return s.answer(r)
		})
		removals, err := f.client(t).Delete(t.Context(), acme(), []string{"1", "2"})
		require.Equal(t, class, refused(t, err).Class)
		require.Equal(t, []indicator.Removal{{ID: "1"}, {ID: "2", Foreign: true}}, removals)
		require.Equal(t, 1, f.count(http.MethodDelete))
		if class == vendorapi.Forbidden {
			require.Contains(t, refused(t, err).Remedy, "IOC Management: Write")
		}
	}
}

func TestADeletionThatIsTakenButNotSeenIsTriedAgainLater(t *testing.T) {
	s := &store{records: map[string]*stored{"1": {tag: "threatshare:acme"}}}
	f := newFake(func(r request) reply {
		if r.Method == http.MethodDelete {
			return reply{status: 200, body: `{"errors":[],"resources":[]}`}
		}
		return s.answer(r)
	})
	removals, err := f.client(t).Delete(t.Context(), acme(), []string{"1"})
	require.Equal(t, vendorapi.Unavailable, refused(t, err).Class)
	require.Equal(t, []indicator.Removal{{ID: "1"}}, removals)
}

func FuzzDeleteSurvivesAnyAnswer(f *testing.F) {
	f.Add(uint16(0), `{"errors":[],"resources":["1"]}`)
	f.Add(uint16(0), `{"resources":[{"id":"1","tags":["threatshare:acme"]},7,null]}`)
	f.Add(uint16(204), `{"errors":[{"code":404,"message":"not found","id":"1"}]}`)
	f.Add(uint16(200), `{"resources":[{"message_type":"error","message":"'1' cannot be deleted","row":0}]}`)
	f.Fuzz(func(t *testing.T, status uint16, body string) {
		s := &store{records: map[string]*stored{"1": {tag: "threatshare:acme"}, "2": {tag: "x"}}}
		f := newFake(func(r request) reply {
			if r.Method == http.MethodDelete {
				require.Equal(t, []string{"1"}, r.Query["ids"])
				return reply{status: 200 + int(status)%400, body: body}
			}
			return s.answer(r)
		})
		removals, err := f.direct(t, 0).Delete(t.Context(), acme(), []string{"1", "2"})
		require.Len(t, removals, 2)
		require.Equal(t, indicator.Removal{ID: "2", Foreign: true}, removals[1])
		if err != nil {
			require.Equal(t, indicator.Removal{ID: "1"}, removals[0])
			return
		}
		require.NotEqual(t, removals[0].Deleted, removals[0].Refused != "")
	})
}
