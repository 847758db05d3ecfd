package fault

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

type rule struct {
	State

	number uint64 // position since the start, so that the same rules give the same faults
}

// Add appends rules. When one of them is not valid, none is added.
func (f *Front) Add(rules ...Rule) error {
	for i, r := range rules {
		if err := r.Check(); err != nil {
			return fmt.Errorf("rule %d: %w", i, err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range rules {
		f.rules = append(f.rules, &rule{State: State{Rule: r}, number: uint64(len(f.rules))})
	}
	return nil
}

// Clear removes all rules.
func (f *Front) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = nil
}

// Rules returns the rules in force, in the order in which they are tried.
func (f *Front) Rules() []State {
	f.mu.Lock()
	defer f.mu.Unlock()
	states := make([]State, 0, len(f.rules))
	for _, r := range f.rules {
		states = append(states, r.State)
	}
	return states
}

// drawn is what the rules do to one call.
type drawn struct {
	fault   Rule
	found   bool // there is a fault
	wait    time.Duration
	revokes bool
}

// draw returns what happens to one call. The first rule that fires wins, but for those that let further ones apply: delays add
// up.
func (f *Front) draw(vendor string, r *http.Request) drawn {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out drawn
	for _, rule := range f.rules {
		if !rule.matches(vendor, r) {
			continue
		}
		rule.Matched++
		if rule.Matched <= rule.After || (rule.Count > 0 && rule.Fired >= rule.Count) || !f.hit(rule) {
			continue
		}
		rule.Fired++
		switch rule.Kind {
		case Delay:
			out.wait += time.Duration(rule.DelayMS) * time.Millisecond
		case Revoke:
			out.revokes = true
		default:
			out.fault, out.found = rule.Rule, true
			return out
		}
	}
	return out
}

func (r *rule) matches(vendor string, req *http.Request) bool {
	return (r.Vendor == "" || r.Vendor == vendor) &&
		(r.Method == "" || strings.EqualFold(r.Method, req.Method)) &&
		strings.HasPrefix(req.URL.Path, r.Path)
}

// hit decides by seed, rule and the number of the matching call alone, so that the order in which parallel calls arrive
// changes which of them is hit but never how many.
func (f *Front) hit(r *rule) bool {
	if r.Probability == 0 || r.Probability == 1 {
		return true
	}
	sum := fnv.New64a()
	_, _ = fmt.Fprintf(sum, "%d/%d/%d", f.seed, r.number, r.Matched) // a hash never fails to write
	return rand.New(rand.NewPCG(sum.Sum64(), f.seed)).Float64() < r.Probability
}
