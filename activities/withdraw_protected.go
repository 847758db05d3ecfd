package activities

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/ledger"
)

// guarded remembers under which protection the blocks on a list were looked through last: that need not be done again until
// the protection has changed, or the worker, with its lists, was started anew, or another worker may have seen another one.
type guarded struct {
	mu   sync.Mutex
	last map[blockedOn]protection
}

// lookAgain is when the blocks are looked through whatever is remembered.
const lookAgain = time.Hour

type protection struct {
	digest [sha256.Size]byte
	at     time.Time
}

type blockedOn struct {
	integration string
	list        ledger.List
}

func (g *guarded) same(of blockedOn, now protection) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	last := g.last[of]
	return last.digest == now.digest && now.at.Sub(last.at) < lookAgain
}

func (g *guarded) remember(of blockedOn, now protection) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.last == nil {
		g.last = map[blockedOn]protection{}
	}
	g.last[of] = now
}

// markProtected looks through the blocked domains for what the guard would hold now, and marks that in the ledger; what was marked
// so and may be blocked again loses the mark. A dry run marks nothing: it gives what it would mark.
func (a *Activities) markProtected(ctx context.Context, mimecast Mimecast, in WithdrawBlocksInput, lists []ledger.List) ([]ledger.Entry, error) {
	lists = slices.DeleteFunc(slices.Clone(lists), func(list ledger.List) bool { return list == ledger.BYOTI })
	if len(lists) == 0 {
		return nil, nil
	}
	tenant, err := a.tenant(ctx, mimecast, in.Credentials, in.Protect)
	if err != nil {
		return nil, err
	}
	rules, err := guard.New(a.Guard, tenant)
	if err != nil {
		return nil, err
	}
	written, err := json.Marshal(tenant)
	if err != nil {
		return nil, fmt.Errorf("write down what is protected: %w", err)
	}
	now := protection{digest: sha256.Sum256(written), at: a.Now()}
	var protected []ledger.Entry
	for _, list := range lists {
		of := blockedOn{in.Integration, list}
		if !in.DryRun && a.guarded.same(of, now) {
			continue
		}
		found, err := a.markOnList(ctx, of, rules, in.DryRun)
		if err != nil {
			return nil, err
		}
		protected = append(protected, found...)
		if !in.DryRun {
			a.guarded.remember(of, now)
		}
	}
	return protected, nil
}

func (a *Activities) markOnList(ctx context.Context, of blockedOn, rules guard.Rules, dryRun bool) (protected []ledger.Entry, err error) {
	query := ledger.Query{Integration: of.integration, List: of.list, State: ledger.Shared, Limit: ledger.MaxLimit}
	for {
		entries, err := a.Ledger.Search(ctx, query)
		if err != nil {
			return nil, fmt.Errorf("look through what is blocked: %w", err)
		}
		why, free := map[indicator.Key]indicator.Reason{}, []indicator.Key(nil)
		for _, entry := range entries {
			refusal := rules.Check(indicator.Indicator{Key: entry.Key, Source: entry.Source})
			switch {
			case refusal != nil:
				why[entry.Key] = refusal.Reason
				entry.DueReason = refusal.Reason
				protected = append(protected, entry)
			case byGuard(entry):
				free = append(free, entry.Key)
			}
		}
		if !dryRun {
			if _, err := a.Ledger.MarkDue(ctx, a.Now(), of.integration, of.list, why); err != nil {
				return nil, err
			}
			if err := a.Ledger.ClearDue(ctx, of.integration, of.list, free); err != nil {
				return nil, err
			}
		}
		if len(entries) < ledger.MaxLimit {
			break
		}
		query.After = entries[len(entries)-1].Position()
	}
	if !dryRun {
		return nil, nil
	}
	return protected, nil
}

// byGuard says whether an entry is to leave because of the guard and not because Falcon has taken it back.
func byGuard(entry ledger.Entry) bool {
	return entry.DueReason != "" && !slices.Contains([]indicator.Reason{deletedThere, expiredThere, notBlocking}, entry.DueReason)
}
