package plan_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/plan"
)

var (
	now  = time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC)
	ours = indicator.Mark{Integration: "acme"}
)

func share(value, action, severity string) indicator.Share {
	return indicator.Share{
		Indicator: indicator.Indicator{Key: indicator.Key{Kind: indicator.Domain, Value: value}, Source: indicator.URLDomains},
		Action:    action, Severity: severity, Mark: ours,
	}
}

func TestDecide(t *testing.T) {
	wanted := share("evil.top", "detect", "high")
	known := func(state plan.State, severity string) plan.Known {
		return plan.Known{State: state, Action: "detect", Severity: severity}
	}
	listed := func(change func(*indicator.Listed)) []indicator.Listed {
		entry := indicator.Listed{Key: wanted.Key, ID: "1", Action: "detect", Severity: "high", Mark: ours}
		change(&entry)
		return []indicator.Listed{entry}
	}
	none := func(*indicator.Listed) {}
	for name, tc := range map[string]struct {
		known  plan.Known
		listed []indicator.Listed
		want   string
	}{
		"a value that nobody lists is made":                    {plan.Known{}, nil, "create"},
		"one that is there as wanted is found":                 {plan.Known{}, listed(none), "found"},
		"somebody else's is left alone":                        {plan.Known{}, listed(func(l *indicator.Listed) { l.Mark = indicator.Mark{} }), "foreign"},
		"another integration's is left alone":                  {plan.Known{}, listed(func(l *indicator.Listed) { l.Mark.Integration = "other" }), "foreign"},
		"ours that is weaker is raised":                        {known(plan.Shared, "low"), listed(func(l *indicator.Listed) { l.Severity = "low" }), "update"},
		"ours that is stronger is not lowered":                 {known(plan.Shared, "critical"), listed(func(l *indicator.Listed) { l.Severity = "critical" }), "found"},
		"ours that a person has lowered stays so":              {known(plan.Shared, "medium"), listed(func(l *indicator.Listed) { l.Severity = "low" }), "found"},
		"ours that a person allows stays allowed":              {known(plan.Shared, "medium"), listed(func(l *indicator.Listed) { l.Action = "allow" }), "found"},
		"ours that the ledger has forgotten is not changed":    {plan.Known{}, listed(func(l *indicator.Listed) { l.Severity = "low" }), "found"},
		"ours that has expired is renewed":                     {known(plan.Shared, "high"), listed(func(l *indicator.Listed) { l.Expired = true; l.Action = "no_action" }), "update"},
		"ours that a person has deleted stays deleted":         {known(plan.Shared, "low"), nil, "gone"},
		"ours that has expired and was cleared away is remade": {plan.Known{State: plan.Shared, ExpiresAt: now.Add(-time.Hour)}, nil, "create"},
	} {
		t.Run(name, func(t *testing.T) {
			got := plan.Decide([]indicator.Share{wanted}, map[indicator.Key]plan.Known{wanted.Key: tc.known}, tc.listed, now)
			counts := map[string]int{
				"create": len(got.Create), "update": len(got.Update), "found": len(got.Found), "foreign": len(got.Foreign), "gone": len(got.Gone),
			}
			for outcome, n := range counts {
				require.Equal(t, outcome == tc.want, n == 1, "%v", counts)
			}
		})
	}
}

func TestToAskLeavesOutWhatIsAsItShouldBe(t *testing.T) {
	wanted := share("evil.top", "detect", "medium")
	for name, tc := range map[string]struct {
		known plan.Known
		want  bool
	}{
		"unknown":             {plan.Known{}, true},
		"shared as wanted":    {plan.Known{State: plan.Shared, Action: "detect", Severity: "medium"}, false},
		"shared stronger":     {plan.Known{State: plan.Shared, Action: "prevent", Severity: "low"}, false},
		"shared weaker":       {plan.Known{State: plan.Shared, Action: "detect", Severity: "low"}, true},
		"shared, expired":     {plan.Known{State: plan.Shared, Action: "detect", Severity: "medium", ExpiresAt: now}, true},
		"shared, will expire": {plan.Known{State: plan.Shared, Action: "detect", Severity: "medium", ExpiresAt: now.Add(1)}, false},
		"settled":             {plan.Known{State: plan.Settled}, false},
	} {
		t.Run(name, func(t *testing.T) {
			asked := plan.ToAsk([]indicator.Share{wanted}, map[indicator.Key]plan.Known{wanted.Key: tc.known}, now)
			require.Equal(t, tc.want, len(asked) == 1)
		})
	}
}

func someShares(t *rapid.T) []indicator.Share {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) indicator.Share {
		s := share(fmt.Sprintf("evil%d.top", rapid.IntRange(0, 8).Draw(t, "value")),
			rapid.SampledFrom([]string{"no_action", "detect", "prevent_no_ui", "prevent"}).Draw(t, "action"),
			rapid.SampledFrom([]string{"", "low", "medium", "high", "critical"}).Draw(t, "severity"))
		s.Source = rapid.SampledFrom([]indicator.Source{indicator.URLDomains, indicator.ImpersonationDomains}).Draw(t, "source")
		return s
	}), 0, 20).Draw(t, "shares")
}

func TestFault_D15_MergeDoesNotDependOnTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shares := someShares(t)
		shuffled := rapid.Permutation(shares).Draw(t, "shuffled")
		byKey := func(shares []indicator.Share) map[indicator.Key]indicator.Share {
			merged := map[indicator.Key]indicator.Share{}
			for _, s := range plan.Merge(shares) {
				_, twice := merged[s.Key]
				require.False(t, twice)
				merged[s.Key] = s
			}
			return merged
		}
		require.Equal(t, byKey(shares), byKey(shuffled))
	})
}

func TestNoPlanWritesToWhatSomebodyElseMade(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shares := plan.Merge(someShares(t))
		known := map[indicator.Key]plan.Known{}
		var listed []indicator.Listed
		foreign := map[indicator.Key]bool{}
		for _, s := range shares {
			if rapid.Bool().Draw(t, "known") {
				known[s.Key] = plan.Known{State: plan.State(rapid.IntRange(0, 2).Draw(t, "state")), Action: "detect", Severity: "low"}
			}
			if rapid.Bool().Draw(t, "listed") {
				mark := rapid.SampledFrom([]indicator.Mark{{}, ours, {Integration: "other"}}).Draw(t, "mark")
				foreign[s.Key] = mark != ours
				listed = append(listed, indicator.Listed{
					Key: s.Key, ID: "1", Mark: mark, Action: "detect", Severity: "low", Expired: rapid.Bool().Draw(t, "expired"),
				})
			}
		}
		p := plan.Decide(shares, known, listed, now)
		named := 0
		for _, s := range p.Create {
			named++
			require.False(t, slices.ContainsFunc(listed, func(l indicator.Listed) bool { return l.Key == s.Key }))
		}
		for _, u := range p.Update {
			named++
			require.False(t, foreign[u.Key])
		}
		require.Len(t, shares, named+len(p.Found)+len(p.Foreign)+len(p.Gone), "every share ends somewhere, once")
	})
}
