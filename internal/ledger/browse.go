package ledger

import (
	"context"
	"fmt"
)

// browsed is how many entries Browse looks through for one page. It is what a page costs at most, however large the ledger is.
const browsed = 5000

// Page is a part of what Browse finds.
type Page struct {
	Entries []Entry
	// Next is where the next page begins. Zero: there is nothing after this one. A page with fewer entries than asked for,
	// even with none, may still have a next one.
	Next Position
}

// Browse gives the page that Search would give, of those that match among the next 5,000 entries: where few of many match,
// people get what was found and where to look on, instead of a wait. The limits are those of Search.
func (s *Store) Browse(ctx context.Context, q Query) (Page, error) {
	page, err := s.browse(ctx, q, browsed)
	if err != nil {
		return Page{}, fmt.Errorf("browse the ledger: %w", err)
	}
	return page, nil
}

func (s *Store) browse(ctx context.Context, q Query, most int) (Page, error) {
	limit := q.limit()
	end, err := s.last(ctx, q, most)
	if err != nil {
		return Page{}, err
	}
	statement, arguments, err := searchStatement(q, end, limit+1, 0) // one more says whether there is a next page
	if err != nil {
		return Page{}, err
	}
	entries, err := s.entries(ctx, statement, arguments...)
	if err != nil {
		return Page{}, err
	}
	if len(entries) > limit {
		return Page{Entries: entries[:limit], Next: entries[limit-1].Position()}, nil
	}
	return Page{Entries: entries, Next: end}, nil
}

// last gives the place of the last entry to look at; zero: there are fewer than most, or all of them match.
func (s *Store) last(ctx context.Context, q Query, most int) (Position, error) {
	if !q.picks() {
		return Position{}, nil
	}
	all := Query{Integration: q.Integration, State: q.State, Since: q.Since, After: q.After}
	statement, arguments, err := searchStatement(all, Position{}, 1, most-1)
	if err != nil {
		return Position{}, err
	}
	found, err := s.entries(ctx, statement, arguments...)
	if err != nil || len(found) == 0 {
		return Position{}, err
	}
	return found[0].Position(), nil
}

// picks says whether entries in between may not match. One value has a few entries only.
func (q Query) picks() bool {
	return q.Value == "" && (q.Direction != "" || q.List != "" || q.Kind != "" || q.Source != "")
}
