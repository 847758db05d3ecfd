package falcon_test

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/indicator"
)

// strict refuses a call with any bad entry, and says so in one of the ways that Falcon may.
type strict struct {
	bad   map[string]bool
	names string
}

func (s strict) answer(r request) reply {
	entries := entriesOf(r.Body)
	var bad []int
	for i, e := range entries {
		if s.bad[e.Value] || s.bad[e.ID] {
			bad = append(bad, i)
		}
	}
	if len(bad) == 0 {
		return created(entries)
	}
	if s.names == "size" {
		return refusal(413, "request too large", "null")
	}
	var problems []map[string]any
	for _, i := range bad {
		e := entries[i]
		problem := map[string]any{"message_type": "error", "message": "invalid input"}
		switch s.names {
		case "value", "value among warnings":
			problem["value"] = e.Value + "."
		case "only the first by value":
			problem["value"] = entries[bad[0]].Value
		case "id":
			problem["id"] = e.ID
		case "quoted":
			problem["message"] = fmt.Sprintf("invalid input: '%s' is not good", e.Value)
		case "row from 1":
			problem["row"] = i + 1
		case "row from 0":
			problem["row"] = strconv.Itoa(i)
		}
		problems = append(problems, problem)
	}
	if s.names == "value among warnings" {
		problems = append(problems, map[string]any{"message_type": "warning", "message": "broad", "value": entries[len(entries)-1].Value})
	}
	if s.names == "quoted in errors" {
		return refusal(400, fmt.Sprintf("invalid input for %q", entries[bad[0]].Value), "null")
	}
	if s.names == "nothing" {
		return refusal(400, badBatch, "null")
	}
	resources, _ := json.Marshal(problems)
	return refusal(400, badBatch, string(resources))
}

// extra is how many calls more than without a bad entry are accepted for one.
func (s strict) extra(n int) int {
	extra := 2 * bits.Len(uint(n-1))
	if s.names == "row from 0" {
		extra += 2 // a row that names the neighbour is believed once
	}
	return max(1, extra)
}

func TestFault_V13_ExactlyTheBadEntriesAreRefusedInFewCalls(t *testing.T) {
	waysToName := []string{
		"nothing", "value", "id", "quoted", "quoted in errors", "row from 1", "row from 0", "value among warnings", "only the first by value", "size",
	}
	rapid.Check(t, func(t *rapid.T) {
		batch := rapid.IntRange(1, 250).Draw(t, "batch")
		n := rapid.IntRange(1, 300).Draw(t, "n")
		picked := rapid.SliceOfNDistinct(rapid.IntRange(0, n-1), 0, min(n, 12), rapid.ID).Draw(t, "bad")
		s := strict{bad: map[string]bool{}, names: rapid.SampledFrom(waysToName).Draw(t, "names")}
		var values []string
		for i := range n {
			values = append(values, fmt.Sprintf("d%d.example", i))
			s.bad[values[i]] = slices.Contains(picked, i)
		}
		f := newFake(s.answer)
		outcomes, err := f.direct(t, batch).Create(t.Context(), shares(values...))
		require.NoError(t, err)
		require.Len(t, outcomes, n)
		for i, outcome := range outcomes {
			require.Equal(t, domain(values[i]), outcome.Key)
			require.False(t, outcome.Duplicate)
			require.Equal(t, s.bad[values[i]], outcome.Refused != "", values[i])
			require.Equal(t, s.bad[values[i]], outcome.ID == "", values[i])
		}
		least := (n + batch - 1) / batch
		require.LessOrEqual(t, len(f.requests), least+len(picked)*s.extra(min(n, batch)))
	})
}

func TestAnUpdateIsSplitLikeACreate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 100).Draw(t, "n")
		bad := rapid.IntRange(0, n-1).Draw(t, "bad")
		var updates []indicator.Update
		for i := range n {
			updates = append(updates, indicator.Update{ID: fmt.Sprintf("id-%d", i), Share: share(domain(fmt.Sprintf("d%d.example", i)))})
		}
		s := strict{bad: map[string]bool{updates[bad].ID: true}, names: rapid.SampledFrom([]string{"nothing", "id", "row from 1"}).Draw(t, "names")}
		f := newFake(func(r request) reply {
			out := s.answer(r)
			if out.status == 201 {
				return changed(entriesOf(r.Body))
			}
			return out
		})
		outcomes, err := f.direct(t, 200).Update(t.Context(), updates)
		require.NoError(t, err)
		for i, outcome := range outcomes {
			require.Equal(t, i == bad, outcome.Refused != "")
			require.Equal(t, i != bad, outcome.ID == updates[i].ID)
		}
		require.LessOrEqual(t, len(f.requests), 1+s.extra(n))
	})
}

func TestTheReasonOfAnEntryIsTheMostExactOne(t *testing.T) {
	for name, tc := range map[string]struct{ resources, want string }{
		"an error beside a warning": {`[{"message_type":"warning","message":"broad"},{"message_type":"error","message":"not a domain"}]`, "not a domain"},
		"a warning alone":           {`[{"message_type":"warning","message":"broad"}]`, "broad"},
		"a message without a type":  {`[{"message":"odd"}]`, "odd"},
		"nothing":                   {`null`, badBatch},
		"not objects":               {`["x",1]`, badBatch},
		"hostile":                   {`[{"message_type":"error","message":"a\nb\u202ec"}]`, "a b c"},
	} {
		f := newFake(always(refusal(400, badBatch, tc.resources)))
		outcomes, err := f.client(t).Create(t.Context(), shares("a.example"))
		require.NoError(t, err)
		require.Equal(t, tc.want, outcomes[0].Refused, name)
	}
	f := newFake(always(reply{status: 400, body: `{}`}))
	outcomes, err := f.client(t).Create(t.Context(), shares("a.example"))
	require.NoError(t, err)
	require.NotEmpty(t, outcomes[0].Refused, "never without a reason")
}

func TestAWarningDoesNotCondemnAnEntryBesideARealError(t *testing.T) {
	f := newFake(strict{bad: map[string]bool{"b.example": true}, names: "nothing"}.answer)
	unnamed := f.answer
	f.answer = func(r request) reply {
		if out := unnamed(r); out.status == 201 {
			return out
		}
		return refusal(400, badBatch, `[{"message_type":"error","message":"somebody is bad"},{"message_type":"warning","message":"broad","value":"a.example"}]`)
	}
	outcomes, err := f.client(t).Create(t.Context(), shares("a.example", "b.example", "c.example"))
	require.NoError(t, err)
	require.NotEmpty(t, outcomes[0].ID)
	require.Equal(t, "somebody is bad", outcomes[1].Refused)
	require.NotEmpty(t, outcomes[2].ID)
}

func TestAMessageThatQuotesTwoEntriesCondemnsNeither(t *testing.T) {
	s := strict{bad: map[string]bool{"b.example": true}, names: "nothing"}
	f := newFake(func(r request) reply {
		if out := s.answer(r); out.status == 201 {
			return out
		}
		return refusal(400, badBatch, `[{"message_type":"error","message":"'a.example' overlaps 'b.example'"}]`)
	})
	outcomes, err := f.client(t).Create(t.Context(), shares("a.example", "b.example"))
	require.NoError(t, err)
	require.NotEmpty(t, outcomes[0].ID)
	require.NotEmpty(t, outcomes[1].Refused)
}
