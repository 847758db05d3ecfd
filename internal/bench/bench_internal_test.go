package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// These tests are inside the package because the program exports nothing.

func TestABoundThatDoesNotHoldFailsTheBenchmarkAndIsNamed(t *testing.T) {
	f := &figures{}
	atMost(f, "calls", 10, 10)
	atLeast(f, "share", 85, 85)
	exactly(f, "violations", 0, 0)
	f.note("runs", 3)
	require.NoError(t, f.err())
	atMost(f, "time", 2*time.Minute, time.Minute)
	atLeast(f, "share", 84, 85)
	exactly(f, "violations", 1, 0)
	require.EqualError(t, f.err(), "not kept: time: 2m0s, bound ≤ 1m0s; share: 84, bound ≥ 85; violations: 1, bound 0")
	var out strings.Builder
	f.print(&out)
	require.Equal(t, 3, strings.Count(out.String(), "BROKEN"))
}

func TestTheListIsMixedEvenlyAndNoValueComesTwice(t *testing.T) {
	all := mixed(1000, 200)
	require.Len(t, all, 1200)
	met, last := map[string]bool{}, ""
	for i, ioc := range all {
		require.False(t, met[ioc.Value], ioc.Value)
		require.Greater(t, ioc.ModifiedOn, last)
		met[ioc.Value], last = true, ioc.ModifiedOn
		if i%60 == 59 {
			domains := 0
			for _, one := range all[i-59 : i+1] {
				if one.Type == "domain" {
					domains++
				}
			}
			require.InDelta(t, 10, domains, 1)
		}
	}
}

func TestEveryFreshIOCIsInOneGroup(t *testing.T) {
	r := &run{options: options{fresh: 1003, during: 3 * time.Minute, seed: 1}}
	met, last := map[int]bool{}, time.Duration(0)
	for _, g := range r.groups() {
		require.GreaterOrEqual(t, g.at, last)
		require.Less(t, g.at, r.during)
		last = g.at
		for n := g.from; n < g.from+g.size; n++ {
			require.False(t, met[n])
			met[n] = true
		}
	}
	require.Len(t, met, 1003)
}

func TestAnUnknownPartIsRefused(t *testing.T) {
	_, err := readOptions([]string{"-only", "first,frist"})
	require.EqualError(t, err, `-only: no part "frist"`)
	opts, err := readOptions([]string{"-only", "limit,back"})
	require.NoError(t, err)
	require.Equal(t, []string{"limit", "back"}, opts.only)
	require.Empty(t, opts.out, "a document of some parts does not replace that of all")
	opts, err = readOptions(nil)
	require.NoError(t, err)
	require.Len(t, opts.only, len(parts()))
	require.Equal(t, "docs/benchmarks.md", opts.out)
}

func TestFiguresOfAnotherMeasurementKeepTheirBoundsUnderALongerName(t *testing.T) {
	inner, outer := &figures{}, &figures{}
	atMost(inner, "calls", 11, 10)
	inner.ratio()
	outer.include("there: ", inner)
	require.Equal(t, []figure{{Name: "there: calls", Measured: "11", Bound: "≤ 10", Mark: broken, Ratio: true}}, outer.rows)
	require.EqualError(t, outer.err(), "not kept: there: calls: 11, bound ≤ 10")
}

func TestABoundThatBreaksInOneRoundIsBrokenAfterAllRounds(t *testing.T) {
	round := 0
	p := part{name: "p", rounds: 3, measure: func(_ *run, _ context.Context, f *figures) error {
		round++
		atMost(f, "round", round%3, 1)
		return nil
	}}
	f, err := p.measured(t.Context(), &run{})
	require.NoError(t, err)
	require.Equal(t, 3, round)
	require.Len(t, f.rows, 1)
	require.EqualError(t, f.err(), "not kept: round: 2, bound ≤ 1")
}

func TestTimesOfSeveralRoundsAreShownByTheirMedian(t *testing.T) {
	s := newSamples()
	require.Zero(t, s.median("none"))
	s.add("one", 3*time.Second)
	require.Equal(t, "3s", s.show("one"))
	for _, seconds := range []int{9, 1, 4} {
		s.add("three", time.Duration(seconds)*time.Second)
	}
	require.Equal(t, "4s (median of 3: 1s to 9s)", s.show("three"))
	require.Equal(t, 1500, perMinute(100, s.median("three")))
	require.Zero(t, perMinute(100, 0))
}

func TestCallsPerThousandAreRoundedToThreeDigits(t *testing.T) {
	require.InDelta(t, 10.3, perThousand(103, 10_000), 0.0001)
	require.InDelta(t, 2000, perThousand(2, 1), 0.0001)
	require.InDelta(t, 0, perThousand(0, 0), 0.0001)
}

func TestTheLeastNumberOfCallsCountsFullPagesAndBatches(t *testing.T) {
	require.Equal(t, 500+50+50, leastToShare(50_000, 10_000))
	require.Equal(t, 1+1+1, leastToShare(1, 1))
	require.Equal(t, 55+100+1000, leastToBlock(100_000, 10_000))
	require.Equal(t, 1+1+0, leastToBlock(1, 0))
}

func TestTheShareOfALimitCountsTheLastWindowWhole(t *testing.T) {
	percent, allowed := underLimit{useful: 900, took: 41 * time.Second}.share(1200)
	require.Equal(t, 900, allowed, "nine windows of five seconds")
	require.Equal(t, 100, percent)
	percent, allowed = underLimit{useful: 400, took: 20 * time.Second}.share(1200)
	require.Equal(t, 400, allowed)
	require.Equal(t, 100, percent)
	percent, _ = underLimit{useful: 100, took: 10 * time.Second}.share(1200)
	require.Equal(t, 50, percent)
}

func TestTheFaultsSpoilOneCallInTwenty(t *testing.T) {
	spared := 1.0
	kinds := map[string]bool{}
	for _, rule := range faultRules() {
		require.NoError(t, rule.Check())
		spared *= 1 - rule.Probability
		kinds[fmt.Sprint(rule.Kind, rule.Status)] = true
	}
	require.InDelta(t, 0.05, 1-spared, 1e-9)
	require.Len(t, kinds, 10)
}

func TestWhatIsMissingIsLostAndWhatIsThereTwiceOrUnwantedIsDoubled(t *testing.T) {
	lost, doubled := compared([]string{"a", "b", "c"}, []string{"b", "a", "b", "d"})
	require.Equal(t, 1, lost)
	require.Equal(t, 2, doubled)
	all := mixed(30, 7)
	values := make([]string, len(all))
	for i, ioc := range all {
		values[i] = ioc.Value
	}
	lost, doubled = compared(valuesOf(30, 7), values)
	require.Zero(t, lost+doubled)
}
