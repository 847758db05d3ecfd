package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// These tests are inside the package because the program exports nothing.

func TestABoundThatDoesNotHoldFailsTheBenchmarkAndIsNamed(t *testing.T) {
	f := newFigures()
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
	b := &bench{options: options{fresh: 1003, during: 3 * time.Minute, seed: 1}}
	met, last := map[int]bool{}, time.Duration(0)
	for _, g := range b.groups() {
		require.GreaterOrEqual(t, g.at, last)
		require.Less(t, g.at, b.during)
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
}
